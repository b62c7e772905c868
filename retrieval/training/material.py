"""What each recipe is trained on: which pictures, in which shares, under which licences, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.artifacts.manifest import Source
from retrieval.data.batches import HumanDrawings, Mixture, Portion, Renders
from retrieval.data.concepts import UNSEEN, is_unseen
from retrieval.data.icons import EMOJI, MONO, Icons, read_icons
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.data.packs import quickdraw, quickdraw_labels
from retrieval.data.pictures import Files, Labelled, Pictures, joined, read_pack
from retrieval.data.world import world_pictures
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
FEWER = 3  # of the drawings of other things every third is taken: there are four times as many classes of them


@dataclass(frozen=True)
class Material:
    """Portions of a batch, where they come from, which classes were kept from them, and what is wrong with this copy.

    exact, workers: how `Mixture` makes batches of them.
    """

    portions: list[Portion]
    sources: tuple[Source, ...]
    unseen: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    exact: bool = False
    workers: int = 1

    def batches(self, preprocess: Preprocess, *, batch: int, steps: int, group: int = 1) -> Mixture:
        """Batches of all portions."""
        return Mixture(
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
    world = world_pictures(settings.renders, [label for label in ALL if allowed(label, recipe)])
    rendered = Portion(Renders(world, settings.size), PHOTO, len(set(world.labels)))
    real = Portion(Pictures(photographed, PHOTO, settings.size), PHOTO, len(set(photographed.labels)))
    return Material([rendered, real], (*sources, _renders((PHOTO.name,), world.domains)))


def _sketches_and_photos(settings: WorldSketches, recipe: Recipe) -> Material:
    """Sketches and photos of the world's classes, people's drawings of other things, and photographs of whatever packs
    show: classes of which there is only one of both still keep the code from narrowing to those of which there are two.
    """
    pack = settings.packs / "quickdraw345"
    ours = [label for label in ALL if allowed(label, recipe)]
    photographed, sources = photographs(settings.packs, settings.size, recipe)
    others = [label for label in quickdraw_labels(pack) if label not in ALL and allowed(label, recipe)]
    world = world_pictures(settings.renders, ours)
    asked = ((ours, settings.people), (others, settings.others))
    drawn = [(quickdraw(pack, labels, "train"), share) for labels, share in asked]
    portions = [
        Portion(Renders(world, settings.size), SKETCH, settings.sketched),
        Portion(Renders(world, settings.size), PHOTO, settings.rendered),
        Portion(Pictures(photographed, PHOTO, settings.size), PHOTO, settings.photos),
        *(Portion(HumanDrawings(drawings, settings.size), SKETCH, share) for drawings, share in drawn if drawings),
    ]
    strokes = Source("Quick, Draw! by Google", "CC BY 4.0", sum(len(drawings) for drawings, _ in drawn))
    return Material(portions, (_renders([p.domain.name for p in portions], world.domains), strokes, *sources))


def _packed(settings: PackedSketches, recipe: Recipe, *, photos_only: bool = False) -> Material:
    """Sketches and photos of the pack, and as with the world drawings and photographs from elsewhere."""
    photographed, sources = photographs(settings.packs, settings.size, recipe)
    own = [_from_pack(settings, recipe, PHOTO, settings.shot)]
    others = [Portion(Pictures(photographed, PHOTO, settings.size), PHOTO, settings.photos)]
    if not photos_only:
        pack = settings.packs / "quickdraw345"
        drawings = quickdraw(pack, [name for name in quickdraw_labels(pack) if allowed(name, recipe)], "train")
        own.append(_from_pack(settings, recipe, SKETCH, settings.sketched))
        others.append(Portion(HumanDrawings(drawings, settings.size), SKETCH, settings.others))
        sources = (*sources, Source("Quick, Draw! by Google", "CC BY 4.0", len(drawings)))
    count = sum(len(portion.source.examples) for portion in own)
    return Material([*own, *others], (Source(SKETCHY_NAMED, "its authors' terms: research", count), *sources))


def _from_pack(settings: PackedSketches, recipe: Recipe, domain: Domain, share: float) -> Portion:
    found = read_pack(settings.packs / SKETCHY, domain.name, None, settings.size + 8).of("train")
    kept = found.only({label for label in found.labels if allowed(label, recipe)})
    return Portion(Pictures(kept, domain, settings.size), domain, share)


def _published(settings: PublishedSketches, found: Listed, shares: Mapping[Domain, float]) -> Material:
    """The data set's trained classes in these domains."""
    of = {domain: [item for item in found.trained if item.domain == domain] for domain in shares}
    return Material(
        [Portion(Files(items, settings.size), domain, shares[domain]) for domain, items in of.items()],
        tuple(Source(f"{found.name}: {d.name}", "its authors' terms: research", len(i)) for d, i in of.items()),
        found.unseen,
        found.problems,
        exact=True,
        workers=settings.workers,
    )


def _renders(styles: Sequence[str], domains: Sequence[str]) -> Source:
    """Pictures of the world in these styles, as a source: `domains` are those of all pictures that there are."""
    return Source("renders of the Guise world", "Apache-2.0", sum(domain in styles for domain in domains))


def _world(settings: DualEncoder, recipe: Recipe) -> Material:
    world = world_pictures(settings.renders, [label for label in ALL if allowed(label, recipe)])
    styles = [style for style in dict.fromkeys(world.domains) if style != recipe.without_style]
    source = Renders(world, settings.size)
    portions = [Portion(source, Domain(style), settings.rendered / len(styles)) for style in styles]
    return Material(portions, (_renders(styles, world.domains),))


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
    portion = Portion(HumanDrawings(drawings, settings.size), SKETCH, share)
    return Material([portion], (Source(f"Quick, Draw! by Google, {of}", "CC BY 4.0", len(drawings)),))


def _icons(settings: DualEncoder, recipe: Recipe) -> Material:
    emoji = read_icons(settings.packs / "emoji_objects", (*EMOJI, *MONO), settings.size)
    silhouettes = read_icons(settings.packs / "game_icons", ("silhouette",), settings.size)
    portions, sources = [], []
    for found, name, licence in (
        (emoji, "emoji: Fluent, Noto, Blob, Twemoji, EmojiOne, FxEmoji, Streamline", "MIT, Apache-2.0, CC BY 4.0"),
        (silhouettes, "game-icons.net", "CC BY 3.0, CC0"),
    ):
        kept = _known(found.kept(split="train", seen_only=recipe.zero_shot))
        domains = sorted({icon.domain for icon in kept.told})
        share = settings.icons / (len(EMOJI) + len(MONO) + 1)
        portions += [Portion(kept, Domain(domain), share) for domain in domains]
        sources.append(Source(name, licence, len(kept.told)))
    return Material(portions, tuple(sources))


def _known(icons: Icons) -> Icons:
    """Without strangers."""
    return icons.only([not ({icon.label} | icon.words) & set(STRANGERS) for icon in icons.told])


def _photos(settings: DualEncoder, recipe: Recipe) -> Material:
    found, sources = photographs(settings.packs, settings.size, recipe)
    return Material([Portion(Pictures(found, PHOTO, settings.size), PHOTO, settings.photos)], sources)


def photographs(packs: Path, size: int, recipe: Recipe) -> tuple[Labelled, tuple[Source, ...]]:
    """The training photographs of the packs that the recipe may see, a little larger than `size`, and their sources."""
    found = [read_pack(packs / pack, PHOTO.name, None, size + 8).of("train") for pack in PHOTO_PACKS]
    kept = [part.only({label for label in part.labels if allowed(label, recipe)}) for part in found]
    sources = [Source(*told, len(part.labels)) for part, told in zip(kept, PHOTO_PACKS.values(), strict=True)]
    return joined(kept), tuple(sources)
