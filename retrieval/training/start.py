"""The start of a training, with what the stages behind it have seen: the bundle of `--init`, a teacher, a bundle that
reads words, the prior.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.checksummed import misfits
from retrieval.artifacts.provenance import NOTHING, Provenance
from retrieval.errors import SettingsError
from retrieval.training.recipe import Recipe

L = TypeVar("L")


@dataclass(frozen=True)
class Start(Generic[L]):
    """A learner before its first step, and what the stages behind it have seen."""

    learner: L
    provenance: Provenance = NOTHING


def require_fit(module: nn.Module, weights: Mapping[str, Tensor], where: Path) -> None:
    """Raises SettingsError where the weights that lie there are not those of such a module."""
    if wrong := misfits(module, weights):
        raise SettingsError(
            f"{where} is of another shape than what these settings make: {len(wrong)} tensors differ, among them "
            f"{wrong[0]}. Begin from one of the same --size and --trunk."
        )


def open_allowed(folder: Path, recipe: Recipe[Any], device: str = "cpu") -> Bundle:
    """The bundle in the folder, on the device. Raises SettingsError where any stage behind it knows a class that the
    recipe may not know.
    """
    bundle = load_bundle(folder, device)
    known = [name for name in Provenance.of(bundle.manifest).everything if not recipe.allows(name)]
    if known:
        raise SettingsError(
            f"{bundle.manifest.name} knows {len(known)} classes that must stay unseen, among them {known[0]}. "
            "Begin from one like guise-base-zs."
        )
    return bundle
