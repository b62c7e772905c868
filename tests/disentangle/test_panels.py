"""Cards, grids and sliders, in a world of two coloured halves where every answer is known."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
import torch

from retrieval.diffusion.prior import Prior
from retrieval.diffusion.samplers import STUDENT, TEACHER
from retrieval.diffusion.spelling import Spelling
from retrieval.disentangle import Original
from retrieval.disentangle.codes import permuted, renormalised_lerp, slerp
from retrieval.disentangle.generator import BATCH
from retrieval.disentangle.panels import Disentangler
from retrieval.errors import QueryError, SettingsError
from tests.diffusion.priors import STYLES, THINGS
from tests.disentangle.halves import THREE, Blurry, HalvesJudge, content, halves, ideal, last, original, random

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
    assert card.drawn.holds
    assert np.abs(np.asarray(card.difference)).max() <= 2
    only_object, only_style = (np.asarray(one.picture) for one in (card.what_only, card.style_only))
    assert only_object[10, 10].tolist() == [255, 0, 0]
    assert only_object[10, 50].tolist() != [0, 255, 0], "the neutral style is none of the styles"
    assert only_style[10, 10].tolist() == pytest.approx([127, 127, 127], abs=2), "the neutral thing is no thing"
    assert only_style[10, 50].tolist() == [0, 255, 0]
    assert card.what_only.class_holds
    assert card.what_only.style_holds is None
    assert card.style_only.style_holds
    assert card.style_only.class_holds is None


def test_a_card_shows_previews_until_it_is_finished() -> None:
    cards = list(ideal().card(THREE[0]))
    assert len(cards) == TEACHER.steps
    assert [card.drawn.finished for card in cards] == [False] * (TEACHER.steps - 1) + [True]
    assert [card.difference is None for card in cards] == [True] * (TEACHER.steps - 1) + [False]
    assert cards[0].drawn.class_shares == {}


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


def test_the_grid_comes_batch_by_batch() -> None:
    disentangler = ideal(student=True)
    grids = list(disentangler.grid(THREE))
    assert len(grids) == ceil(len(THREE) * len(STYLES) / BATCH) * STUDENT.steps
    assert grids[0].rows[2][-1] is None
    assert (grids[0].class_hit, grids[0].swaps) == (None, 0)
    first_batch = grids[STUDENT.steps - 1]
    assert all(cell.finished for cell in first_batch.rows[0])
    assert (first_batch.class_hit, first_batch.swaps) == (1, 3)


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
