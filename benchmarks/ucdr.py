"""UCDR-Adapter with every style left out in turn -> results/ucdr.json, and its bundles' rows in results/quality.json.

python -m benchmarks.ucdr --values RESULTS --pack PACK [--set NAME]     what every query scored, of all variants
python -m benchmarks.ucdr --bundles            the bundles runs/bundles/ucdr-* on the tasks that leave out what they
                                               were trained without, on maps of the pictures that are computed once

A gain is paired query by query, each query's value being the mean over seeds; its interval by class resamples the
unseen classes, each with all its queries in all that is left out. In the first, pictures are components of the trunk's
map, rounded.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from benchmarks import ROOT
from benchmarks.provenance import record
from benchmarks.quality import CHANCE, MEAN_REMOVED, RESULTS, Candidate, Row, bundles, floors, merge_rows, prepare
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.packs import packs_folder, read_pack
from retrieval.evaluation.floors import ImageNetTrunk
from retrieval.evaluation.harness import Memory, chance, evaluate, refusal
from retrieval.evaluation.measurement import Measurement, mean_measurement
from retrieval.evaluation.report import quality_row, write_measurements, write_results
from retrieval.evaluation.results import fold_measurements, read_measurements
from retrieval.evaluation.tasks.packs import EMOJI
from retrieval.evaluation.ucdr_tables import (
    ALL,
    BEGUN,
    FULL,
    GAIN,
    LONGER,
    MOVED,
    PEEKED,
    PLAIN,
    PROBE,
    SETS,
    SHORT,
    START,
    VALIDATION,
)
from retrieval.methods.foundation import Foundation
from retrieval.training.recipes.parts.trunk_maps import MappedPictures
from retrieval.training.recipes.ucdr_adapter import LEFT_OUT, WITHOUT
from retrieval.training.unseen_styles import gather_packs
from retrieval.training.unseen_styles.gather import GALLERY, TEST_MAPS, plain_maps, test_pictures
from retrieval.training.unseen_styles.learning import codes, start_codes
from retrieval.training.unseen_styles.packing import TABLES, read_tables
from retrieval.training.unseen_styles.scoring import METRICS, from_two_bytes, protocols

OUT = ROOT / "benchmarks" / "results" / "ucdr.json"
WHITE = "-white"
FROZEN = "the frozen trunk's components as they are"
ABOUT = {
    BEGUN: FROZEN,
    START: "the start: zero-shot foundation",
    PLAIN: WITHOUT["-plain"][0],
    FULL: f"{WITHOUT[''][0]}: the infinite mask",
    BEGUN + WHITE: f"{FROZEN}, made even within seen classes",
    START + WHITE: "a start on these",
    PLAIN + WHITE: "on that start: the same steps without prompts",
    FULL + WHITE: "on that start: prompts composed of those of others",
    **{name: about for name, (about, _) in WITHOUT.items() if name not in ("", PLAIN)},
    "-unmasked": f"{WITHOUT['-unmasked'][0]}: no mask",
    "-zeros": f"{WITHOUT['-zeros'][0]}: the zero mask",
    SHORT: "without prompts, as many steps as the second phase has",
    PROBE: "a linear layer on the pooled features, trained as the start is: the linear probe",
    FULL + PEEKED: "as `-full`, selected by the test queries: a warning",
    FULL + WHITE + PEEKED: "as `-full-white`, selected by the test queries: a warning",
}
CONTROLS = {  # what a variant is compared with, the most telling first; all others: with `-full`
    START: (BEGUN,),
    PLAIN: (START,),
    BEGUN + WHITE: (BEGUN,),
    START + WHITE: (START, BEGUN + WHITE),
    PLAIN + WHITE: (START + WHITE,),
    FULL + WHITE: (PLAIN + WHITE, START + WHITE, START, BEGUN),
    FULL + WHITE + PEEKED: (FULL + WHITE,),
    SHORT: (PLAIN, START),
    FULL: (PLAIN, SHORT, START, BEGUN),
    PROBE: (START,),
    "-tower": ("-plain-tower", FULL),
    "-plain-tower": (START, PLAIN),
}
EACH = {name + kind for name in (BEGUN, START, PLAIN, FULL) for kind in ("", WHITE)}  # also in each that is left out
HOW = "paired query by query, each query's value being the mean over seeds"


# ---------------------------------------------------------------- values that came back


class Returned:
    """What every query scored: by variant, what was left out, seed and protocol."""

    def __init__(self, results: Path, tables: Path) -> None:
        about, parts = read_tables(tables)
        part = parts["test"]
        self.left_out = about.left_out
        self.variants = [name for name in ABOUT if (results / f"values{name}.npz").is_file()]
        self._files = {name: dict(np.load(results / f"values{name}.npz")) for name in self.variants}
        self._logs = {name: results / f"log{name}.json" for name in self.variants}
        self._asked: dict[tuple[str, str], npt.NDArray[np.bool_]] = {}
        self.labels: dict[tuple[str, str], list[str]] = {}
        for name in about.left_out:
            for protocol, found in protocols(part, about, name).items():
                domains = np.array(part.domains)[found.queries]  # some that no run was trained on ask everywhere
                asked = np.isin(domains, name.split("+") if name in about.domains else about.domains)
                asked = np.isin(domains, about.domains) if protocol == "seen style" else asked
                self._asked[name, protocol] = asked
                self.labels[name, protocol] = [found.labels[at] for at in np.flatnonzero(asked)]
        names = dict.fromkeys(protocol for _, protocol in self.labels)
        self.protocols = tuple(name for name in names if about.photo or name != "mixed")  # where that is the same
        first = self._files[self.variants[0]]
        self.seeds = sorted({int(key.split("/")[0].rpartition("-")[2]) for key in first})

    def values(self, variant: str, seed: int, protocol: str, left_out: Sequence[str]) -> Any:
        """(metrics, Q) over the queries of the runs without these."""
        parts = [self._files[variant][f"{name}-{seed}/{protocol}"][:, self._asked[name, protocol]] for name in left_out]
        return from_two_bytes(np.concatenate(parts, axis=1))

    def labels_of(self, protocol: str, left_out: Sequence[str]) -> list[str]:
        """The class of each of these queries."""
        return [label for name in left_out for label in self.labels[name, protocol]]

    def validation(self, variant: str, seed: int) -> float | None:
        """The mean over what is left out; None where nobody validated."""
        return self._logged(variant, seed, "validation")

    def turned(self, variant: str, seed: int) -> float | None:
        """By how many degrees prompts turn a code, the mean over what is left out; None where there are none."""
        moved = self._logged(variant, seed, "moved")
        return math.degrees(math.acos(1 - moved)) if moved and moved > 0 else None

    def _logged(self, variant: str, seed: int, what: str) -> float | None:
        log = self._logs[variant]
        values = json.loads(log.read_text(encoding="utf-8")).get(what) if log.is_file() else None
        return float(np.mean([values[f"{name}-{seed}"] for name in self.left_out])) if values else None


def measure(returned: Returned, name: str) -> list[Measurement]:
    """Every variant under every protocol, over all that is left out and for each, and gains. name: of the set."""
    by_seed = {seed: list(_of_seed(returned, seed, name)) for seed in returned.seeds}
    return fold_measurements(by_seed)


def _of_seed(returned: Returned, seed: int, name: str) -> Iterator[Measurement]:
    for code in returned.variants:
        if (score := returned.validation(code, seed)) is not None:
            yield Measurement(VALIDATION, score, ABOUT[code], code, f"{name}: validation")
        if (turned := returned.turned(code, seed)) is not None:
            yield Measurement(MOVED, turned, ABOUT[code], code, f"{name}: validation", unit="degrees")
    for protocol in returned.protocols:
        yield from _of_place(
            returned, seed, protocol, returned.left_out, returned.variants, f"{name}: {protocol}, {ALL}"
        )
    codes = [code for code in returned.variants if code in EACH]
    for where in returned.left_out if "unseen" in returned.protocols else ():
        yield from _of_place(returned, seed, "unseen", (where,), codes, f"{name}: unseen, {where}")


def _of_place(
    returned: Returned, seed: int, protocol: str, left_out: Sequence[str], codes: Sequence[str], subset: str
) -> Iterator[Measurement]:
    labels = returned.labels_of(protocol, left_out)
    values = {code: returned.values(code, seed, protocol, left_out) for code in codes}
    for code, scored in values.items():
        for at, metric in enumerate(METRICS):
            yield mean_measurement(metric, scored[at], ABOUT[code], labels, code=code, subset=subset)
    for more, less in _pairs(codes):
        change = values[more][0] - values[less][0]
        yield mean_measurement(METRICS[0] + GAIN, change, HOW, labels, code=more, control=less, subset=subset)


def _pairs(variants: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is compared with what."""
    for name in variants:
        for control in () if name == BEGUN else CONTROLS.get(name, (FULL,)):
            if control in variants:
                yield name, control


# ---------------------------------------------------------------- bundles


def _sketchy_pictures() -> PictureTable:
    return gather_packs.SETS["sketchy"](_packs())[2]


def _emoji_pictures() -> PictureTable:
    return read_pack(_packs() / EMOJI, split="test", are_instances=True)


PICTURES: dict[str, tuple[Path, Callable[[], PictureTable]]] = {  # the maps of a set, and what they show
    "world": (ROOT / TEST_MAPS, lambda: test_pictures(ROOT / GALLERY)),
    "emoji": (ROOT / "runs" / "ucdr-emoji-maps" / "test", _emoji_pictures),
    "sketchy": (ROOT / "runs" / "ucdr-sketchy-maps" / "test", _sketchy_pictures),
}


def task_of(bundle: str) -> str | None:
    """The task that asks for what a bundle of this name was trained without; None where there is none.

    >>> task_of("ucdr-adapter-sketch-white"), task_of("ucdr-start-emoji-noto"), task_of("ucdr-world")
    ('world/leave-style-out:sketch@1', 'emoji/leave-family-out:noto@1', None)
    """
    family, _, rest = bundle.partition("-")
    where = rest.split("-")[1:]
    if family != "ucdr" or not where:
        return None
    if where[0] == "emoji":
        return f"emoji/leave-family-out:{where[1]}@1"
    return {style: f"world/leave-style-out:{style}@1" for style in LEFT_OUT}.get(
        where[0], "sketchy125/zero-shot@1" if where[0] == "sketchy" else None
    )


@torch.inference_mode()
def bundle_rows() -> list[Row]:
    """Rows of quality.json of chance, of the frozen trunk and of every bundle ucdr-*, on maps computed once."""
    found: dict[str, list[Candidate]] = {}
    for candidate in bundles([ROOT / "runs" / "bundles"]):
        if name := task_of(candidate.name):
            found.setdefault(name, []).append(candidate)
    return [row for name, candidates in found.items() for row in _rows_on(name, candidates)]


def _rows_on(name: str, candidates: Sequence[Candidate]) -> Iterator[Row]:
    """The rows of one task."""
    maps, floor = _maps_of("sketchy" if name.startswith("sketchy") else name.split("/")[0]), ImageNetTrunk()
    pooled = torch.cat([F.normalize(part.mean(dim=(2, 3)), dim=1) for part in maps.of_view(0)])
    yield quality_row(CHANCE, None, chance(prepare(name)))
    yield from _rows_of(floor.fingerprint, None, floor, maps.table, pooled, name)
    for candidate in candidates:
        if candidate.stages is None:
            continue
        encoder: Any = candidate.load()
        if reason := refusal(encoder, prepare(name)):
            sys.exit(reason)
        record(candidate.name, candidate.stages)
        encode = start_codes if isinstance(encoder.method, Foundation) else codes
        made = torch.cat([encode(encoder.method, part) for part in maps.of_view(0)])
        rows = _rows_of(candidate.name, candidate.seed, encoder, maps.table, made, name)
        sys.stderr.write(f"{candidate.name}, seed {candidate.seed}: {rows[0]['metrics']['mAP@all']}\n")
        yield from rows


@cache
def _maps_of(name: str) -> MappedPictures:
    folder, pictures = PICTURES[name]
    return plain_maps(folder, pictures())


def _packs() -> Path:
    folder = packs_folder()
    if folder is None:
        sys.exit("GUISE_DATA names no folder of packs. Set it.")
    return folder


def _rows_of(
    name: str, seed: int | None, encoder: Any, table: PictureTable, made: torch.Tensor, task: str
) -> list[Row]:
    """Two rows, the second with the means of the domains removed. made: of the pictures of the table, unit rows."""
    memory = Memory()
    memory.keep(encoder, table, made.numpy())
    plain, removed = (evaluate(encoder, prepare(task), memory=memory, mean_removed=part) for part in (False, True))
    return [quality_row(name, seed, plain), quality_row(name + MEAN_REMOVED, seed, removed)]


def main() -> None:
    """Measure what is asked for, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--values", type=Path, help="the folder of what came back")
    parser.add_argument("--pack", type=Path, help="the folder that travelled")
    parser.add_argument("--set", choices=(*SETS, LONGER), default="world", help="its name")
    parser.add_argument("--bundles", action="store_true", help="measure the bundles")
    given = parser.parse_args()
    if given.bundles:
        before: list[Row] = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
        names = [CHANCE, *(name for floor in floors() for name in floor.names)]
        fresh = bundle_rows()
        measured = {row["task"] for row in fresh}
        before = [row for row in before if not (row["task"] in measured and row["bundle"].startswith("ucdr-"))]
        order = list(dict.fromkeys([*names, *(row["bundle"] for row in [*before, *fresh])]))
        write_results(RESULTS, merge_rows(before, fresh, order))
    if given.values:
        kept = [row for row in read_measurements(OUT).rows if not row.subset.startswith(f"{given.set}: ")]
        write_measurements(OUT, [*kept, *measure(Returned(given.values, given.pack / TABLES), given.set)])


if __name__ == "__main__":
    main()
