"""What a prior is shown and told: portions of pictures, each of one style, with the words of their prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrieval.artifacts.manifest import Source
from retrieval.artifacts.provenance import Provenance
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture, mirrored
from retrieval.data.readers.icons import read_icons
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.data.sampler import Portion, Sampler
from retrieval.data.wording import Prompts
from retrieval.images import Preprocess
from retrieval.training.recipe import Recipe
from retrieval.training.recipes.prior import PromptedSettings
from retrieval.training.shards import Pictures, pack_once
from retrieval.training.training_sources import DRAWINGS
from retrieval.types import DOODLE, Domain
from retrieval.world.captions import COLORLESS
from retrieval.world.split import ALL

PriorPictures = Pictures  # portions, and where they come from
ICON_STYLES = {  # the word for icons of one drawing style -> the sets that are drawn in it
    "emoji": ("blob", "emojione", "fluent_flat", "fxemoji", "noto", "twemoji"),
    "figurine": ("fluent_3d",),
    "icon": ("emojione_mono", "fluent_mono", "streamline"),
}
ICONS_NAMED, ICONS_LICENSED = (
    "emoji: Fluent, Noto, Blob, Twemoji, EmojiOne, FxEmoji, Streamline",
    "MIT, Apache-2.0, CC BY 4.0",
)
WORLD, DOODLES, ICONS = 0.8, 0.12, 0.08  # shares of a batch
VIEWS = 2  # of each person's drawing


def prior_pictures(recipe: Recipe[Any], settings: PromptedSettings) -> PriorPictures:
    """The portions of the settings' pack; without one, those of renders and packs."""
    return pack_once(settings.pack, lambda: _read(recipe, settings))


def provenance(pictures: PriorPictures) -> Provenance:
    """What a prior of these pictures has seen."""
    portions, sources = pictures
    labels = tuple(sorted({label for portion in portions for label in portion.table.labels} - {""}))
    return Provenance.of_training(sources, classes=labels, domains=styles_of(pictures))


def styles_of(pictures: PriorPictures) -> tuple[str, ...]:
    """The words for the styles of the portions."""
    return tuple(domain for portion in pictures[0] for domain in portion.domains)


def prompted(
    pictures: PriorPictures, preprocess: Preprocess, *, batch: int, steps: int, wording: Prompts | None = None
) -> Sampler:
    """Batches of pictures and prompts, without labels: whole pictures, every second one mirrored."""
    return Sampler(
        pictures[0],
        preprocess,
        batch=batch,
        steps=steps,
        view=mirrored,
        wording=wording or Prompts(),
        labelled=False,
    )


def _read(recipe: Recipe[Any], settings: PromptedSettings) -> PriorPictures:
    classes = [label for label in ALL if recipe.allows(label)]
    world = _world_portions(settings, classes)
    drawings = quickdraw(settings.packs / DRAWINGS, classes, "train")[::2]
    icons = _icon_portions(settings)
    sources = (
        Source("renders of the Guise world", "Apache-2.0", sum(len(portion.table) for portion in world)),
        Source("Quick, Draw! by Google", "CC BY 4.0", len(drawings)),
        Source(ICONS_NAMED, ICONS_LICENSED, sum(len(portion.table) for portion in icons)),
    )
    return [*world, Portion(doodles(drawings, settings.size), DOODLES), *icons], sources


def _world_portions(settings: PromptedSettings, classes: Sequence[str]) -> list[Portion]:
    """A portion for each style of the world; of styles without colour no colour is told."""
    world = read_rendered(settings.renders, classes).in_memory(settings.size)
    styles = list(dict.fromkeys(world.domains))
    tables = [world.where(domain=Domain(style)) for style in styles]
    tables = [table.with_columns(colors="") if table.domains[0] in COLORLESS else table for table in tables]
    return [Portion(table, WORLD / len(styles)) for table in tables]


def _icon_portions(settings: PromptedSettings) -> list[Portion]:
    """Icons of seen classes, a portion for each word that they are called by."""
    portions = []
    for word, hands in ICON_STYLES.items():
        icons = read_icons(settings.packs / "emoji_objects", hands, split="train", seen_only=True)
        portions.append(Portion(icons.in_memory(settings.size).with_columns(domains=word), ICONS / len(ICON_STYLES)))
    return portions


def doodles(drawings: PictureTable, size: int, views: int = VIEWS) -> PictureTable:
    """People's drawings as pictures of a domain of their own, each in several views."""
    rng = np.random.default_rng(0)
    arrays = [row.picture.view(size, rng).permute(1, 2, 0).numpy() for _ in range(views) for row in drawings]
    return PictureTable([ArrayPicture(array) for array in arrays], DOODLE.name, labels=drawings.labels * views)
