"""The same question has the same bytes, and no picture is drawn twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from retrieval.diffusion.prior import Prior
from retrieval.diffusion.samplers import STUDENT
from retrieval.disentangle.codes import neutral_style
from retrieval.disentangle.generator import BATCH, Brush, Cell
from retrieval.disentangle.panels import Disentangler
from tests.diffusion.priors import STYLES, WIDTH, HalvesPrior
from tests.disentangle.halves import THREE, HalvesJudge, content, ideal, last, random

PANELS: dict[str, Callable[[Disentangler, int], list[bytes]]] = {
    "card": lambda d, seed: [
        content(one) for card in [last(d.card(THREE[0], seed))] for one in (card.drawn, card.what_only, card.style_only)
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
    assert len(again) == 1, "no steps: one value"
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
