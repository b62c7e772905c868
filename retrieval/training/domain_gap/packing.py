"""The folder that a GPU gets: what `relations.packing` packs, and what drawing needs besides.

studio/     more studio figures, for the prior alone, as in `relations.packing`
latents.safetensors    the shared auto-encoder, in half precision
facts.json             prompts, varied captions of the street's training figures; in which slot each phrase is
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.prior import load_prior
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.backbones.sentence_encoder import SentenceEncoder
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.world import read_rendered, slots_in
from retrieval.diffusion.image_adapter import Trunk
from retrieval.diffusion.latents import PatchAutoencoder
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.training.drawn_figures.draw import prompts_of
from retrieval.training.recipes.mra import SOURCE, TARGET
from retrieval.training.relations.packing import pack_people, read_rows, unpack_people, write_rows
from retrieval.types import Domain

LATENTS, FACTS, MORE = "latents.safetensors", "facts.json", "studio"
POSITIONS = 72  # pieces of words that a prompt may have
MOST_SHOWN = 1200  # pictures that each variant is pre-trained on


@dataclass(frozen=True)
class Pack:
    """What a GPU is given. Test figures are of the street alone, and are only asked for."""

    table: PictureTable
    more: PictureTable  # studio figures of other people, which only the prior learns
    encoder: SentenceEncoder
    trunk: Trunk
    latents: PatchAutoencoder
    prompts: list[str]
    kinds: dict[str, str]  # phrase -> slot

    def of(self, domain: str, split: str) -> PictureTable:
        """Some of the figures."""
        return self.table.where(domain=Domain(domain), split=split)


def pack_all(
    folder: Path,
    studio: Path,
    street: Path,
    more: Sequence[Path],
    prompts: int,
    tower: Path,
    trunk: Path,
    latents: Path,
    quality: int,
) -> None:
    """Write the folder."""
    source, target = (read_rendered(place, unfinished=True) for place in (studio, street))
    table = concatenate([source.where(lambda row: row.split != "test"), target])
    reader = SentenceReader(load_text_tower(tower), POSITIONS)
    said = prompts_of(reader, target.where(split="train"), prompts, 0)
    others = [read_rendered(place, unfinished=True).where(split="train") for place in more]
    whole = concatenate(others) if others else source[:0]
    texts = [*said, *(text for row in whole.captions for text in row)]
    pack_people(folder, table, tower, trunk, quality, texts)
    (folder / MORE).mkdir(exist_ok=True)
    write_rows(folder / MORE, whole, quality)
    save_file(halved(load_prior(latents).prior.latents.state_dict()), folder / LATENTS)
    facts = {"prompts": said, "kinds": slots_in(studio) | slots_in(street, unfinished=True)}
    (folder / FACTS).write_text(json.dumps(facts, separators=(",", ":")), encoding="utf-8")


def unpack_all(folder: Path, device: str) -> Pack:
    """What `pack_all` wrote, its networks frozen and on the device."""
    table, encoder, trunk = unpack_people(folder)
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    latents = PatchAutoencoder()
    latents.load_state_dict({name: part.float() for name, part in load_file(folder / LATENTS).items()})
    more = read_rows(folder / MORE)
    on_device = latents.to(torch.device(device)).eval().requires_grad_(False)
    return Pack(table, more, encoder.to(device), trunk.to(device), on_device, facts["prompts"], facts["kinds"])


__all__ = ["FACTS", "LATENTS", "MORE", "SOURCE", "TARGET", "Pack", "pack_all", "unpack_all"]
