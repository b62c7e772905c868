"""A picture becomes the words that fit it best, and pictures of one thing meet in them whatever they look like."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.data.concepts import is_unseen
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered
from retrieval.encoder import embed_texts
from retrieval.errors import DataError
from retrieval.evaluation.captions_matched import captions, embedded, matched, told_in_captions
from retrieval.evaluation.code_quality import measure_search
from retrieval.images import pixels

PLAIN = Path("checkpoints/guise-base-zs")
SHOWN = ("duck", "mug", "cactus")


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(PLAIN)


@pytest.fixture(scope="module")
def real() -> PictureTable:
    """Some of the gallery: three classes that the encoder knows."""
    return read_rendered(Path("assets/gallery"), SHOWN).in_memory(64)


def test_a_matched_code_is_the_weighted_mean_of_the_best_captions() -> None:
    rng = np.random.default_rng(0)
    pictures, said = rng.standard_normal((4, 6)), rng.standard_normal((9, 6))
    found = matched(pictures, said, few=3, temperature=0.1)
    for i in range(4):
        cosines = [float(pictures[i] @ t / np.linalg.norm(pictures[i]) / np.linalg.norm(t)) for t in said]
        best = sorted(range(9), key=lambda t: -cosines[t])[:3]
        total = sum(np.exp(cosines[t] / 0.1) * said[t] / np.linalg.norm(said[t]) for t in best)
        assert found[i] == pytest.approx(total / np.linalg.norm(total), abs=1e-9)


def test_pictures_that_are_told_in_the_same_words_are_the_same() -> None:
    said = np.eye(3)
    photo, sketch = np.array([[0.9, 0.1, 0.0]]), np.array([[0.5, -0.4, 0.3]])
    assert matched(photo, said, few=1).tolist() == matched(sketch, said, few=1).tolist() == [[1.0, 0.0, 0.0]]


def test_no_unseen_concept_is_ever_said(bundle: Bundle) -> None:
    told = dataclasses.replace(bundle.manifest, classes=("duck", "teapot", "lorry", "orange"))
    assert captions(dataclasses.replace(bundle, manifest=told)) == ["a picture of a duck", "a picture of an orange"]
    assert len(captions(bundle)) == sum(not is_unseen(label) for label in bundle.manifest.classes) > 600


def test_a_bundle_without_words_is_refused(bundle: Bundle) -> None:
    told = dataclasses.replace(bundle.manifest, classes=())
    with pytest.raises(DataError, match="no words to match"):
        captions(dataclasses.replace(bundle, manifest=told))


def test_pictures_are_embedded_as_a_search_does(bundle: Bundle, real: PictureTable) -> None:
    few = real.select([0, 7])
    asked = torch.from_numpy(np.stack([pixels(Image.fromarray(p), bundle.preprocess) for p in few.pixels()]))
    with torch.inference_mode():
        wanted = bundle.encode_images(asked, []).numpy()
    assert np.allclose(embedded(bundle, few), wanted, atol=1e-5)


def test_what_the_encoder_knows_is_found_across_styles_by_its_captions(bundle: Bundle, real: PictureTable) -> None:
    codes = embedded(bundle, real)
    told = told_in_captions(bundle, codes)
    words = embed_texts(bundle, [f"a picture of a {label}" for label in SHOWN])
    right = np.array([SHOWN[best] for best in (told @ words.T).argmax(axis=1)]) == np.array(real.labels)
    assert right.mean() > 0.6
    whole = measure_search("caption matching", told, real, frozenset(SHOWN))[0]
    assert whole.chance is not None
    assert whole.value > whole.chance + 0.2
