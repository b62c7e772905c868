"""UCDR-Adapter with every style left out in turn -> results/ucdr.json, and its bundles' rows in results/quality.json.

python -m benchmarks.ucdr --values RESULTS     what every query scored, of all variants: where the table was trained
python -m benchmarks.ucdr --bundles            the bundles runs/bundles/ucdr-* on world/leave-style-out, on maps of the
                                               gallery that are computed once

A gain is paired query by query, each query's value being the mean over seeds; its interval by class resamples the ten
unseen classes, each with all its queries in all styles. In the first, pictures are components of the trunk's map,
rounded; `agreement` says how far its numbers are from those of the bundles on the pictures themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks import ROOT
from benchmarks.provenance import record
from benchmarks.quality import CHANCE, MEAN_REMOVED, RESULTS, Row, bundles, floors, merge_rows, prepare
from retrieval.data.picture_table import PictureTable
from retrieval.evaluation.floors import ImageNetTrunk
from retrieval.evaluation.harness import Memory, chance, evaluate, refusal
from retrieval.evaluation.measurement import Measurement, mean_measurement
from retrieval.evaluation.report import quality_row, write_measurements, write_results
from retrieval.evaluation.results import fold_measurements
from retrieval.methods.foundation import Foundation
from retrieval.training.recipes.ucdr_adapter import LEFT_OUT, WITHOUT
from retrieval.training.unseen_styles.gather import GALLERY, TEST_MAPS, plain_maps, test_pictures
from retrieval.training.unseen_styles.learning import codes, start_codes
from retrieval.training.unseen_styles.packing import TABLES, read_tables
from retrieval.training.unseen_styles.scoring import METRICS, from_two_bytes, protocols

OUT = ROOT / "benchmarks" / "results" / "ucdr.json"
START, FULL, PLAIN = "-start", "-full", "-plain"
ABOUT = {
    START: "the start: zero-shot foundation",
    FULL: WITHOUT[""][0],
    "-probe": "a linear layer on the pooled features",
    "-quick": "prompts at five times the rate, the generator at ten times",
    "-long": "the second phase twice as long",
    "-plain-long": "without prompts, as many steps as that",
} | {name: about for name, (about, _) in WITHOUT.items() if name}
ALL = "all styles"
GAIN = " gain"
CONTROLS = {"-tower": "-plain-tower", "-long": "-plain-long"}  # of all others: the same steps without prompts
HOW = "paired query by query, each query's value being the mean over seeds"


# ---------------------------------------------------------------- values that came back


class Returned:
    """What every query scored: by variant, style, seed and protocol."""

    def __init__(self, results: Path, tables: Path) -> None:
        about, parts = read_tables(tables)
        part = parts["test"]
        self.variants = [name for name in ABOUT if (results / f"values{name}.npz").is_file()]
        self._files = {name: dict(np.load(results / f"values{name}.npz")) for name in self.variants}
        self.labels = {
            style: {name: p.labels for name, p in protocols(part, about, style).items()} for style in LEFT_OUT
        }
        self.protocols = tuple(self.labels[LEFT_OUT[0]])
        first = self._files[self.variants[0]]
        self.seeds = sorted({int(key.split("/")[0].rpartition("-")[2]) for key in first})

    def values(self, variant: str, seed: int, protocol: str, styles: Sequence[str]) -> Any:
        """(metrics, Q) over the queries of these styles."""
        parts = [self._files[variant][f"{style}-{seed}/{protocol}"] for style in styles]
        return from_two_bytes(np.concatenate(parts, axis=1))

    def labels_of(self, protocol: str, styles: Sequence[str]) -> list[str]:
        """The class of each of these queries."""
        return [label for style in styles for label in self.labels[style][protocol]]


def measure(returned: Returned) -> list[Measurement]:
    """Every variant under every protocol, over all styles and in each, and gains."""
    by_seed = {seed: list(_of_seed(returned, seed)) for seed in returned.seeds}
    return fold_measurements(by_seed)


def _of_seed(returned: Returned, seed: int) -> Iterator[Measurement]:
    for protocol in returned.protocols:
        for where, styles in ((ALL, LEFT_OUT), *((style, (style,)) for style in LEFT_OUT)):
            labels = returned.labels_of(protocol, styles)
            values = {name: returned.values(name, seed, protocol, styles) for name in returned.variants}
            subset = f"{protocol}, {where}"
            for name, scored in values.items():
                for at, metric in enumerate(METRICS):
                    yield mean_measurement(metric, scored[at], ABOUT[name], labels, code=name, subset=subset)
            for more, less in _pairs(returned.variants):
                for at, metric in enumerate(METRICS):
                    change = values[more][at] - values[less][at]
                    yield mean_measurement(metric + GAIN, change, HOW, labels, code=more, control=less, subset=subset)


def _pairs(variants: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is compared with what."""
    for name in variants:
        controls = (START, PLAIN) if name == FULL else (CONTROLS.get(name, PLAIN),)
        if name == PLAIN:
            controls = (START,)
        yield from ((name, control) for control in controls if name not in (START, control) and control in variants)


# ---------------------------------------------------------------- bundles


@torch.inference_mode()
def bundle_rows() -> list[Row]:
    """Rows of quality.json of chance, of the frozen trunk and of every bundle ucdr-*, on maps computed once."""
    maps = plain_maps(ROOT / TEST_MAPS, test_pictures(ROOT / GALLERY))
    floor = ImageNetTrunk()
    pooled = torch.cat([F.normalize(part.mean(dim=(2, 3)), dim=1) for part in maps.of_view(0)])
    rows = []
    for style in LEFT_OUT:
        rows.append(quality_row(CHANCE, None, chance(prepare(_task(style)))))
        rows += _rows_of(floor.fingerprint, None, floor, maps.table, pooled, style)
    for candidate in bundles([ROOT / "runs" / "bundles"]):
        styles = [style for style in LEFT_OUT if style in candidate.name.split("-")]
        if not candidate.name.startswith("ucdr-") or not styles or candidate.stages is None:
            continue
        encoder: Any = candidate.load()
        if reason := refusal(encoder, prepare(_task(styles[0]))):
            sys.exit(reason)
        record(candidate.name, candidate.stages)
        encode = start_codes if isinstance(encoder.method, Foundation) else codes
        made = torch.cat([encode(encoder.method, part) for part in maps.of_view(0)])
        rows += _rows_of(candidate.name, candidate.seed, encoder, maps.table, made, styles[0])
        sys.stderr.write(f"{candidate.name}, seed {candidate.seed}: {rows[-2]['metrics']['mAP@all']}\n")
    return rows


def _task(style: str) -> str:
    return f"world/leave-style-out:{style}@1"


def _rows_of(
    name: str, seed: int | None, encoder: Any, table: PictureTable, made: torch.Tensor, style: str
) -> list[Row]:
    """Two rows, the second with the means of the domains removed. made: of the pictures of the table, unit rows."""
    memory = Memory()
    memory.keep(encoder, table, made.numpy())
    plain, removed = (
        evaluate(encoder, prepare(_task(style)), memory=memory, mean_removed=part) for part in (False, True)
    )
    return [quality_row(name, seed, plain), quality_row(name + MEAN_REMOVED, seed, removed)]


def main() -> None:
    """Measure what is asked for, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=Path, help="the folder of what came back")
    parser.add_argument("--pack", type=Path, help="the folder that travelled")
    parser.add_argument("--bundles", action="store_true", help="measure the bundles")
    given = parser.parse_args()
    if given.bundles:
        before: list[Row] = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
        names = [CHANCE, *(name for floor in floors() for name in floor.names)]
        fresh = bundle_rows()
        before = [row for row in before if not row["bundle"].startswith("ucdr-")]
        order = list(dict.fromkeys([*names, *(row["bundle"] for row in [*before, *fresh])]))
        write_results(RESULTS, merge_rows(before, fresh, order))
    if given.values:
        write_measurements(OUT, measure(Returned(given.values, given.pack / TABLES)))


if __name__ == "__main__":
    main()
