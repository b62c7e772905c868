"""What all the stages behind a bundle have seen, and whether that contradicts what a task calls unseen. Without torch.

A bundle begins where another ended, learns from a teacher, reads words by another's text tower and is drawn by a prior.
Whatever any of them saw, the bundle has seen. So every manifest lists its stages, with what each was shown and told,
and a training joins the lists of all that it begins from: `inherit`, then `merge`.

Weights that somebody else published are a stage as well. They name most things in photographs or in texts, and so do
the trunks behind nearly all published results; a task's "unseen" then means: never as a drawing, a render or a word of
our training. Such a stage says what it is (`pretrained`). Its classes and names do not contradict a task; its domains
do, and every card shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from retrieval.artifacts.manifest import MANIFEST, Manifest, Source, Stage, read_format, read_payload
from retrieval.errors import BundleError
from retrieval.schema import fill

SHOWN = 3  # names that a sentence lists


@dataclass(frozen=True)
class Provenance:
    """Stages, the last one made last, and the data that they were trained on."""

    stages: tuple[Stage, ...] = ()
    sources: tuple[Source, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> Provenance:
        """That of a bundle. One whose manifest lists no stages has one: what it says of itself."""
        own = Stage(manifest.name, classes=manifest.classes, domains=manifest.domains)
        return cls(manifest.provenance or (own,), manifest.trained_on)

    @classmethod
    def at(cls, folder: Path) -> Provenance:
        """That of any sealed folder: a bundle, a prior, a judge, a text tower. Raises BundleError where it is none."""
        payload = read_payload(folder, read_format(folder))
        stages = tuple(fill(Stage, stage, folder / MANIFEST) for stage in payload.get("provenance") or ())
        sources = tuple(fill(Source, source, folder / MANIFEST) for source in payload.get("trained_on") or ())
        return cls(stages or (_stage_of(folder, payload),), sources)

    @classmethod
    def of_training(cls, sources: Iterable[Source], **seen: Any) -> Provenance:
        """That of a training alone, which gets its name when it is saved: see `named`. seen: fields of `Stage`."""
        return cls((Stage("", **seen),), tuple(sources))

    def named(self, name: str) -> Provenance:
        """The same, with this name for the stage that has none yet."""
        return replace(self, stages=tuple(replace(stage, name=stage.name or name) for stage in self.stages))

    def with_names(self, names: Iterable[str]) -> Provenance:
        """The same, where the last stage read these words too."""
        *before, last = self.stages
        more = sorted({*names} - {*last.classes, *last.names})
        return replace(self, stages=(*before, replace(last, names=(*last.names, *more))))

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes whose pictures were shown with their labels: those of the last stage first, and none of pretrained
        weights.
        """
        return _gather(stage.classes for stage in reversed(self._ours))

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains of pictures: those of the last stage first, and none of pretrained weights."""
        return _gather(stage.domains for stage in reversed(self._ours))

    @property
    def pretrained(self) -> tuple[Stage, ...]:
        """Weights that somebody else published."""
        return tuple(stage for stage in self.stages if stage.pretrained)

    @property
    def everything(self) -> tuple[str, ...]:
        """Classes with labels and without, and names, of all stages of ours."""
        return _gather((*stage.classes, *stage.unlabelled, *stage.names) for stage in self._ours)

    @property
    def _ours(self) -> tuple[Stage, ...]:
        return tuple(stage for stage in self.stages if not stage.pretrained)

    def inherit(self, role: str) -> Provenance:
        """The same for what is built on it, to which it has this role: "start", "teacher", "prior"."""
        return replace(self, stages=tuple(replace(stage, role=_behind(stage.role, role)) for stage in self.stages))

    def merge(self, *later: Provenance) -> Provenance:
        """All stages and sources, each once; a stage that has several roles has them all."""
        stages: dict[Stage, list[str]] = {}
        for stage in (stage for provenance in (self, *later) for stage in provenance.stages):
            roles = stages.setdefault(replace(stage, role=""), [])
            roles += [role for role in stage.role.split(", ") if role and role not in roles]
        return Provenance(
            tuple(replace(stage, role=", ".join(roles)) for stage, roles in stages.items()),
            _gather(provenance.sources for provenance in (self, *later)),
        )

    def keeps_unseen(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of the names that no stage of ours has seen or read."""
        seen = {*self.everything}
        return tuple(name for name in names if name not in seen)

    def contradiction(
        self, unseen: Iterable[str], unseen_domains: Iterable[str] = (), synonyms: Mapping[str, str] | None = None
    ) -> str | None:
        """Which stage has seen what of classes and domains that are to be unseen, as the rest of a sentence after the
        bundle's name; None where no stage has. synonyms: other word -> the class that it names.
        """
        classes, domains = {_say(name) for name in unseen}, {_say(name) for name in unseen_domains}
        words = {word: name for word, name in (synonyms or {}).items() if _say(name) in classes}
        for stage in self.stages:
            for kind, shown, wanted in (
                ("the class", () if stage.pretrained else stage.classes, {*classes, *words}),
                ("pictures without labels of the class", stage.unlabelled, {*classes, *words}),
                ("the name", () if stage.pretrained else stage.names, {*classes, *words}),
                ("the style", stage.domains, domains),
            ):
                seen = sorted({_say(name) for name in shown} & wanted)
                if seen:
                    return f"has seen {kind} {_list(seen)}{_by(stage)}"
        return None


NOTHING = Provenance()


def _stage_of(folder: Path, payload: Mapping[str, Any]) -> Stage:
    """What a folder without a list of stages says of itself."""
    config = payload.get("config") or {}
    name = str(payload.get("name") or folder.resolve().name)
    if saw := payload.get("saw"):
        return Stage(name, pretrained=str(saw))
    styles = payload.get("domains") or payload.get("styles") or config.get("styles")
    classes = payload.get("classes") or config.get("classes")
    if not isinstance(classes, list) or not isinstance(styles, list):
        raise BundleError(
            f"{folder / MANIFEST} does not say what was seen: it has no classes or no domains. "
            "Restore it from where it came."
        )
    return Stage(name, classes=tuple(classes), domains=tuple(styles))


def _behind(role: str, base: str) -> str:
    """The role of a stage of something that has itself the role `base`."""
    return ", ".join(f"{part} of the {base}" for part in role.split(", ")) if role else base


def _by(stage: Stage) -> str:
    return f', by its {stage.role}, "{stage.name}"' if stage.role else ""


def _list(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _say(name: str) -> str:
    return name.replace("_", " ").lower()


def _gather(groups: Iterable[Iterable[Any]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(element for group in groups for element in group))
