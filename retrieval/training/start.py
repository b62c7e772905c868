"""The start of a training, and the provenance that it hands down.

A bundle has seen whatever any stage behind it saw: the bundle of `--init`, a teacher, a bundle that reads words, the
prior. `Provenance` is the one place where those are joined with the pictures of the training itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.manifest import Manifest, Source
from retrieval.errors import SettingsError
from retrieval.methods import ClipBaseline
from retrieval.training.recipe import Recipe

L = TypeVar("L")


@dataclass(frozen=True)
class Provenance:
    """What weights have seen: pictures, classes and domains. `knows_unseen`: unseen classes may be among it, though
    nobody has a list of them.
    """

    sources: tuple[Source, ...] = ()
    classes: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    knows_unseen: bool = False

    @classmethod
    def of(cls, manifest: Manifest) -> Provenance:
        """What the bundle of this manifest has seen."""
        return cls(manifest.trained_on, manifest.classes, manifest.domains)

    def then(self, later: Provenance) -> Provenance:
        """What this and a later stage have seen: sources in the order of the stages; classes and domains of the later
        stage first, because a method counts its labels from them.
        """
        return Provenance(
            _once((*self.sources, *later.sources)),
            _once((*later.classes, *self.classes)),
            _once((*later.domains, *self.domains)),
            self.knows_unseen or later.knows_unseen,
        )

    def unseen(self, kept: Iterable[str]) -> tuple[str, ...]:
        """Of the classes that were kept from training, those that no stage has seen."""
        return () if self.knows_unseen else tuple(name for name in kept if name not in self.classes)


def _once(names: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Start(Generic[L]):
    """A learner before its first step, and what the stages behind it have seen."""

    learner: L
    provenance: Provenance = Provenance()


def open_plain_encoder(folder: Path, recipe: Recipe[Any]) -> tuple[ClipBaseline, Provenance]:
    """The plain dual encoder of a bundle to begin from, and what it has seen. Raises SettingsError where it is none,
    or where it knows a class that the recipe may not know.
    """
    bundle = open_allowed(folder, recipe)
    if not isinstance(bundle.method, ClipBaseline):
        raise SettingsError(
            f"{bundle.manifest.name} is no plain dual encoder, so {recipe.name} cannot begin from it. "
            "Name one like guise-mini-zs."
        )
    return bundle.method, Provenance.of(bundle.manifest)


def open_allowed(folder: Path, recipe: Recipe[Any]) -> Bundle:
    """The bundle in the folder. Raises SettingsError where it knows a class that the recipe may not know."""
    bundle = load_bundle(folder)
    known = [label for label in bundle.manifest.classes if not recipe.allows(label)]
    if known:
        raise SettingsError(
            f"{bundle.manifest.name} knows {len(known)} classes that must stay unseen, among them {known[0]}. "
            "Begin from one like guise-mini-zs."
        )
    return bundle
