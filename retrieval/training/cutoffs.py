"""From where on a bundle speaks of a match: set on validation drawings and words of the world and of strangers, when it
is made or, without training, ever after.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import numpy as np

from retrieval.artifacts.bundle import CARD, card, load_bundle, write_manifest
from retrieval.artifacts.manifest import Manifest
from retrieval.data.nonsense_classes import VALIDATION
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.encoder import TextEncoder, Vectors, embed_images, embed_texts
from retrieval.errors import SettingsError
from retrieval.files import write_text
from retrieval.images import open_image
from retrieval.items import labels_of, read_items
from retrieval.relevance import HELD, HIT, Names, Shares
from retrieval.training.calibration import Cutoff, calibrated, strictest
from retrieval.training.material import drawn_classes
from retrieval.training.settings import RECIPES, DualEncoder
from retrieval.world.captions import article
from retrieval.world.split import ALL

WORDINGS = ("{0}", "{1}", "a picture of {1}", "sketch of {1}")
KEPT = 0.92  # of real drawings; on others it is a little less, and nine of ten are promised
log = logging.getLogger(__name__)


def calibrate(folder: Path, gallery: Path, packs: Path) -> Manifest:
    """Set the cut-offs of the bundle in the folder anew, for this gallery, and write its manifest and card; the weights
    and the galleries that they indexed stay. Raises SettingsError for a bundle that is not for visitors.
    """
    bundle = load_bundle(folder)
    name = bundle.manifest.name
    for_visitors = [
        known for known, recipe in RECIPES.items() if isinstance(recipe.settings, DualEncoder) and not recipe.zero_shot
    ]
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
    found = cutoffs(encoder, manifest.concepts, gallery, packs)
    log.info("cut-offs: %s", found)
    told = {
        f"validation {kind} {name.replace('_', ' ')}": round(float(getattr(cutoff, name)), 4)
        for kind, cutoff in found.items()
        for name in ("real_kept", "nonsense_refused")
    }
    values = {kind: round(cutoff.value, 4) for kind, cutoff in found.items()}
    return dataclasses.replace(manifest, cutoff=values, metrics={**manifest.metrics, **told})


def cutoffs(encoder: TextEncoder, concepts: tuple[str, ...], gallery: Path, packs: Path) -> dict[str, Cutoff]:
    """A cut-off for each of the kinds that a `Manifest` tells of, against the gallery that visitors search: the best of
    many hits is closer than the best of few. Real are drawings and names of all of the world's classes, nonsense those
    of strangers.
    """
    items = read_items(gallery)
    shown = embed_images(encoder, ((open_image(i.path), i.domain) for i in items)).T  # (dim, N)

    def best(vectors: Vectors) -> Vectors:
        return np.asarray((vectors @ shown).max(axis=1))

    real, strange = (_drawn(encoder, packs, labels) for labels in (ALL, VALIDATION))
    found = {
        "image": calibrated(best(real), best(strange)),
        "text": calibrated(best(_named(encoder, ALL)), best(_named(encoder, VALIDATION))),
    }
    held = labels_of(items)
    if held and set(concepts) - set(held):
        names = Names.read(encoder, (*held, *concepts))

        def share(vectors: Vectors) -> Shares:
            return names.share(vectors, held)

        found[HELD] = strictest(share(real), share(strange), keep=KEPT)
        found[HIT] = strictest(best(real), best(strange), keep=0.99)
    return found


def _drawn(encoder: TextEncoder, packs: Path, labels: tuple[str, ...]) -> Vectors:
    drawings = quickdraw(packs / "quickdraw345", labels, "val")
    return embed_images(encoder, ((row.picture.open(), row.domain) for row in drawings))


def _named(encoder: TextEncoder, labels: tuple[str, ...]) -> Vectors:
    return embed_texts(encoder, [wording.format(label, article(label)) for label in labels for wording in WORDINGS])
