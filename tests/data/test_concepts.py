"""The split of real things is the packs' own, and what gives an unseen thing away is recognised."""

from __future__ import annotations

import json
from pathlib import Path

from retrieval.data.concepts import TEST_UNSEEN, UNSEEN, VAL_UNSEEN, gives_away, is_unseen, spoken
from retrieval.data.nonsense_classes import STRANGERS, TEST, VALIDATION
from retrieval.world.split import ALL, SPLIT


def test_the_unseen_concepts_are_those_of_the_packs(packs: Path) -> None:
    protocols = json.loads((packs / "protocols.json").read_text(encoding="utf-8"))
    assert sorted(VAL_UNSEEN) == sorted(map(spoken, protocols["val_unseen"]))
    assert sorted(TEST_UNSEEN) == sorted(map(spoken, protocols["test_unseen"]))


def test_the_worlds_split_is_a_part_of_it() -> None:
    for label, part in SPLIT.items():
        assert (label in VAL_UNSEEN) == (part == "val_unseen"), label
        assert (label in TEST_UNSEEN) == (part == "test_unseen"), label
    assert not set(VAL_UNSEEN) & set(TEST_UNSEEN)


def test_a_name_gives_itself_away_in_the_plural_and_in_compounds() -> None:
    for name in UNSEEN:
        assert gives_away(f"Three {name}s") or name in ("mouse", "octopus"), name
        assert is_unseen(name)
    assert gives_away("camera with flash")
    assert not gives_away("dandelion, aboard, pearl")


def test_strangers_are_not_of_the_world_and_their_halves_do_not_meet() -> None:
    assert not set(STRANGERS) & set(ALL)
    assert not set(VALIDATION) & set(TEST)
    assert set(VALIDATION) | set(TEST) == set(STRANGERS)
    assert len(VALIDATION) == len(TEST) == 20
