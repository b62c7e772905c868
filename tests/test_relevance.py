"""Whether a gallery holds what a picture shows is told by names, and by no name twice."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.artifacts.bundle import Bundle, save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.encoder import embed_images, embed_texts
from retrieval.engine import Engine, Settings
from retrieval.images import Preprocess
from retrieval.items import home_of
from retrieval.methods import ClipBaseline
from retrieval.relevance import HELD, HIT, Names, held_share, names_for, said
from retrieval.types import PHOTO, ImageQuery, Item, TextQuery
from tests.conftest import ColorEncoder
from tests.methods.test_clip_baseline import TINY

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


def units(rng: np.random.Generator, rows: int, dim: int = 5) -> npt.NDArray[np.float64]:
    drawn = rng.normal(size=(rows, dim))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


@given(seed=seeds, pictures=sizes, held=sizes, others=sizes, scale=st.floats(0, 40))
def test_the_share_is_that_of_a_plain_loop(seed: int, pictures: int, held: int, others: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    asked, ours, rest = (units(rng, rows) for rows in (pictures, held, others))
    for row, share in zip(asked, held_share(asked, ours, rest, scale), strict=True):
        h = sum(math.exp(scale * sum(a * b for a, b in zip(row, name, strict=True))) for name in ours) / held
        o = sum(math.exp(scale * sum(a * b for a, b in zip(row, name, strict=True))) for name in rest) / others
        assert share == pytest.approx(h / (h + o), rel=1e-9)


@given(seed=seeds, scale=st.floats(0, 1e6))
def test_the_share_stays_between_zero_and_one_at_any_scale(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    shares = held_share(units(rng, 4), units(rng, 3), units(rng, 2), scale)
    assert np.isfinite(shares).all()
    assert ((shares >= 0) & (shares <= 1)).all()


@given(seed=seeds, step=st.floats(0.01, 1))
def test_a_held_name_that_comes_closer_makes_it_surer_and_another_name_less_sure(seed: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    picture, ours, rest = units(rng, 1), units(rng, 3), units(rng, 3)

    def nearer(names: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        moved = names.copy()
        moved[0] += step * (picture[0] - moved[0])
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))

    before, rounding = held_share(picture, ours, rest), 1e-12
    assert held_share(picture, nearer(ours), rest) >= before - rounding
    assert held_share(picture, ours, nearer(rest)) <= before + rounding


def test_how_many_names_a_side_has_does_not_count() -> None:
    rng = np.random.default_rng(0)
    asked, ours, rest = units(rng, 3), units(rng, 2), units(rng, 4)
    assert np.allclose(held_share(asked, ours, np.tile(rest, (9, 1))), held_share(asked, ours, rest))


def test_with_names_on_one_side_alone_there_is_no_doubt() -> None:
    rng = np.random.default_rng(0)
    asked, names, none = units(rng, 2), units(rng, 3), np.zeros((0, 5), np.float32)
    assert held_share(asked, names, none).tolist() == [1, 1]
    assert held_share(asked, none, names).tolist() == [0, 0]


def test_a_name_that_is_held_never_counts_as_another(color_encoder: ColorEncoder) -> None:
    names = Names.read(color_encoder, ["Light_Red", "green", "light  red", "GREEN", "blue"])
    assert names.names == ("light red", "green", "blue")
    asked = color_encoder.encode_texts(["red"]).numpy()
    alone = held_share(asked, names.vectors[:1], names.vectors[1:])
    for spelling in ("light red", "Light_Red", "LIGHT  RED"):
        assert names.share(asked, [spelling]) == alone
    assert alone > 0.9 > 0.1 > names.share(asked, ["green", "blue"])


def test_a_name_is_compared_as_it_is_said() -> None:
    assert {said(name) for name in ("Hot_Air_Balloon", "hot air balloon", " hot  AIR balloon ")} == {"hot air balloon"}


# ---------------------------------------------------------------- which galleries


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    method = ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32)).eval().requires_grad_(False)
    told = Manifest(
        "tiny", "clip-baseline", {}, method.preprocess, (), ("duck", "hot air balloon", "anvil"), method.dim, {},
        concepts=("duck", "camel"), cutoff={HELD: 0.5, HIT: 0.5},
    )  # fmt: skip
    return Bundle(told, method)


def items(*labels: str | None) -> list[Item]:
    return [Item(str(n), Path(f"{n}.png"), PHOTO, label) for n, label in enumerate(labels)]


def test_a_gallery_of_known_classes_is_judged_by_its_names_and_the_other_concepts(bundle: Bundle) -> None:
    names = names_for(bundle, items("duck", "Hot_air_balloon", "duck"))
    assert names is not None
    assert names.names == ("camel", "duck", "hot air balloon")
    assert names.vectors.shape == (3, bundle.dim)


@pytest.mark.parametrize("labels", [("duck", None), ("duck", "holidays 2019"), (None,), ("duck", "camel")])
def test_nobody_can_say_what_a_gallery_lacks_whose_classes_are_unknown_or_all_there_are(
    bundle: Bundle, labels: tuple[str | None, ...]
) -> None:
    assert names_for(bundle, items(*labels)) is None


@pytest.mark.parametrize("change", [{"concepts": ()}, {"cutoff": {"image": 0.5}}, {"cutoff": {HELD: 0.5}}])
def test_a_bundle_that_was_not_calibrated_for_names_does_not_judge_by_them(
    bundle: Bundle, change: dict[str, object]
) -> None:
    plain = dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, **change))  # type: ignore[arg-type]
    assert names_for(plain, items("duck")) is None


# ---------------------------------------------------------------- what the engine makes of it

CALIBRATED = {"image": 0.9, "text": -1.0, HELD: 0.5, HIT: 0.25}
NOISE = ImageQuery(Image.effect_noise((40, 40), 90).convert("RGB"))


@pytest.fixture
def searched(bundle: Bundle, pictures: Path, tmp_path: Path) -> Callable[..., Engine]:
    """An engine over red, green and blue pictures, by a bundle that knows these classes and "duck"."""

    def opened(**cutoff: float) -> Engine:
        told = dataclasses.replace(
            bundle.manifest, config=dataclasses.asdict(bundle.method.config), classes=("red", "green", "blue"),
            concepts=("red", "duck"), cutoff=CALIBRATED | {name.replace("_", " "): at for name, at in cutoff.items()},
        )  # fmt: skip
        save_bundle(tmp_path / "tiny", bundle.method, told)
        return Engine(Settings(tmp_path / "tiny", others=(), gallery=home_of(pictures)))

    return opened


def test_a_picture_has_a_match_where_its_share_is_the_needed_one_whatever_its_cosine(
    searched: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.match.SAME", 2.0)
    answers = [searched(image_held=needed).search(NOISE) for needed in (0.0, 1.0)]
    assert [answer.confident for answer in answers] == [True, False]
    assert [answer.held and answer.held.needed for answer in answers] == [0.0, 1.0]
    assert {answer.cutoff for answer in answers} == {CALIBRATED[HIT]}


def test_the_share_is_that_of_the_classes_searched_against_all_other_names(searched: Callable[..., Engine]) -> None:
    engine = searched()
    engine.wait()
    asked = embed_images(engine.bundle, [(NOISE.image, NOISE.domain)])
    for held, others, labels in (
        (["red"], ["blue", "green", "duck"], ["red"]),
        (["red", "green"], ["blue", "duck"], ["green", "red"]),
        (["red", "green", "blue"], ["duck"], []),
    ):
        found = engine.search(NOISE, labels=labels).held
        assert found is not None
        told = held_share(asked, *(embed_texts(engine.bundle, names) for names in (held, others)))
        assert found.share == pytest.approx(told[0], abs=1e-6)


def test_the_very_picture_that_the_gallery_holds_is_always_a_match(
    searched: Callable[..., Engine], pictures: Path
) -> None:
    with Image.open(pictures / "photo" / "red" / "disc-1.png") as picture:
        answer = searched(image_held=1.0).search(ImageQuery(picture.convert("RGB")))
    assert answer.confident
    assert answer.held is not None


@pytest.mark.parametrize("cutoff", [-1.0, 2.0])
def test_a_cutoff_of_ones_own_and_words_are_cosines_as_ever(searched: Callable[..., Engine], cutoff: float) -> None:
    engine = searched()
    answer = engine.search(NOISE, cutoff=cutoff)
    assert (answer.confident, answer.cutoff, answer.held) == (cutoff < 1, cutoff, None)
    words = engine.search(TextQuery("a duck"))
    assert (words.confident, words.cutoff, words.held) == (True, CALIBRATED["text"], None)


def test_a_gallery_with_a_picture_of_no_class_is_judged_by_the_cosine(
    searched: Callable[..., Engine], pictures: Path
) -> None:
    shutil.copy(pictures / "photo" / "red" / "disc-1.png", pictures / "loose.png")
    answer = searched().search(NOISE)
    assert (answer.cutoff, answer.held) == (CALIBRATED["image"], None)


def test_where_nothing_is_found_nothing_is_sure(searched: Callable[..., Engine]) -> None:
    answer = searched(image_held=0.0).search(NOISE, labels=["yellow"])
    assert (answer.hits, answer.confident, answer.held) == ((), False, None)
