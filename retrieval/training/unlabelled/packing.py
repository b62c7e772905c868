"""What training needs where nothing else is: pictures, the frozen trunk, the text tower that reads prompts."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import timm
import torch
from PIL import Image
from torch import nn

from retrieval.artifacts.text_tower import TOKENIZER, load_text_tower
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.diffusion.prompts import prompt
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.training.adapted.table import decode_picture, map_threads
from retrieval.training.recipes.dude import DudeSettings
from retrieval.training.recipes.parts.unlabelled import PIXELS, begun_extractor, world_without_labels
from retrieval.training.unlabelled.fewer_bits import from_few_bits, in_few_bits
from retrieval.types import Domain
from retrieval.world.split import ALL

ABOUT, PICTURES, TRUNK, TOWER = "about.json", "pictures.npz", "trunk.npz", "tower.npz"
QUALITY = {"mosaic": 25, "engraving": 35, "doodle": 30}  # fine texture costs most
TOWER_BITS, TRUNK_BITS = 5, 8
WORDS, ROWS = "word rows", "word places"


@dataclass(frozen=True)
class Packed:
    """Unlabelled pictures."""

    ids: tuple[str, ...]
    domains: tuple[Domain, ...]
    pixels: npt.NDArray[np.uint8]  # (N, PIXELS, PIXELS, 3)
    about: dict[str, Any]  # trunk, sources, classes


def pack(
    folder: Path,
    renders: Path,
    packs: Path,
    tower: Path,
    objects: int,
    drawings: int,
    quality: int,
    no_tower: bool = False,
) -> None:
    """Write the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = DudeSettings(renders=renders, packs=packs, objects=objects, drawings=drawings)
    sources = world_without_labels(settings)
    table = sources.table
    pixels = table.pixels(size=PIXELS)

    def encode(row: int) -> bytes:
        file = io.BytesIO()
        kept = QUALITY.get(table.domains[row], quality)
        Image.fromarray(pixels[row]).save(file, "WEBP", quality=kept, method=6)
        return file.getvalue()

    files = map_threads(encode, range(len(table)))
    blob, ends = np.frombuffer(b"".join(files), np.uint8), np.cumsum([len(file) for file in files])
    np.savez(folder / PICTURES, blob=blob, ends=ends, ids=np.array(table.ids), domains=np.array(table.domains))
    trunk = begun_extractor(settings.trunk).trunk
    arrays: dict[str, Any] = {**in_few_bits(trunk.state_dict(), TRUNK_BITS, 10**9)}
    np.savez_compressed(folder / TRUNK, **arrays)
    if not no_tower:
        np.savez_compressed(folder / TOWER, **_tower_arrays(tower, sources.domains))
    listed = [[source.data, source.licence, source.pictures] for source in sources.sources]
    about = {"trunk": settings.trunk, "sources": listed, "classes": list(sources.classes)}
    (folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _tower_arrays(folder: Path, styles: tuple[str, ...]) -> dict[str, Any]:
    """The text tower, but of its words only those that prompts need."""
    encoder = load_text_tower(folder)
    weights = {name: t for name, t in encoder.state_dict().items() if name != "words.weight"}
    weights["positions.weight"] = weights["positions.weight"][: encoder.config.longest]
    texts = [prompt(style, label) for style in (*styles, None) for label in (*ALL, None)]
    rows = encoder.tokens(["", *texts])[0].unique()
    text = (folder / TOKENIZER).read_bytes()
    return in_few_bits(weights, TOWER_BITS) | {
        ROWS: rows.numpy(),
        WORDS: encoder.words.weight[rows].half().numpy(),
        TOKENIZER: np.frombuffer(text, np.uint8),
        "mean length": encoder.words.weight.norm(dim=1).median().numpy(),
    }


def unpack(folder: Path) -> Packed:
    """The pictures."""
    with np.load(folder / PICTURES, allow_pickle=False) as kept:
        blob, ends = kept["blob"].tobytes(), kept["ends"].tolist()
        ids, domains = kept["ids"].tolist(), kept["domains"].tolist()
    files = [blob[first:last] for first, last in zip([0, *ends[:-1]], ends, strict=True)]
    pixels = np.stack([decode_picture(file, PIXELS) for file in files])
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    return Packed(tuple(ids), tuple(map(Domain, domains)), pixels, about)


def open_trunk(folder: Path, name: str) -> nn.Module:
    """The trunk, in evaluation mode."""
    trunk: nn.Module = timm.create_model(name, num_classes=0)
    with np.load(folder / TRUNK, allow_pickle=False) as kept:
        trunk.load_state_dict(from_few_bits(dict(kept)))
    return trunk.eval().requires_grad_(False)


def open_reader(folder: Path, positions: int) -> tuple[SentenceReader, float]:
    """The text tower, which reads the prompts that training needs and no others; and how long its words are."""
    with np.load(folder / TOWER, allow_pickle=False) as kept:
        arrays = dict(kept)
    rows, words, text = (arrays.pop(name) for name in (ROWS, WORDS, TOKENIZER))
    length = float(arrays.pop("mean length"))
    weights = from_few_bits(arrays)
    config = SentenceConfig(positions=len(weights["positions.weight"]))
    encoder = SentenceEncoder(text.tobytes().decode(), config)
    encoder.words.weight.data.zero_()
    encoder.words.weight.data[torch.from_numpy(rows)] = torch.from_numpy(words).float()
    missing = encoder.load_state_dict(weights, strict=False)
    assert missing.missing_keys == ["words.weight"], missing
    return SentenceReader(encoder.eval().requires_grad_(False), positions), length
