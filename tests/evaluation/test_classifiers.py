"""Judges: what they report is counted right, and they learn what they are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.sampler import Portion, Sampler
from retrieval.evaluation.classifiers import Classifier, Config, accuracy, scanned
from retrieval.images import MARGIN, Preprocess
from retrieval.training.epochs import Run, Stage, run_epochs
from retrieval.types import PHOTO, SKETCH

CLASSES = ("a", "b", "c", "d")


def test_accuracy_counts_as_by_hand() -> None:
    scores = np.array(
        [
            [0.9, 0.5, 0.3, 0.1],  # a first
            [0.9, 0.5, 0.3, 0.1],  # c third
            [0.9, 0.5, 0.3, 0.1],  # d fourth
            [0.1, 0.2, 0.3, 0.9],  # c second
        ]
    )
    found = accuracy(scores, ["a", "c", "d", "c"], CLASSES)
    assert (found.top1, found.top3, found.count) == (0.25, 0.75, 4)
    assert found.per_class == {"a": (1.0, 1.0), "c": (0.0, 1.0), "d": (0.0, 0.0)}


def test_a_scan_is_cut_to_its_ink_whatever_the_paper() -> None:
    drawing = Image.new("RGB", (100, 100), (235, 228, 210))
    ImageDraw.Draw(drawing).rectangle((20, 40, 39, 79), fill=(90, 80, 80))
    gray = np.asarray(scanned(drawing, 100).convert("L")) < 128
    rows, columns = np.flatnonzero(gray.any(axis=1)), np.flatnonzero(gray.any(axis=0))
    assert abs(rows[0] - 100 * MARGIN) <= 2
    assert abs(rows[-1] - (100 - 100 * MARGIN)) <= 2
    assert abs((columns[-1] - columns[0]) / (rows[-1] - rows[0]) - 0.5) < 0.06


def test_an_empty_sheet_is_still_a_picture() -> None:
    assert scanned(Image.new("RGB", (30, 30), "white"), 16).size == (16, 16)


@pytest.fixture
def data() -> Sampler:
    """Two classes that differ in brightness, in two styles that differ in colour."""
    tones = {
        ("a", PHOTO): (220, 120, 120),
        ("b", PHOTO): (90, 10, 10),
        ("a", SKETCH): (120, 120, 220),
        ("b", SKETCH): (10, 10, 90),
    }
    pictures = [ArrayPicture(np.full((20, 20, 3), tone, np.uint8)) for tone in tones.values()]
    domains, labels = [domain.name for _, domain in tones], [label for label, _ in tones]
    world = PictureTable(pictures, domains, labels=labels, colors=["red"] * 4)
    return Sampler([Portion(world.where(domain=d), 1.0) for d in (PHOTO, SKETCH)], Preprocess(32), batch=16, steps=6)


@pytest.mark.parametrize("of_style", [False, True])
def test_a_judge_learns_class_or_style_and_a_finished_run_is_not_repeated(
    data: Sampler, tmp_path: Path, of_style: bool
) -> None:
    torch.manual_seed(0)
    classes = ("photo", "sketch") if of_style else data.classes
    config = Config(epochs=6, lr=3e-3)
    judge = Classifier(classes, Preprocess(32), config, of_style=of_style)
    run_epochs(Stage(judge, data, Run(tmp_path, {})))
    shown = [Image.new("RGB", (32, 32), tone) for tone in ((215, 118, 118), (88, 12, 12), (12, 12, 88))]
    wanted = ["photo", "photo", "sketch"] if of_style else ["a", "b", "b"]
    scores = judge.scores(shown)
    assert accuracy(scores, wanted, classes).top1 == 1.0
    again = Classifier(classes, Preprocess(32), config, of_style=of_style)
    run_epochs(Stage(again, data, Run(tmp_path, {})))
    np.testing.assert_array_equal(again.scores(shown), scores)


def test_a_portion_can_be_kept_to_some_classes(data: Sampler) -> None:
    only = Sampler([Portion(data.portions[0].table.where(labels={"b"}), 1.0)], Preprocess(32), batch=4, steps=1)
    assert only.classes == ("b",)
