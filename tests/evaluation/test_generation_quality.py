"""Measurements of generated pictures: perfect where object and style are apart, numbers at random weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from retrieval.artifacts.judge import Judge, JudgeConfig
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.diffusion.prompts import THING_AT, prompt
from retrieval.diffusion.samplers import Sampler
from retrieval.evaluation.code_quality import (
    chances,
    measure_domain_bias,
    measure_gain,
    measure_gaps,
    measure_pairs,
    measure_probes,
    measure_search,
    search_values,
    training_objects,
)
from retrieval.evaluation.generation_quality import (
    Studio,
    generate,
    judge_pictures,
    measure_attention,
    measure_sliders,
    measure_use,
    plan_swaps,
    tokens,
    trunk_features,
)
from retrieval.evaluation.measurement import SEARCH, SEEN, UNSEEN, Measurement
from retrieval.evaluation.measures import expected
from retrieval.evaluation.students import measure_student
from retrieval.evaluation.swaps import measure_swaps, measure_words
from retrieval.images import Preprocess
from retrieval.methods.dude import Config, Dude
from tests.diffusion.priors import COLORS, STYLES, THINGS, WIDTH, HalvesPrior, tiny_prior

SEEN_THINGS = ("duck", "car")


def halves(objects: int = 3) -> PictureTable:
    """On the left the colour of the thing, on the right that of the style, and a little of the very object's own."""
    rng = np.random.default_rng(0)
    shown, told = [], []
    for thing in THINGS:
        for number in range(objects):
            own = rng.normal(0, 6, 3)
            for style in STYLES:
                left, right = (127.5 + 100 * COLORS[i].numpy() for i in (THINGS.index(thing), STYLES.index(style)))
                sides = np.stack([left + own, right], axis=0).clip(0, 255)  # (2, 3)
                shown.append(np.broadcast_to(sides.repeat(32, axis=0)[None], (64, 64, 3)).astype(np.uint8))
                told.append((thing, style, f"{thing}-{number}"))
    labels, styles, instances = zip(*told, strict=True)
    return PictureTable(map(ArrayPicture, shown), styles, labels=labels, instances=instances)


class HalvesDude:
    """Reads the thing's colour off the left half, as the prior's word for it."""

    preprocess = Preprocess(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))

    def tokens(self, images: Tensor) -> Tensor:
        found = torch.zeros(len(images), WIDTH)
        found[:, :3] = images[..., :32].mean(dim=(2, 3))
        return found


class HalvesJudge:
    """Names a picture by the colours that are nearest."""

    classes, styles = THINGS, STYLES

    def standardised(self, features: Tensor) -> Tensor:
        return features

    def features(self, shown: Tensor) -> Tensor:
        return torch.cat([half.mean(dim=(2, 3)) for half in shown.chunk(2, dim=3)], dim=1)  # (B, 6)

    def named(self, features: Tensor) -> tuple[Tensor, Tensor]:
        left, right = ((half @ COLORS.T).mul(3).softmax(dim=1) for half in features.chunk(2, dim=1))
        return left, right


def perfect_studio() -> Studio:
    made: Any = HalvesPrior(), HalvesDude(), HalvesJudge()
    return Studio(*made, Sampler(steps=3, guidance=1.0))


def random_studio() -> Studio:
    torch.manual_seed(0)
    prior = tiny_prior()
    dude = Dude(Config(width=WIDTH, trunk="test_efficientnet", hidden=16, styles=STYLES), Preprocess(32)).eval()
    judge = (
        Judge(JudgeConfig(THINGS, STYLES, size=32, trunk="test_efficientnet", blocks=(0, 1, 2), hidden=16))
        .eval()
        .requires_grad_(False)
    )
    return Studio(prior, dude, judge, Sampler(steps=2, guidance=2.0))


def by_name(measurements: list[Measurement]) -> dict[str, Measurement]:
    names = [row.name for row in measurements]
    assert len(set(names)) == len(names)
    return {row.name: row for row in measurements}


# ---------------------------------------------------------------- where object and style are apart


def test_where_object_and_style_are_apart_swaps_are_right_and_controls_are_at_chance() -> None:
    found = by_name(measure_swaps(perfect_studio(), halves(), SEEN_THINGS, (27, 27), 0))
    for kind in ("class", "style"):
        assert found[f"swap {kind} ratio"].value == 1.0
        assert found[f"swap {kind} ratio, {SEEN}"].value == found[f"swap {kind} ratio, {UNSEEN}"].value == 1.0
        assert found[f"judge {kind}, real pictures"].value == 1.0
        assert found[f"swap {kind}"].chance == pytest.approx(1 / 3)
    assert found["swap harmonic mean"].value == found["swap class and style"].value == 1.0
    assert found["swap class ratio, codes shuffled"].value < 0.7 < found["swap style ratio, codes shuffled"].value
    assert found["swap style ratio, words shuffled"].value < 0.7 < found["swap class ratio, words shuffled"].value
    assert found["swap keeps the source's style"].value == 0.0
    assert found["object alone, class"].value == 1.0
    assert found["object alone shows its source's style"].value < 0.7


def test_a_swap_is_nearest_to_the_true_picture_of_its_object() -> None:
    found = by_name(measure_swaps(perfect_studio(), halves(), SEEN_THINGS, (27, 3), 0, known=halves(1)))
    for space in ("judge features", "pixels"):
        assert found[f"swap distance over same class, {space}"].value < 1.0
        assert found[f"swap nearer to truth than same class, {space}"].value > 0.8
        assert found[f"swap distance over other class, {space}"].value < 0.5
        assert found[f"swap nearer to truth than other class, {space}"].value == 1.0
        assert found[f"near copies, {space}"].value <= 1.0
    assert abs(found["KID, photo"].value) < 1


def test_typed_words_are_measured_on_what_the_prior_saw_alone() -> None:
    found = by_name(measure_words(perfect_studio(), halves(), SEEN_THINGS, 27, 0))
    assert found["prior class, typed words"].value == found["prior style, typed words"].value == 1.0
    values = found["prior class, typed words"].values
    assert values is not None
    assert len(values) == 18


def test_a_slider_rises_and_the_object_stays() -> None:
    found = by_name(measure_sliders(perfect_studio(), halves(), 6, 0))
    assert found["slider Spearman"].value > 0.95
    assert found["slider keeps the class"].value == 1.0


def test_a_plan_is_even_in_classes_and_never_asks_for_the_own_style() -> None:
    real = halves()
    plan = plan_swaps(real, 12, 0)
    assert len(set(plan.rows.tolist())) == 12
    assert sorted(real.labels[row] for row in plan.rows) == sorted(THINGS * 4)
    assert all(real.domains[row] != style for row, style in zip(plan.rows, plan.styles, strict=True))
    assert plan_swaps(real, 12, 0).styles == plan.styles
    assert len(plan_swaps(real, 99, 0).rows) == 27


# ---------------------------------------------------------------- at random weights


def test_at_random_weights_every_measurement_is_a_number() -> None:
    studio, real = random_studio(), halves()
    masks = np.zeros((27, 64, 64), bool)
    masks[:, 20:40, 20:40] = True
    found = by_name(
        [
            *measure_swaps(studio, real, SEEN_THINGS, (6, 6), 0, known=real),
            *measure_use(studio, real, 6, (300, 600), 0),
            *measure_attention(studio, real, masks, 6, 0),
            *measure_sliders(studio, real, 3, 0),
        ]
    )
    assert all(np.isfinite(one.value) for one in found.values())
    rises = found["noise error rises, codes shuffled"]
    assert [point[0] for point in rises.curve] == [300, 600]
    assert all(low <= mean <= high for _, mean, low, high in rises.curve)
    assert found["points at the object, the middle of the picture"].value == 1.0
    assert found["overlap with the object, object code"].chance == pytest.approx((400 / 4096) / (2 - 400 / 4096))
    assert found["near copies, pixels"].chance == 0.01


def test_a_prior_is_as_good_as_itself_and_better_than_a_student_that_learned_nothing() -> None:
    studio = perfect_studio()
    itself = by_name(measure_student(studio, studio, halves(), 27, 0))
    assert itself["student swap class less the prior's"].value == 0.0
    target = itself["student KID to the prior"].target
    assert target is not None
    limit = target.value
    assert itself["student KID to the prior"].value <= limit
    nothing = replace(studio, prior=random_studio().prior, sampler=Sampler(steps=2, guidance=1.0))
    found = by_name(measure_student(studio, nothing, halves(), 27, 0))
    assert found["student swap class less the prior's"].value < -0.3
    assert found["student KID to the prior"].value > limit
    assert "in 2 steps, and the prior's in 3" in found["student swap class"].how


def test_the_noise_of_a_row_is_the_same_whatever_it_is_told() -> None:
    studio = random_studio()
    z = tokens(studio.dude, halves())[:2]
    one = generate(studio, [prompt("photo")] * 2, {THING_AT: z}, 0)
    other = generate(studio, [prompt("photo"), prompt("sketch")], {THING_AT: z}, 0)
    torch.testing.assert_close(one[0], other[0], atol=1e-5, rtol=0)
    assert not torch.allclose(one[1], other[1], atol=1e-3)
    assert one.shape == (2, 3, 64, 64)


def test_what_is_judged_has_one_name_each() -> None:
    studio, real = random_studio(), halves()
    told = judge_pictures(studio.judge, real.tensor(), batch=5)
    assert (len(told.classes), told.style_shares.shape, told.features.shape) == (27, (27, 3), (27, 240))
    assert trunk_features(studio.dude, real).shape == (27, 256)


# ---------------------------------------------------------------- codes


def test_a_gap_is_the_same_whether_domains_come_in_turn_or_one_after_the_other() -> None:
    """The kernel is as wide as some rows are apart, which must not be of every other domain alone."""
    styles = ["photo", "sketch"] * 1000
    rng = np.random.default_rng(0)
    codes = rng.standard_normal((2000, 3)) * np.where(np.arange(2000) % 2, 1.0, 0.01)[:, None] + np.eye(3)[0]
    instances = [str(place // 2) for place in range(2000)]
    grey = ArrayPicture(np.zeros((2, 2, 3), np.uint8))
    in_turn = PictureTable([grey] * 2000, styles, labels=["duck"] * 2000, instances=instances)
    order = np.argsort(styles, kind="stable")
    apart, together = (
        by_name(measure_gaps("x", codes[rows], in_turn.select(rows.tolist())))["MMD2 between domains, x"].value
        for rows in (np.arange(2000), order)
    )
    assert apart == pytest.approx(together, rel=0.1)


def test_codes_that_hold_class_alone_pass_and_codes_that_hold_style_alone_fail() -> None:
    real = halves(6)
    rng = np.random.default_rng(0)
    of_class = np.eye(3)[[THINGS.index(label) for label in real.labels]] + rng.normal(0, 0.05, (54, 3))
    of_style = np.eye(3)[[STYLES.index(style) for style in real.domains]] + rng.normal(0, 0.05, (54, 3))
    good, bad = (
        by_name(
            [
                *measure_search("x", codes, real, SEEN_THINGS),
                *measure_probes("x", codes, real, control=True),
                *measure_gaps("x", codes, real),
                measure_domain_bias("x", codes, real),
            ]
        )
        for codes in (of_class, of_style)
    )
    assert (
        good[f"{SEARCH}, x"].value
        == good[f"{SEARCH}, x, {UNSEEN}"].value
        == good["P@5 truncated micro, x"].value
        == 1.0
    )
    assert bad[f"{SEARCH}, x"].value < 0.7
    for probe in ("two layers", "logistic", "10 nearest"):
        assert good[f"class probe, {probe}, x"].value == bad[f"domain probe, {probe}, x"].value == 1.0
        assert good[f"domain probe, {probe}, x"].value < 0.7
    assert good["class probe, logistic, x, labels shuffled"].value < 0.8
    assert abs(good["MMD2 between domains, x"].value) < 0.1 < bad["MMD2 between domains, x"].value
    assert abs(bad["MMD2 between domains, x, one domain"].value) < 0.1
    assert bad["domain AUC, x"].value == 1.0
    assert 0.1 < good["domain AUC, x"].value < 0.9
    assert bad["own style in the top 10, x"].value > 0.5
    assert abs(good["own style in the top 10, x"].value) < 0.2
    more = search_values(list(good.values())), search_values(list(bad.values()))
    assert measure_gain(("good", more[0]), ("bad", more[1])).value > 0.3


def test_chance_is_that_of_the_searches_that_are_made() -> None:
    lucky, share = chances(halves(3))
    assert share == pytest.approx(2 / 8)
    assert lucky == pytest.approx(expected("mAP@all", 2, 8))


def test_probes_are_asked_about_other_objects() -> None:
    real = halves(6)
    train = training_objects(real)
    assert train.sum() == 3 * 3 * 4
    instances = np.asarray(real.instances)
    assert not set(instances[train]) & set(instances[~train])


def test_the_purity_of_pairs_is_told_by_epoch_and_its_rise_before_the_loss() -> None:
    labels = ["a", "a", "b", "b"]
    nobody = np.full((4, 1), -1)
    within = np.array([[1], [0], [3], [2]])
    mixed = np.array([[2], [3], [-1], [-1]]).reshape(4, 1, 1)
    pure = np.array([[1], [2], [-1], [-1]]).reshape(4, 1, 1)
    pairs = [(1, nobody, nobody[:, None]), (2, within, mixed), (3, within, pure), (4, within, within[:, None])]
    found = by_name(measure_pairs(pairs, labels, 3))
    assert found["pair purity within domains"].value == found["pair purity across domains"].value == 1.0
    assert found["pair purity across domains"].curve == ((2, 0.0), (3, 0.5), (4, 1.0))
    assert found["pair purity across domains, rise before its loss"].value == 0.5
    assert found["pair purity across domains"].chance == 0.5
