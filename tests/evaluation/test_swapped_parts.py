"""Objects drawn from what, where and style, measured in a world of two coloured halves where the answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.samplers import Sampler
from retrieval.evaluation.easel import BOTH, MAP, Easel, apart, hue, other_classes, take_apart
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.swapped_parts import DOODLES, Swaps
from tests.diffusion.priors import STYLES, THINGS, WIDTH, HalvesPrior
from tests.evaluation.test_generation_quality import HalvesJudge, by_name, halves


def car(pictures: PictureTable) -> torch.Tensor:
    """Says that everything is a car."""
    z = torch.zeros(len(pictures), WIDTH)
    z[:, :3] = torch.tensor([-1.0, 1.0, -1.0])
    return z


class Seeker:
    """Finds what is alike on the left half."""

    dim = 3

    def encode_images(self, pictures, domains):  # type: ignore[no-untyped-def]
        rows = [np.asarray(picture, np.float32)[:, :20].mean(axis=(0, 1)) - 127 for picture in pictures]
        codes = np.stack(rows)
        return codes / np.linalg.norm(codes, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def easel() -> Easel:
    return Easel(HalvesPrior(adapted=True), HalvesJudge(), Sampler(3, 1.0, student=True))


def measured(easel: Easel, count: int = 18) -> dict[str, Measurement]:
    return by_name(Swaps(easel, halves(), count, 0).measure(9))


def test_what_is_drawn_from_its_map_keeps_its_class_and_controls_break(easel: Easel) -> None:
    rows = measured(easel)
    assert rows["swap class ratio, where"].value == rows["swap style ratio, where"].value == 1
    assert rows["swap class ratio, where, maps shuffled"].value == 0
    assert rows["swap style ratio, where, maps shuffled"].value > 0.7
    assert rows["swap class ratio, neither, without map and word"].value < 0.7
    assert rows["judge class, real pictures"].value == 1
    assert rows["swap keeps the source's style, where"].value == 0
    assert "KID, where" in rows


def test_real_pictures_of_a_style_are_not_apart_where_an_object_of_each_class_comes_in_turn(easel: Easel) -> None:
    """As in the gallery: every other picture of two classes is of one of them alone, which is 4.9 from the other."""
    real = halves(24).where(labels=THINGS[:2])
    numbers = [int(name.rpartition("-")[2]) for name in real.instances]
    in_turn = real.select(sorted(range(len(real)), key=numbers.__getitem__))
    assert in_turn.where(lambda row: row.domain.name == STYLES[0]).labels[:4] == (*THINGS[:2], *THINGS[:2])
    assert abs(by_name(Swaps(easel, in_turn, 72, 0).measure(2))["KID, real pictures"].value) < 0.5


def test_a_stop_between_two_objects_may_be_read_as_either_so_chance_is_higher_there(easel: Easel) -> None:
    rows = by_name(Swaps(easel, halves(), 6, 0).measure_sliders(6))
    assert rows["object slider holds, where"].chance == pytest.approx(np.mean([1, 2, 2, 2, 1]) / 3)
    assert rows["object slider, its ends, where"].chance == pytest.approx(1 / 3)


def test_words_are_measured_beside_maps_where_somebody_reads_them(easel: Easel) -> None:
    rows = measured(replace(easel, codes=car))
    assert rows[f"swap class ratio, {BOTH}"].value == rows[f"swap class ratio, {MAP}"].value == 1
    assert rows["swap class ratio, what"].value == pytest.approx(1 / 3, abs=0.2), "everything is drawn as a car"
    assert rows["swap class ratio, what"].target is None


def test_drawings_by_people_are_a_subset_of_their_own(easel: Easel) -> None:
    doodles = halves(1).with_columns(domains="doodle")
    rows = by_name(Swaps(easel, halves(), 6, 0).measure_doodles(doodles))
    assert rows[f"swap class ratio, where, {DOODLES}"].value == 1
    source = take_apart(easel, doodles)
    assert source.control[:, -1].min() == 1, "halves are colourful, whatever they are called"


def test_a_slider_holds_its_ends(easel: Easel) -> None:
    rows = by_name(Swaps(easel, halves(), 6, 0).measure_sliders(6))
    assert rows["object slider, its ends, where"].value == 1
    assert rows["style slider keeps the class, where"].value == 1
    assert rows["style slider Spearman, where"].value > 0.9


def test_colours_that_stay_are_kept_and_others_are_not() -> None:
    red, green = (torch.tensor(rgb)[None, :, None, None].expand(1, 3, 4, 4) for rgb in ([1.0, -1, -1], [-1.0, 1, -1]))
    masks = np.ones((1, 4, 4), bool)
    assert hue(red, masks)[1][0] == pytest.approx(1)
    assert apart(hue(red, masks)[0], hue(red, masks)[0])[0] == 0
    assert apart(hue(red, masks)[0], hue(green, masks)[0])[0] == pytest.approx(2 * np.pi / 3)
    assert hue(torch.zeros(1, 3, 4, 4), masks)[1][0] == 0


def test_another_row_is_of_another_class() -> None:
    labels = ["b", "a", "c", "a", "b", "c"]
    assert all(labels[row] != labels[other] for row, other in enumerate(other_classes(labels)))
    assert STYLES
