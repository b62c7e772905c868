"""A command line is made from a dataclass."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from retrieval.training.options import add_options


@dataclass(frozen=True)
class Toy:
    """Settings of every kind."""

    pack: Annotated[Path, "the folder"]
    of_each: Annotated[int, "how many"] = 3
    only: Annotated[Path | None, "this one alone"] = None
    inner: int = 7


def parsed(*words: str) -> Toy:
    parser = argparse.ArgumentParser()
    add_options(parser, Toy)
    return Toy(**vars(parser.parse_args(words)))


def test_fields_become_arguments_and_options_and_those_without_words_neither() -> None:
    assert parsed("here") == Toy(Path("here"))
    assert parsed("here", "--of-each", "5", "--only", "x") == Toy(Path("here"), 5, Path("x"))
    parser = argparse.ArgumentParser()
    add_options(parser, Toy)
    assert "--inner" not in parser.format_help()
    assert "this one alone" in parser.format_help()


def test_an_instance_gives_its_own_values() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, Toy(Path("there"), of_each=9))
    assert parser.parse_args([]) == argparse.Namespace(pack=Path("there"), of_each=9, only=None)
    assert "how many (default: 9)" in parser.format_help()


def test_a_field_that_is_a_tuple_takes_several() -> None:
    @dataclass(frozen=True)
    class Many:
        places: Annotated[Sequence[Path], "folders"] = (Path("a"), Path("b"))

    parser = argparse.ArgumentParser()
    add_options(parser, Many())
    assert "(default: a b)" in parser.format_help()
    assert parser.parse_args(["--places", "x", "y"]).places == [Path("x"), Path("y")]
