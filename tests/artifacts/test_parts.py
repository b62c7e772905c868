"""Folders that a bundle refers to: they are the ones that are meant, and are opened once for all who share them."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from retrieval.artifacts import references
from retrieval.artifacts.bundle import load_bundle, save_bundle
from retrieval.artifacts.manifest import MANIFEST, Manifest, Reference, read_manifest, reference_to
from retrieval.artifacts.parts import load_part
from retrieval.artifacts.references import resolve
from retrieval.cli import main
from retrieval.errors import BundleError
from retrieval.images import Preprocess
from retrieval.methods import Batch, ClipBaseline, Method, Phase
from retrieval.methods.catalog import METHODS, Entry
from retrieval.types import Domain
from tests.artifacts.test_bundle import TINY

TOWER = "text tower"


@dataclasses.dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Towered(Method):
    """Pictures by one layer of its own; words by a shared tower."""

    config_type = Config
    roles = (TOWER,)

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        self.layer = nn.Linear(3, 16)

    @property
    def dim(self) -> int:
        return 16

    def phases(self) -> Sequence[Phase]:
        return ()

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        return {}

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        return nn.functional.normalize(self.layer(images.mean(dim=(2, 3))), dim=1)

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        return self.parts[TOWER].encode_texts(texts)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tower, and two bundles, `one` and `two`, that refer to it."""
    monkeypatch.setitem(METHODS, "towered", Entry(f"{__name__}:Towered", "Towered"))
    tower = ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32))
    config = dataclasses.asdict(tower.config)
    save_bundle(tmp_path / "tower", tower, Manifest("tower", "clip-baseline", config, Preprocess(32), (), (), 16, {}))
    reference = {TOWER: reference_to(tmp_path / "tower")}
    for name in ("one", "two"):
        described = Manifest(name, "towered", {}, Preprocess(32), (), (), 16, {}, refers_to=reference)
        save_bundle(tmp_path / name, Towered(Config(), Preprocess(32)), described)
    return tmp_path


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    payload = json.loads((folder / MANIFEST).read_text())
    change(payload)
    (folder / MANIFEST).write_text(json.dumps(payload))


def test_a_bundle_computes_with_the_folder_that_it_refers_to(home: Path) -> None:
    expected = load_bundle(home / "tower").encode_texts(["a duck"])
    assert torch.equal(load_bundle(home / "one").encode_texts(["a duck"]), expected)


def test_what_several_bundles_share_is_opened_once(home: Path) -> None:
    first, second = load_bundle(home / "one"), load_bundle(home / "two")
    assert first.method.parts[TOWER] is second.method.parts[TOWER]


def test_what_is_shared_is_not_saved_with_the_bundle(home: Path) -> None:
    assert set(load_bundle(home / "one").method.state_dict()) == {"layer.weight", "layer.bias"}


def test_a_shared_folder_is_looked_for_under_checkpoints_too(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("runs")
    shutil.move(home / "one", elsewhere / "one")
    monkeypatch.setattr(references, "CHECKPOINTS", home)
    assert load_bundle(elsewhere / "one").method.parts[TOWER].manifest.name == "tower"


def test_a_missing_folder_is_told_with_its_role_and_its_name(home: Path) -> None:
    shutil.rmtree(home / "tower")
    with pytest.raises(BundleError, match=r"refers to the text tower 'tower', but neither .* holds it\. Put it beside"):
        load_bundle(home / "one")


def test_a_folder_with_another_checksum_is_refused(home: Path) -> None:
    rewrite(home / "tower", lambda payload: payload.update(seed=1))
    with pytest.raises(BundleError, match=r"has the checksum .*, but .* refers to the text tower .* Restore both"):
        load_bundle(home / "one")


def test_a_shared_folder_with_a_changed_file_is_refused(home: Path) -> None:
    weights = home / "tower" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError, match="has the checksum"):
        load_bundle(home / "one")


def test_a_bundle_without_the_reference_that_its_method_needs_is_refused(home: Path) -> None:
    rewrite(home / "one", lambda payload: payload.update(refers_to={}))
    with pytest.raises(BundleError, match="refers to no text tower, which towered computes with"):
        load_bundle(home / "one")


@pytest.mark.parametrize("name", ["../tower", "a/b", "", "..", "/tower", "a\\b"])
def test_a_reference_never_leaves_the_folder_of_bundles(home: Path, name: str) -> None:
    rewrite(home / "one", lambda payload: payload["refers_to"][TOWER].update(folder=name))
    with pytest.raises(BundleError, match="folder is "):
        read_manifest(home / "one")


def test_a_reference_to_an_unknown_format_says_which_are_known(home: Path) -> None:
    rewrite(home / "tower", lambda payload: payload.update(format="guise-song/1"))
    with pytest.raises(BundleError, match="has the format 'guise-song/1', but guise-bundle/1, guise-prior/1"):
        load_part(home / "one", TOWER, reference_to(home / "tower"))


def test_the_fingerprint_changes_with_the_folder_that_a_bundle_computes_with(home: Path) -> None:
    before = load_bundle(home / "one").fingerprint
    rewrite(home / "tower", lambda payload: payload.update(seed=1))
    rewrite(
        home / "one", lambda payload: payload["refers_to"][TOWER].update(sha256=reference_to(home / "tower").sha256)
    )
    assert load_bundle(home / "one").fingerprint != before


def test_verify_checks_folders_that_a_bundle_only_names(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rewrite(home / "tower", lambda payload: payload.update(refers_to={"prior": {"folder": "x", "sha256": "0" * 64}}))
    assert main(["bundle", "verify", str(home / "tower")]) == 2
    assert "refers to the prior 'x'" in capsys.readouterr().err


def test_verify_checks_what_a_part_refers_to_in_turn_and_every_file(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here the bundle computes with the tower, which only names the third."""
    third = home / "third"
    shutil.copytree(home / "two", third)
    rewrite(third, lambda payload: payload.update(refers_to={}))
    for upper, role, lower in (("tower", "prior", "third"), ("one", TOWER, "tower")):
        reference = dataclasses.asdict(reference_to(home / lower))
        rewrite(home / upper, lambda payload, added={role: reference}: payload.update(refers_to=added))
    assert main(["bundle", "verify", str(home / "one")]) == 0
    (third / "model.safetensors").write_bytes(b"?")
    assert main(["bundle", "verify", str(home / "one")]) == 2
    assert "third/model.safetensors has the checksum" in capsys.readouterr().err
    shutil.rmtree(third)
    assert main(["bundle", "verify", str(home / "one")]) == 2
    assert "refers to the prior 'third'" in capsys.readouterr().err


def test_shipped_references_hold() -> None:
    for path in references.CHECKPOINTS.glob(f"*/{MANIFEST}"):
        listed = json.loads(path.read_text(encoding="utf-8")).get("refers_to") or {}
        for role, reference in listed.items():
            resolve(path.parent, role, Reference(**reference))
