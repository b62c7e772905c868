"""Values that come from outside, as JSON, checked against the dataclass that they fill: every field, at every depth.

What is in a manifest decides names of files and sizes of networks, so nothing of it is converted or repaired: a text is
no number, an unknown key is an error, and numbers are finite. What a field allows beyond its type stands at the field.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from retrieval.errors import BundleError, RetrievalError

LONGEST_NAME = 80
SHOWN = 60  # characters of a bad value that a message repeats

Name = Annotated[str, Field(pattern=rf"^[A-Za-z0-9][A-Za-z0-9._+\-]{{0,{LONGEST_NAME - 1}}}$")]
"""A name that becomes the name of a folder: letters, digits, ". _ + -", and no dot in front."""
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256, in hexadecimal."""
REPOSITORY, COMMIT = r"[A-Za-z0-9][A-Za-z0-9._\-]{0,95}/[A-Za-z0-9][A-Za-z0-9._\-]{0,79}", r"[0-9a-f]{40}"
Repository = Annotated[str, Field(pattern=f"^{REPOSITORY}$")]
"""A repository on the Hub, "OWNER/NAME"."""
Commit = Annotated[str, Field(pattern=f"^{COMMIT}$")]
"""One commit of it, in hexadecimal."""
Count = Annotated[int, Field(ge=0, le=10**12)]
Width = Annotated[int, Field(ge=1, le=10**9)]
Layers = Annotated[int, Field(ge=1, le=128)]
Trunk = Annotated[str, Field(pattern=r"^[A-Za-z0-9._\-]{1,80}$")]
"""A network that timm knows by name; with a colon or a slash timm would fetch it from elsewhere."""

T = TypeVar("T")


def fill(kind: type[T], payload: Mapping[str, Any], where: object, error: type[RetrievalError] = BundleError) -> T:
    """The dataclass `kind` filled from the payload. Raises `error`, with the entry at `where` that does not fit."""
    _refuse_unknown(kind, payload, where, error)
    key: Any = kind  # mypy does not take a type[T] for hashable
    try:
        (record,) = _adapter(key).validate_json(json.dumps([payload]))
    except ValidationError as invalid:
        raise error(
            f"{where} lacks or misnames an entry: {_first(invalid)}. Restore it from where it came."
        ) from invalid
    except (TypeError, ValueError, RecursionError) as invalid:
        raise error(f"{where} is no JSON that can be read ({invalid}). Restore it from where it came.") from invalid
    filled: T = record
    return filled


def shorten(value: object, length: int = SHOWN) -> str:
    """The value as a message shows it: its `repr`, cut."""
    text = repr(value if not isinstance(value, str) else value[: length + 1])
    return text if len(text) <= length + 3 else f"{text[:length]}…"


def _refuse_unknown(kind: type[T], payload: Mapping[str, Any], where: object, error: type[RetrievalError]) -> None:
    known = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in payload:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
            raise error(f"{where} has the unknown option {shorten(key)}. {hint}")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Checks a list of one: dataclasses take the strictness of what holds them."""
    strictly = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    return TypeAdapter(tuple[kind], config=strictly)


def _first(invalid: ValidationError) -> str:
    """The first entry that does not fit, with its value, and what was expected."""
    problem = invalid.errors(include_url=False)[0]
    place = ".".join(map(str, problem["loc"][1:])) or "the whole"
    expected = problem["msg"][0].lower() + problem["msg"][1:]
    if problem["type"] in ("missing", "missing_argument", "json_invalid"):
        return f"{place}: {expected}"
    return f"{place} is {shorten(problem['input'])}, but {expected}"
