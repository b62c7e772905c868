"""Ablations of DUDE and its rivals that were trained without a whole beside them -> results/disentanglement.json.

python -m benchmarks.disentanglement_ablations    those under runs/bundles; the other rows stay
python -m benchmarks.disentanglement_ablations --renders FOLDER    prints how they search this set; writes nothing

`disentanglement` compares an ablation with the DUDE of its own run, query by query. Where that was not kept, an
ablation is compared with the record of the same stage in the file, seed by seed. The file's own ablations are measured
here as "trained again": how far two runs with the same settings are apart. What was trained without the prior is
compared, query by query, with its own whole: DUDE without the noise loss. A rival is compared with the shipped DUDE.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import numpy as np
import torch

from benchmarks.disentanglement import CONTROLS, OBJECT, OTHERS, QUIET, RESULTS, SEEDS, UNASKED, UNREAD
from benchmarks.disentanglement_sources import GALLERY, PRIOR, WHOLE, folder, pairs
from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.prior import load_prior
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered
from retrieval.evaluation.code_quality import ABOVE, measure_gain, measure_search, search_values
from retrieval.evaluation.generation_quality import trunk_features
from retrieval.evaluation.measurement import GAIN, SEARCH, Measurement
from retrieval.evaluation.report import merge_measurements
from retrieval.evaluation.results import fold_measurements, read_measurements
from retrieval.methods.dude import Dude
from retrieval.methods.proto_ot import ProtoOT
from retrieval.world.split import SEEN

AGAIN = {code: f"{code}, trained again" for code in ("contrastive only", QUIET)}  # which stand in the file, too
AT_ONCE = f"{WHOLE}-at-once"


def main() -> None:
    """Measure, print, and put the rows beside those that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", type=Path, help="a rendered set to choose by")
    renders = parser.parse_args().renders
    prior = load_prior(PRIOR)
    if renders is not None:
        bench = Bench(
            read_rendered(renders, unfinished=True).in_memory(prior.prior.config.size), frozenset(prior.classes or SEEN)
        )
        show(fold_measurements({seed: [*bench.searched(seed), *bench.whole(seed)] for seed in SEEDS}))
        return
    bench = Bench(read_rendered(GALLERY).in_memory(prior.prior.config.size), frozenset(prior.classes or SEEN))
    by_seed = {seed: [*bench.searched(seed), *pairs(AT_ONCE, seed, "loss from the start")] for seed in SEEDS}
    rows = fold_measurements(by_seed)
    gains = behind(rows, read_measurements(RESULTS).rows)
    show([*rows, *gains])
    merge_measurements(RESULTS, [*rows, *gains])


def show(rows: Sequence[Measurement]) -> None:
    """Print them."""
    for row in rows:
        sys.stdout.write(f"{row.name}: {row.value:.4f} {row.each_seed} {row.interval}\n")


class Bench:
    """The gallery's pictures, and what the trunk makes of them: the same for all."""

    def __init__(self, real: PictureTable, seen: frozenset[str]) -> None:
        self._real, self._seen = real, seen
        self._features: torch.Tensor | None = None

    def searched(self, seed: int) -> list[Measurement]:
        """How every code of a seed searches, and how far its whole of that seed is ahead: of rivals the shipped DUDE,
        of what asks no prior DUDE that asks none.
        """
        wholes = dict.fromkeys(OTHERS, (OBJECT, self.whole(seed)))
        found: list[Measurement] = []
        for bundle, code in (CONTROLS | UNASKED | OTHERS).items():
            codes = None if code == UNREAD else self._codes(bundle, seed)
            if codes is None:
                continue
            search = measure_search(AGAIN.get(code, code), codes, self._real, self._seen)
            found += search
            if code == QUIET:
                wholes |= dict.fromkeys(UNASKED, (AGAIN[QUIET], search))
            name, whole = wholes.get(bundle, ("", []))
            if whole:
                pair = (name, search_values(whole)), (code, search_values(search))
                found.append(measure_gain(*pair, self._real.labels, ABOVE))
        return found

    def whole(self, seed: int) -> list[Measurement]:
        """How the shipped DUDE of that seed searches; nothing where it was not made."""
        codes = self._codes(WHOLE, seed)
        return [] if codes is None else measure_search(OBJECT, codes, self._real, self._seen)

    def _codes(self, name: str, seed: int) -> np.ndarray | None:
        """The codes of all pictures by the bundle of that name and seed, if it was made.   -> (N, W)"""
        where = folder(name, seed)
        method = None if where is None else load_bundle(where).method
        if not isinstance(method, Dude | ProtoOT):
            return None
        if self._features is None:
            self._features = torch.from_numpy(trunk_features(method, self._real))
        with torch.no_grad():
            codes: np.ndarray = method.extractor.head(self._features).numpy()
        return codes


def behind(rows: Sequence[Measurement], before: Sequence[Measurement]) -> list[Measurement]:
    """By how much DUDE before it reads, as the file has it, is above each ablation, seed by seed."""
    whole = next(row for row in before if row.key == (SEARCH, UNREAD, "", ""))
    values = dict(zip(whole.seeds, whole.each_seed, strict=True))
    gains = []
    for row in rows:
        if row.measure != SEARCH or row.subset or row.code in (*OTHERS.values(), *UNASKED.values()):
            continue
        each = tuple(values[seed] - value for seed, value in zip(row.seeds, row.each_seed, strict=True))
        how = "cross-style mAP@all, seed by seed, of two runs with the same settings"
        gain = Measurement(GAIN, mean(each), how, UNREAD, control=row.code, target=ABOVE, chance=0.0)
        gains.append(replace(gain, seeds=row.seeds, each_seed=each))
    return gains


if __name__ == "__main__":
    main()
