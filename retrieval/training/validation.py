"""What a dual encoder in training is selected and calibrated on: validation drawings, renders and words, never what is
reported.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from retrieval.data.packs import Sketch, quickdraw
from retrieval.data.strangers import VALIDATION
from retrieval.data.world import WorldPictures, world_pictures
from retrieval.encoder import Encoder, TextEncoder, Vectors, embed_images, embed_texts
from retrieval.evaluation.metrics import average_precision
from retrieval.images import rasterise
from retrieval.training.calibration import Cutoff, calibrated
from retrieval.training.settings import DualEncoder, Recipe
from retrieval.types import PHOTO, SKETCH, Domain
from retrieval.world.captions import article
from retrieval.world.split import ALL, VAL_UNSEEN


class Validation:
    """People's validation drawings against rendered photos that were not trained on: objects kept for validation, or,
    for a zero-shot recipe, the classes kept to select on.
    """

    def __init__(self, settings: DualEncoder, recipe: Recipe) -> None:
        self._classes: Sequence[str] = VAL_UNSEEN if recipe.zero_shot else ALL
        renders = settings.renders if recipe.zero_shot else settings.validation
        self._world: WorldPictures = world_pictures(renders, self._classes)
        self._pack = settings.packs / "quickdraw345"
        self._drawings = quickdraw(self._pack, self._classes, "val")

    def measured(self, encoder: Encoder) -> dict[str, float]:
        """Drawings -> photos, as the reported tasks do it."""
        gallery = self._gallery(encoder, PHOTO.name)
        labels = np.array([n for n, d in zip(self._world.labels, self._world.domains, strict=True) if d == PHOTO.name])
        truth = np.array([d.label for d in self._drawings])[:, None] == labels[None, :]
        scores = _drawn(encoder, self._drawings) @ gallery.T
        ranked = np.take_along_axis(truth, np.argsort(-scores, axis=1, kind="stable"), axis=1)
        return {"validation mAP@all": round(float(average_precision(ranked).mean()), 4)}

    def cutoffs(self, encoder: TextEncoder) -> dict[str, Cutoff]:
        """One cut-off for pictures and one for texts. Nonsense are drawings and names of strangers."""
        gallery = self._gallery(encoder).T

        def best(vectors: Vectors) -> Vectors:
            return np.asarray((vectors @ gallery).max(axis=1))

        wordings = ("{0}", "{1}", "a picture of {1}", "sketch of {1}")
        real = [w.format(c, article(c)) for c in self._classes for w in wordings]
        other = [w.format(c, article(c)) for c in VALIDATION for w in wordings]
        strange = quickdraw(self._pack, VALIDATION, "val")
        return {
            "image": calibrated(best(_drawn(encoder, self._drawings)), best(_drawn(encoder, strange))),
            "text": calibrated(best(embed_texts(encoder, real)), best(embed_texts(encoder, other))),
        }

    def _gallery(self, encoder: Encoder, domain: str | None = None) -> Vectors:
        rows = zip(self._world.pictures, self._world.domains, strict=True)
        shown = [(Image.fromarray(picture), Domain(name)) for picture, name in rows if domain in (None, name)]
        return embed_images(encoder, shown)


def _drawn(encoder: Encoder, drawings: Sequence[Sketch]) -> Vectors:
    return embed_images(encoder, ((rasterise(d.strokes), SKETCH) for d in drawings))
