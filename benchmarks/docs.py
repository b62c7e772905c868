"""Put what was measured into README and docs: results/*.json -> the blocks of README.md and docs/**/*.md.

python -m benchmarks.docs            write them anew
python -m benchmarks.docs --check    only say which pages are out of date

A block stands between <!-- NAME --> and <!-- /NAME -->; its text is replaced by what BLOCKS makes of the results.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import ROOT
from retrieval.artifacts.manifest import MANIFEST
from retrieval.evaluation.disentanglement_tables import disentanglement_tables, tries_table
from retrieval.evaluation.headlines import (
    disentanglement_headline,
    ladder_headline,
    quality_headline,
    swaps_line,
    targets_headline,
    words_headline,
    zero_shot_headline,
)
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.people_tables import people_tables
from retrieval.evaluation.quality_targets import targeted
from retrieval.evaluation.results import FLOOR, Run, read_measurements, read_runs
from retrieval.evaluation.tables import (
    ladder_table,
    measurements_table,
    overview_table,
    quality_tables,
    table,
    world_table,
)
from retrieval.evaluation.ucdr_tables import (
    EARLIER,
    LONGER,
    features_table,
    ucdr_full_table,
    ucdr_hands_tables,
    ucdr_headline,
    ucdr_ladder,
    ucdr_ladder_headline,
    ucdr_tables,
)

RESULTS = ROOT / "benchmarks" / "results"
FLOORS = tuple(f"{FLOOR}{name}" for name in ("chance", "raw-pixels", "hog"))  # of the overview
ZERO_SHOT = "quickdraw-world/zero-shot@1"
OVERVIEW = ("quickdraw-world/all@1", ZERO_SHOT, "sketchy125/zero-shot@1", "emoji/cross-style@1")
UNNAMED = "renders; Quick, Draw!"  # of a manifest without sources: the judge
SHORT = re.compile(r": | by |, without|, through| of the Guise world")  # what follows the name of a set of data
BLOCK = re.compile(r"<!-- ([\w-]+) -->\n.*?<!-- /\1 -->", re.DOTALL)


def shipped() -> tuple[str, ...]:
    """The bundles under checkpoints/."""
    return tuple(sorted(path.parent.name for path in (ROOT / "checkpoints").glob(f"*/{MANIFEST}")))


def bundles_table() -> str:
    """What is under checkpoints/: size, training data and what their licences allow, from the manifests."""
    lines = []
    for name in shipped():
        folder = ROOT / "checkpoints" / name
        payload = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        megabytes = sum((folder / file).stat().st_size for file in payload["files"]) / 1e6
        sources = payload.get("trained_on", [])
        data = dict.fromkeys(SHORT.split(source["data"])[0] for source in sources) or [payload.get("saw", UNNAMED)]
        research = any("research" in source["licence"] for source in sources)
        use = "research" if research else "any, with credit"
        lines.append((f"`{name}`", f"{megabytes:.0f} MB", "; ".join(data), use))
    return table(("bundle", "size", "learnt from", "licences allow"), lines)


def of_runs(results: Path, make: Callable[[Sequence[Run]], str], *, source: bool = True) -> str:
    """The text that is made of quality.json, and by what it was measured."""
    record = read_runs(results / "quality.json")
    return make(record.rows) + (f"\n\nMeasured on {record.machine}." if source else "")


def of_rows(name: str, make: Callable[[Sequence[Measurement]], str], results: Path, *, source: bool = True) -> str:
    """The text that is made of another file, and by what it was measured."""
    if not (results / f"{name}.json").is_file():
        return f"Not measured yet: `python -m benchmarks.{name}`."
    record = read_measurements(results / f"{name}.json")
    return make(record.rows) + (f"\n\nMeasured on {record.machine}." if source else "")


BLOCKS: dict[str, Callable[[Path], str]] = {
    "overview": partial(of_runs, make=lambda runs: overview_table(runs, (*FLOORS, *shipped()), OVERVIEW), source=False),
    "bundles": lambda results: bundles_table(),
    "quality": partial(of_runs, make=quality_tables),
    "targets": partial(of_runs, make=lambda runs: measurements_table(list(targeted(runs))), source=False),
    "targets-headline": partial(of_runs, make=lambda runs: targets_headline(targeted(runs)), source=False),
    "quality-headline": partial(of_runs, make=lambda runs: quality_headline(runs, shipped()), source=False),
    "zero-shot-headline": partial(
        of_runs, make=lambda runs: zero_shot_headline(runs, shipped(), ZERO_SHOT), source=False
    ),
    "ladder": partial(of_rows, "ladder", ladder_table),
    "ladder-headline": partial(
        of_rows,
        "ladder",
        partial(
            ladder_headline,
            whole="dsn-world",
            control="dsn-world-plain",
            starts=("dsn-world-start", "guise-base-zs"),
        ),
        source=False,
    ),
    "disentanglement": partial(of_rows, "disentanglement", disentanglement_tables),
    "disentanglement-headline": partial(of_rows, "disentanglement", disentanglement_headline, source=False),
    "swaps": partial(of_rows, "disentanglement", swaps_line, source=False),
    "tries": partial(of_rows, "tries", tries_table, source=False),
    "ucdr": partial(of_rows, "ucdr", ucdr_tables, source=False),
    "ucdr-starts": partial(of_rows, "ucdr", ucdr_ladder, source=False),
    "ucdr-ladder": partial(of_rows, "ucdr", partial(ucdr_ladder, name=LONGER), source=False),
    "ucdr-ladder-headline": partial(of_rows, "ucdr", ucdr_ladder_headline, source=False),
    "ucdr-earlier": partial(of_rows, "ucdr", partial(ucdr_ladder, name=EARLIER), source=False),
    "ucdr-full": partial(of_rows, "ucdr", ucdr_full_table),
    "ucdr-hands": partial(of_rows, "ucdr", ucdr_hands_tables, source=False),
    "ucdr_features": partial(of_rows, "ucdr_features", features_table),
    "ucdr-headline": partial(of_rows, "ucdr", ucdr_headline, source=False),
    "people": partial(of_rows, "people", people_tables),
    "world": partial(of_rows, "world", world_table),
    **{name: partial(of_rows, name, measurements_table) for name in ("cutoff", "hub", "own_photos", "speed", "words")},
    "words-headline": partial(of_rows, "words", words_headline, source=False),
    **{
        f"{name}-headline": partial(of_rows, name, targets_headline, source=False)
        for name in ("world", "cutoff", "speed")
    },
}


def pages() -> Iterator[Path]:
    """README and docs."""
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def fill_blocks(text: str, results: Path = RESULTS) -> str:
    """The text with its blocks made anew. Raises KeyError for a block that BLOCKS does not know."""
    return BLOCK.sub(lambda match: f"<!-- {match[1]} -->\n{BLOCKS[match[1]](results)}\n<!-- /{match[1]} -->", text)


def main() -> None:
    """Write the pages that have changed, or only name them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    check = parser.parse_args().check
    changed = 0
    for page in pages():
        text = page.read_text(encoding="utf-8")
        filled = fill_blocks(text)
        if filled != text:
            changed += 1
            sys.stdout.write(f"{page.relative_to(ROOT)}{' is out of date' if check else ''}\n")
            if not check:
                page.write_text(filled, encoding="utf-8")
    sys.exit(1 if check and changed else 0)


if __name__ == "__main__":
    main()
