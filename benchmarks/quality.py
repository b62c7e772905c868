"""Every claim about quality -> results/quality.json: each bundle and each floor on each task.

python benchmarks/quality.py            needs GUISE_DATA, the folder of packs, for the human drawings
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from retrieval.threads import settle  # noqa: E402

settle()

import dataclasses  # noqa: E402

import torch  # noqa: E402

from retrieval.bundle import Bundle, load_bundle  # noqa: E402
from retrieval.data.packs import packs_folder  # noqa: E402
from retrieval.evaluation.floors import RawPixels  # noqa: E402
from retrieval.evaluation.harness import chance, evaluate  # noqa: E402
from retrieval.evaluation.report import markdown_table, quality_row, write_results  # noqa: E402
from retrieval.evaluation.tasks import TASKS, Catalog, task  # noqa: E402
from retrieval.methods import ClipBaseline  # noqa: E402


def untrained(like: Bundle) -> Bundle:
    """The same encoder before training: what its architecture alone is worth."""
    torch.manual_seed(0)
    method = ClipBaseline(like.method.config, like.preprocess).eval()
    return Bundle(dataclasses.replace(like.manifest, name="untrained"), method)


def main() -> None:
    """Measure, print the table, write the file."""
    bundle = load_bundle(ROOT / "checkpoints" / "guise-mini")
    catalog = Catalog(ROOT / "assets" / "gallery", packs_folder())
    rows = []
    for name in TASKS:
        measured = task(name, catalog)
        rows.append(quality_row("floor:chance", None, chance(measured)))
        if name.startswith("quickdraw"):
            rows.append(quality_row("floor:raw-pixels", None, evaluate(RawPixels(), measured)))
        rows.append(quality_row("floor:untrained", None, evaluate(untrained(bundle), measured)))
        rows.append(quality_row("guise-mini", bundle.manifest.seed, evaluate(bundle, measured)))
    write_results(ROOT / "benchmarks" / "results" / "quality.json", rows)
    sys.stdout.write(markdown_table(rows) + "\n")


if __name__ == "__main__":
    main()
