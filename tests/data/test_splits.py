"""Which classes are unseen: the published lists, whole, and never a class on both sides."""

from __future__ import annotations

import pytest

from retrieval.data.readers.layouts import Names
from retrieval.data.splits import (
    DOMAINNET,
    DOMAINNET_UCDR,
    OFFICE_HOME,
    SKETCHY,
    SKETCHY_100_25,
    SKETCHY_104_21,
    SPLITS,
    TUBERLIN,
    ClassSplit,
)

SETS = {"sketchy": (SKETCHY, 125), "tuberlin": (TUBERLIN, 250), "domainnet": (DOMAINNET, 345)}


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_a_split_has_the_numbers_of_its_name_and_its_parts_make_up_the_data_set(split: ClassSplit) -> None:
    parts = [part for part in (split.seen, split.validation, split.unseen) if part]
    data_set, _, numbers = split.name.partition("/")
    assert [len(part) for part in parts] == [int(number) for number in numbers.split("-")]
    assert sorted(name for part in parts for name in part) == sorted(SETS[data_set][0])


@pytest.mark.parametrize(("classes", "number"), [*SETS.values(), (OFFICE_HOME, 65)])
def test_every_class_is_named_once_however_it_is_spelled(classes: tuple[str, ...], number: int) -> None:
    assert len({Names([name]).find(name.replace(" ", "_").upper()) for name in classes}) == number
    assert {Names(classes).find(name.replace(" ", "").replace("-", "_").title()) for name in classes} == set(classes)
    assert all(name == name.lower().strip() and "_" not in name for name in classes)


def test_the_two_splits_of_sketchy_are_not_the_same() -> None:
    assert set(SKETCHY_100_25.unseen) & set(SKETCHY_104_21.unseen) == {"scissors", "tree", "wheelchair", "windmill"}


def test_the_seen_classes_of_domainnet_keep_their_published_order() -> None:
    assert [DOMAINNET_UCDR.seen[i] for i in (0, 45, 205, 244)] == ["aircraft carrier", "clock", "t-shirt", "bulldozer"]
