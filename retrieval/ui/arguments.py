"""The arguments of a program's call, checked against the types that its endpoint declares: what does not fit is a
mistake of the caller, told in a sentence, and none on our side.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import Signature, signature
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from retrieval.errors import QueryError
from retrieval.schema import shorten

MOST = 2**31 - 1  # of a whole number


def check_arguments(handler: Callable[..., Any], values: tuple[Any, ...]) -> None:
    """Raises QueryError for the first argument that is not of the type that the handler, a method, declares."""
    for name, value in _names(handler).bind(*values).arguments.items():
        adapter = _adapters(handler).get(name)
        if adapter is None:  # self
            continue
        try:
            adapter.validate_python(value)
        except ValidationError as error:
            expected = error.errors(include_url=False, include_input=False)[0]["msg"]
            raise QueryError(
                f"{name} is {shorten(value)}, but {expected[0].lower()}{expected[1:]}. Send it as the API lists it."
            ) from error
        if type(value) is int and not (0 if name == "seed" else -MOST) <= value <= MOST:
            raise QueryError(f"{name} is {value}, but must be a number from 0 to {MOST}. Send a smaller one.")


@cache
def _names(handler: Callable[..., Any]) -> Signature:
    return signature(handler)


@cache
def _adapters(handler: Callable[..., Any]) -> dict[str, TypeAdapter[Any]]:
    """Parameter -> what checks it."""
    hints = {name: hint for name, hint in get_type_hints(handler).items() if name != "return"}
    return {name: TypeAdapter(hint, config=ConfigDict(strict=True)) for name, hint in hints.items()}
