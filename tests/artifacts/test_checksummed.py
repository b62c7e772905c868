"""A sealed folder: what was put in comes out, and nothing else does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from retrieval.artifacts.checksummed import fit_into, halved, open_sealed, seal
from retrieval.artifacts.manifest import MANIFEST, read_payload
from retrieval.errors import BundleError
from retrieval.files import sha256

KIND = "guise-thing/1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weights = {"one.safetensors": {"a": torch.arange(3.0)}, "two.safetensors": {"b": torch.ones(2, 2)}}
    seal(tmp_path / "thing", {"format": KIND, "size": 3}, weights)
    return tmp_path / "thing"


def test_what_is_sealed_comes_out_file_by_file(folder: Path) -> None:
    told, weights = open_sealed(folder, KIND)
    assert told == {"format": KIND, "size": 3, "files": {name: sha256(folder / name) for name in weights}}
    assert torch.equal(weights["one.safetensors"]["a"], torch.arange(3.0))
    assert torch.equal(weights["two.safetensors"]["b"], torch.ones(2, 2))


def test_an_error_while_sealing_leaves_the_folder_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match="expected torch"):
        seal(folder, {"format": KIND}, {"one.safetensors": {"a": "no tensor"}})  # type: ignore[dict-item]
    for last in range(2):
        written = iter(range(last, -1, -1))

        def full(path: Path, data: bytes) -> None:
            if next(written) == 0:  # noqa: B023
                raise OSError(28, "No space left on device")
            path.write_bytes(data)

        monkeypatch.setattr("retrieval.files._write", full)
        with pytest.raises(OSError, match="No space left"):
            seal(folder, {"format": KIND}, {"one.safetensors": {"a": torch.zeros(9)}})
        assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_halves_keep_whole_numbers(folder: Path) -> None:
    found = halved({"a": torch.tensor([0.1]), "n": torch.tensor(3)})
    assert (found["a"].dtype, found["n"].dtype) == (torch.float16, torch.int64)


@pytest.mark.parametrize("name", ["one.safetensors", "two.safetensors"])
def test_a_changed_file_refuses_the_whole_folder(folder: Path, name: str) -> None:
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(BundleError, match=f"{name} has the checksum"):
        open_sealed(folder, KIND)


def test_another_kind_or_version_is_refused_by_its_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="'guise-thing/1', but 'guise-other/2' is read here"):
        read_payload(folder, "guise-other/2")
    with pytest.raises(BundleError, match="There is no thing in"):
        open_sealed(tmp_path, KIND)


@pytest.mark.parametrize("files", [None, ["one.safetensors"], "one.safetensors"])
def test_a_manifest_without_checksums_is_refused(folder: Path, files: object) -> None:
    told = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(told | {"files": files}))
    with pytest.raises(BundleError, match="no files with checksums"):
        open_sealed(folder, KIND)


def test_weights_fit_a_module_or_are_refused(folder: Path) -> None:
    module = torch.nn.Linear(2, 3)
    weights = {"weight": torch.ones(3, 2).half(), "bias": torch.zeros(3).half()}
    fit_into(module, weights, folder / "one.safetensors")
    assert module.weight.dtype == torch.float32
    assert torch.equal(module.weight, torch.ones(3, 2))
    for wrong in ({"weight": weights["weight"]}, weights | {"more": torch.zeros(1)}, weights | {"bias": torch.ones(2)}):
        with pytest.raises(BundleError, match="1 tensors differ"):
            fit_into(module, wrong, folder / "one.safetensors")
