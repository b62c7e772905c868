"""One script per claim -> results/*.json: `python -m benchmarks.quality`. Threads are settled before numpy or torch."""

from pathlib import Path

from retrieval.threads import settle

settle()

ROOT = Path(__file__).resolve().parent.parent
