"""Captions are varied word by word, grey pictures go, and what is kept is read back as a rendered set."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch

from retrieval.data.readers.world import read_rendered
from retrieval.training.drawn_figures.describe import threshold
from retrieval.training.drawn_figures.draw import GREY, greyness, table_of, write_set
from retrieval.training.drawn_figures.vary import OTHERS, deleted, inserted, replaced, swapped, vary
from retrieval.types import Region
from retrieval.world.people.captions import sentence_of

WORDS = ["A", "person", "wearing", "a", "gray", "sweater,", "blue", "trousers", "and", "sneakers."]


def test_each_operation_changes_what_it_says() -> None:
    rng = random.Random(0)  # noqa: S311
    said = replaced(WORDS, 2, rng)
    changed = [(old, new) for old, new in zip(WORDS, said, strict=True) if old != new]
    assert len(changed) == 2
    assert all(new.rstrip(".,") in OTHERS[old.rstrip(".,")] for old, new in changed)
    assert len(inserted(WORDS, 3, rng)) == len(WORDS) + 3
    assert sorted(swapped(WORDS, 2, rng)) == sorted(WORDS)
    assert len(deleted(WORDS, 4, rng)) == len(WORDS) - 4
    assert len(deleted(["hat"], 5, rng)) == 1


def test_varying_is_a_function_of_its_seed_and_sometimes_changes_nothing() -> None:
    caption = " ".join(WORDS)
    once = [vary(caption, random.Random(seed)) for seed in range(40)]  # noqa: S311
    assert once == [vary(caption, random.Random(seed)) for seed in range(40)]  # noqa: S311
    assert caption in once
    assert len(set(once)) > 10


def test_only_pictures_without_colour_are_grey() -> None:
    grey = torch.rand(1, 1, 16, 8).expand(1, 3, 16, 8) * 2 - 1
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 16, 8)
    assert (greyness(table_of(torch.cat([grey, red]), ["a", "b"])) < GREY).tolist() == [True, False]


def test_a_threshold_parts_those_that_have_something_from_those_that_have_not() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.7, 0.8])
    least = threshold(values, np.array([False, False, False, True, True]))
    assert 0.3 < least <= 0.7
    assert threshold(values, np.ones(5, bool)) == 0.1


def test_a_sentence_names_all_that_is_seen() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        text = sentence_of([("hair", "short black hair"), ("upper", "orange hoodie"), ("shoes", "red boots")], rng)
        assert "an orange hoodie" in text.lower()
        assert "red boots" in text.lower()
        assert "a red boots" not in text.lower()
        assert text.endswith(".")
    assert sentence_of([], rng)


def test_a_drawn_set_is_read_as_a_rendered_one(tmp_path: Path) -> None:
    table = table_of(torch.zeros(2, 3, 16, 8), ["a red hat", "blue jeans"])
    region = (Region((0.5, 0.2, 0.3, 0.1), "red hat"),)
    write_set(tmp_path, table.with_columns(regions=[region, ()]), {"pictures": 2})
    read = read_rendered(tmp_path)
    assert read.captions == table.captions
    assert read.regions == (region, ())
    assert read[0].picture.open().size == (8, 16)
    assert "| pictures | 2 |" in (tmp_path / "README.md").read_text(encoding="utf-8")
