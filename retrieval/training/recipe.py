"""What a recipe is: how one bundle is made, from its settings to the folder that holds it.

Nothing here imports torch, and no recipe's file does when it is imported, so that the command line is made from all of
them in a moment. What a recipe needs of torch it imports when it is run.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

from retrieval.data.concepts import UNSEEN, is_unseen
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.types import Progress, no_progress

if TYPE_CHECKING:
    from retrieval.training.epochs import Run, Stage
    from retrieval.training.start import Start

log = logging.getLogger(__name__)
RUNS = Path("runs")
PACKS = Path(os.environ.get("GUISE_DATA", "packs"))
Packs = Annotated[Path, "the folder of packs"]
SEEDS = 2**31  # of a training; an epoch's own is a hundred thousand times as large, and must be one of torch's
PLACES = ("run_folder", "out", "device")  # where a run lies and what computes it: no part of what is trained


@dataclass(frozen=True)
class TrainingSettings:
    """The options of every recipe. A field is an option of the command line, its annotation the help."""

    run_folder: Annotated[Path | None, "log and state; a begun run goes on (default: runs/NAME-SEED)"] = None
    out: Annotated[Path | None, "the folder that is written (default: runs/bundles/NAME-SEED)"] = None
    seed: Annotated[int, "of every random choice"] = 0
    device: Annotated[str, "what trains: cpu, or cuda, which computes in bfloat16"] = "cpu"
    epochs: Annotated[int, "how long to train"] = 20
    batch: Annotated[int, "pictures in a step"] = 128
    size: Annotated[int, "pixels that the network reads"] = 64

    @property
    def preprocess(self) -> Preprocess:
        """How the network wants its pictures."""
        return Preprocess(self.size)


@dataclass(frozen=True)
class SupervisedSettings(TrainingSettings):
    """The options of recipes whose batches carry labels, and whose epoch is selected on validation data."""

    steps: Annotated[int, "steps in an epoch"] = 60
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 4
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch, not validated"] = 4


@dataclass(frozen=True)
class WorldSettings(TrainingSettings):
    """The options of recipes that read the rendered world and the packs."""

    renders: Annotated[Path, "a set rendered --for training"] = Path("runs/world-training-64")
    packs: Packs = PACKS


@dataclass(frozen=True)
class Made:
    """A finished training: the folder that holds it, what validation measured, and the next useful command."""

    folder: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    hint: str = ""


S = TypeVar("S", bound=TrainingSettings)


@dataclass(frozen=True)
class Recipe(ABC, Generic[S]):
    """A bundle, prior or judge that can be made: its name, its settings, why it exists and what it must never see.

    `make` asks a recipe four questions in this order: its sources, its start, its stages, its finish.
    """

    name: str
    settings: S
    about: str
    zero_shot: bool = False  # no unseen concept, in no picture, caption or pack
    without_style: str | None = None  # this style of the world is left out, and whatever looks like it
    for_visitors: bool = False  # it gets cut-offs, below which the page speaks of no match
    config: Mapping[str, Any] = field(default_factory=dict)  # options of the method that make this recipe what it is
    free: ClassVar[tuple[str, ...]] = ()  # settings that may change when a begun run goes on, besides PLACES

    def make(self, settings: S, on_progress: Progress = no_progress, sources: Any = None) -> Made:
        """Train with these settings, or go on where an interrupted run stopped, and write the folder. sources: those of
        a recipe before this one that trained on the same pictures.
        """
        from retrieval.training.epochs import require_device, run_epochs

        if not 0 <= settings.seed < SEEDS:
            raise SettingsError(f"The seed is {settings.seed}. Choose one from 0 to {SEEDS - 1}.")
        require_device(settings.device)
        sources = sources or self.sources(settings)
        start = self.start(settings, sources, on_progress)
        metrics: Mapping[str, float] = {}
        for stage in self.stages(settings, sources, start):
            metrics = run_epochs(stage, on_progress)
        return self.finish(settings, sources, start, metrics)

    @abstractmethod
    def sources(self, settings: S) -> Any:
        """The pictures to train on, with their licences. Raises DataError where they are missing."""

    @abstractmethod
    def start(self, settings: S, sources: Any, on_progress: Progress) -> Start[Any]:
        """The learner before its first step, and what every earlier training behind it saw: `--init`, a teacher, a
        bundle that reads words. Trainings that must come first are run here.
        """

    @abstractmethod
    def stages(self, settings: S, sources: Any, start: Start[Any]) -> Iterable[Stage]:
        """The trainings of the learner, in order. A generator prepares each stage when the one before it is done; each
        has a run folder of its own, so an interrupted recipe goes on in the stage that it was in.
        """

    @abstractmethod
    def finish(self, settings: S, sources: Any, start: Start[Any], metrics: Mapping[str, float]) -> Made:
        """Write the trained learner into its folder. `metrics` are those of the last stage."""

    # ------------------------------------------------------------ what all recipes share

    @property
    def kept_unseen(self) -> tuple[str, ...]:
        """The classes that must not be trained on."""
        return (*STRANGERS, *(UNSEEN if self.zero_shot else ()))

    def allows(self, label: str) -> bool:
        """Whether pictures of this class may be trained on."""
        return label not in STRANGERS and not (self.zero_shot and is_unseen(label))

    def run_folder(self, settings: S) -> Path:
        """Where log and state lie."""
        return settings.run_folder or RUNS / f"{self.name}-{settings.seed}"

    def out_folder(self, settings: S) -> Path:
        """Where the result is written."""
        return settings.out or RUNS / "bundles" / f"{self.name}-{settings.seed}"

    def run(self, settings: S, stage: str = "") -> Run:
        """The run of these settings, or of one stage of several, in a folder within. Raises DataError where it was
        begun with others.
        """
        from retrieval.training.epochs import Run

        ignored = {*PLACES, *self.free}
        asked = {name: value for name, value in dataclasses.asdict(settings).items() if name not in ignored}
        return Run(self.run_folder(settings) / stage, asked | {"config": dict(self.config)})
