"""The panels, in a world of two coloured halves where every answer is known: left the thing, right the style."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.bundle import save_bundle
from retrieval.artifacts.manifest import Manifest, reference_to
from retrieval.artifacts.prior import save_prior
from retrieval.diffusion.attention import HeatMaps
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import STYLE_AT, THING_AT
from retrieval.diffusion.samplers import STUDENT, TEACHER, denoise, guided, noise
from retrieval.diffusion.spelling import Spelling
from retrieval.disentangle import Original, ServedDisentangler
from retrieval.disentangle.codes import neutral_style, permuted, renormalised_lerp, slerp
from retrieval.disentangle.generator import BATCH, Brush, Cell, as_images, as_tensor, told
from retrieval.disentangle.panel_values import Drawn
from retrieval.disentangle.panels import Disentangler
from retrieval.errors import BundleError, QueryError, SettingsError
from retrieval.images import Preprocess
from retrieval.methods.dude import Config, Dude
from tests.diffusion.priors import COLORS, STYLES, THINGS, WIDTH, HalvesPrior, tiny_prior


class HalvesDude:
    """Reads the colour of the left half, in the first three coordinates."""

    preprocess = Preprocess(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    neutral_thing = torch.zeros(WIDTH)
    styles = STYLES

    def tokens(self, images: Tensor) -> Tensor:
        left = images[..., : images.shape[-1] // 2].mean(dim=(2, 3))  # (B, 3)
        return F.pad(left, (0, WIDTH - 3))


class HalvesJudge:
    """Names the halves' colours."""

    classes = THINGS
    styles = STYLES

    def __init__(self) -> None:
        self.asked = 0

    def scores(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        self.asked += 1
        half = pictures.shape[-1] // 2
        left, right = (part.mean(dim=(2, 3)) for part in (pictures[..., :half], pictures[..., half:]))
        return (left @ COLORS.T).softmax(dim=1), (right @ COLORS.T).softmax(dim=1)


def halves(thing: str, style: str, size: int = 64) -> Image.Image:
    picture = torch.empty(1, 3, size, size)
    picture[..., : size // 2] = COLORS[THINGS.index(thing)][:, None, None]
    picture[..., size // 2 :] = COLORS[STYLES.index(style)][:, None, None]
    return as_images(picture)[0]


def original(thing: str, style: str, *, told: bool = True) -> Original:
    return Original(halves(thing, style), *((style, thing) if told else ()))


def ideal(judge: HalvesJudge | None = None, *, judged: bool = True, student: bool = False) -> Disentangler:
    return Disentangler(
        HalvesPrior(), HalvesDude(), (judge or HalvesJudge()) if judged else None, HalvesPrior() if student else None
    )


class Blurry(HalvesDude):
    """Codes for a prior at random weights: what it says of a picture matters, not what it means."""

    def tokens(self, images: Tensor) -> Tensor:
        return F.pad(images[..., ::4, ::4].flatten(1)[:, :WIDTH], (0, max(0, WIDTH - 48)))

    neutral_thing = torch.full((WIDTH,), 0.1)


@pytest.fixture(scope="module")
def prior() -> Prior:
    return tiny_prior()


def random(prior: Prior, *, judged: bool = True, student: bool = True) -> Disentangler:
    """Grids and sliders by a student of few steps, which for such a prior is itself."""
    return Disentangler(prior, Blurry(), HalvesJudge() if judged else None, prior if student else None)


def last(panel):
    *_, end = panel
    return end


def content(drawn: Drawn) -> bytes:
    return drawn.picture.tobytes()


THREE = [original("duck", "photo"), original("car", "sketch"), original("cup", "doodle")]


# ---------------------------------------------------------------- what is read


def test_a_picture_that_nobody_told_anything_of_is_read_by_the_judge() -> None:
    read = ideal().read(original("car", "doodle", told=False))
    assert (read.thing, read.style) == ("car", "doodle")
    told = ideal().read(Original(halves("car", "doodle"), "photo", "cup"))
    assert (told.thing, told.style) == ("cup", "photo")


def test_grids_and_sliders_say_in_how_many_steps_they_were_drawn(prior: Prior) -> None:
    for student, guidance, steps in ((True, None, 4), (True, 2.0, 10), (False, None, 10)):
        made = random(prior, student=student)
        assert last(made.grid(THREE[:2], STYLES[:1], guidance=guidance)).steps == steps
        assert next(made.slide_styles(THREE[0], *STYLES[:2], guidance=guidance)).steps == steps


def test_a_code_is_drawn_as_it_is_spelled_and_the_card_says_in_which_words(prior: Prior) -> None:
    spelling = Spelling(prior.reader, ("duck", "car", "alarm clock"))
    free, spelled = (Disentangler(prior, Blurry(), HalvesJudge(), spelling=one) for one in (None, spelling))
    shown = original("duck", "photo")
    found = torch.tensor([free.read(shown).z])
    assert torch.allclose(torch.tensor([spelled.read(shown).z]), spelling(found), atol=1e-4)
    words = last(spelled.card(shown)).words
    assert list(words.values()) == sorted(words.values(), reverse=True)
    assert words == pytest.approx(spelling.likeliest(found[0], 3))
    assert last(free.card(shown)).words == {}


def test_without_a_judge_the_style_must_be_told() -> None:
    with pytest.raises(QueryError, match="Choose photo or sketch or doodle"):
        ideal(judged=False).read(original("car", "doodle", told=False))
    assert ideal(judged=False).read(Original(halves("car", "doodle"), "sketch")).thing is None


def test_a_style_that_the_prior_has_no_word_for_is_refused() -> None:
    disentangler = ideal()
    disentangler._prior.reader._places = {0: 0, 49406: 1, 49407: 2}
    with pytest.raises(QueryError, match="does not know 'cub'"):
        next(disentangler.grid(THREE, ["cubism"]))


# ---------------------------------------------------------------- V1


def test_a_card_takes_a_picture_apart() -> None:
    card = last(ideal().card(original("duck", "sketch", told=False)))
    assert (card.thing, card.style) == ("duck", "sketch")
    assert card.reconstruction.holds
    assert np.abs(np.asarray(card.difference)).max() <= 2
    only_object, only_style = (np.asarray(one.picture) for one in (card.object_only, card.style_only))
    assert only_object[10, 10].tolist() == [255, 0, 0]
    assert only_object[10, 50].tolist() != [0, 255, 0], "the neutral style is none of the styles"
    assert only_style[10, 10].tolist() == pytest.approx([127, 127, 127], abs=2), "the neutral thing is no thing"
    assert only_style[10, 50].tolist() == [0, 255, 0]
    assert card.object_only.class_holds
    assert card.object_only.style_holds is None
    assert card.style_only.style_holds
    assert card.style_only.class_holds is None


def test_a_card_shows_previews_until_it_is_finished() -> None:
    cards = list(ideal().card(THREE[0]))
    assert len(cards) == TEACHER.steps
    assert [card.reconstruction.finished for card in cards] == [False] * (TEACHER.steps - 1) + [True]
    assert [card.difference is None for card in cards] == [True] * (TEACHER.steps - 1) + [False]
    assert cards[0].reconstruction.class_shares == {}


# ---------------------------------------------------------------- V2


def test_in_the_grid_codes_can_be_exchanged() -> None:
    grid = last(ideal().grid(THREE))
    assert grid.styles == STYLES
    for row, thing in zip(grid.rows, THINGS, strict=True):
        for cell, style in zip(row, STYLES, strict=True):
            assert content(cell) == halves(thing, style).tobytes()
            assert cell.holds
            assert cell.class_shares[thing] == max(cell.class_shares.values())
    assert (grid.class_hit, grid.style_hit) == (1, 1)
    assert (grid.class_chance, grid.style_chance) == pytest.approx((1 / 3, 1 / 3))


def test_shuffled_rows_are_drawn_from_other_rows_codes_and_break() -> None:
    grid = last(ideal().grid(THREE, shuffled=True, seed=4))
    assert grid.shuffled
    assert grid.changed == 3
    assert sorted(grid.codes) == [0, 1, 2]
    assert all(row != code for row, code in enumerate(grid.codes))
    plainly = last(ideal().grid(THREE, seed=4))
    for row, code in enumerate(grid.codes):
        assert [content(cell) for cell in grid.rows[row]] == [content(cell) for cell in plainly.rows[code]]
        assert all(cell.intended_class == THINGS[row] for cell in grid.rows[row])
        assert not any(cell.class_holds for cell in grid.rows[row])
    assert (grid.class_hit, grid.style_hit) == (0, 1)


def test_shuffled_codes_that_tell_nothing_hit_by_chance_alone(prior: Prior) -> None:
    """A prior at random weights is at chance whether codes are shuffled or not: bounds of a binomial, 95 %."""
    pictures = [original(thing, style) for thing in THINGS for style in STYLES[:2]]
    grid = last(random(prior).grid(pictures, shuffled=True))
    swaps = sum(style != one.style for one in pictures for style in STYLES)
    assert abs(grid.class_hit - 1 / 3) <= 1.96 * (2 / 9 / swaps) ** 0.5


def test_the_grid_comes_row_by_row() -> None:
    disentangler = ideal(student=True)
    grids = list(disentangler.grid(THREE))
    assert len(grids) == len(THREE) * STUDENT.steps
    assert grids[0].rows[1] == (None, None, None)
    first_row = grids[STUDENT.steps - 1]
    assert all(cell.finished for cell in first_row.rows[0])
    assert first_row.class_hit == 1
    assert grids[0].class_hit is None


def test_unlocked_cells_begin_in_their_own_noise(prior: Prior) -> None:
    same = [original("duck", "photo")] * 2
    locked = last(random(prior).grid(same, STYLES, seed=3))
    free = last(random(prior).grid(same, STYLES, seed=3, locked=False))
    assert [content(cell) for cell in locked.rows[0]] == [content(cell) for cell in locked.rows[1]]
    assert content(free.rows[0][0]) == content(locked.rows[0][0])
    assert all(content(one) != content(other) for one, other in zip(*free.rows, strict=True))


@pytest.mark.parametrize("rows", [0, 9])
def test_a_grid_has_limits(rows: int) -> None:
    with pytest.raises(SettingsError, match=f"{rows} rows were asked for; choose 1 to 8"):
        next(ideal().grid(THREE[:1] * rows))


def test_one_row_cannot_be_shuffled() -> None:
    with pytest.raises(SettingsError, match="two rows or more"):
        next(ideal().grid(THREE[:1], shuffled=True))


# ---------------------------------------------------------------- the same question, the same bytes


PANELS: dict[str, Callable[[Disentangler, int], list[bytes]]] = {
    "card": lambda d, seed: [
        content(one)
        for card in [last(d.card(THREE[0], seed))]
        for one in (card.reconstruction, card.object_only, card.style_only)
    ],
    "grid": lambda d, seed: [content(cell) for row in last(d.grid(THREE[:2], STYLES, seed)).rows for cell in row],
    "objects": lambda d, seed: [content(one) for one in last(d.slide_objects(*THREE[:2], "photo", seed)).frames],
    "styles": lambda d, seed: [content(f) for f in last(d.slide_styles(THREE[0], "photo", "sketch", seed)).frames],
    "knobs": lambda d, seed: [content(last(d.knobs(THREE[0], "sketch", 2, 5, seed)))],
    "switch": lambda d, seed: [content(last(d.switch(THREE[0], "sketch", 400, seed)))],
}


@pytest.mark.parametrize("panel", PANELS)
def test_the_same_seed_is_the_same_pictures_to_the_byte(prior: Prior, panel: str) -> None:
    found = PANELS[panel](random(prior), 5)
    assert found == PANELS[panel](random(prior), 5)
    assert all(one != other for one, other in zip(found, PANELS[panel](random(prior), 6), strict=True))


def test_what_was_drawn_before_changes_no_picture(prior: Prior) -> None:
    """A grid whose cells are partly kept is drawn in other batches than one that begins from nothing."""
    fresh = PANELS["grid"](random(prior), 5)
    busy = random(prior)
    last(busy.slide_styles(THREE[0], "sketch", "doodle", 5, stops=2))
    last(busy.grid(THREE[1:2], ["photo"], 5))
    assert PANELS["grid"](busy, 5) == fresh


@pytest.mark.parametrize("panel", ["card", "grid", "objects"])
def test_the_bars_are_read_only(prior: Prior, panel: str) -> None:
    assert PANELS[panel](random(prior), 5) == PANELS[panel](random(prior, judged=False), 5)


def test_a_picture_is_drawn_and_judged_once() -> None:
    judge = HalvesJudge()
    disentangler = ideal(judge)
    first = last(disentangler.grid(THREE))
    asked = judge.asked
    again = list(disentangler.grid(THREE))
    assert again[-1].rows == first.rows
    assert len(again) == len(THREE), "no steps: one value for each row"
    assert judge.asked == asked + len(THREE), "the originals are read again, the cells are not"


def test_the_oldest_pictures_are_forgotten(prior: Prior) -> None:
    brush = Brush(prior, neutral_style(prior, STYLES), None, kept=2)
    cells = [Cell((0.1 * i,) * WIDTH, (0.2,) * WIDTH, 0) for i in range(3)]
    drawn = last(brush.drawn(cells, STUDENT))
    assert len(brush._kept) == 2
    assert len(list(brush.drawn(cells[1:], STUDENT))) == 1
    assert [content(one) for one in last(brush.drawn(cells, STUDENT))] == [content(one) for one in drawn]


def test_who_stops_to_ask_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    disentangler, calls = ideal(), []
    velocity = HalvesPrior.velocity
    monkeypatch.setattr(HalvesPrior, "velocity", lambda *told: calls.append(len(told[1])) or velocity(*told))
    panel = disentangler.grid(THREE)
    next(panel)
    panel.close()
    assert calls == [2 * BATCH], "one step of the first row, guided"


# ---------------------------------------------------------------- V3


def test_sliders_end_in_cells_of_the_grid(prior: Prior) -> None:
    grid = last(random(prior).grid(THREE[:2], ["photo", "sketch"], 5))
    across = last(random(prior).slide_styles(THREE[0], "photo", "sketch", 5))
    down = last(random(prior).slide_objects(*THREE[:2], "sketch", 5))
    assert [content(across.frames[i]) for i in (0, -1)] == [content(cell) for cell in grid.rows[0]]
    assert [content(down.frames[i]) for i in (0, -1)] == [content(row[1]) for row in grid.rows]


def test_a_slider_goes_from_one_end_to_the_other_and_keeps_what_is_not_slid() -> None:
    slide = last(ideal().slide_styles(THREE[0], "photo", "sketch"))
    assert slide.positions == pytest.approx([i / 6 for i in range(7)])
    shares = [frame.style_shares["sketch"] for frame in slide.frames]
    assert shares == sorted(shares)
    assert all(frame.class_holds for frame in slide.frames)
    assert [frame.intended_style for frame in slide.frames] == ["photo", *[None] * 5, "sketch"]
    things = last(ideal().slide_objects(THREE[0], THREE[1], "doodle", stops=3))
    assert all(frame.style_holds for frame in things.frames)
    assert [frame.intended_class for frame in things.frames] == ["duck", None, "car"]


def test_codes_between_two_are_as_long_as_they_are() -> None:
    one, other = torch.tensor([3.0, 0, 0]), torch.tensor([0, 1.0, 0])
    for between in (slerp, renormalised_lerp):
        torch.testing.assert_close(between(one, other, 0.0), one)
        torch.testing.assert_close(between(one, other, 1.0), other)
        assert float(between(one, other, 0.5).norm()) == pytest.approx(2)
    third = slerp(one, other, 1 / 3)
    assert float(torch.atan2(third[1], third[0])) == pytest.approx(np.pi / 6, abs=1e-5)
    torch.testing.assert_close(slerp(one, one * 2, 0.5), one * 1.5)


def test_a_knob_at_zero_says_nothing() -> None:
    drawn = last(ideal().knobs(THREE[0], "sketch", 3, 0))
    assert drawn.class_holds
    picture = np.asarray(last(ideal().knobs(THREE[0], "sketch", 0, 3)).picture)
    assert picture[10, 10].tolist() == pytest.approx([127] * 3, abs=2), "no thing"
    assert picture[10, 50, 1] == 255


def test_the_style_can_be_told_late() -> None:
    late, never = (last(ideal().switch(THREE[0], "sketch", below)) for below in (1000, 0))
    assert late.style_holds
    assert not never.style_holds
    assert last(ideal().switch(THREE[0], "sketch", 0, style_first=True)).style_holds
    assert late.class_holds
    assert never.class_holds


# ---------------------------------------------------------------- V4


def test_heat_shows_where_the_prior_looks_and_what_it_causes() -> None:
    heat = last(ideal_with_attention().heat(THREE[0], "sketch"))
    side = len(heat.object_map.cells)
    assert all(len(row) == side for row in heat.object_map.cells)
    assert max(map(max, heat.object_map.cells)) == pytest.approx(1)
    assert (heat.object_map.word, heat.style_map.word) == ("duck", "sketch")
    assert 0 <= heat.object_map.entropy <= 1
    by_object, by_style = (np.asarray(one) for one in (heat.object_difference, heat.style_difference))
    assert by_object[:, :32].min() > 100
    assert by_object[:, 32:].max() == 0
    assert by_style[:, :32].max() == 0
    assert by_style[:, 32:].max() > 50


def ideal_with_attention() -> Disentangler:
    """The ideal prior looks at nothing; so that there are maps, it asks a U-Net, and ignores it."""

    class Looking(HalvesPrior):
        def velocity(self, noisy: Tensor, t: Tensor, states: Tensor) -> Tensor:
            self.unet(noisy, t, states)
            return super().velocity(noisy, t, states)

    return Disentangler(Looking(), HalvesDude(), HalvesJudge())


def test_maps_are_those_of_the_whole_prompt(prior: Prior) -> None:
    disentangler = random(prior)
    heat, read = last(disentangler.heat(THREE[0], "sketch", 5)), disentangler.read(THREE[0])
    states = told(prior, torch.tensor([read.z]), prior.reader.word("sketch")[None])
    maps = HeatMaps(prior, 1)
    last(denoise(prior, maps.watch(guided(prior, states, TEACHER.guidance)), noise(prior, 5)))
    for shown, place in ((heat.object_map, THING_AT), (heat.style_map, STYLE_AT), (heat.padding_map, -1)):
        expected = maps.maps()[0, place]
        assert shown.peak == pytest.approx(float(expected.max()), abs=1e-3)
        torch.testing.assert_close(torch.tensor(shown.cells) * shown.peak, expected, atol=1e-3, rtol=0)


def test_watching_changes_no_picture(prior: Prior) -> None:
    heat = last(random(prior).heat(THREE[0], "photo", 5))
    card = last(random(prior).card(THREE[0], 5))
    watched, plainly = (as_tensor([one.picture]) for one in (heat.drawn, card.reconstruction))
    assert float((watched - plainly).abs().max()) <= 1.01 / 127.5, "one step of 8 bits, from rounding"


# ---------------------------------------------------------------- V6


def test_a_film_ends_with_the_pictures(prior: Prior) -> None:
    film = last(random(prior).film(THREE[0], "sketch", THREE[1], 5))
    assert len(film.frames) == 6
    assert film.frames[-1].step == film.steps == TEACHER.steps
    end = film.frames[-1]
    grid = last(random(prior, student=False).grid(THREE[:2], ["photo", "sketch"], 5))
    expected = (grid.rows[0][0], grid.rows[0][1], grid.rows[1][0])
    assert [content(one) for one in (end.drawn, end.other_style, end.other_object)] == [*map(content, expected)]
    assert end.drawn.finished
    assert not film.frames[0].drawn.finished


def test_a_film_tells_when_strips_part() -> None:
    film = last(ideal().film(THREE[0], "sketch", THREE[1]))
    assert (film.style_parts, film.object_parts) == (0, 0), "the ideal prior knows both from the start"
    same = last(ideal().film(THREE[0], "photo", THREE[0]))
    assert (same.style_parts, same.object_parts) == (None, None)


# ---------------------------------------------------------------- shuffling


@pytest.mark.parametrize("things", [["a", "b"], ["a", "a"], ["a", "a", "b"], list("aabbcc"), list("aaab"), [None, "a"]])
def test_no_row_keeps_its_code(things: list[str | None]) -> None:
    for seed in range(20):
        codes = permuted(things, seed)
        assert sorted(codes) == list(range(len(things)))
        assert all(row != code for row, code in enumerate(codes))
        most = max(map(things.count, things))
        if 2 * most <= len(things):
            assert all(things[row] != things[code] for row, code in enumerate(codes))


# ---------------------------------------------------------------- loading


def loaded(folder: Path, prior: Prior, **told: object) -> ServedDisentangler:
    """From folders, as the page has them."""
    save_prior(folder / "prior", prior, name="tiny", styles=STYLES, classes=THINGS, trained_on=())
    reference = reference_to(folder / "prior")
    save_prior(
        folder / "student",
        prior,
        name="quick",
        styles=STYLES,
        classes=THINGS,
        trained_on=(),
        refers_to={"teacher": reference},
        **told,
    )
    config = Config(width=WIDTH, styles=STYLES, channels=(8, 8, 16, 16))
    preprocess = Preprocess(32)
    manifest = Manifest(
        "toy", "dude", asdict(config), preprocess, STYLES, (), WIDTH, {}, refers_to={"prior": reference}
    )
    save_bundle(folder / "dude", Dude(config, preprocess), manifest)
    return ServedDisentangler(folder / "dude")


def test_what_stands_in_folders_draws(tmp_path: Path, prior: Prior) -> None:
    served = loaded(tmp_path, prior, steps=2, guidance=3.0)
    assert served.offered
    assert not served.ready
    disentangler = served.wait(60)
    assert served.ready
    assert served.trouble is None
    assert disentangler.is_quick
    assert len(list(disentangler.grid(THREE[:1], ["photo"]))) == 2, "there is no judge, and the student takes 2 steps"


def test_a_prior_that_is_no_student_is_refused_as_one(tmp_path: Path, prior: Prior) -> None:
    with pytest.raises(BundleError, match="is no student"):
        loaded(tmp_path, prior).wait(60)


def test_a_student_of_another_prior_is_left_alone(tmp_path: Path, prior: Prior) -> None:
    served = loaded(tmp_path, prior, steps=2, guidance=3.0)
    payload = json.loads((tmp_path / "student" / "manifest.json").read_text())
    payload["refers_to"]["teacher"]["sha256"] = "0" * 64
    (tmp_path / "student" / "manifest.json").write_text(json.dumps(payload))
    assert not served.wait(60).is_quick


def test_a_student_draws_the_guidance_that_its_manifest_names_and_no_other(tmp_path: Path, prior: Prior) -> None:
    disentangler = loaded(tmp_path, prior, steps=2, guidance=4.0).wait(60)
    steps = {asked: last(disentangler.grid(THREE[:1], ["photo"], guidance=asked)).steps for asked in (None, 4.0, 3.0)}
    assert steps == {None: 2, 4.0: 2, 3.0: 10}


def test_codes_that_refer_to_no_prior_are_refused(tmp_path: Path, prior: Prior) -> None:
    served = loaded(tmp_path, prior)
    payload = json.loads((tmp_path / "dude" / "manifest.json").read_text())
    (tmp_path / "dude" / "manifest.json").write_text(json.dumps(payload | {"refers_to": {}}))
    with pytest.raises(BundleError, match="refers to no prior that could draw its codes"):
        served.wait(60)


def test_nothing_is_offered_where_there_is_no_prior(tmp_path: Path) -> None:
    served = ServedDisentangler(tmp_path / "dude")
    assert not served.offered
    with pytest.raises(BundleError, match="manifest"):
        served.wait(60)
    assert served.trouble
    assert not served.ready
