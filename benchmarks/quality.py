"""Every claim about quality -> results/quality.json: each bundle and each floor on each task.

python -m benchmarks.quality                                   everything; needs GUISE_DATA, the folder of packs
python -m benchmarks.quality --only-task people/text@1         these lines alone are measured again, the others stay
python -m benchmarks.quality --only-bundle dsn --only-bundle floor:hog

Bundles are the folders of checkpoints/ and runs/bundles/. A bundle is called like its folder, without the seed at the
end: runs/bundles/dsn-1, trained with seed 1, is a row of `dsn`. What a bundle must not be measured on is left out.
Rows of bundles and seeds that are not here, for not all are shipped, stay as they were measured; those that the gate
refuses, by what the bundle has seen, go.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from benchmarks.provenance import is_known, record, refusal_of_row
from retrieval.artifacts.bundle import ROTATION, Bundle, load_bundle
from retrieval.artifacts.manifest import FORMAT, MANIFEST, read_manifest
from retrieval.artifacts.provenance import Provenance
from retrieval.data.readers.packs import packs_folder
from retrieval.encoder import Encoder
from retrieval.errors import RetrievalError
from retrieval.evaluation.binary import InBits
from retrieval.evaluation.floors import IMAGE_FLOORS, UNTRAINED, ImageNetTrunk, untrained
from retrieval.evaluation.harness import Memory, chance, evaluate, refusal
from retrieval.evaluation.report import quality_row, write_results
from retrieval.evaluation.results import read_runs
from retrieval.evaluation.tables import quality_tables
from retrieval.evaluation.tasks import TASKS, Catalog, Task, task
from retrieval.relevance import names_for

RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
EMBEDDED = ROOT / "checkpoints" / "guise-base"
CATALOG = Catalog(ROOT / "assets" / "gallery", packs_folder(), ROOT / "assets" / "people" / "street")
CHANCE = "floor:chance"
MEAN_REMOVED = " + domain mean removed"
IN_BITS = " in bits"
ONE_STAGE = " by cosine alone"
BY_NAMES = " + names"
PEOPLE = "people/text@1"

Row = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """What can be measured under a name; `mean_removed` says that it is measured a second time without the means of
    the domains.
    """

    name: str
    seed: int | None
    load: Callable[[], Encoder]
    images_only: bool = False
    mean_removed: bool = False
    stages: Provenance | None = None  # what it has seen, where it is a bundle

    @property
    def names(self) -> tuple[str, ...]:
        """The bundles of its rows."""
        return (self.name, *(self.name + ending for ending in (MEAN_REMOVED, ONE_STAGE, BY_NAMES) if self.mean_removed))


def floors() -> list[Candidate]:
    """What every bundle must beat."""
    plain = [
        Candidate(name, None, load, images_only=True, mean_removed=name == ImageNetTrunk.fingerprint)
        for name, load in IMAGE_FLOORS.items()
    ]
    return [*plain, Candidate(UNTRAINED, None, lambda: untrained(load_bundle(EMBEDDED)))]


def bundles(folders: Sequence[Path]) -> list[Candidate]:
    """Every bundle in these folders, by name and seed; of two with one name and seed, the first."""
    candidates: dict[tuple[str, int], Candidate] = {}
    for path in sorted(p for folder in folders for p in folder.glob(f"*/{MANIFEST}")):
        if json.loads(path.read_text(encoding="utf-8"))["format"] != FORMAT:
            continue  # sealed, but no encoder: a prior, a judge
        manifest = read_manifest(path.parent)
        seed = manifest.seed
        name = path.parent.name.removesuffix(f"-{seed}")
        candidates.setdefault(
            (name, seed),
            Candidate(name, seed, partial(load_bundle, path.parent), mean_removed=True, stages=Provenance.of(manifest)),
        )
        if ROTATION in manifest.files:
            in_bits = Candidate(name + IN_BITS, seed, partial(_in_bits, path.parent), images_only=True)
            candidates.setdefault((name + IN_BITS, seed), in_bits)
    return [candidates[key] for key in sorted(candidates)]


def _in_bits(folder: Path) -> InBits:
    return InBits(load_bundle(folder))


@cache
def prepare(name: str) -> Task:
    """Build the task, once."""
    return task(name, CATALOG)


def rows_of(candidate: Candidate, names: Sequence[str], memory: Memory) -> Iterator[Row]:
    """The candidate on every task that it may be measured on."""
    encoder = candidate.load()
    known = names_for(encoder) if isinstance(encoder, Bundle) else None
    for name in names:
        measured = prepare(name)
        if measured.asks_with_texts and (candidate.images_only or not getattr(encoder, "reads_texts", True)):
            continue
        if reason := refusal(encoder, measured):
            sys.stderr.write(f"left out: {reason}\n")
            continue
        if getattr(encoder, "reranks", False):
            if name == PEOPLE:  # it has seen figures alone
                report = evaluate(encoder, measured, memory=memory, reranked=True)
                yield quality_row(candidate.name, candidate.seed, report)
                yield quality_row(
                    candidate.name + ONE_STAGE, candidate.seed, evaluate(encoder, measured, memory=memory)
                )
            continue
        yield quality_row(candidate.name, candidate.seed, evaluate(encoder, measured, memory=memory))
        if candidate.mean_removed and not measured.asks_with_texts:
            report = evaluate(encoder, measured, memory=memory, mean_removed=True)
            yield quality_row(candidate.name + MEAN_REMOVED, candidate.seed, report)
        if known:
            report = evaluate(encoder, measured, memory=memory, names=known)
            yield quality_row(candidate.name + BY_NAMES, candidate.seed, report)


def allowed(rows: Sequence[Row]) -> list[Row]:
    """The rows that the gate does not refuse. Of a bundle of which nobody knows what it has seen, they stay."""
    kept = []
    for row in rows:
        reason = refusal_of_row(row["bundle"], prepare(row["task"])) if is_known(row["bundle"]) else None
        if reason:
            sys.stderr.write(f"removed: {reason}\n")
        else:
            kept.append(row)
    return kept


def merge_rows(old: Sequence[Row], new: Sequence[Row], bundle_order: Sequence[str]) -> list[Row]:
    """The old rows, with those that were measured again replaced, by task, bundle and seed."""
    both = {(row["bundle"], row["task"], row["seed"]): row for row in [*old, *new]}

    def place(row: Row) -> tuple[int, str, int, str, int]:
        tasks, bundle = list(TASKS), row["bundle"]
        at = tasks.index(row["task"]) if row["task"] in tasks else len(tasks)
        where = bundle_order.index(bundle) if bundle in bundle_order else len(bundle_order)
        return at, row["task"], where, bundle, -1 if row["seed"] is None else row["seed"]

    return sorted(both.values(), key=place)


def main() -> None:
    """Measure, write the file after every bundle, print the table."""
    words = argparse.ArgumentParser(description="Measure bundles and floors on tasks -> results/quality.json.")
    words.add_argument("--only-task", action="append", choices=list(TASKS), help="may be repeated (default: all)")
    words.add_argument("--only-bundle", action="append", help="a bundle or floor; may be repeated (default: all)")
    asked = words.parse_args()
    candidates = [*floors(), *bundles([ROOT / "checkpoints", ROOT / "runs" / "bundles"])]
    order = [CHANCE, *dict.fromkeys(name for candidate in candidates for name in candidate.names)]
    wanted = asked.only_bundle or order
    if unknown := [name for name in wanted if name not in order]:
        sys.exit(f"There is no bundle {unknown[0]!r}. Choose among {', '.join(order)}.")
    tasks = asked.only_task or list(TASKS)
    before: list[Row] = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.is_file() else []
    rows: list[Row] = []
    try:
        if CHANCE in wanted:
            rows += [quality_row(CHANCE, None, chance(prepare(name))) for name in tasks]
        for candidate in candidates:
            if set(candidate.names) & set(wanted):
                sys.stderr.write(f"{candidate.name}, seed {candidate.seed}\n")
                if candidate.stages is not None:
                    record(candidate.name, candidate.stages)
                fresh = rows_of(candidate, tasks, Memory())
                rows += [row for row in fresh if row["bundle"] in wanted]
                write_results(RESULTS, merge_rows(before, rows, order))  # nothing is lost if the next one fails
    except RetrievalError as error:
        sys.exit(str(error))
    everything = allowed(merge_rows(before, rows, order))
    if absent := {row["bundle"] for row in before} - set(order):
        sys.stderr.write(f"kept as measured before, their bundles are not here: {', '.join(sorted(absent))}\n")
    write_results(RESULTS, everything)
    sys.stdout.write(quality_tables(read_runs(RESULTS).rows) + "\n")


if __name__ == "__main__":
    main()
