"""What a foundation is told in words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from retrieval.data.concepts import gives_away
from retrieval.data.held_out_words import says_held_out
from retrieval.training.recipes.parts.class_texts import TextTable, caption, class_wordings, imagenet_names, may_say
from retrieval.world.split import ALL


@pytest.mark.parametrize("name", ["apple", "wine glass", "butterfly", "scissors"])
def test_a_class_is_named_alone_with_an_article_and_in_the_plural(name: str) -> None:
    wordings = class_wordings(name)
    assert wordings[0] == name
    assert wordings[1] in {f"a {name}", f"an {name}"}
    assert len(wordings) == 6


def test_a_caption_names_what_it_is_given() -> None:
    assert caption("owl", "orange", "sketch") == "a sketch of an orange owl"
    assert caption("owl") == "an owl"


def test_held_out_words_and_strangers_may_not_be_said() -> None:
    allowed = may_say(False, ALL)
    assert not allowed("kitten")
    assert not allowed("an anvil")
    assert allowed("palm tree")
    assert allowed("cat")


def test_a_zero_shot_table_says_no_unseen_name_and_the_other_does() -> None:
    assert not may_say(True, ["duck"])("teapot")
    assert not may_say(True, ["duck"])("two pears")
    assert may_say(False, ["duck"])("teapot")


def test_no_name_of_imagenet_gives_an_unseen_concept_away_where_it_may_not() -> None:
    said = [name for names in imagenet_names(may_say(True, ["duck"])).values() for name in names]
    everything = [name for names in imagenet_names(may_say(False, ALL)).values() for name in names]
    assert len(said) > 1000
    assert not [name for name in said if gives_away(name) or says_held_out(name)]
    assert "pizza" in " ".join(everything)
    assert not [name for name in everything if says_held_out(name, max(ALL, key=lambda c: (c in name, len(c))))]


def test_a_table_holds_each_text_once_and_finds_its_row() -> None:
    def encode(texts: Sequence[str]) -> torch.Tensor:
        return torch.tensor([[float(len(text))] for text in texts])

    table = TextTable.of(["bbb", "a", "bbb", "cc"], encode, batch=2)
    assert table.rows[table.places(["cc", "bbb", "cc"])].flatten().tolist() == [2, 3, 2]
    assert len(table.rows) == 3
