"""What the bundles that were measured have seen, whether they are shipped or not: what the gate needs to ask of a row.

A shipped bundle says so in its manifest. Those that are not shipped stand in provenance.json, which `quality` writes
when it measures them: their rows stay when their weights are gone.
"""

from __future__ import annotations

import dataclasses
import json
from functools import cache
from pathlib import Path

from benchmarks import ROOT
from retrieval.artifacts.manifest import Source, Stage, is_sealed, read_manifest
from retrieval.artifacts.provenance import Provenance
from retrieval.evaluation.harness import refuse
from retrieval.evaluation.tasks import Task
from retrieval.files import write_text
from retrieval.schema import fill

RECORD = Path(__file__).with_suffix(".json")
VARIANTS = (
    " + domain mean removed",
    " in bits",
    " by cosine alone",
    " + names",
)  # of a bundle: the same weights, measured in another way
FLOOR = "floor:"


def refusal_of_row(bundle: str, task: Task) -> str | None:
    """Why this bundle of a row must not be measured on the task; None where it may. Raises KeyError for a bundle of
    which nobody knows what it has seen.
    """
    name = base_name(bundle)
    return None if name.startswith(FLOOR) else refuse(name, provenance_of(name), task)


def is_known(bundle: str) -> bool:
    """Whether it is known what this bundle of a row has seen; a floor has seen nothing."""
    name = base_name(bundle)
    return name.startswith(FLOOR) or is_sealed(ROOT / "checkpoints" / name) or name in _recorded(RECORD)


def base_name(bundle: str) -> str:
    """The bundle whose weights were measured in a row.

    >>> base_name("dsn-world in bits")
    'dsn-world'
    """
    for variant in VARIANTS:
        bundle = bundle.removesuffix(variant)
    return bundle


def provenance_of(name: str) -> Provenance:
    """That of a bundle by its name in rows."""
    folder = ROOT / "checkpoints" / name
    if is_sealed(folder):
        return Provenance.of(read_manifest(folder))
    entry = _recorded(RECORD)[name]
    stages = tuple(fill(Stage, stage, RECORD) for stage in entry["stages"])
    return Provenance(stages, tuple(fill(Source, source, RECORD) for source in entry["sources"]))


def record(name: str, provenance: Provenance, path: Path = RECORD) -> None:
    """Write down what a bundle that is not shipped has seen."""
    if is_sealed(ROOT / "checkpoints" / name):
        return
    entries = dict(_recorded(path)) | {name: dataclasses.asdict(provenance)}
    lines = [f"{json.dumps(key)}: {json.dumps(entries[key])}" for key in sorted(entries)]
    write_text(path, "{\n" + ",\n".join(lines) + "\n}\n")
    _recorded.cache_clear()


@cache
def _recorded(path: Path) -> dict[str, dict[str, list[dict[str, object]]]]:
    if not path.is_file():
        return {}
    entries: dict[str, dict[str, list[dict[str, object]]]] = json.loads(path.read_text(encoding="utf-8"))
    return entries
