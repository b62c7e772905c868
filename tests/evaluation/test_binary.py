"""A bundle in bits ranks as the store of bits does, and is no less refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.artifacts.bundle import Bundle, load_bundle, save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.artifacts.rotation import Rotation
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import PictureFile
from retrieval.errors import SettingsError
from retrieval.evaluation.binary import InBits
from retrieval.evaluation.harness import refusal
from retrieval.evaluation.tasks import picture_task
from retrieval.images import Preprocess
from retrieval.methods import ClipBaseline
from retrieval.stores.binary_store import BinaryStore, fitted
from retrieval.types import PHOTO

TINY = {"trunk": "test_resnet", "dim": 16, "text_width": 8, "text_layers": 1, "text_heads": 2, "context_length": 8}
IMAGES = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    torch.manual_seed(0)
    method = ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32)).eval()
    config = dataclasses.asdict(method.config)
    told = Manifest("tiny", "clip-baseline", config, method.preprocess, ("photo",), ("duck",), method.dim, {})
    folder = tmp_path_factory.mktemp("bundle")
    save_bundle(folder, method, told, rotation(method))
    return load_bundle(folder)


def rotation(method: ClipBaseline) -> Rotation:
    return fitted(codes(method), 8)


@torch.inference_mode()
def codes(encoder: ClipBaseline | Bundle | InBits) -> np.ndarray:
    return encoder.encode_images(IMAGES, [PHOTO] * len(IMAGES)).numpy()


def test_cosines_of_its_rows_are_the_scores_of_the_store(bundle: Bundle) -> None:
    assert bundle.rotation is not None
    store = BinaryStore(bundle.rotation)
    store.add(np.arange(30), codes(bundle)[:30])
    scores, ids = store.search(codes(bundle)[30:], 30)
    rows = codes(InBits(bundle))
    assert np.allclose(np.take_along_axis(rows[30:] @ rows[:30].T, ids, axis=1), scores, atol=1e-6)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)
    assert rows.shape == (40, InBits(bundle).dim) == (40, 8)


def test_it_is_another_encoder_than_the_bundle(bundle: Bundle) -> None:
    assert InBits(bundle).fingerprint == f"{bundle.fingerprint}, 8 bits"


def test_what_the_bundle_has_seen_is_not_unseen_in_bits(bundle: Bundle, tmp_path: Path) -> None:
    shown = PictureTable([PictureFile(tmp_path / "nowhere.png")] * 2, "photo", labels="duck")
    unseen = picture_task("t@1", shown, shown, np.ones((2, 2), bool), unseen=("duck",))
    assert "has seen the class 'duck'" in (refusal(InBits(bundle), unseen) or "")


def test_a_bundle_without_a_rotation_says_so(bundle: Bundle) -> None:
    with pytest.raises(SettingsError, match="tiny has no rotation"):
        codes(InBits(dataclasses.replace(bundle, rotation=None)))
