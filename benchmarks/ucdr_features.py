"""Why training gains little on an unseen style: what the frozen trunk's features give before anything is trained.

python -m benchmarks.ucdr_features --renders SET

Classes that are kept to select on, each style in turn as if it were left out, to photographs; no test class takes part.
What a row learns, it learns from seen classes in the other styles. Written to results/ucdr_features.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks import ROOT
from retrieval.backbones.map_towers import POOLED
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered
from retrieval.evaluation.measurement import Measurement, mean_measurement
from retrieval.evaluation.metrics import average_precision
from retrieval.evaluation.report import write_measurements
from retrieval.evaluation.results import fold_measurements
from retrieval.training.recipes.parts.foundation_objective import principal_components
from retrieval.training.recipes.parts.trunk_maps import in_rounds, mapped_pictures
from retrieval.training.recipes.parts.whitening import whitening
from retrieval.training.recipes.ucdr_adapter import LEFT_OUT
from retrieval.training.unseen_styles.gather import MAPS, OBJECTS, SIZE, TRUNK
from retrieval.types import PHOTO
from retrieval.world.split import SEEN, VAL_UNSEEN

OUT = ROOT / "benchmarks" / "results" / "ucdr_features.json"
LIKENESS = 0.1  # temperature of a mixture of means
METRIC, GAIN, ALL = "mAP@all", "mAP@all gain", "all styles"
BEGUN = "components"  # where a start begins
Features = Callable[[str], Tensor]  # the style that is left out -> (N, F)


class Rows:
    """Pooled features of pictures, and what is known of these."""

    def __init__(self, pooled: Tensor, table: PictureTable) -> None:
        """pooled: (N, F)"""
        self.pooled = pooled
        self.domains, self.labels = np.array(table.domains), np.array(table.labels)
        self.instances = np.array(table.instances)
        self.seen = np.isin(self.labels, SEEN)

    def precision(self, features: Tensor, style: str) -> tuple[np.ndarray, list[str]]:
        """What each picture of the style scores, and its class."""
        asked = np.flatnonzero((self.domains == style) & ~self.seen)
        shown = np.flatnonzero((self.domains == PHOTO.name) & ~self.seen)
        unit = F.normalize(features, dim=1)
        scores = (unit[asked] @ unit[shown].T).numpy()
        twins = self.instances[asked, None] == self.instances[None, shown]
        truth = (self.labels[asked, None] == self.labels[None, shown]) & ~twins
        order = np.argsort(np.where(twins, np.inf, -scores), axis=1, kind="stable")
        return average_precision(np.take_along_axis(truth, order, axis=1)), self.labels[asked].tolist()

    def less_domain_means(self, features: Tensor) -> Tensor:
        """Unit rows less the mean of their own domain, which needs many pictures of it."""
        unit = F.normalize(features, dim=1)
        for name in set(self.domains):
            own = torch.from_numpy(self.domains == name)
            unit[own] -= unit[own].mean(dim=0)
        return unit

    def less_composed_means(self, features: Tensor, style: str) -> Tensor:
        """Unit rows less a mixture of the other styles' means, weighed by likeness as a prompt is composed."""
        unit = F.normalize(features, dim=1)
        names = sorted(set(self.domains) - {style})
        means = torch.stack([unit[torch.from_numpy(self.seen & (self.domains == name))].mean(dim=0) for name in names])
        weights = (unit @ F.normalize(means, dim=1).T / LIKENESS).softmax(dim=1)  # (N, styles)
        return unit - weights @ means

    def whitened(self, features: Tensor, style: str, shrunk: float) -> Tensor:
        """Features whose spread within seen classes, across the other styles, is made even."""
        known = torch.from_numpy(self.seen & (self.domains != style))
        numbers = torch.from_numpy(np.unique(self.labels, return_inverse=True)[1])
        mean, directions = whitening(features[known], numbers[known], shrunk)
        return (features - mean) @ directions.T


def candidates(rows: Rows) -> dict[str, tuple[str, Features]]:
    """Name -> what it is, and how it is made."""
    photos = torch.from_numpy(rows.seen & (rows.domains == PHOTO.name))
    mean, directions = principal_components(rows.pooled[photos], POOLED)
    centred = (rows.pooled - mean) @ directions.T
    return {
        "raw": ("the trunk's pooled features", lambda style: rows.pooled),
        "centred": ("less the mean of photographs", lambda style: rows.pooled - mean),
        "components": (f"{POOLED} principal components of these: where a start begins", lambda style: centred),
        "components-uncentred": (
            "the same components of the features as they are",
            lambda s: rows.pooled @ directions.T,
        ),
        "components-composed": (
            "less a mean composed of the other styles' by likeness, as a prompt is",
            lambda style: rows.less_composed_means(centred, style),
        ),
        "components-white": ("made even within seen classes", lambda style: rows.whitened(centred, style, 1.0)),
        "raw-domain-mean": (
            "pooled features less the mean of each domain, the left-out one's too",
            lambda style: rows.less_domain_means(rows.pooled),
        ),
    }


def measure(rows: Rows) -> Iterator[Measurement]:
    """Each candidate in each style, and over all; and what it gains on where a start begins, query by query."""
    made = candidates(rows)
    scored = {
        code: {style: rows.precision(make(style), style) for style in LEFT_OUT} for code, (_, make) in made.items()
    }
    labels = [name for _, own in scored[BEGUN].values() for name in own]
    whole = {code: np.concatenate([values for values, _ in by_style.values()]) for code, by_style in scored.items()}
    for code, (about, _) in made.items():
        for style, (values, own) in scored[code].items():
            yield mean_measurement(METRIC, values, about, own, code=code, subset=style)
        yield mean_measurement(METRIC, whole[code], about, labels, code=code, subset=ALL)
        if code != BEGUN:
            change = whole[code] - whole[BEGUN]
            yield mean_measurement(GAIN, change, "paired query by query", labels, code=code, subset=ALL, control=BEGUN)


@torch.inference_mode()
def main() -> None:
    """Measure, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", type=Path, required=True, help="a set rendered --for training")
    given = parser.parse_args()
    table = in_rounds(read_rendered(given.renders, (*SEEN, *VAL_UNSEEN)), OBJECTS)
    maps = mapped_pictures(ROOT / MAPS, table, TRUNK, SIZE)
    pooled = torch.cat([part.mean(dim=(2, 3)) for part in maps.of_view(0)])
    write_measurements(OUT, fold_measurements({0: list(measure(Rows(pooled, table)))}))


if __name__ == "__main__":
    main()
