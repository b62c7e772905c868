"""MRA that filters and describes what is drawn: it learns pairs and regions of both domains, and no test identity.

The paper asks detectors and captioners that others trained. Ours knows the street's training captions, as the branch
does, so a set that it has described is worth more than its pictures alone where few captions are known.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from retrieval.data.picture_table import concatenate
from retrieval.files import replacing
from retrieval.methods.mra import MRA
from retrieval.training.domain_gap.packing import SOURCE, TARGET, Pack
from retrieval.training.domain_gap.variants import Bench, Schedule, pre_train
from retrieval.training.recipes.parts.people_pairs import PairBatches, gather_pairs

WEIGHTS = "describer.pt"
CAUTION = 0.8  # share of the seconds that is planned for
LEAST, MOST = 40, 1600  # steps


def train_describer(bench: Bench, pack: Pack, folder: Path, seconds: float, most: int = MOST) -> MRA:
    """Train it for about so many seconds, and write its weights."""
    table = concatenate([pack.of(SOURCE, "train"), pack.of(TARGET, "train")])
    method = bench.begin(0)
    pairs = gather_pairs(method, table, bench.views, bench.device)
    count = min(max(int(CAUTION * seconds / bench.timed(pairs)), LEAST), most)
    pre_train(bench, method, PairBatches(pairs, bench.batch, 10, True), Schedule(count, bench.lr, 0))
    with replacing(folder / WEIGHTS) as part:
        torch.save(method.state_dict(), part)
    return method


def read_describer(bench: Bench, folder: Path, wait: Callable[[], bool]) -> MRA | None:
    """The describer, when it is there; None where `wait` says that it is no use to wait."""
    while not (folder / WEIGHTS).is_file():
        if not wait():
            return None
    method = bench.begin(0)
    method.load_state_dict(torch.load(folder / WEIGHTS, map_location=bench.device, weights_only=True))
    return method.eval()
