"""What a dual encoder is trained on: which pictures, in which shares, under which licences, and what is left out."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.bundle import Source
from retrieval.data.batches import HumanDrawings, Portion, Renders
from retrieval.data.concepts import is_unseen
from retrieval.data.icons import EMOJI, MONO, Icons, read_icons
from retrieval.data.packs import quickdraw, quickdraw_labels
from retrieval.data.pictures import Pictures, joined, read_pack
from retrieval.data.strangers import STRANGERS
from retrieval.data.world import world_pictures
from retrieval.training.settings import DualEncoder, Recipe
from retrieval.types import PHOTO, SKETCH, Domain
from retrieval.world.split import ALL

FEWER = 3  # of the drawings of other things every third is taken: there are four times as many classes of them


@dataclass(frozen=True)
class Material:
    """Portions of a batch, and where they come from."""

    portions: list[Portion]
    sources: tuple[Source, ...]


def allowed(label: str, recipe: Recipe) -> bool:
    """Whether pictures of this class may be trained on."""
    return label not in STRANGERS and not (recipe.zero_shot and is_unseen(label))


def gathered(settings: DualEncoder, recipe: Recipe) -> Material:
    """Everything that the recipe is trained on. Raises DataError where renders or packs are missing."""
    parts = [_world(settings, recipe), _icons(settings, recipe)]
    if recipe.without_style != SKETCH.name:
        parts += [_drawings(settings, recipe, ours=True), _drawings(settings, recipe, ours=False)]
    if recipe.without_style != PHOTO.name:
        parts.append(_photos(settings, recipe))
    return Material([p for part in parts for p in part.portions], tuple(s for part in parts for s in part.sources))


def _world(settings: DualEncoder, recipe: Recipe) -> Material:
    world = world_pictures(settings.renders, [label for label in ALL if allowed(label, recipe)])
    styles = [style for style in dict.fromkeys(world.domains) if style != recipe.without_style]
    source = Renders(world, settings.size)
    portions = [Portion(source, Domain(style), settings.rendered / len(styles)) for style in styles]
    count = sum(domain in styles for domain in world.domains)
    return Material(portions, (Source("renders of the Guise world", "Apache-2.0", count),))


def _drawings(settings: DualEncoder, recipe: Recipe, *, ours: bool) -> Material:
    pack = settings.packs / "quickdraw345"
    labels = [name for name in quickdraw_labels(pack) if allowed(name, recipe) and (name in ALL) == ours]
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
    portions, sources = [], []
    packs = [
        ("tiny_imagenet", "Tiny ImageNet", "ImageNet terms: research"),
        ("caltech101", "Caltech 101", "CC BY 4.0"),
    ]
    found = [read_pack(settings.packs / pack, PHOTO.name, None, settings.size + 8).of("train") for pack, *_ in packs]
    kept = [part.only({label for label in part.labels if allowed(label, recipe)}) for part in found]
    for part, (_, name, licence) in zip(kept, packs, strict=True):
        sources.append(Source(name, licence, len(part.labels)))
    portions.append(Portion(Pictures(joined(kept), PHOTO, settings.size), PHOTO, settings.photos))
    return Material(portions, tuple(sources))
