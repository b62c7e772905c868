"""Batches are balanced, repeatable, grouped by class, and every text is true of what it says it is true of."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture, Picture
from retrieval.data.sampler import Portion, Sampler
from retrieval.data.wording import no_words
from retrieval.errors import DataError
from retrieval.images import Preprocess
from retrieval.types import PHOTO, SKETCH


def greys(count: int) -> list[ArrayPicture]:
    """Pictures that are one grey each: the number of the picture."""
    return [ArrayPicture(np.full((8, 8, 3), number, np.uint8)) for number in range(count)]


def unvaried(picture: Picture, size: int, _rng: np.random.Generator) -> torch.Tensor:
    return torch.from_numpy(picture.pixels(size).copy()).permute(2, 0, 1)


def mixture(group: int, **options: Any) -> Sampler:
    labels = [label for label in ("duck", "car", "mug") for _ in range(5)]
    photos = PictureTable(greys(15), "photo", labels=labels, colors=["red"] * 15)
    emoji = PictureTable(greys(1), "sketch", labels=["duck"], media="emoji", words=[frozenset({"duck", "bird"})])
    portions = [Portion(photos, 0.5), Portion(emoji, 0.5)]
    return Sampler(portions, Preprocess(8), steps=2, group=group, view=unvaried, **options)


def test_a_batch_depends_on_seed_and_epoch_alone() -> None:
    first, again = (next(iter(mixture(4).epoch(3, 1))) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert first.texts == again.texts
    assert next(iter(mixture(4).epoch(3, 2))).texts != first.texts


def test_processes_make_the_same_batches_in_the_same_order() -> None:
    alone, shared = (list(mixture(4, workers=workers).epoch(3, 1)) for workers in (0, 1))
    assert [batch.texts for batch in alone] == [batch.texts for batch in shared]
    assert all(torch.equal(one.images, other.images) for one, other in zip(alone, shared, strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_step_draws_from_torch_is_left_alone_by_the_batches(workers: int) -> None:
    torch.manual_seed(5)
    alone = [torch.rand(3) for _ in range(4)]
    torch.manual_seed(5)
    between = [torch.rand(3) for _ in range(2)]
    between += [torch.rand(3) for _ in mixture(4, workers=workers).epoch(3, 1)]
    assert all(torch.equal(one, other) for one, other in zip(alone, between, strict=True))


def test_shares_are_exact_where_that_is_asked() -> None:
    batches = list(mixture(1, exact=True, batch=10).epoch(0, 0))
    assert [[d.name for d in batch.domains] for batch in batches] == [["photo"] * 5 + ["sketch"] * 5] * 2


def test_a_group_shows_one_class_from_whichever_portions_have_it() -> None:
    batch = next(iter(mixture(4).epoch(0, 0)))
    assert batch.labels is not None
    groups = batch.labels.reshape(-1, 4)
    assert (groups == groups[:, :1]).all()
    duck = mixture(4).classes.index("duck")
    domains = np.array([d.name for d in batch.domains]).reshape(-1, 4)
    mixed = [len(set(row)) == 2 for row, label in zip(domains, groups[:, 0], strict=True) if label == duck]
    assert np.mean(mixed) > 0.5, "most groups of ducks show both domains"


def test_the_second_of_a_group_is_the_same_object_by_another_hand() -> None:
    shown = [(f"duck-{n}", domain) for n in range(20) for domain in ("photo", "sketch")]
    instances, domains = zip(*shown, strict=True)
    renders = PictureTable(greys(40), domains, labels="duck", instances=instances)
    portions = [Portion(renders.where(domain=domain), 0.5) for domain in (PHOTO, SKETCH)]
    data = Sampler(portions, Preprocess(8), steps=1, group=2)
    batch = next(iter(data.epoch(0, 0)))
    for first in range(0, len(batch.instances), 2):
        assert batch.instances[first] == batch.instances[first + 1] != ""
        assert batch.domains[first] != batch.domains[first + 1]


def test_an_object_that_nobody_else_shows_has_no_twin() -> None:
    alone = PictureTable(greys(2), "photo", labels=["duck", "car"], instances=["duck-0", ""])
    batch = next(iter(Sampler([Portion(alone, 1.0)], Preprocess(8), steps=1, group=2).epoch(0, 0)))
    assert set(batch.instances) == {"", "duck-0"}


def test_keywords_are_said_and_are_true_of_what_carries_them() -> None:
    batch = next(iter(mixture(1).epoch(0, 0)))
    said = Counter("bird" in text for text in batch.texts)
    assert said[True] > 5
    for column, text in enumerate(batch.texts):
        for row, domain in enumerate(batch.domains):
            if "bird" in text and batch.holds[row, column]:
                assert domain == SKETCH


# ---------------------------------------------------------------- without labels


def test_batches_without_labels_carry_none_and_draw_from_unlabelled_tables() -> None:
    blind = PictureTable(greys(6), "photo").without_labels()
    data = Sampler([Portion(blind, 1.0)], Preprocess(8), batch=200, steps=1, wording=no_words, labelled=False)
    (batch,) = data.epoch(0, 0)
    assert batch.labels is None
    assert batch.texts == []
    assert data.classes == ()
    with pytest.raises(DataError, match="Portion 0 of 1 is unlabelled"):
        Sampler([Portion(blind, 1.0)], Preprocess(8))


def test_a_portion_without_pictures_is_refused() -> None:
    empty = PictureTable((), (), labels=())
    with pytest.raises(DataError, match="Portion 1 of 2 holds no pictures"):
        Sampler([Portion(PictureTable(greys(1), "photo", labels="duck"), 1.0), Portion(empty, 1.0)], Preprocess(8))


@pytest.mark.parametrize("size", [8, 96, 128])
def test_batches_have_the_size_that_is_read(size: int) -> None:
    table = PictureTable(greys(3), "photo", labels="duck")
    (batch,) = Sampler([Portion(table, 1.0)], Preprocess(size), batch=3, steps=1).epoch(0, 0)
    assert batch.images.shape == (3, 3, size, size)
