"""What each recipe is trained on: which pictures, in which shares, under which licences, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.artifacts.manifest import Source
from retrieval.data.concepts import UNSEEN, is_unseen
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.icons import EMOJI, MONO, read_icons
from retrieval.data.readers.packs import read_pack
from retrieval.data.readers.quickdraw import quickdraw, quickdraw_labels
from retrieval.data.readers.world import read_rendered
from retrieval.data.sampler import Portion, Sampler
from retrieval.evaluation.tasks.packs import SKETCHY, SKETCHY_NAMED
from retrieval.images import Preprocess
from retrieval.training.published import Listed, listed
from retrieval.training.settings import (
    DualEncoder,
    Encoders,
    PackedSketches,
    PublishedSketches,
    Recipe,
    SketchToPhoto,
    WorldSketches,
)
from retrieval.types import PHOTO, SKETCH, Domain
from retrieval.world.split import ALL

PHOTO_PACKS = {  # the folder of a pack -> its name and licence
    "tiny_imagenet": ("Tiny ImageNet", "ImageNet terms: research"),
    "caltech101": ("Caltech 101", "CC BY 4.0"),
}
MARGIN = 8  # pixels by which photographs are larger than the part that is shown
FEWER = 3  # of the drawings of other things every third is taken: there are four times as many classes of them


@dataclass(frozen=True)
class Material:
    """Portions of a batch, where they come from, which classes were kept from them, and what is wrong with this copy.

    exact, workers: how `Sampler` makes batches of them.
    """

    portions: list[Portion]
    sources: tuple[Source, ...]
    unseen: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    exact: bool = False
    workers: int = 1

    def batches(self, preprocess: Preprocess, *, batch: int, steps: int, group: int = 1) -> Sampler:
        """Batches of all portions."""
        return Sampler(
            self.portions,
            preprocess,
            batch=batch,
            steps=steps,
            group=group,
            exact=self.exact,
            workers=self.workers,
        )


def allowed(label: str, recipe: Recipe) -> bool:
    """Whether pictures of this class may be trained on."""
    return label not in STRANGERS and not (recipe.zero_shot and is_unseen(label))


def gathered(settings: Encoders, recipe: Recipe) -> Material:
    """Everything that the recipe is trained on. Raises DataError where renders, packs or lists are missing."""
    if isinstance(settings, PublishedSketches):
        return _published(settings, listed(settings, recipe), {SKETCH: settings.sketches, PHOTO: 1 - settings.sketches})
    if isinstance(settings, WorldSketches):
        found = _sketches_and_photos(settings, recipe)
    elif isinstance(settings, PackedSketches):
        found = _packed(settings, recipe)
    else:
        found = _all(settings, recipe)
    return replace(found, unseen=(*STRANGERS, *(UNSEEN if recipe.zero_shot else ())))


def _all(settings: DualEncoder, recipe: Recipe) -> Material:
    parts = [_world(settings, recipe), _icons(settings, recipe)]
    if recipe.without_style != SKETCH.name:
        parts += [_drawings(settings, recipe, ours=True), _drawings(settings, recipe, ours=False)]
    if recipe.without_style != PHOTO.name:
        parts.append(_photos(settings, recipe))
    return Material([p for part in parts for p in part.portions], tuple(s for part in parts for s in part.sources))


def taught(settings: SketchToPhoto, recipe: Recipe) -> Material:
    """What the teacher of a sketch-to-photo recipe sees: photographs of everything allowed, and the world's photos; of
    a published data set the photos that the student sees.
    """
    if isinstance(settings, PublishedSketches):
        return _published(settings, listed(settings, recipe), {PHOTO: 1.0})
    if isinstance(settings, PackedSketches):
        return _packed(settings, recipe, photos_only=True)
    assert isinstance(settings, WorldSketches), "there are three kinds of sketch-to-photo recipes"
    photographed, sources = photographs(settings.packs, settings.size, recipe)
    shown = _rendered(settings.renders, recipe).where(domain=PHOTO)
    rendered = Portion(shown.in_memory(), len(set(shown.labels)))
    real = Portion(photographed, len(set(photographed.labels)))
    return Material([rendered, real], (*sources, _renders(shown)))


def _sketches_and_photos(settings: WorldSketches, recipe: Recipe) -> Material:
    """Sketches and photos of the world's classes, people's drawings of other things, and photographs of whatever packs
    show: classes of which there is only one of both still keep the code from narrowing to those of which there are two.
    """
    pack = settings.packs / "quickdraw345"
    ours = [label for label in ALL if allowed(label, recipe)]
    photographed, sources = photographs(settings.packs, settings.size, recipe)
    others = [label for label in quickdraw_labels(pack) if label not in ALL and allowed(label, recipe)]
    world = _rendered(settings.renders, recipe)
    sketched, shot = (world.where(domain=domain).in_memory() for domain in (SKETCH, PHOTO))
    asked = ((ours, settings.people), (others, settings.others))
    drawn = [(quickdraw(pack, labels, "train"), share) for labels, share in asked]
    portions = [
        Portion(sketched, settings.sketched),
        Portion(shot, settings.rendered),
        Portion(photographed, settings.photos),
        *(Portion(drawings, share) for drawings, share in drawn if len(drawings)),
    ]
    strokes = Source("Quick, Draw! by Google", "CC BY 4.0", sum(len(drawings) for drawings, _ in drawn))
    return Material(portions, (_renders(sketched, shot), strokes, *sources))


def _packed(settings: PackedSketches, recipe: Recipe, *, photos_only: bool = False) -> Material:
    """Sketches and photos of the pack, and as with the world drawings and photographs from elsewhere."""
    photographed, sources = photographs(settings.packs, settings.size, recipe)
    own = [_from_pack(settings, recipe, PHOTO, settings.shot)]
    others = [Portion(photographed, settings.photos)]
    if not photos_only:
        pack = settings.packs / "quickdraw345"
        drawings = quickdraw(pack, [name for name in quickdraw_labels(pack) if allowed(name, recipe)], "train")
        own.append(_from_pack(settings, recipe, SKETCH, settings.sketched))
        others.append(Portion(drawings, settings.others))
        sources = (*sources, Source("Quick, Draw! by Google", "CC BY 4.0", len(drawings)))
    count = sum(len(portion.table) for portion in own)
    return Material([*own, *others], (Source(SKETCHY_NAMED, "its authors' terms: research", count), *sources))


def _from_pack(settings: PackedSketches, recipe: Recipe, domain: Domain, share: float) -> Portion:
    return Portion(_labelled(settings.packs / SKETCHY, domain, settings.size, recipe), share)


def _published(settings: PublishedSketches, lists: Listed, shares: Mapping[Domain, float]) -> Material:
    """The data set's trained classes in these domains."""
    shown = {domain: lists.trained.where(domain=domain) for domain in shares}
    return Material(
        [Portion(table, shares[domain]) for domain, table in shown.items()],
        tuple(Source(f"{lists.name}: {d.name}", "its authors' terms: research", len(t)) for d, t in shown.items()),
        lists.unseen,
        lists.problems,
        exact=True,
        workers=settings.workers,
    )


def _rendered(folder: Path, recipe: Recipe) -> PictureTable:
    """The renders of all classes that the recipe may see."""
    return read_rendered(folder, [label for label in ALL if allowed(label, recipe)])


def _renders(*tables: PictureTable) -> Source:
    """Pictures of the world as a source."""
    return Source("renders of the Guise world", "Apache-2.0", sum(map(len, tables)))


def _world(settings: DualEncoder, recipe: Recipe) -> Material:
    world = _rendered(settings.renders, recipe)
    styles = [style for style in dict.fromkeys(world.domains) if style != recipe.without_style]
    tables = [world.where(domain=Domain(style)).in_memory() for style in styles]
    return Material([Portion(table, settings.rendered / len(styles)) for table in tables], (_renders(*tables),))


def drawn_classes(packs: Path, recipe: Recipe) -> tuple[str, ...]:
    """The classes whose drawings by people the dual encoder of this recipe is trained on, sorted."""
    if recipe.without_style == SKETCH.name:
        return ()
    return tuple(name for name in quickdraw_labels(packs / "quickdraw345") if allowed(name, recipe))


def _drawings(settings: DualEncoder, recipe: Recipe, *, ours: bool) -> Material:
    pack = settings.packs / "quickdraw345"
    labels = [name for name in drawn_classes(settings.packs, recipe) if (name in ALL) == ours]
    drawings = quickdraw(pack, labels, "train")[:: 1 if ours else FEWER]
    share, of = (settings.people, "the world's classes") if ours else (settings.others, "other classes")
    return Material([Portion(drawings, share)], (Source(f"Quick, Draw! by Google, {of}", "CC BY 4.0", len(drawings)),))


def _icons(settings: DualEncoder, recipe: Recipe) -> Material:
    portions, sources = [], []
    for folder, hands, name, licence in (
        (
            "emoji_objects",
            (*EMOJI, *MONO),
            "emoji: Fluent, Noto, Blob, Twemoji, EmojiOne, FxEmoji, Streamline",
            "MIT, Apache-2.0, CC BY 4.0",
        ),
        ("game_icons", ("silhouette",), "game-icons.net", "CC BY 3.0, CC0"),
    ):
        icons = read_icons(settings.packs / folder, hands, split="train", seen_only=recipe.zero_shot)
        kept = icons.where(lambda icon: not ({icon.label} | icon.words) & set(STRANGERS)).in_memory(settings.size)
        share = settings.icons / (len(EMOJI) + len(MONO) + 1)
        portions += [Portion(kept.where(domain=Domain(domain)), share) for domain in sorted(set(kept.domains))]
        sources.append(Source(name, licence, len(kept)))
    return Material(portions, tuple(sources))


def _photos(settings: DualEncoder, recipe: Recipe) -> Material:
    table, sources = photographs(settings.packs, settings.size, recipe)
    return Material([Portion(table, settings.photos)], sources)


def photographs(packs: Path, size: int, recipe: Recipe) -> tuple[PictureTable, tuple[Source, ...]]:
    """The training photographs of the packs that the recipe may see, a little larger than `size`, and their sources."""
    parts = [_labelled(packs / pack, PHOTO, size, recipe) for pack in PHOTO_PACKS]
    sources = [Source(*named, len(part)) for part, named in zip(parts, PHOTO_PACKS.values(), strict=True)]
    return concatenate(parts), tuple(sources)


def _labelled(pack: Path, domain: Domain, size: int, recipe: Recipe) -> PictureTable:
    """The pack's training pictures of a domain that show an allowed class, a little larger than `size`."""
    table = read_pack(pack, (domain.name,), split="train")
    return table.where(lambda row: row.label != "" and allowed(row.label, recipe)).in_memory(size + MARGIN)
