"""What, where and style: pictures are drawn from the parts that are used, in a world of two coloured halves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.disentangle import Original, Use
from retrieval.disentangle.coded import Where
from retrieval.disentangle.codes import between
from retrieval.disentangle.generator import BATCH
from retrieval.disentangle.panels import Disentangler
from retrieval.disentangle.where import knows_colors, locate
from retrieval.errors import SettingsError
from tests.diffusion.priors import COLORS, STYLES, THINGS, WIDTH, HalvesAdapter, HalvesPrior
from tests.disentangle.halves import THREE, HalvesDude, HalvesJudge, content, halves, last, original

DUCK, GREY = halves("duck", "photo"), [127, 127, 127]


class Mistaken(HalvesDude):
    """Says that everything is a car, so that word and map can be told apart."""

    def tokens(self, images: torch.Tensor) -> torch.Tensor:
        z = torch.zeros(len(images), WIDTH)
        z[:, :3] = COLORS[THINGS.index("car")]
        return z


class Inverting(HalvesAdapter):
    """Tells the opposite of every colour."""

    def forward(self, images: torch.Tensor, known: torch.Tensor | None = None) -> torch.Tensor:
        return super().forward(-images, known)


def mapped(dude: HalvesDude | None = None) -> Disentangler:
    prior = HalvesPrior(adapted=True)
    return Disentangler(prior, dude, HalvesJudge(), prior, styles=STYLES)


def left(image: Image.Image) -> list[int]:
    return np.asarray(image)[10, 10].tolist()


def test_a_picture_is_drawn_from_the_parts_that_are_used() -> None:
    asked = {
        "map": Use(what=False),
        "word": Use(where=False),
        "neither": Use(what=False, where=False),
        "no style": Use(style=False),
    }
    shown = {name: last(mapped(Mistaken()).card(THREE[0], use=use)).drawn for name, use in asked.items()}
    car, duck = (halves(thing, "photo") for thing in ("car", "duck"))
    assert left(shown["map"].picture) == left(duck)
    assert left(shown["word"].picture) == left(car)
    assert left(shown["neither"].picture) == pytest.approx(GREY, abs=2)
    assert shown["neither"].intended_class is None
    assert np.asarray(shown["no style"].picture)[10, 50].tolist() == pytest.approx(GREY, abs=2)
    assert (shown["no style"].intended_class, shown["no style"].intended_style) == ("duck", None)


def test_the_card_shows_each_part_alone() -> None:
    card = last(mapped(Mistaken()).card(THREE[0]))
    assert left(card.what_only.picture) == left(halves("car", "photo"))
    assert left(card.where_only.picture) == left(DUCK)
    assert left(card.style_only.picture) == pytest.approx(GREY, abs=2)
    assert card.style_only.style_holds


def test_without_a_word_a_picture_is_drawn_from_its_map_and_the_card_says_so() -> None:
    disentangler = mapped()
    card = last(disentangler.card(THREE[0]))
    assert card.use == Use(what=False)
    assert card.what_only is None
    assert card.drawn.holds
    assert last(disentangler.grid(THREE)).class_hit == 1
    with pytest.raises(SettingsError, match="No part is chosen"):
        next(disentangler.card(THREE[0], use=Use(where=False, style=False)))


def test_a_prior_without_an_adapter_has_no_map() -> None:
    disentangler = Disentangler(HalvesPrior(), HalvesDude(), HalvesJudge())
    card = last(disentangler.card(THREE[0]))
    assert (card.use, card.where_only, card.colors_known) == (Use(where=False), None, None)


def test_shuffled_rows_are_drawn_from_other_rows_maps() -> None:
    grid = last(mapped().grid(THREE, shuffled=True))
    assert grid.changed == 3
    assert grid.class_hit == 0
    assert grid.style_hit == 1


def test_colours_of_ink_are_withheld_but_not_those_of_a_coloured_drawing() -> None:
    paper = Image.new("RGB", (64, 64), (250, 244, 230))
    paper.paste((20, 20, 20), (10, 10, 40, 14))
    colored = paper.copy()
    colored.paste((250, 210, 40), (10, 20, 40, 40))
    assert knows_colors(paper, "photo")
    assert [knows_colors(paper, style) for style in ("sketch", "doodle", "engraving")] == [False] * 3
    assert knows_colors(colored, "doodle")
    prior = HalvesPrior(adapted=True)
    ink, photo = (locate(prior, paper, style) for style in ("sketch", "photo"))
    assert ink is not None
    assert photo is not None
    assert ink != photo
    assert (ink.control[-1].max(), photo.control[-1].min()) == (0, 1)


def test_a_student_draws_from_maps_of_its_own() -> None:
    prior, student = HalvesPrior(adapted=True), HalvesPrior(adapted=True)
    student.adapter = Inverting()  # type: ignore[assignment]
    told = [
        last(Disentangler(prior, None, HalvesJudge(), quick, styles=STYLES).card(THREE[0])) for quick in (None, student)
    ]
    plainly, inverted = (np.asarray(card.where_only.picture)[10, 10] for card in told)
    assert plainly.tolist() == left(DUCK)
    assert inverted.tolist() == pytest.approx((255 - plainly).tolist(), abs=2)


def test_a_student_is_asked_twice_where_its_map_or_its_words_are_insisted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, velocity = [], HalvesPrior.velocity
    monkeypatch.setattr(HalvesPrior, "velocity", lambda *told: asked.append(len(told[1])) or velocity(*told))
    last(Disentangler(HalvesPrior(adapted=True), None, None, HalvesPrior(adapted=True), styles=STYLES).card(THREE[0]))
    assert asked == [2 * BATCH, 2 * BATCH, BATCH, 2 * BATCH], "at the noise steps 999, 759, 499 and 259"


def test_a_map_between_two_keeps_its_size_and_ends_in_them() -> None:
    torch.manual_seed(0)
    first, last_ = (Where(name, torch.randn(5, 4, 4)) for name in "ab")
    first.control[:3] /= first.control[:3].square().mean().sqrt()
    middle = between(first, last_, 0.5, 3)
    assert middle is not None
    assert float(middle.control[:3].square().mean()) == pytest.approx(1)
    torch.testing.assert_close(middle.control[3:], (first.control[3:] + last_.control[3:]) / 2)
    start = between(first, last_, 0.0, 3)
    assert start is not None
    torch.testing.assert_close(start.control, first.control)
    assert between(None, None, 0.5, 3) is None


def test_a_sketch_that_is_read_as_a_doodle_is_no_failure() -> None:
    sketch = Original(halves("duck", "doodle"), "sketch", "duck")

    class Doodles(HalvesPrior):
        """Draws a doodle whenever a sketch is asked for."""

        def velocity(self, noisy, t, states, control=None):  # type: ignore[no-untyped-def]
            states = states.clone()
            states[:, 2, 3:6] = COLORS[STYLES.index("doodle")]
            return super().velocity(noisy, t, states, control)

    drawn = last(Disentangler(Doodles(), HalvesDude(), HalvesJudge()).card(sketch)).drawn
    assert max(drawn.style_shares, key=drawn.style_shares.__getitem__) == "doodle"
    assert drawn.style_holds
    assert not last(Disentangler(Doodles(), HalvesDude(), HalvesJudge()).grid(THREE[:1], ["photo"])).rows[0][0].holds


def test_the_map_slides_with_the_object_and_ends_in_cells_of_the_grid() -> None:
    disentangler = mapped()
    grid = last(disentangler.grid(THREE[:2], ["sketch"]))
    slide = last(disentangler.slide_objects(*THREE[:2], "sketch"))
    assert [content(slide.frames[at]) for at in (0, -1)] == [content(row[0]) for row in grid.rows]
    assert [frame.class_holds for frame in (slide.frames[0], slide.frames[-1])] == [True, True]


def test_the_map_changes_the_picture_with_weights_for_map_and_words() -> None:
    strong = last(mapped().knobs(original("duck", "photo"), "sketch", 3, 3))
    none = last(mapped().knobs(original("duck", "photo"), "sketch", 0, 3))
    assert strong.class_holds
    assert content(strong) != content(none)
