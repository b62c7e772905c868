"""Put the measured tables into the README: results/*.json -> README.md."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from retrieval.evaluation.report import readme_with_results  # noqa: E402

if __name__ == "__main__":
    path = ROOT / "README.md"
    path.write_text(
        readme_with_results(path.read_text(encoding="utf-8"), ROOT / "benchmarks" / "results"), encoding="utf-8"
    )
