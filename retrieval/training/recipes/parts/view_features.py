"""What a frozen trunk makes of several views of every picture, computed once; and batches of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.data.batch import Batch
from retrieval.errors import DataError
from retrieval.files import replacing
from retrieval.images import Preprocess
from retrieval.methods.parts.banks import View
from retrieval.types import Domain, Progress, no_progress

CHUNK = 64  # pictures at once
Pixels = npt.NDArray[np.uint8]


@torch.no_grad()
def view_features(
    trunk: nn.Module,
    pixels: Pixels,
    preprocess: Preprocess,
    views: int,
    seed: int,
    on_progress: Progress = no_progress,
) -> Tensor:
    """Features of pictures (N, H, W, 3): of each as it is, then of some views; on the trunk's device, in half
    precision.   -> (N, 1 + views, F)
    """
    device = next(trunk.parameters()).device
    view, parts = View(preprocess), []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for first in range(0, len(pixels), CHUNK):
            plain = as_read(pixels[first : first + CHUNK], preprocess, device)
            each = [trunk(sized(images, preprocess.size)) for images in (plain, *(view(plain) for _ in range(views)))]
            parts.append(torch.stack(each, dim=1).half())
            on_progress(min(first + CHUNK, len(pixels)), len(pixels))
    return torch.cat(parts)


def as_read(pixels: Pixels, preprocess: Preprocess, device: torch.device) -> Tensor:
    """Pictures (B, H, W, 3) as a network reads them, at their own size.   -> (B, 3, H, W)"""
    images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
    mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (preprocess.mean, preprocess.std))
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def sized(images: Tensor, size: int) -> Tensor:
    """(B, 3, H, W) -> (B, 3, size, size)"""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)


def kept_features(path: Path, pixels: Iterable[Pixels], compute: Callable[[], Tensor], **asked: Any) -> Tensor:
    """What `compute()` gives, or what the file holds, if it was computed from these pixels, (H, W, 3) each, and as
    asked.
    """
    pictures = hashlib.sha256()
    for picture in pixels:
        pictures.update(np.ascontiguousarray(picture).data)
    key = json.dumps(asked | {"pictures": pictures.hexdigest()}, sort_keys=True, default=str)
    if path.is_file():
        try:
            with safe_open(path, "pt") as file:
                if (file.metadata() or {}).get("key") == key:
                    features: Tensor = file.get_tensor("features")
                    return features
        except SafetensorError as error:
            raise DataError(f"{path} is damaged ({error}). Delete it; it is computed anew.") from error
    features = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        save_file({"features": features.cpu().contiguous()}, part, {"key": key})
    return features


class ViewBatches:
    """Batches of unlabelled pictures, each as the features of two of its views (B, 2, F): as many of one domain as of
    any other, in no order; an epoch has about every picture once. `Batch.instances` are the pictures' ids.
    """

    def __init__(self, features: Tensor, ids: Sequence[str], domains: Sequence[Domain], *, batch: int) -> None:
        """features: (N, 1 + V, F), the first of pictures as they are."""
        if features.shape[1] < 3:
            raise DataError(f"Of each picture {features.shape[1] - 1} views are kept. Contrast needs two.")
        self.features, self.ids, self.domains = features, tuple(ids), tuple(domains)
        self._batch = batch
        names = [domain.name for domain in domains]
        self._rows = [np.flatnonzero([name == own for own in names]) for name in dict.fromkeys(names)]

    def __len__(self) -> int:
        return max(1, round(len(self.ids) / self._batch))

    @property
    def plain(self) -> Tensor:
        """The features of every picture as it is.   -> (N, F)"""
        return self.features[:, 0].float()

    def on(self, device: str | torch.device) -> ViewBatches:
        """The same, its features on that device."""
        return ViewBatches(self.features.to(device), self.ids, self.domains, batch=self._batch)

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        rng = np.random.default_rng([seed, epoch])
        each = -(-self._batch // len(self._rows))
        count = len(self) * each
        orders = [np.concatenate([rng.permutation(rows) for _ in range(-(-count // len(rows)))]) for rows in self._rows]
        for step in range(len(self)):
            picked = np.concatenate([order[step * each : (step + 1) * each] for order in orders])
            yield self._batch_of(rng.permutation(picked)[: self._batch], rng)

    def _batch_of(self, rows: npt.NDArray[np.int64], rng: np.random.Generator) -> Batch:
        views = self.features.shape[1] - 1
        first = rng.integers(views, size=len(rows))
        second = (first + rng.integers(1, views, size=len(rows))) % views
        at = torch.from_numpy(np.stack([first, second], axis=1) + 1)
        return Batch(
            images=self.features[torch.from_numpy(rows)[:, None], at].float(),
            domains=[self.domains[row] for row in rows],
            labels=None,
            texts=(),
            holds=torch.zeros(len(rows), 0, dtype=torch.bool),
            instances=[self.ids[row] for row in rows],
        )
