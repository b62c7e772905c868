"""What the page may rely on, held by its fakes and by real objects alike: engines, disentanglers and encoders."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from retrieval.artifacts.bundle import load_bundle
from retrieval.disentangle import Drawn, Original
from retrieval.encoder import TextEncoder, embed_images, embed_texts
from retrieval.engine import Engine, Settings
from retrieval.errors import EmptyQuery, GalleryError, QueryError, SettingsError
from retrieval.images import open_image
from retrieval.items import home_of
from retrieval.types import PHOTO, SKETCH, ImageQuery, Item, Occlusion, TextQuery
from tests.conftest import COLORS, ColorEncoder
from tests.diffusion.priors import tiny_prior
from tests.disentangle.halves import halves, ideal, random
from tests.toy_bundles import bundle
from tests.ui.fake_disentangler import FakeDisentangler, painted
from tests.ui.fakes import FakeEngine

MAKERS = ("fake", "real")

# ---------------------------------------------------------------- engines


@pytest.fixture(scope="module", params=MAKERS)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """One gallery, one method; object codes by a second encoder."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "fake":
        return FakeEngine(folder / "pictures")
    paint_pictures(folder / "pictures")
    bundles = {"bundle": bundle(folder / "small"), "codes": bundle(folder / "codes", seed=1)}
    engine = Engine(Settings(**bundles, others=(), gallery=home_of(folder / "pictures")))
    engine.wait()
    engine.codes.wait()
    return engine


@pytest.fixture
def own(engine: Engine) -> Item:
    """A picture of the gallery."""
    return engine.codes.raw.gallery().items[5]


@pytest.fixture
def query(own: Item) -> ImageQuery:
    return ImageQuery(open_image(own.path), own.domain)


def paint_pictures(folder: Path) -> None:
    """Two styles of three classes, each four times."""
    for style, label, number in itertools.product(("photo", "painting"), COLORS, range(4)):
        path = folder / style / label / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((32, 32), 20 + 20 * number).convert("RGB").point(
            [min(255, value // 2 + COLORS[label][channel] // 2) for channel in range(3) for value in range(256)]
        ).save(path)


def test_hits_are_pictures_of_the_gallery_best_first(engine: Engine, query: ImageQuery) -> None:
    answer = engine.search(query, k=7)
    assert [hit.rank for hit in answer.hits] == [1, 2, 3, 4, 5, 6, 7]
    scores = [hit.score for hit in answer.hits]
    assert scores == sorted(scores, reverse=True)
    assert -1 <= scores[-1] <= scores[0] <= 1 + 1e-6
    assert answer.gallery_size == len(engine.codes.raw.gallery())
    assert answer.seconds > 0
    served = set(engine.picture_files())
    for hit in answer.hits:
        assert engine.item(hit.item.id) == hit.item
        assert hit.item.path in served
        assert hit.item.path.is_file()


def test_filters_are_kept_and_offered_by_name(engine: Engine, query: ImageQuery) -> None:
    items = engine.codes.raw.gallery().items
    assert set(engine.domains()) == {item.domain.name for item in items}
    assert list(engine.labels()) == sorted({item.label for item in items if item.label})
    style, label = engine.domains()[1], engine.labels()[0]
    hits = engine.search(query, domains=[style], labels=[label], k=200).hits
    assert {(hit.item.domain.name, hit.item.label) for hit in hits} == {(style, label)}
    assert len(hits) == sum((item.domain.name, item.label) == (style, label) for item in items)


def test_a_cutoff_decides_what_is_a_match(engine: Engine, query: ImageQuery) -> None:
    assert engine.search(query, cutoff=-1.0).confident
    assert not engine.search(query, cutoff=1.5).confident
    assert engine.search(query, cutoff=0.25).cutoff == 0.25


def test_what_cannot_be_asked_is_answered_with_a_sentence_of_its_kind(engine: Engine, query: ImageQuery) -> None:
    refusals: list[tuple[type[Exception], Callable[[], Any]]] = [
        (EmptyQuery, lambda: engine.search(TextQuery("  "))),
        (SettingsError, lambda: engine.search(query, k=0)),
        (SettingsError, lambda: engine.search(query, k=10_000)),
        (SettingsError, lambda: engine.search(query, method="magic")),
        (GalleryError, lambda: engine.search(query, gallery="elsewhere")),
        (GalleryError, lambda: engine.item("../../etc/passwd")),
        (GalleryError, lambda: engine.codes.nearest(query, "photo", gallery="elsewhere")),
        (QueryError, lambda: engine.why(TextQuery("a"), "x")),
        (GalleryError, lambda: engine.why(query, "../../etc/passwd")),
        (QueryError, lambda: engine.search_by_code("style", query, "graffiti")),
        (SettingsError, lambda: engine.search_by_code("magic", query)),
        (SettingsError, lambda: engine.search_by_code("both", query, "photo", strictness=2)),
        (SettingsError, lambda: engine.search_by_code("object", query, k=0)),
    ]
    for kind, ask in refusals:
        with pytest.raises(kind) as caught:
            ask()
        assert str(caught.value).endswith(".")


def test_it_says_what_it_is_and_how_far_it_is(engine: Engine) -> None:
    assert engine.ready
    assert engine.trouble is None
    assert engine.progress == ""
    assert engine.codes.ready
    assert engine.served() is engine.served(engine.methods[0].name)
    assert {"name", "trained_on", "classes", "fingerprint", "others"} <= engine.about.keys()
    assert engine.galleries[0] == "world"


def test_a_reason_is_two_square_maps_of_the_same_grid(engine: Engine, query: ImageQuery) -> None:
    reason = engine.why(query, engine.search(query, k=1).hits[0].item.id)
    assert -1 <= reason.similarity <= 1 + 1e-6
    for occlusion in (reason.query, reason.hit):
        assert isinstance(occlusion, Occlusion)
        assert {len(row) for row in occlusion.falls} == {len(occlusion.falls)}


def test_neighbours_come_by_object_by_style_and_raw_without_the_own_picture(
    engine: Engine, query: ImageQuery, own: Item
) -> None:
    style = engine.domains()[1]
    rows = engine.codes.nearest(query, style, own=own, k=3)
    assert [row.code for row in rows] == ["object", "style", "raw"]
    for row in rows:
        assert [hit.rank for hit in row.hits] == [1, 2, 3]
        assert own not in [hit.item for hit in row.hits]
        assert row.domain == style
        assert 0 <= row.same_domain <= 1
        assert 0 <= row.expected <= 1
        assert row.precision is not None
        assert 0 <= row.precision <= 1
    assert rows[1].same_domain == 1
    assert [row.precision for row in engine.codes.nearest(query, style)] == [None] * 3


def test_by_code_the_style_narrows_as_it_was_asked_to(engine: Engine, query: ImageQuery) -> None:
    style = engine.domains()[1]
    found = {
        (by, strictness): engine.search_by_code(by, query, style, strictness=strictness, k=200).hits
        for by in ("object", "style", "both")
        for strictness in (0.0, 1.0)
    }
    total = len(engine.codes.raw.gallery())
    assert len(found["object", 1.0]) == len(found["both", 0.0]) == total
    assert [hit.item for hit in found["both", 0.0]] == [hit.item for hit in found["object", 0.0]]
    for hits in (found["style", 0.0], found["style", 1.0], found["both", 1.0]):
        assert {hit.item.domain.name for hit in hits} == {style}
        assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    narrowed = [hit.item for hit in found["object", 1.0] if hit.item.domain.name == style]
    assert [hit.item for hit in found["both", 1.0]] == narrowed


# ---------------------------------------------------------------- disentanglers


def drawer(kind: str, panel: str = "") -> tuple[Any, Original, Original]:
    """A disentangler, and pictures of two classes in a style that it knows. The ideal prior looks nowhere, so that heat
    is of one at random weights.
    """
    if kind == "fake":
        fake = FakeDisentangler()
        return fake, *(Original(painted(label, "photo", 0), "photo", label) for label in ("duck", "tree"))
    real = random(tiny_prior()) if panel == "heat" else ideal(student=True)
    return real, *(Original(halves(label, "photo"), "photo", label) for label in ("duck", "car"))


PANELS: dict[str, Callable[[Any, Original, Original, str, int], Iterator[Any]]] = {
    "card": lambda draws, one, other, style, seed: draws.card(one, seed),
    "grid": lambda draws, one, other, style, seed: draws.grid([one, other], [one.style, style], seed),
    "slide_objects": lambda draws, one, other, style, seed: draws.slide_objects(one, other, style, seed),
    "slide_styles": lambda draws, one, other, style, seed: draws.slide_styles(one, one.style, style, seed),
    "knobs": lambda draws, one, other, style, seed: draws.knobs(one, style, 2.0, 4.0, seed),
    "switch": lambda draws, one, other, style, seed: draws.switch(one, style, 300, seed, style_first=True),
    "heat": lambda draws, one, other, style, seed: draws.heat(one, style, seed),
    "film": lambda draws, one, other, style, seed: draws.film(one, style, other, seed),
}


def pictures(panel: Any) -> list[Drawn]:
    """All generated pictures in a panel's value, however deep."""
    if isinstance(panel, Drawn):
        return [panel]
    parts = panel if isinstance(panel, tuple) else vars(panel).values() if hasattr(panel, "__dict__") else ()
    return [drawn for part in parts if not isinstance(part, Image.Image) for drawn in pictures(part)]


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("name", PANELS)
def test_a_panel_comes_several_times_and_ends_finished_and_judged(kind: str, name: str) -> None:
    draws, one, other = drawer(kind, name)
    style = draws.styles[-1]
    values = list(PANELS[name](draws, one, other, style, 3))
    assert len(values) > 1
    assert not all(drawn.finished for drawn in pictures(values[0]))
    last = pictures(values[-1].frames[-1] if name == "film" else values[-1])
    assert last
    for drawn in last:
        assert drawn.finished
        assert drawn.picture.mode == "RGB"
        assert sum(drawn.class_shares.values()) <= 1 + 1e-6
        assert sum(drawn.style_shares.values()) == pytest.approx(1, abs=0.05)
        assert drawn.class_shares
    for drawn in pictures(values[0]):
        assert drawn.finished or not drawn.class_shares
    again = list(PANELS[name](drawer(kind, name)[0], one, other, style, 3))[-1]
    assert [d.picture.tobytes() for d in pictures(again)] == [d.picture.tobytes() for d in pictures(values[-1])]


@pytest.mark.parametrize("kind", MAKERS)
def test_an_unknown_style_is_refused_in_every_panel_that_takes_one(kind: str) -> None:
    draws, one, other = drawer(kind)
    asked = [
        draws.card(Original(one.picture, "graffiti")),
        draws.grid([one], ["graffiti"]),
        draws.slide_styles(one, "photo", "graffiti"),
        draws.knobs(one, "graffiti"),
        draws.film(one, "graffiti", other),
    ]
    for panel in asked:
        with pytest.raises(QueryError):
            next(panel)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_picture_is_read_as_it_was_told_or_else_by_the_judge(kind: str) -> None:
    draws, one, _ = drawer(kind)
    for original in (one, Original(one.picture)):
        read = draws.read(original)
        assert (read.thing, read.style) == (one.thing, "photo")
        assert read.picture.size == (64, 64)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_grid_counts_its_hits_and_its_control_breaks_them(kind: str) -> None:
    draws, one, other = drawer(kind)
    *_, grid = draws.grid([one, other], draws.styles[:2])
    *_, control = draws.grid([one, other], draws.styles[:2], shuffled=True)
    for panel in (grid, control):
        assert panel.styles == tuple(draws.styles[:2])
        assert panel.things == (one.thing, other.thing)
        assert [len(row) for row in panel.rows] == [2, 2]
        assert 0 < panel.class_chance < 1
        assert 0 < panel.style_chance < 1
        assert panel.locked
    assert (grid.codes, grid.shuffled, grid.changed) == ((0, 1), False, 0)
    assert (control.codes, control.shuffled, control.changed) == ((1, 0), True, 2)
    assert 0 <= control.class_hit < grid.class_hit <= 1


@pytest.mark.parametrize("kind", MAKERS)
def test_a_slider_goes_from_0_to_1_in_seven_stops(kind: str) -> None:
    draws, one, other = drawer(kind)
    *_, slide = draws.slide_objects(one, other)
    assert slide.positions == pytest.approx([i / 6 for i in range(7)])
    assert len(slide.frames) == 7


@pytest.mark.parametrize("kind", MAKERS)
def test_closing_the_generator_ends_the_work(kind: str) -> None:
    draws, one, other = drawer(kind)
    running = draws.grid([one, other])
    next(running)
    running.close()
    assert list(running) == []


# ---------------------------------------------------------------- encoders


@pytest.fixture(scope="module", params=MAKERS)
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TextEncoder:
    if request.param == "fake":
        return ColorEncoder()
    return load_bundle(bundle(tmp_path_factory.mktemp("encoder") / "small"))


def test_an_encoder_makes_the_same_unit_rows_of_pictures_and_words_however_they_are_batched(
    encoder: TextEncoder,
) -> None:
    shown = [(Image.new("RGB", (40, 30), color), PHOTO) for color in COLORS.values()]
    rows = embed_images(encoder, [*shown, (shown[0][0], SKETCH)])
    words = embed_texts(encoder, list(COLORS))
    for vectors in (rows, words):
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(vectors), encoder.dim)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(embed_images(encoder, shown, batch=1), rows[:3], atol=1e-4)
    np.testing.assert_allclose(embed_texts(encoder, list(COLORS), batch=1), words, atol=1e-4)
    assert len(np.unique(rows[:3].round(4), axis=0)) == 3


def test_an_encoders_fingerprint_names_it_and_its_weights(encoder: TextEncoder) -> None:
    name, digest = encoder.fingerprint.split("·")
    assert name
    assert len(digest) == 8
    assert cast("Any", encoder).preprocess.size in (16, 32)
