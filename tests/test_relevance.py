"""Whether a gallery holds what is asked for is told by the names that its pictures are read as, and by no label."""

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

from retrieval.artifacts.bundle import Bundle, save_bundle, write_manifest
from retrieval.artifacts.manifest import Manifest
from retrieval.engine import Engine, Settings
from retrieval.images import Preprocess
from retrieval.items import home_of
from retrieval.methods import ClipBaseline
from retrieval.readings import Readings
from retrieval.relevance import IMAGE, TEXT, Names, as_spoken, held_share, known_names, names_for
from retrieval.types import ImageQuery, Query, TextQuery
from tests.conftest import ColorEncoder
from tests.methods.test_clip_baseline import TINY

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


def units(rng: np.random.Generator, rows: int, dim: int = 5) -> npt.NDArray[np.float64]:
    drawn = rng.normal(size=(rows, dim))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


@given(seed=seeds, asked=sizes, count=sizes, scale=st.floats(0, 40))
def test_the_share_is_that_of_a_plain_loop(seed: int, asked: int, count: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    queries, names, presence = units(rng, asked), units(rng, count), rng.uniform(0.01, 0.99, count)
    for row, share in zip(queries, held_share(queries, names, presence, scale), strict=True):
        exps = [math.exp(scale * sum(a * b for a, b in zip(row, name, strict=True))) for name in names]
        h = sum(w * e for w, e in zip(presence, exps, strict=True)) / sum(presence)
        o = sum((1 - w) * e for w, e in zip(presence, exps, strict=True)) / sum(1 - presence)
        assert share == pytest.approx(h / (h + o), rel=1e-9)


@given(seed=seeds, scale=st.floats(0, 1e6))
def test_the_share_stays_between_zero_and_one_at_any_scale(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    shares = held_share(units(rng, 4), units(rng, 5), rng.integers(0, 2, 5).astype(float), scale)
    assert np.isfinite(shares).all()
    assert ((shares >= 0) & (shares <= 1)).all()


@given(seed=seeds, step=st.floats(0.01, 1))
def test_a_name_that_is_there_makes_surer_as_it_comes_closer_and_another_less_sure(seed: int, step: float) -> None:
    rng = np.random.default_rng(seed)
    asked, names, there = units(rng, 1), units(rng, 6), np.array([1.0] * 3 + [0.0] * 3)

    def nearer(place: int) -> npt.NDArray[np.float64]:
        moved = names.copy()
        moved[place] += step * (asked[0] - moved[place])
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))

    before, rounding = held_share(asked, names, there), 1e-6
    assert held_share(asked, nearer(0), there) >= before - rounding
    assert held_share(asked, nearer(5), there) <= before + rounding


def test_how_many_names_a_side_has_does_not_count() -> None:
    rng = np.random.default_rng(0)
    asked, ours, rest = units(rng, 3), units(rng, 2), units(rng, 4)
    few = held_share(asked, np.concatenate([ours, rest]), np.repeat([1.0, 0.0], [2, 4]))
    many = held_share(asked, np.concatenate([ours, np.tile(rest, (9, 1))]), np.repeat([1.0, 0.0], [2, 36]))
    assert np.allclose(few, many, atol=1e-4)


def test_names_are_read_once_and_as_they_are_spoken(color_encoder: ColorEncoder) -> None:
    strange = np.eye(2, 4, dtype=np.float32)
    names = Names.read(color_encoder, ["Light_Red", "green", "light  red", "GREEN", "blue"], strange, ["anvil"])
    assert names.names == ("blue", "green", "light red")
    assert names.vectors.shape == names.meanings.shape == (3, 4)
    assert [len(names.strange_pictures), len(names.strange_texts)] == [2, 1]


def test_a_name_is_compared_as_it_is_spoken() -> None:
    spellings = ("Hot_Air_Balloon", "hot air balloon", " hot  AIR balloon ")
    assert {as_spoken(name) for name in spellings} == {"hot air balloon"}


# ---------------------------------------------------------------- which bundles


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    method = ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32)).eval().requires_grad_(False)
    manifest = Manifest(
        "tiny", "clip-baseline", {}, method.preprocess, (), ("duck", "hot air balloon", "anvil"), method.dim, {},
        concepts=("duck", "camel"), cutoff={"image held": 0.5, "image hit": 0.5},
    )  # fmt: skip
    return with_names(Bundle(manifest, method))


def with_names(bundle: Bundle) -> Bundle:
    """The bundle with what calibrating it saves."""
    strange = units(np.random.default_rng(0), 3, bundle.dim).astype(np.float32)
    names = Names.read(bundle, known_names(bundle.manifest), strange, ["anvil", "an anvil"])
    return dataclasses.replace(bundle, names=names.tensors())


def test_a_bundle_judges_by_all_names_that_it_knows(bundle: Bundle) -> None:
    names = names_for(bundle)
    assert names is not None
    assert names.names == ("duck", "anvil", "camel", "hot air balloon")
    assert names.vectors.shape == (4, bundle.dim)


@pytest.mark.parametrize("cutoff", [{}, {"image": 0.5}, {"image held": 0.5}, {"text hit": 0.5}])
def test_a_bundle_that_was_not_calibrated_for_names_does_not_judge_by_them(
    bundle: Bundle, cutoff: dict[str, float]
) -> None:
    plain = dataclasses.replace(bundle, manifest=dataclasses.replace(bundle.manifest, cutoff=cutoff))
    assert names_for(plain) is None


# ---------------------------------------------------------------- what the engine makes of it

CALIBRATED = {"image held": 0.5, "image hit": 0.25, "text held": 0.5, "text hit": 0.1}
NOISE = ImageQuery(Image.effect_noise((40, 40), 90).convert("RGB"))


@pytest.fixture
def searched(bundle: Bundle, pictures: Path, tmp_path: Path) -> Callable[..., Engine]:
    """An engine over red, green and blue pictures, by a bundle that knows these classes and "duck"."""

    def opened(**cutoff: float) -> Engine:
        told = dataclasses.replace(
            bundle.manifest, config=dataclasses.asdict(bundle.method.config), classes=("red", "green", "blue"),
            concepts=("red", "duck"), cutoff=CALIBRATED | {name.replace("_", " "): at for name, at in cutoff.items()},
        )  # fmt: skip
        saved = save_bundle(tmp_path / "tiny", bundle.method, told)
        write_manifest(tmp_path / "tiny", saved, with_names(dataclasses.replace(bundle, manifest=saved)).names)
        return Engine(Settings(tmp_path / "tiny", others=(), gallery=home_of(pictures)))

    return opened


def test_a_query_has_a_match_where_its_share_is_the_needed_one_whatever_its_cosine(
    searched: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.match.SAME", 2.0)
    for query, cutoff in ((NOISE, CALIBRATED["image hit"]), (TextQuery("a duck"), CALIBRATED["text hit"])):
        for needed in (0.0, 1.0):
            monkeypatch.setattr(Readings, "needed", lambda *_, needed=needed: needed)
            answer = searched().search(query)
            assert (answer.confident, answer.cutoff) == (needed == 0, cutoff)
            assert answer.held is not None
            assert answer.held.needed == needed


def test_the_share_is_by_the_names_read_in_the_pictures_searched(searched: Callable[..., Engine]) -> None:
    engine = searched()
    engine.wait()
    readings = engine.served().readings()
    assert readings is not None
    opened = engine.served().gallery()
    for query, names in ((NOISE, readings.names.vectors), (TextQuery("a duck"), readings.names.meanings)):
        (view,) = engine.served().views(query)
        vector = view.vector if view.meaning is None else view.meaning
        for labels in ([], ["red"], ["green", "blue"]):
            held = engine.search(query, labels=labels).held
            assert held is not None
            places = [place for place, item in enumerate(opened.items) if not labels or item.label in labels]
            presence = readings.presence(np.array(places))
            assert held.share == pytest.approx(held_share(vector[None], names, presence)[0], abs=1e-6)


def test_the_very_picture_that_the_gallery_holds_is_always_a_match(
    searched: Callable[..., Engine], pictures: Path
) -> None:
    with Image.open(pictures / "photo" / "red" / "disc-1.png") as picture:
        answer = searched(image_held=1.0).search(ImageQuery(picture.convert("RGB")))
    assert answer.confident
    assert answer.held is not None


@pytest.mark.parametrize("query", [NOISE, TextQuery("a duck")])
@pytest.mark.parametrize("cutoff", [-1.0, 2.0])
def test_a_cutoff_of_ones_own_looks_at_scores_alone(
    searched: Callable[..., Engine], cutoff: float, query: Query
) -> None:
    answer = searched().search(query, cutoff=cutoff)
    assert (answer.confident, answer.cutoff, answer.held) == (cutoff < 1, cutoff, None)
    assert len(answer.sure) == (len(answer.hits) if cutoff < 1 else 0)


def test_a_match_must_be_surer_than_the_calibrated_share_of_nonsense(searched: Callable[..., Engine]) -> None:
    for query, kind in ((NOISE, IMAGE), (TextQuery("a duck"), TEXT)):
        engine = searched(image_held=0.5, text_held=0.25)
        answer = engine.search(query)
        readings = engine.served().readings()
        assert readings is not None
        assert answer.held is not None
        assert answer.held.needed == readings.needed(kind, 0.5 if kind == IMAGE else 0.25)


def test_a_gallery_without_classes_is_judged_by_the_same_rule(searched: Callable[..., Engine], pictures: Path) -> None:
    labelled = searched().search(NOISE)
    loose = pictures.parent / "loose"
    loose.mkdir()
    for number, path in enumerate(sorted(pictures.rglob("*.png"))):
        shutil.copy(path, loose / f"{number}.png")
    engine = searched()
    unlabelled = Engine(dataclasses.replace(engine.settings, gallery=home_of(loose))).search(NOISE)
    assert {hit.item.label for hit in unlabelled.hits} == {None}
    assert unlabelled.held == labelled.held


def test_where_nothing_is_found_nothing_is_sure(searched: Callable[..., Engine], pictures: Path) -> None:
    shutil.rmtree(pictures / "painting" / "blue")
    answer = searched(image_held=0.0).search(NOISE, labels=["blue"], domains=["painting"])
    assert (answer.hits, answer.confident, answer.held) == ((), False, None)
