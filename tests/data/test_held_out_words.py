"""Words that a text tower is judged by."""

from __future__ import annotations

from retrieval.data.held_out_words import HELD_OUT, says_held_out
from retrieval.world.split import ALL


def test_there_are_at_least_150_words_and_every_class_has_some() -> None:
    assert len(HELD_OUT) >= 150
    assert {name for names in HELD_OUT.values() for name in names} == set(ALL)


def test_no_class_name_is_on_the_list() -> None:
    assert not set(HELD_OUT) & set(ALL)


def test_a_word_is_found_inside_a_sentence_and_in_the_plural_but_not_inside_a_word() -> None:
    assert says_held_out("two kittens on a mat")
    assert says_held_out("a photo of a jet")
    assert not says_held_out("a jetty")


def test_a_class_may_be_named_though_its_name_holds_a_word() -> None:
    assert not says_held_out("a palm tree", "palm tree")
    assert says_held_out("a tree", "palm tree")
