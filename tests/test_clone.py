"""A clone of the project without checkpoints: what `hub.json` lists is fetched, once, and then works offline.

Copies of the package run as programs of their own, against a Hub on 127.0.0.1.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import toy_bundles
from tests.artifacts.hub_client import OWNER
from tests.loopback_hub import TOKEN, LoopbackHub, serving

PACKAGE = Path(__file__).resolve().parents[1] / "retrieval"
SEARCH = """
import dataclasses, json, sys, time
from pathlib import Path
from retrieval.engine import Engine, Settings
from retrieval.types import TextQuery
settings = Settings.from_environment()
for bundle in sys.argv[1:] or [settings.bundle]:
    engine = Engine(dataclasses.replace(settings, bundle=Path(bundle)))
    shown = {engine.progress}
    engine.warm()
    while not (engine.ready or engine.trouble):
        shown.add(engine.progress)
        time.sleep(0.005)
    hits = [] if engine.trouble else [hit.item.id for hit in engine.search(TextQuery("red"), k=3).hits]
    print(json.dumps({
        "hits": hits, "notice": engine.served().notice, "shown": sorted(shown),
        "methods": [choice.title for choice in engine.methods], "about": engine.about.get("fingerprint"),
    }))
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[LoopbackHub]:
    with serving() as hub:
        yield hub


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory, hub: LoopbackHub) -> Path:
    """A copy with checkpoints, which were all published."""
    home = copy_to(tmp_path_factory.mktemp("shipped"))
    toy_bundles.bundle(home / "checkpoints" / "guise-base")
    toy_bundles.dsn_bundle(home / "checkpoints" / "dsn-world")
    said = run(home, hub.url, "-m", "retrieval", "bundle", "push", "--all", OWNER, HF_TOKEN=TOKEN)
    assert "hub.json lists them: commit it" in said
    return home


@pytest.fixture(scope="module")
def bare(shipped: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that has of the checkpoints their list alone."""
    home = copy_to(tmp_path_factory.mktemp("bare"))
    shutil.copy(shipped / "checkpoints" / "hub.json", home / "checkpoints")
    return home


def copy_to(home: Path) -> Path:
    shutil.copytree(PACKAGE, home / "retrieval", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "checkpoints").mkdir()
    return home


def run(home: Path, url: str, *arguments: str, **environment: str) -> str:
    settings = {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home / "cache"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "PYTHONPATH": str(home),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=home, env=os.environ | settings | environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def search(home: Path, url: str, pictures: Path, *bundles: str) -> list[dict[str, Any]]:
    """What a search with each of the bundles, or with the default, answers."""
    lines = run(home, url, "-c", SEARCH, *bundles, GUISE_GALLERY=str(pictures)).splitlines()
    return [json.loads(line) for line in lines[-max(len(bundles), 1) :]]


def test_the_list_names_repository_and_commit_of_every_checkpoint(shipped: Path, hub: LoopbackHub) -> None:
    listed = json.loads((shipped / "checkpoints" / "hub.json").read_text())
    assert {name: (entry["repository"], entry["commit"]) for name, entry in listed.items()} == {
        name: (f"{OWNER}/{name}", hub.repositories[f"{OWNER}/{name}"].head) for name in ("dsn-world", "guise-base")
    }


def test_a_clone_without_checkpoints_fetches_what_it_needs_and_starts_again_without_the_hub(
    bare: Path, shipped: Path, hub: LoopbackHub, pictures: Path
) -> None:
    [first] = search(bare, hub.url, pictures)
    assert len(first["hits"]) == 3
    assert first["methods"] == ["From the Hub · guise-base", "From the Hub · dsn-world"]
    assert any(re.fullmatch(r"Fetching guise-base from the Hub: [\d.]+ of [\d.]+ MB", line) for line in first["shown"])
    assert not any("dsn-world" in path for _, path, _ in hub.requests if "/resolve/" in path), "nobody asked for it"
    with serving() as gone:
        url = gone.url
    [again] = search(bare, url, pictures)
    assert (again["hits"], again["about"]) == (first["hits"], first["about"])
    assert again["methods"][0] == "Plain encoder · guise-base"


def test_a_clone_with_checkpoints_asks_the_network_only_for_what_is_named_elsewhere(
    shipped: Path, hub: LoopbackHub, pictures: Path
) -> None:
    """And where that cannot be had, the embedded bundle answers."""
    hub.requests.clear()
    missing = f"hf:{OWNER}/missing@{'0' * 40}"
    embedded, instead = search(shipped, hub.url, pictures, "checkpoints/guise-base", missing)
    assert len(embedded["hits"]) == 3
    assert not embedded["notice"]
    assert instead["hits"] == embedded["hits"]
    assert instead["notice"].startswith(f"{missing} could not be fetched: there is no such repository")
    assert instead["notice"].endswith("Meanwhile guise-base answers.")
    assert [path for _, path, _ in hub.requests] == [f"/api/models/{OWNER}/missing/revision/{'0' * 40}"]
