"""Measuring: what is ranked, what is refused, and that nothing is encoded twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.readers.files import table_of
from retrieval.data.readers.folder import folder_items
from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.floors import RawPixels, without_domain_means
from retrieval.evaluation.harness import Memory, Report, chance, evaluate, refusal, score
from retrieval.evaluation.measures import KINDS, score_queries
from retrieval.evaluation.tasks import Task
from retrieval.relevance import Names
from retrieval.types import Domain, TextQuery
from tests.conftest import ColorEncoder
from tests.evaluation.fakes import small_bundle

EVERY = tuple(kind.replace("K", "3") if "@K" in kind else kind for kind in KINDS)


@pytest.fixture
def colors(pictures: Path) -> Task:
    """Each picture asks for those of its colour."""
    table = table_of(folder_items(pictures))
    relevant = np.array([[a == b for b in table.labels] for a in table.labels])
    return Task("colors@1", table, table, relevant, ("blue", "green", "red"), labels=table.labels)


def blank(count: int, domain: str = "photo", prefix: str = "") -> PictureTable:
    """Pictures of one pixel."""
    pixel = ArrayPicture(np.zeros((1, 1, 3), np.uint8))
    return PictureTable([pixel] * count, domain, ids=[f"{prefix}{number}" for number in range(count)])


def test_an_encoder_that_sees_colour_is_perfect_at_colours(colors: Task, color_encoder: ColorEncoder) -> None:
    report = evaluate(color_encoder, colors)
    assert set(report.metrics) == set(colors.metrics)
    assert all(value == 1.0 for value in report.metrics.values())
    assert (report.queries, report.gallery, report.chance) == (24, 24, pytest.approx(1 / 3))


def test_texts_are_measured_like_pictures(colors: Task, color_encoder: ColorEncoder) -> None:
    words = Task("words@1", [TextQuery("red"), TextQuery("blue")], colors.gallery, colors.relevant[[20, 0]], ())
    assert evaluate(color_encoder, words).metrics["P@8"] == 1.0


class Blind(ColorEncoder):
    """All pictures and all texts are the same to it."""

    fingerprint = "blind·00000001"

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        return torch.eye(4)[[0] * len(images)]

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        return torch.eye(4)[[0] * len(texts)]


def test_with_names_colours_that_texts_say_are_looked_up_in_the_pixels_as_on_the_page(colors: Task) -> None:
    one = np.eye(1, 4, dtype=np.float32)
    names, texts = Names(("disc",), one, one, one, one), [TextQuery("a green disc"), TextQuery("a blue disc")]
    words = Task("words@1", texts, colors.gallery, colors.relevant[[16, 0]], ())
    assert evaluate(Blind(), words).metrics["R@1"] == 0.5
    assert evaluate(Blind(), words, names=names).metrics["P@8"] == 1.0


def test_an_encoder_without_words_is_told_that_a_task_asks_with_words(colors: Task) -> None:
    words = Task("words@1", [TextQuery("red")], colors.gallery, colors.relevant[[20]], ())
    memory = Memory()
    with pytest.raises(SettingsError, match="words@1 asks with words, and floor:raw-pixels reads none"):
        evaluate(RawPixels(), words, memory=memory)
    assert not memory._rows, "no gallery is embedded for nothing"


def ranked_alone(scores: np.ndarray, task: Task, name: str) -> list[float]:
    """The metric of every query, with what it does not consider really taken away."""
    assert task.considered is not None
    found = []
    for row, relevant, here in zip(scores, task.relevant, task.considered, strict=True):
        order = np.argsort(-row[here], kind="stable")
        found.append(float(score_queries(name, relevant[here][order][None])[0]))
    return found


def test_what_a_query_does_not_consider_is_as_if_it_were_not_there() -> None:
    rng = np.random.default_rng(0)
    relevant, considered = rng.random((30, 20)) < 0.3, rng.random((30, 20)) < 0.6
    answered = (relevant & considered).any(axis=1)
    labels = tuple(str(q % 4) for q in range(int(answered.sum())))
    task = Task(
        "m@1", [TextQuery("?")] * len(labels), blank(20), relevant[answered], (),
        considered=considered[answered], metrics=EVERY, labels=labels,
    )  # fmt: skip
    scores = rng.random(task.relevant.shape).astype(np.float32)
    report = score(scores, task)
    for name in EVERY:
        assert report.values[name].tolist() == pytest.approx(ranked_alone(scores, task, name)), name
    shares = [(r & c).sum() / c.sum() for r, c in zip(relevant[answered], considered[answered], strict=True)]
    assert report.chance == pytest.approx(np.mean(shares))


def test_a_task_with_a_query_that_has_no_answer_is_refused(colors: Task) -> None:
    nothing = dataclasses.replace(colors, considered=np.zeros_like(colors.relevant))
    with pytest.raises(DataError, match="24 of 24 queries have nothing relevant"):
        score(np.zeros((24, 24), np.float32), nothing)


def test_the_order_of_the_gallery_does_not_matter_without_ties(colors: Task) -> None:
    rng = np.random.default_rng(0)
    scores, moved = rng.random((24, 24)).astype(np.float32), rng.permutation(24)
    other = dataclasses.replace(
        colors, gallery=colors.gallery.select(moved.tolist()), relevant=colors.relevant[:, moved]
    )
    assert score(scores[:, moved], other) == score(scores, colors)


def test_chance_is_what_random_scores_get(colors: Task) -> None:
    rng = np.random.default_rng(0)
    task = dataclasses.replace(colors, metrics=EVERY, considered=~np.eye(24, dtype=bool))
    drawn = [score(rng.random((24, 24)).astype(np.float32), task).metrics for _ in range(200)]
    told = chance(task)
    assert set(told.metrics) == set(EVERY) - {"mAP@all VOC"}
    for name, value in told.metrics.items():
        assert value == pytest.approx(np.mean([metrics[name] for metrics in drawn]), abs=0.01), name


def test_means_weigh_queries_as_their_metric_says() -> None:
    relevant = np.array([[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]], bool)
    task = Task(
        "w@1", [TextQuery("?")] * 3, blank(4), relevant, (),
        metrics=("mAP@all", "mAP@all macro", "P@3 truncated"), labels=("a", "a", "b"),
    )  # fmt: skip
    found = score(np.tile(np.arange(4, 0, -1, dtype=np.float32), (3, 1)), task).metrics
    assert found["mAP@all"] == pytest.approx((1 + 1 + 1 / 4) / 3)
    assert found["mAP@all macro"] == pytest.approx((1 + 1 / 4) / 2)
    assert found["P@3 truncated"] == pytest.approx((3 + 3 + 0) / (3 + 3 + 1))


def test_a_report_is_written_without_its_single_queries(colors: Task) -> None:
    found = score(np.random.default_rng(0).random((24, 24)).astype(np.float32), colors)
    assert set(found.as_row()) == {f.name for f in dataclasses.fields(Report)} - {"values"}


# ---------------------------------------------------------------- what a bundle has seen


def test_a_bundle_that_saw_an_unseen_class_is_refused(colors: Task) -> None:
    task = dataclasses.replace(colors, unseen=("tea pot", "owl"))
    with pytest.raises(DataError, match="small has seen the class 'tea pot', which colors@1 calls unseen"):
        evaluate(small_bundle(classes=("duck", "tea_pot")), task)
    assert refusal(small_bundle(classes=("duck",)), task) is None


def test_a_bundle_that_saw_an_unseen_style_is_refused(colors: Task) -> None:
    task = dataclasses.replace(colors, unseen_domains=("sketch",))
    with pytest.raises(DataError, match="small has seen the style 'sketch'"):
        evaluate(small_bundle(domains=("photo", "sketch")), task)
    assert refusal(small_bundle(domains=("photo",)), task) is None


def test_long_lists_of_seen_classes_are_cut(colors: Task) -> None:
    task = dataclasses.replace(colors, unseen=("a", "b", "c", "d", "e"))
    assert "'a', 'b', 'c' and 2 more" in str(refusal(small_bundle(classes=("a", "b", "c", "d", "e")), task))


def test_what_learnt_nothing_has_seen_nothing(colors: Task) -> None:
    task = dataclasses.replace(colors, unseen=("red",), unseen_domains=("photo",))
    assert refusal(RawPixels(), task) is None
    assert evaluate(RawPixels(), task).queries == 24


# ---------------------------------------------------------------- encoded once


class Counting(ColorEncoder):
    """Counts the pictures that it is given."""

    def __init__(self) -> None:
        self.seen = 0

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        self.seen += len(images)
        return super().encode_images(images, domains)


def test_a_picture_is_encoded_once_however_many_tasks_show_it(colors: Task) -> None:
    encoder, memory = Counting(), Memory()
    first = evaluate(encoder, colors, memory=memory)
    assert encoder.seen == 24  # queries and gallery are the same files
    assert evaluate(encoder, dataclasses.replace(colors, name="again@1"), memory=memory).metrics == first.metrics
    assert encoder.seen == 24


def test_pictures_in_memory_are_known_by_their_pixels_and_their_domain() -> None:
    encoder, memory = Counting(), Memory()
    red, same, blue = (np.full((4, 4, 3), tone, np.uint8) for tone in ((255, 0, 0), (255, 0, 0), (0, 0, 255)))
    shown = PictureTable(map(ArrayPicture, (red, same, blue, red)), ["photo", "photo", "photo", "sketch"])
    rows = memory.embed(encoder, shown)
    assert encoder.seen == 3
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.allclose(rows[0], rows[2])


# ---------------------------------------------------------------- without the means of the domains


def test_a_shift_between_domains_is_taken_away_with_their_means() -> None:
    rng = np.random.default_rng(0)
    things = rng.normal(size=(6, 16))
    things -= things.mean(axis=0)
    asked, shown = blank(6, "sketch", "a"), blank(6, "photo", "b")
    queries, gallery = without_domain_means(
        (things + 3.0).astype(np.float32), asked, (things - 5.0).astype(np.float32), shown
    )
    np.testing.assert_allclose(queries, gallery, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1.0, atol=1e-5)


def test_a_picture_that_asks_and_is_searched_counts_once_in_its_mean() -> None:
    rows = torch.nn.functional.normalize(torch.eye(3), dim=1).numpy()
    pictures = blank(3)
    one, _ = without_domain_means(rows[:1], pictures[:1], rows, pictures)
    expected = rows[0] - rows.mean(axis=0)
    np.testing.assert_allclose(one[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_the_means_can_be_removed_from_any_encoder(colors: Task, color_encoder: ColorEncoder) -> None:
    assert evaluate(color_encoder, colors, mean_removed=True).metrics["mAP@all"] > chance(colors).metrics["mAP@all"]
