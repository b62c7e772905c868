"""The labelled pictures that recipes train on: which, in which shares of a batch, under which licences, and what is
left out. A recipe composes its own from these parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.artifacts.manifest import Source
from retrieval.artifacts.provenance import Provenance
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.icons import EMOJI, MONO, read_icons
from retrieval.data.readers.packs import read_pack
from retrieval.data.readers.quickdraw import quickdraw, quickdraw_labels
from retrieval.data.readers.world import read_rendered
from retrieval.data.sampler import Portion, Sampler
from retrieval.training.recipe import Recipe, SupervisedSettings
from retrieval.types import PHOTO, SKETCH, Domain
from retrieval.world.split import ALL

DRAWINGS = "quickdraw345"  # the pack of people's drawings
PHOTO_PACKS = {  # the folder of a pack -> its name and licence
    "tiny_imagenet": ("Tiny ImageNet", "ImageNet terms: research"),
    "caltech101": ("Caltech 101", "CC BY 4.0"),
}
MARGIN = 8  # pixels by which photographs are larger than the part that is shown
EMOJI_PACK = "emoji_objects"
EMOJI_SOURCE = ("emoji: Fluent, Noto, Blob, Twemoji, EmojiOne, FxEmoji, Streamline", "MIT, Apache-2.0, CC BY 4.0")
HANDS = {  # the word for icons by one designer, or by several alike -> the sets that are drawn so
    "emoji": ("blob", "emojione", "fluent_flat", "fxemoji", "noto", "twemoji"),
    "figurine": ("fluent_3d",),
    "icon": ("emojione_mono", "fluent_mono", "streamline"),
}
ICON_PACKS = (  # the folder of a pack, its hands, its name and its licence
    (EMOJI_PACK, (*EMOJI, *MONO), *EMOJI_SOURCE),
    ("game_icons", ("silhouette",), "game-icons.net", "CC BY 3.0, CC0"),
)
FEWER = 3  # of the drawings of other classes every third is taken: there are four times as many such classes


@dataclass(frozen=True)
class TrainingSources:
    """Portions of a batch, where they come from, which classes were kept from them, and what is wrong with this copy.

    exact, workers: how `Sampler` makes batches of them.
    """

    portions: tuple[Portion, ...]
    sources: tuple[Source, ...]
    unseen: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    exact: bool = False
    workers: int = 1

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of all domains, each once."""
        return tuple(dict.fromkeys(domain for portion in self.portions for domain in portion.domains))

    @property
    def classes(self) -> tuple[str, ...]:
        """What the pictures show, sorted: the order in which batches count their labels."""
        return tuple(sorted({label for portion in self.portions for label in portion.table.labels} - {""}))

    @property
    def provenance(self) -> Provenance:
        """What a training on these pictures has seen."""
        words = {word for portion in self.portions for words in portion.table.words for word in words}
        names = tuple(sorted(words - {*self.classes}))
        return Provenance.of_training(self.sources, classes=self.classes, names=names, domains=self.domains)

    def batches(self, settings: SupervisedSettings) -> Sampler:
        """Batches as the settings ask for them."""
        return self.sampler(settings, settings.batch, settings.group)

    def sampler(self, settings: SupervisedSettings, batch: int, group: int = 1) -> Sampler:
        """Batches of another size, with groups of another size."""
        return Sampler(
            self.portions,
            settings.preprocess,
            batch=batch,
            steps=settings.steps,
            group=group,
            exact=self.exact,
            workers=self.workers,
        )


def join(recipe: Recipe[Any], *parts: TrainingSources) -> TrainingSources:
    """All portions together, without the classes that the recipe keeps from training."""
    portions = tuple(portion for part in parts for portion in part.portions)
    return TrainingSources(portions, tuple(source for part in parts for source in part.sources), recipe.kept_unseen)


def few_of_each(table: PictureTable, most: int | None) -> PictureTable:
    """At most so many pictures of each class, spread over the table and the same ones whenever it is asked."""
    if most is None:
        return table
    random = np.random.default_rng(0)
    classes = table.rows_by("labels").values()
    return table.select(sorted(row for rows in classes for row in random.permutation(rows)[:most].tolist()))


def allowed_renders(
    recipe: Recipe[Any], renders: Path, shares: Mapping[str, float] | float, most: int | None = None
) -> TrainingSources:
    """Renders of the allowed classes, of each style its share; one share is that of all allowed styles, evenly. most:
    pictures of a class in a style.
    """
    world = read_rendered(renders, [label for label in ALL if recipe.allows(label)])
    if not isinstance(shares, Mapping):
        styles = [style for style in dict.fromkeys(world.domains) if style != recipe.without_style]
        shares = dict.fromkeys(styles, shares / len(styles))
    tables = {style: few_of_each(world.where(domain=Domain(style)), most).in_memory() for style in shares}
    portions = tuple(Portion(table, shares[style]) for style, table in tables.items())
    count = sum(map(len, tables.values()))
    return TrainingSources(portions, (Source("renders of the Guise world", "Apache-2.0", count),))


def drawn_classes(packs: Path, recipe: Recipe[Any]) -> tuple[str, ...]:
    """The classes whose drawings by people the plain encoder of this recipe is trained on, sorted."""
    if recipe.without_style == SKETCH.name:
        return ()
    return tuple(name for name in quickdraw_labels(packs / DRAWINGS) if recipe.allows(name))


def people_drawings(
    packs: Path, labels: Sequence[str], share: float, *, of: str = "", every: int = 1, most: int | None = None
) -> TrainingSources:
    """People's training drawings of these classes, every n-th of them, at most so many of a class; `of` says of what,
    for the licence table.
    """
    drawings = few_of_each(quickdraw(packs / DRAWINGS, labels, "train")[::every], most)
    portions = (Portion(drawings, share),) if len(drawings) else ()
    name = f"Quick, Draw! by Google, {of}" if of else "Quick, Draw! by Google"
    return TrainingSources(portions, (Source(name, "CC BY 4.0", len(drawings)),))


def icons(recipe: Recipe[Any], packs: Path, size: int, share: float) -> TrainingSources:
    """Emoji and icons by many hands, all hands evenly."""
    portions: list[Portion] = []
    sources = []
    each = share / sum(len(hands) for _, hands, _, _ in ICON_PACKS)
    for pack, hands, name, licence in ICON_PACKS:
        table = read_icons(packs / pack, hands, split="train", seen_only=recipe.zero_shot)
        kept = table.where(lambda icon: not ({icon.label} | icon.words) & set(STRANGERS)).in_memory(size)
        portions += [Portion(kept.where(domain=Domain(hand)), each) for hand in sorted(set(kept.domains))]
        sources.append(Source(name, licence, len(kept)))
    return TrainingSources(tuple(portions), tuple(sources))


def photographs(
    recipe: Recipe[Any], packs: Path, size: int, share: float | None = None, most: int | None = None
) -> TrainingSources:
    """The training photographs of the packs that the recipe may see, at most so many of a class in a pack; without a
    share, one share for each class.
    """
    tables = [allowed_pictures(recipe, packs / pack, PHOTO, size, most) for pack in PHOTO_PACKS]
    table = concatenate(tables)
    portion = Portion(table, len(set(table.labels)) if share is None else share)
    named = zip(tables, PHOTO_PACKS.values(), strict=True)
    return TrainingSources((portion,), tuple(Source(*name, len(part)) for part, name in named))


def packed_pictures(
    recipe: Recipe[Any],
    pack: Path,
    size: int,
    shares: Mapping[Domain, float],
    *,
    name: str,
    licence: str,
    most: int | None = None,
) -> TrainingSources:
    """The training pictures of a pack that the recipe may see, of each domain its share, and at most so many of a class
    in it.
    """
    tables = {domain: allowed_pictures(recipe, pack, domain, size, most) for domain in shares}
    portions = tuple(Portion(table, shares[domain]) for domain, table in tables.items())
    return TrainingSources(portions, (Source(name, licence, sum(map(len, tables.values()))),))


def allowed_pictures(
    recipe: Recipe[Any], pack: Path, domain: Domain, size: int, most: int | None = None
) -> PictureTable:
    """The pack's training pictures of a domain that show an allowed class, at most so many of each, a little larger
    than `size`.
    """
    table = read_pack(pack, (domain.name,), split="train")
    allowed = table.where(lambda row: row.label != "" and recipe.allows(row.label))
    return few_of_each(allowed, most).in_memory(size + MARGIN)


def listed_files(name: str, table: PictureTable, shares: Mapping[Domain, float], **entries: Any) -> TrainingSources:
    """Files of a published data set, of each domain its share, in exact numbers."""
    tables = {domain: table.where(domain=domain) for domain in shares}
    return TrainingSources(
        tuple(Portion(of_domain, shares[domain]) for domain, of_domain in tables.items()),
        tuple(Source(f"{name}: {d.name}", "its authors' terms: research", len(t)) for d, t in tables.items()),
        exact=True,
        **entries,
    )
