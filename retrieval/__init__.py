"""Guise: find the same thing in any guise. A sketch, a picture or words in; the same object in every visual domain out.

The public nouns are loaded when they are first asked for, so importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrieval.artifacts.bundle import load_bundle
    from retrieval.engine import Engine
    from retrieval.gallery import Gallery
    from retrieval.types import Domain, Hit, ImageQuery, TextQuery

__version__ = "0.1.0"
__all__ = ["Domain", "Engine", "Gallery", "Hit", "ImageQuery", "TextQuery", "load_bundle"]

_HOMES = {
    "Domain": "types",
    "Engine": "engine",
    "Gallery": "gallery",
    "Hit": "types",
    "ImageQuery": "types",
    "TextQuery": "types",
    "load_bundle": "artifacts.bundle",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'retrieval' has no attribute {name!r}; public are {', '.join(__all__)}")
    return getattr(import_module(f"retrieval.{_HOMES[name]}"), name)
