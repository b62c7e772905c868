"""Options of a command line, made from a dataclass of settings: each name, value and help text is written once."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Annotated, Any, get_args, get_origin, get_type_hints


def add_options(parser: argparse.ArgumentParser, given: Any) -> None:
    """Offer the annotated fields of a dataclass, or of an instance of it, with their annotations as help: those that
    have a value as options, the others as arguments in their order. A field that may be None is read as what else it
    may be; one whose value is a tuple takes one or more of its members.
    """
    settings = given if isinstance(given, type) else type(given)
    hints = get_type_hints(settings, include_extras=True)
    for field in dataclasses.fields(settings):
        if get_origin(hints[field.name]) is not Annotated:
            continue
        kind, text = get_args(hints[field.name])
        reads = next((member for member in get_args(kind) if member is not type(None)), kind)  # int | None reads an int
        if not hasattr(given, field.name):
            parser.add_argument(field.name, type=reads, help=text)
            continue
        value = getattr(given, field.name)
        several: dict[str, Any] = {"nargs": "+"} if isinstance(value, tuple) else {}
        said = " ".join(map(str, value)) if several else value
        default = "" if value is None else f" (default: {said})"
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=reads, default=value, help=text + default, **several)
