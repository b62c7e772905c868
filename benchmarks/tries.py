"""What short tunings of a prior wrote, as rows -> results/tries.json.

python -m benchmarks.tries TRIED/tries.jsonl

The tunings draw and judge by themselves: `python -m retrieval.training.adapted tries`. Nothing is measured here.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import ROOT
from retrieval.evaluation.disentanglement_tables import LEAK, TRIED
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.report import write_measurements
from retrieval.world.split import ALL

RESULTS = ROOT / "benchmarks" / "results" / "tries.json"


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", type=Path, help="tries.jsonl")
    lines = parser.parse_args().lines.read_text(encoding="utf-8").splitlines()
    write_measurements(RESULTS, [row for line in lines for row in rows_of(json.loads(line))])


def rows_of(line: Mapping[str, Any]) -> Iterator[Measurement]:
    """The rows of one line: what was tried, and the shares that it came to."""
    styles = len(line["styles"])
    how = f"{line['swaps']} swaps of objects of validation, drawn by the prior"
    if line.get("steps"):
        how = f"{line['steps']} steps of training in {line['seconds']} s beside other trainings on one H100; {how}"
    values = {**line, "of paintings": line["styles"]["painting"]}
    chances = dict.fromkeys(TRIED, 1 / styles) | {"class": 1 / len(ALL), "doodles, class": 1 / len(ALL)}
    for measure in (*TRIED, LEAK):
        yield Measurement(measure, values[measure], how, code=line["try"], chance=chances.get(measure, 1 / styles))


if __name__ == "__main__":
    main()
