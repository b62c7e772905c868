"""What "no confident match" keeps and refuses on data that it was not set on -> results/cutoff.json.

python benchmarks/cutoff.py             needs GUISE_DATA, the folder of packs

Real queries are people's held-out drawings of the world's classes, and the classes' names; nonsense are drawings and
names of strangers, things that nothing was trained on and that the gallery does not hold. What decides is what decides
for visitors: names, if the bundle was calibrated for drawings by them (`retrieval.relevance`), else the best cosine.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from retrieval.threads import settle  # noqa: E402

settle()

from collections.abc import Sequence  # noqa: E402
from typing import Any  # noqa: E402

from retrieval.data.nonsense_classes import STRANGERS, TEST  # noqa: E402
from retrieval.data.readers.packs import packs_folder  # noqa: E402
from retrieval.data.readers.quickdraw import quickdraw, quickdraw_labels  # noqa: E402
from retrieval.engine import Engine, Settings  # noqa: E402
from retrieval.evaluation.report import write_results  # noqa: E402
from retrieval.training.cutoffs import WORDINGS  # noqa: E402
from retrieval.types import SKETCH, ImageQuery, Query, TextQuery  # noqa: E402
from retrieval.world.captions import article  # noqa: E402
from retrieval.world.split import ALL  # noqa: E402

KNOWN = 20  # every so many drawings of other things that were trained on
Row = dict[str, Any]


def main() -> None:
    """Measure, print, write the file."""
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    engine = Engine(Settings())
    engine.wait()
    pack = packs / "quickdraw345"
    others = [label for label in quickdraw_labels(pack) if label not in ALL and label not in STRANGERS]
    rows = [
        row(engine, "drawings_kept", drawn(pack, ALL), ">= 0.9", "held-out drawings of the world's classes", kept=True),
        row(engine, "drawings_refused", drawn(pack, TEST), ">= 0.95", f"drawings of {len(TEST)} strangers", kept=False),
        row(
            engine, "drawings_of_known_others_refused", drawn(pack, others)[::KNOWN], "",
            "held-out drawings of other things, which were trained on", kept=False,
        ),
        row(engine, "texts_kept", said(ALL), ">= 0.9", "names of the world's classes in four wordings", kept=True),
        row(engine, "texts_refused", said(TEST), ">= 0.95", f"names of {len(TEST)} strangers, likewise", kept=False),
    ]  # fmt: skip
    write_results(ROOT / "benchmarks" / "results" / "cutoff.json", rows)
    for one in rows:
        sys.stdout.write(f"{one['name']}: {one['value']} (wanted {one['wanted']}) {one['how']}\n")


def drawn(pack: Path, labels: Sequence[str]) -> list[Query]:
    """People's held-out drawings, as the app reads them."""
    return [ImageQuery(row.picture.open(), SKETCH) for row in quickdraw(pack, labels, "test")]


def said(labels: Sequence[str]) -> list[Query]:
    """The names in their wordings."""
    return [TextQuery(w.format(label, article(label))) for label in labels for w in WORDINGS]


def row(engine: Engine, name: str, queries: Sequence[Query], wanted: str, how: str, *, kept: bool) -> Row:
    """The share of the queries that get a confident match (kept), or none (refused)."""
    confident = [engine.search(query, k=1).confident for query in queries]
    value = sum(found == kept for found in confident) / len(confident)
    return {"name": name, "value": round(value, 3), "unit": "share", "wanted": wanted, "how": f"{len(queries)} {how}"}


if __name__ == "__main__":
    main()
