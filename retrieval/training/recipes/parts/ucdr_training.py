"""UCDR-Adapter and its start on the maps of a frozen trunk: batches, what a start learns, and what is selected by.

Everything that is trained stands on the trunk's last map, which `trunk_maps` computed once. The trunk has seen
photographs alone, so one file of maps serves every style that is left out: its pictures are simply not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.backbones.prompted import PromptedEfficientNet
from retrieval.data.batch import Batch
from retrieval.evaluation.metrics import average_precision
from retrieval.losses import multi_positive_contrast
from retrieval.methods.base import Phase, Trainable
from retrieval.methods.clip_baseline import cross_domain_masks
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.training.recipes.parts.class_texts import class_wordings
from retrieval.training.recipes.parts.foundation_objective import principal_components
from retrieval.training.recipes.parts.trunk_maps import VIEWS, MappedPictures
from retrieval.types import PHOTO, Domain

TEXT_TEMPERATURE, IMAGE_TEMPERATURE = 0.07, 0.1
CONTRAST, ANCHOR = 0.5, 1.0  # weights of the start's losses beside the texts'


class MapSampler:
    """Batches of maps, in groups of one class, each of a group in another domain; a random view of each picture.

    A batch's `images` are maps (B, F, h, w).
    """

    def __init__(self, pictures: MappedPictures, classes: Sequence[str], *, batch: int, steps: int, group: int) -> None:
        self._pictures, self._classes = pictures, tuple(classes)
        self._batch, self._steps, self._group = batch, steps, group
        self._rows: dict[str, dict[str, list[int]]] = {name: {} for name in classes}
        for at, row in enumerate(pictures.table):
            self._rows[row.label].setdefault(row.domain.name, []).append(at)

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        for step in range(self._steps):
            yield self._drawn(np.random.default_rng([seed, epoch, step]))

    def _drawn(self, random: np.random.Generator) -> Batch:
        chosen: list[int] = []
        while len(chosen) < self._batch:
            by_domain = self._rows[self._classes[int(random.integers(len(self._classes)))]]
            names = random.permutation(sorted(by_domain))[: self._group]
            chosen += [by_domain[name][int(random.integers(len(by_domain[name])))] for name in names]
        return self._batch_of(np.array(chosen[: self._batch]), random)

    def _batch_of(self, rows: Any, random: np.random.Generator) -> Batch:
        table, views = self._pictures.table, random.integers(VIEWS, size=len(rows))
        return Batch(
            images=self._pictures.views(rows, views),
            domains=[Domain(table.domains[row]) for row in rows],
            labels=torch.tensor([self._classes.index(table.labels[row]) for row in rows]),
            texts=(),
            holds=torch.zeros(len(rows), 0, dtype=torch.bool),
        )


class StartTraining(Trainable):
    """What stands on the trunk of a foundation learns; the trunk does not.

    text      cross-entropy of a picture over one wording of each class
    domains   supervised contrast of pictures of one class in different domains (Khosla et al., 2020)
    anchor    1 - cos(z, z0) on photographs, z0 being principal components of the trunk's pooled features
    """

    sentences: Tensor  # (C, wordings, sentence)
    mean: Tensor | None  # (F,) of the photographs' pooled features
    components: Tensor | None  # (dim, F)

    def __init__(self, method: Foundation, classes: Sequence[str], phase: tuple[int, float]) -> None:
        """phase: epochs, and the highest learning rate."""
        super().__init__()
        self.method = method
        self._phase = phase
        with torch.inference_mode():
            wordings = [class_wordings(name) for name in classes]
            flat = method.parts[TEXT]([text for texts in wordings for text in texts])
        self.register_buffer("sentences", flat.clone().unflatten(0, (len(classes), -1)), persistent=False)
        self.register_buffer("mean", None, persistent=False)
        self.register_buffer("components", None, persistent=False)

    def begin(self, photographs: MappedPictures) -> None:
        """Let the straight path be the principal components of the photographs' pooled features."""
        pooled = torch.cat([maps.mean(dim=(2, 3)) for maps in photographs.of_view(0)])  # (N, F)
        mean, components = principal_components(pooled, self.method.dim)
        assert isinstance(self.method.tower, PromptedEfficientNet), "maps are those of the small tower's trunk"
        self.method.tower.begin_at(mean, components)
        self.mean, self.components = mean, components

    def phases(self) -> Sequence[Phase]:
        epochs, lr = self._phase
        above = [name for name, _ in self.method.tower.named_children() if name != "trunk"]
        trained = ("method.read", "method.tower.positions", *(f"method.tower.{name}" for name in above))
        return (Phase("head", epochs, lr, weight_decay=0.05, trains=trained),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """The three, weighted."""
        assert batch.labels is not None, "a start is supervised: its batches carry labels"
        z = self.encode(batch.images)
        count, many = self.sentences.shape[:2]
        said = self.sentences[torch.arange(count), torch.randint(many, (count,))]  # (C, sentence)
        logits = z @ self.method.encode_sentences(said).T / TEXT_TEMPERATURE
        across, apart = cross_domain_masks(batch.labels, batch.domains)
        contrast = multi_positive_contrast(z @ z.T / IMAGE_TEMPERATURE, across, apart)
        losses = {"text": F.cross_entropy(logits, batch.labels), "domains": CONTRAST * contrast}
        photos = torch.tensor([domain == PHOTO for domain in batch.domains])
        if self.mean is not None and self.components is not None and photos.any():
            z0 = F.normalize((batch.images[photos].mean(dim=(2, 3)) - self.mean) @ self.components.T, dim=1)
            losses["anchor"] = ANCHOR * (1 - (z[photos] * z0).sum(dim=1)).mean()
        return losses

    def encode(self, maps: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, dim), unit rows"""
        return F.normalize(self.method.tower.code(maps).float(), dim=-1)


class MapValidation:
    """Classes that are kept to select on, in styles that are trained on -> their photographs; the object that was asked
    with is not considered, as in the reported tasks.
    """

    def __init__(self, pictures: MappedPictures, device: str = "cpu") -> None:
        """device: where what is measured stands."""
        self._device = device
        shown = {*pictures.table.where(domain=PHOTO).ids}
        self._queries, self._gallery = pictures.keep({*pictures.table.ids} - shown), pictures.keep(shown)

    @torch.inference_mode()
    def score(self, encode: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """encode: maps (B, F, h, w) on the device -> unit rows (B, dim)."""
        queries, gallery = (
            torch.cat([encode(maps.to(self._device)).cpu() for maps in part.of_view(0)]).numpy()
            for part in (self._queries, self._gallery)
        )
        asked, shown = self._queries.table, self._gallery.table
        twins = np.array(asked.instances)[:, None] == np.array(shown.instances)[None]
        truth = (np.array(asked.labels)[:, None] == np.array(shown.labels)[None]) & ~twins
        order = np.argsort(np.where(twins, np.inf, -(queries @ gallery.T)), axis=1, kind="stable")
        precision = average_precision(np.take_along_axis(truth, order, axis=1))
        return {"validation mAP@all": round(float(precision.mean()), 4)}
