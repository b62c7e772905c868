"""What training needs where nothing else is: pictures, the frozen trunk, the prior and its text tower."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
from PIL import Image
from torch import nn

from retrieval.artifacts.manifest import MANIFEST
from retrieval.artifacts.prior import load_prior
from retrieval.artifacts.text_tower import TOKENIZER, load_text_tower
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import SentenceReaderConfig, prompt
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.schema import fill
from retrieval.training.adapted.table import decode_picture, map_threads
from retrieval.training.recipes.dude import DudeSettings
from retrieval.training.recipes.parts.unlabelled import PIXELS, begun_extractor, world_without_labels
from retrieval.training.unlabelled.fewer_bits import PLAIN, from_few_bits, in_few_bits
from retrieval.types import Domain
from retrieval.world.split import ALL

ABOUT, PICTURES, TRUNK, TOWER, PRIOR = "about.json", "pictures.npz", "trunk.npz", "tower.npz", "prior.npz"
QUALITY = {"mosaic": -15, "engraving": -5, "doodle": -10}  # fine texture costs most
TOWER_BITS, TRUNK_BITS, PRIOR_BITS = 5, 8, 7
WORDS, ROWS = "word rows", "word places"
ELSEWHERE = ("reader.", "adapter.trunk.")  # parts of a prior that lie in files of their own


@dataclass(frozen=True)
class Packed:
    """Unlabelled pictures."""

    ids: tuple[str, ...]
    domains: tuple[Domain, ...]
    pixels: npt.NDArray[np.uint8]  # (N, PIXELS, PIXELS, 3)
    about: dict[str, Any]  # trunk, sources, classes


def pack(
    folder: Path, renders: Path, packs: Path, tower: Path, prior: Path, objects: int, drawings: int, quality: int
) -> None:
    """Write the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = DudeSettings(renders=renders, packs=packs, objects=objects, drawings=drawings)
    sources = world_without_labels(settings)
    table = sources.table
    pixels = table.pixels(size=PIXELS)

    def encode(row: int) -> bytes:
        file = io.BytesIO()
        kept = quality + QUALITY.get(table.domains[row], 0)
        Image.fromarray(pixels[row]).save(file, "WEBP", quality=kept, method=6)
        return file.getvalue()

    files = map_threads(encode, range(len(table)))
    blob, ends = np.frombuffer(b"".join(files), np.uint8), np.cumsum([len(file) for file in files])
    np.savez(folder / PICTURES, blob=blob, ends=ends, ids=np.array(table.ids), domains=np.array(table.domains))
    trunk = begun_extractor(settings.trunk).trunk
    arrays: dict[str, Any] = {**in_few_bits(trunk.state_dict(), TRUNK_BITS, 10**9)}
    np.savez_compressed(folder / TRUNK, **arrays)
    words, length = _tower_arrays(tower, sources.domains, read_rendered(renders).colors)
    np.savez_compressed(folder / TOWER, **words)
    np.savez_compressed(folder / PRIOR, **_prior_arrays(prior))
    listed = [[source.data, source.licence, source.pictures] for source in sources.sources]
    config = json.loads((prior / MANIFEST).read_text(encoding="utf-8"))["config"]
    about: dict[str, Any] = {"trunk": settings.trunk, "sources": listed, "classes": list(sources.classes)}
    about |= {"prior": config, "word length": length}
    (folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _prior_arrays(folder: Path) -> dict[str, Any]:
    """The prior, without the text tower and the trunk."""
    weights = load_prior(folder).prior.state_dict()
    own = {name: t for name, t in weights.items() if not name.startswith(ELSEWHERE)}
    latents = {PLAIN + name: t.half().numpy() for name, t in own.items() if name.startswith("latents.")}
    return {**in_few_bits({n: t for n, t in own.items() if PLAIN + n not in latents}, PRIOR_BITS), **latents}


def _tower_arrays(folder: Path, styles: tuple[str, ...], colors: Sequence[str]) -> tuple[dict[str, Any], float]:
    """The text tower, but of its words only those that prompts need; and how long its words are."""
    encoder = load_text_tower(folder)
    weights = {name: t for name, t in encoder.state_dict().items() if name != "words.weight"}
    weights["positions.weight"] = weights["positions.weight"][: encoder.config.longest]
    texts = [prompt(style, label) for style in (*styles, None) for label in (*ALL, None)]
    texts += [prompt("photo", None, color) for color in dict.fromkeys(colors) if color]
    rows = encoder.tokens(["", *texts])[0].unique()
    text = (folder / TOKENIZER).read_bytes()
    arrays = in_few_bits(weights, TOWER_BITS) | {
        ROWS: rows.numpy(),
        WORDS: encoder.words.weight[rows].half().numpy(),
        TOKENIZER: np.frombuffer(text, np.uint8),
    }
    return arrays, float(encoder.words.weight.norm(dim=1).median())


def unpack(folder: Path) -> Packed:
    """The pictures."""
    with np.load(folder / PICTURES, allow_pickle=False) as kept:
        ids = kept["ids"].tolist()
    files, domains = packed_files(folder)
    pixels = np.stack([decode_picture(file, PIXELS) for file in files])
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return Packed(tuple(ids), tuple(map(Domain, domains)), pixels, about)


def packed_files(folder: Path) -> tuple[list[bytes], list[str]]:
    """The pictures' files, and their domains."""
    with np.load(folder / PICTURES, allow_pickle=False) as kept:
        blob, ends, domains = kept["blob"].tobytes(), kept["ends"].tolist(), kept["domains"].tolist()
    return [blob[first:last] for first, last in zip([0, *ends[:-1]], ends, strict=True)], domains


def open_trunk(folder: Path, name: str) -> nn.Module:
    """The trunk, in evaluation mode."""
    trunk: nn.Module = timm.create_model(name, num_classes=0)
    with np.load(folder / TRUNK, allow_pickle=False) as kept:
        trunk.load_state_dict(from_few_bits(dict(kept)))
    return trunk.eval().requires_grad_(False)


def open_prior(folder: Path, device: str | torch.device = "cpu") -> Prior:
    """The prior, frozen; it reads the prompts that training needs and no others."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    config: PriorConfig = fill(PriorConfig, about["prior"], folder / ABOUT)
    trunk = None
    if isinstance(config.adapter, AdapterConfig):
        trunk = Trunk(config.adapter)
        whole = open_trunk(folder, config.adapter.trunk).state_dict()
        trunk.load_state_dict({name: whole[name] for name in trunk.state_dict()})
    prior = Prior(config, _open_reader(folder), trunk)
    with np.load(folder / PRIOR, allow_pickle=False) as kept:
        missing, unknown = prior.load_state_dict(from_few_bits(dict(kept)), strict=False)
    assert not unknown, unknown
    assert all(name.startswith(ELSEWHERE) for name in missing), missing
    prior.schedule.alphas_cumprod = prior.schedule.alphas_cumprod.to(device)  # not sent there in every step
    return prior.eval().requires_grad_(False).to(device)


def _open_reader(folder: Path) -> SentenceReader:
    """The text tower."""
    with np.load(folder / TOWER, allow_pickle=False) as kept:
        arrays = dict(kept)
    rows, words, text = (arrays.pop(name) for name in (ROWS, WORDS, TOKENIZER))
    weights = from_few_bits(arrays)
    config = SentenceConfig(positions=len(weights["positions.weight"]))
    encoder = SentenceEncoder(text.tobytes().decode(), config)
    encoder.words.weight.data.zero_()
    encoder.words.weight.data[torch.from_numpy(rows)] = torch.from_numpy(words).float()
    missing = encoder.load_state_dict(weights, strict=False)
    assert missing.missing_keys == ["words.weight"], missing
    return SentenceReader(encoder.eval().requires_grad_(False), SentenceReaderConfig.positions)
