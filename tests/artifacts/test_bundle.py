"""The only door for weights: what is whole comes in, everything else is refused with a reason."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.artifacts.bundle import Bundle, load_bundle, save_bundle
from retrieval.artifacts.card import CARD, card
from retrieval.artifacts.manifest import MANIFEST, WEIGHTS, Manifest, Source
from retrieval.artifacts.rotation import Rotation
from retrieval.errors import BundleError
from retrieval.images import Preprocess
from retrieval.methods import ClipBaseline
from retrieval.types import PHOTO

TINY = {"trunk": "test_resnet", "dim": 16, "text_width": 8, "text_layers": 1, "text_heads": 2, "context_length": 8}


@pytest.fixture(scope="module")
def method() -> ClipBaseline:
    torch.manual_seed(0)
    return ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32)).eval()


@pytest.fixture
def folder(tmp_path: Path, method: ClipBaseline) -> Path:
    config = dataclasses.asdict(method.config)
    told = Manifest("tiny", "clip-baseline", config, method.preprocess, ("photo",), ("duck",), method.dim, {})
    save_bundle(tmp_path / "tiny", method, told)
    return tmp_path / "tiny"


def changed(folder: Path, change: Callable[[dict], None]) -> None:
    told = json.loads((folder / MANIFEST).read_text())
    change(told)
    (folder / MANIFEST).write_text(json.dumps(told))


def codes(encoder: Bundle | ClipBaseline) -> torch.Tensor:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return torch.cat([encoder.encode_images(images, [PHOTO, PHOTO]), encoder.encode_texts(["a duck"])])


def test_a_saved_bundle_encodes_as_before_up_to_half_precision(folder: Path, method: ClipBaseline) -> None:
    loaded = load_bundle(folder)
    assert torch.allclose(codes(loaded), codes(method), atol=5e-3)
    assert torch.allclose(codes(loaded).norm(dim=1), torch.ones(3), atol=1e-5)


def test_a_bundle_brings_a_card_with_every_source_its_licence_and_what_was_never_seen(folder: Path) -> None:
    told = dataclasses.replace(
        load_bundle(folder).manifest,
        trained_on=(Source("drawings", "CC BY 4.0", 1200), Source("renders", "Apache-2.0", 7)),
        unseen_classes=("bat", "pear"),
    )
    assert "| drawings | 1,200 | CC BY 4.0 |\n| renders | 7 | Apache-2.0 |" in card(told)
    assert "Bat, pear." in card(told)
    assert (folder / CARD).read_text(encoding="utf-8") == card(load_bundle(folder).manifest)


def test_a_rotation_comes_back_and_a_wrong_one_is_refused(folder: Path, method: ClipBaseline, tmp_path: Path) -> None:
    turned = Rotation(
        *(np.arange(n, dtype=np.float32).reshape(shape) for n, shape in ((16, 16), (128, (8, 16)), (8, 8)))
    )
    told = load_bundle(folder).manifest
    save_bundle(tmp_path / "turned", method, told, turned)
    found = load_bundle(tmp_path / "turned").rotation
    assert load_bundle(folder).rotation is None
    assert found is not None
    assert all(np.array_equal(getattr(found, name), getattr(turned, name)) for name in ("mean", "matrix", "offset"))
    save_bundle(tmp_path / "wrong", method, told, dataclasses.replace(turned, mean=np.zeros(15, np.float32)))
    with pytest.raises(BundleError, match="not those for 16 numbers"):
        load_bundle(tmp_path / "wrong")


def test_a_bundle_made_before_there_were_concepts_opens_without_any(folder: Path) -> None:
    changed(folder, lambda told: told.update(concepts=["camel", "duck"]))
    assert load_bundle(folder).manifest.concepts == ("camel", "duck")
    changed(folder, lambda told: told.pop("concepts"))
    assert load_bundle(folder).manifest.concepts == ()


def test_loading_twice_gives_the_same_vectors_and_fingerprint(folder: Path) -> None:
    first, second = load_bundle(folder), load_bundle(folder)
    assert first.fingerprint == second.fingerprint
    assert torch.equal(codes(first), codes(second))


def test_pictures_follow_the_weights_to_their_device(folder: Path) -> None:
    elsewhere = load_bundle(folder, "meta")  # a device that every machine has
    assert elsewhere.encode_images(torch.rand(2, 3, 32, 32), [PHOTO, PHOTO]).device.type == "meta"
    assert elsewhere.encode_texts(["a duck"]).device.type == "meta"


def test_the_fingerprint_changes_with_the_preprocessing(folder: Path) -> None:
    before = load_bundle(folder).fingerprint
    changed(folder, lambda told: told["preprocess"].update(mean=[0.4, 0.5, 0.5]))
    assert load_bundle(folder).fingerprint != before


def test_one_flipped_byte_is_refused(folder: Path) -> None:
    data = bytearray((folder / WEIGHTS).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / WEIGHTS).write_bytes(data)
    with pytest.raises(BundleError, match="checksum"):
        load_bundle(folder)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(BundleError, match=r"model\.safetensors is missing"):
        load_bundle(folder)


def test_a_folder_without_a_manifest_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="There is no bundle"):
        load_bundle(tmp_path)


def test_a_pickle_in_place_of_safetensors_is_never_executed(folder: Path, tmp_path: Path) -> None:
    import hashlib

    marker = tmp_path / "executed"

    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (marker,)

    (folder / WEIGHTS).write_bytes(pickle.dumps(Trap()))
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    changed(folder, lambda told: told["files"].update({WEIGHTS: digest}))
    with pytest.raises(BundleError, match="is not a safetensors file"):
        load_bundle(folder)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["../secret.safetensors", "weights.bin", "/etc/passwd"])
def test_a_file_of_another_kind_or_place_is_refused(folder: Path, name: str) -> None:
    changed(folder, lambda told: told["files"].update({name: "0" * 64}))
    with pytest.raises(BundleError, match=r"only \.safetensors and \.json"):
        load_bundle(folder)


def test_an_unknown_option_names_the_nearest_one(folder: Path) -> None:
    changed(folder, lambda told: told["config"].update(text_widht=8))
    with pytest.raises(BundleError, match="Did you mean 'text_width'"):
        load_bundle(folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: told.update(format="guise-bundle/99"), "has the format 'guise-bundle/99'"),
        (lambda told: told.update(method="magic"), "needs the method 'magic'"),
        (lambda told: told.pop("dim"), "lacks or misnames"),
        (lambda told: told.update(dim=17), "says that codes have 17 numbers, but its config makes 16"),
        (lambda told: told["config"].update(text_heads=3), "no network can be built"),
        (lambda told: told["config"].update(context_length=2_000_000), "parameters, more than"),
        (lambda told: told["config"].update(text_layers=1_000_000), "text_layers is 1000000"),
        (lambda told: told["config"].update(trunk="hf-hub:somebody/else"), "trunk is 'hf-hub:somebody/else'"),
        (lambda told: told["config"].update(text_layers=2), "does not fit its config"),
        (lambda told: told["config"].update(text_width=200_000_000), "parameters, more than"),
    ],
)
def test_a_manifest_that_promises_something_else_is_refused(
    folder: Path, change: Callable[[dict], None], says: str
) -> None:
    changed(folder, change)
    with pytest.raises(BundleError, match=says):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["../../../x", "a/b", "a\\b", "..", ".hidden", "", "a" * 81, "a\n", "a·b", 7, None])
def test_a_name_that_would_lead_a_folder_elsewhere_is_refused(folder: Path, name: object) -> None:
    changed(folder, lambda told: told.update(name=name))
    with pytest.raises(BundleError, match="name is "):
        load_bundle(folder)


WRONG = {  # entry -> values that it must not have
    "method": [7, None, ["dsn"]],
    "config": [7, [], None, {"dim": "16"}, {"dim": True}, {"dim": 16.5}, {"lr": [1]}],
    "preprocess": [None, {}, {"size": 0}, {"size": "32"}, {"size": 10**9}, {"std": [0, 0, 0]}, {"mean": [0.5] * 4}],
    "domains": ["photo", [7], None],
    "classes": [{"duck": 1}, [["duck"]]],
    "dim": ["16", 16.0, True, 0, -1, 10**12],
    "files": [[], {"model.safetensors": 7}],
    "seed": ["0", None],
    "trained_on": [[{}], [{"data": "d", "licence": "l", "pictures": "9"}], [{"data": "d", "licence": "l"}]],
    "unseen_classes": [None, [1]],
    "cutoff": [{"image": "0.5"}, {"image": float("nan")}, {"image": 7.0}, {"image": None}, [0.5]],
    "metrics": [{"mAP": "high"}, {"mAP": float("inf")}, 3],
    "refers_to": [7, ["a"]],
    "surprise": [1],
}


@pytest.mark.parametrize(("entry", "value"), [(entry, value) for entry, values in WRONG.items() for value in values])
def test_a_wrong_entry_is_named_and_never_repaired(folder: Path, entry: str, value: object) -> None:
    nested = entry in ("config", "preprocess") and isinstance(value, dict)
    changed(folder, lambda told: told.update({entry: told[entry] | value if nested and value else value}))
    with pytest.raises(BundleError, match=next(iter(value)) if nested and value else entry):
        load_bundle(folder)


def test_a_message_about_a_long_wrong_entry_is_short(folder: Path) -> None:
    for value in ("x" * 1_000_000, ["x"] * 1_000_000, {"x" * 1_000_000: 1}):
        changed(folder, lambda told: told.update(name=value))  # noqa: B023
        with pytest.raises(BundleError) as refused:
            load_bundle(folder)
        assert len(str(refused.value)) < 500


def test_a_manifest_that_is_not_json_is_refused(folder: Path) -> None:
    for text in ("{", '{"a":' * 100_000, "[" * 100_000):
        (folder / MANIFEST).write_text(text)
        with pytest.raises(BundleError, match="cannot be read as JSON"):
            load_bundle(folder)


def test_a_manifest_without_end_is_not_read(folder: Path) -> None:
    with (folder / MANIFEST).open("r+b") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(BundleError, match=r"has 1,000,000,000 bytes, more than"):
        load_bundle(folder)
