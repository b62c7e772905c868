"""Words that a text tower is judged by."""

from __future__ import annotations

from retrieval.artifacts.manifest import CHECKPOINTS, read_manifest
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
    assert not says_held_out("a bike rack", "bike rack")
    assert says_held_out("a bike", "bike rack")


def test_no_class_that_the_visitors_bundle_was_taught_says_a_word() -> None:
    taught = read_manifest(CHECKPOINTS / "guise-base").classes
    assert len(taught) > 700
    assert not [name for name in taught if says_held_out(name)]
