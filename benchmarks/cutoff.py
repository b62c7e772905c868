"""What "no confident match" keeps and refuses on the test's drawings and words -> results/cutoff.json.

python -m benchmarks.cutoff             needs GUISE_DATA, the folder of packs

Real queries are people's held-out drawings of the world's classes, and the classes' names; nonsense are drawings and
names of strangers, things that no bundle with a cut-off was trained on and that the gallery does not hold. What was
looked at before it was set is told in docs/results/quality.md. What decides is what decides
for visitors: names, if the bundle was calibrated for them (`retrieval.relevance`), else the best score.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import ROOT
from retrieval.data.nonsense_classes import STRANGERS, TEST
from retrieval.data.readers.packs import packs_folder
from retrieval.data.readers.quickdraw import quickdraw, quickdraw_labels
from retrieval.engine import Engine, Settings
from retrieval.evaluation.measurement import Measurement, Target
from retrieval.evaluation.report import write_measurements
from retrieval.training.calibration import wordings
from retrieval.types import SKETCH, ImageQuery, Query, TextQuery
from retrieval.world.split import ALL

KEPT, REFUSED = Target(">=", 0.9), Target(">=", 0.95)
KNOWN = 20  # every so many drawings of other things that were trained on


def main() -> None:
    """Measure, print, write the file."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    engine = Engine(Settings())
    engine.wait()
    pack = packs / "quickdraw345"
    others = [label for label in quickdraw_labels(pack) if label not in ALL and label not in STRANGERS]
    rows = [
        row(engine, "drawings kept", drawn(pack, ALL), KEPT, "held-out drawings of the world's classes", kept=True),
        row(engine, "drawings refused", drawn(pack, TEST), REFUSED, f"drawings of {len(TEST)} strangers", kept=False),
        row(
            engine, "drawings of known others refused", drawn(pack, others)[::KNOWN], None,
            "held-out drawings of other things, which were trained on", kept=False,
        ),
        row(engine, "texts kept", said(ALL), KEPT, "names of the world's classes in four wordings", kept=True),
        row(engine, "texts refused", said(TEST), REFUSED, f"names of {len(TEST)} strangers, likewise", kept=False),
    ]  # fmt: skip
    write_measurements(ROOT / "benchmarks" / "results" / "cutoff.json", rows)
    for line in rows:
        sys.stdout.write(f"{line.name}: {line.value} (target {line.target}) {line.how}\n")


def drawn(pack: Path, labels: Sequence[str]) -> list[Query]:
    """People's held-out drawings, as the app reads them."""
    return [ImageQuery(row.picture.open(), SKETCH) for row in quickdraw(pack, labels, "test")]


def said(labels: Sequence[str]) -> list[Query]:
    """The names in their wordings."""
    return [TextQuery(text) for label in labels for text in wordings(label)]


def row(
    engine: Engine, measure: str, queries: Sequence[Query], target: Target | None, how: str, *, kept: bool
) -> Measurement:
    """The share of the queries that get a confident match (kept), or none (refused)."""
    confident = [engine.search(query, k=1).confident for query in queries]
    value = sum(answer == kept for answer in confident) / len(confident)
    return Measurement(measure, round(value, 3), f"{len(queries)} {how}", target=target)


if __name__ == "__main__":
    main()
