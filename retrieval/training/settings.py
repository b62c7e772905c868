"""What a recipe can be told, readable without torch: the command line is made from these dataclasses,
whose annotations hold the help.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from retrieval.images import Preprocess
from retrieval.types import STYLES

Packs = Annotated[Path, "the folder of packs"]
PACKS = Path(os.environ.get("GUISE_DATA", "packs"))


@dataclass(frozen=True)
class Training:
    """What every recipe can be told."""

    run_folder: Annotated[Path | None, "log and state; a begun run goes on (default: runs/NAME-SEED)"] = None
    out: Annotated[Path | None, "the bundle that is written (default: runs/bundles/NAME-SEED)"] = None
    seed: Annotated[int, "of every random choice"] = 0
    epochs: Annotated[int, "how long to train"] = 20
    steps: Annotated[int, "steps in an epoch"] = 60
    batch: Annotated[int, "pictures in a step"] = 128
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 4
    size: Annotated[int, "pixels that the encoder reads"] = 64
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch unseen"] = 4

    @property
    def preprocess(self) -> Preprocess:
        """How the encoder wants its pictures."""
        return Preprocess(self.size)


@dataclass(frozen=True)
class OnWorld(Training):
    """What a recipe on the world can be told."""

    renders: Annotated[Path, "a set rendered --for training"] = Path("runs/world-training-64")
    validation: Annotated[Path, "a set rendered --for validation"] = Path("runs/world-validation-64")
    gallery: Annotated[Path, "the gallery that the cut-offs are for"] = Path("assets/gallery")
    packs: Packs = PACKS


@dataclass(frozen=True)
class DualEncoder(OnWorld):
    """A plain dual encoder: pictures of every kind, people's drawings, and words."""

    init: Annotated[Path | None, "a bundle of the same architecture to begin from (default: from scratch)"] = None
    people: Annotated[float, "share of a batch: people's drawings of the world's classes"] = 0.26
    others: Annotated[float, "share of a batch: people's drawings of other things"] = 0.10
    rendered: Annotated[float, "share of a batch: the world, its styles evenly"] = 0.42
    icons: Annotated[float, "share of a batch: emoji and icons"] = 0.08
    photos: Annotated[float, "share of a batch: photographs"] = 0.14


@dataclass(frozen=True)
class SketchToPhoto(Training):
    """DSN: sketches against photos, after a teacher that saw photos only."""

    init: Annotated[
        Path | None, "a plain encoder whose trunk the teacher and the student begin from (default: from scratch)"
    ] = None
    teacher: Annotated[Path, "the run of the teacher, which is made first where it is not complete"] = Path(
        "runs/dsn-teacher"
    )
    teacher_epochs: Annotated[int, "how long to train the teacher"] = 12
    teacher_batch: Annotated[int, "pictures in a step of the teacher"] = 128
    meanings: Annotated[Path | None, "a bundle that reads words: how alike classes are"] = Path(
        "checkpoints/guise-mini-zs"
    )
    lr: Annotated[float, "the highest learning rate"] = 1e-3


@dataclass(frozen=True)
class SmallSketches(SketchToPhoto):
    """DSN at a size that two cores can train, from the trunk of the plain encoder."""

    init: Annotated[
        Path | None, "a plain encoder whose trunk the teacher and the student begin from (default: from scratch)"
    ] = Path("checkpoints/guise-mini-zs")
    batch: Annotated[int, "pictures in a step, before two more views of each are made"] = 48
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 3
    epochs: Annotated[int, "how long to train; the memory lives for one epoch"] = 1
    steps: Annotated[int, "steps in an epoch"] = 100
    lr: Annotated[float, "the highest learning rate"] = 3e-4
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch unseen"] = 1


@dataclass(frozen=True)
class WorldSketches(SmallSketches, OnWorld):
    """DSN on the world and on packs: as many sketches as photos."""

    people: Annotated[float, "share of a batch: people's drawings of the world's classes"] = 0.17
    others: Annotated[float, "share of a batch: people's drawings of other things"] = 0.23
    sketched: Annotated[float, "share of a batch: the world's sketches"] = 0.10
    rendered: Annotated[float, "share of a batch: the world's photos"] = 0.25
    photos: Annotated[float, "share of a batch: photographs"] = 0.25


@dataclass(frozen=True)
class PackedSketches(SmallSketches):
    """DSN on the pack of Sketchy's sketches and photos, for research: nothing of the world is shown."""

    packs: Packs = PACKS
    teacher: Annotated[Path, "the run of the teacher, which is made first where it is not complete"] = Path(
        "runs/dsn-sketchy25-teacher"
    )
    epochs: Annotated[int, "how long to train; the memory lives for one epoch"] = 2
    sketched: Annotated[float, "share of a batch: the pack's sketches"] = 0.3
    others: Annotated[float, "share of a batch: people's drawings from elsewhere"] = 0.2
    shot: Annotated[float, "share of a batch: the pack's photos"] = 0.3
    photos: Annotated[float, "share of a batch: photographs from elsewhere"] = 0.2


@dataclass(frozen=True)
class PublishedSketches(SketchToPhoto):
    """DSN at the paper's size, on the seen classes of a published data set in its official layout.

    As released: how many sketches and photos stand in a step, how many steps and epochs there are, the rate and its
    decay. Ours: every class is drawn as often as any other, pictures are varied like all others here, and the epoch is
    selected on seen classes that are kept from training, where the release takes sketches and photos of trained ones.
    The paper's teacher knows ImageNet, and with it most classes that `zeroshot1` and TU-Berlin call unseen, so it is
    asked for by name.
    """

    data: Annotated[Path, "the folder that the data set was unpacked into"] = Path("data")
    lists: Annotated[str, "the folder of the zero-shot lists in it"] = "zeroshot1"
    kept: Annotated[int, "seen classes that are kept from training and select the epoch"] = 10
    imagenet: Annotated[
        str | None, "timm's ImageNet classifier that teaches instead, for example seresnet50.a1_in1k"
    ] = None
    meanings: Annotated[
        Path | None, "a bundle that reads words: how alike classes are (default: no answer of the teacher is shifted)"
    ] = None
    workers: Annotated[int, "processes that open pictures; 0: none but this one"] = 2
    device: Annotated[str, "what trains, for example cuda"] = "cpu"
    size: Annotated[int, "pixels that the encoder reads"] = 224
    batch: Annotated[int, "pictures in a step, before two more views of each are made"] = 96
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 1
    sketches: Annotated[float, "share of a batch: sketches"] = 32 / 96
    steps: Annotated[int, "steps in an epoch"] = 1068
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch unseen"] = 1
    lr: Annotated[float, "the highest learning rate"] = 1e-4

    @property
    def preprocess(self) -> Preprocess:
        """As ImageNet classifiers want their pictures."""
        return Preprocess(self.size, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class TextToImage(OnWorld):
    """A text-to-image prior: pictures of the world, people's drawings and icons, with prompts.

    The rate stays, and then falls. As long as it stays, more epochs may be asked of a begun run.
    """

    reader: Annotated[Path, "the bundle whose text tower reads the prompts"] = Path("checkpoints/guise-mini-zs")
    pack: Annotated[
        Path | None, "a folder of all pictures, packed: written where it is missing, read instead of renders and packs"
    ] = None
    latents: Annotated[Path, "the run of the auto-encoder, which is trained first where it is not complete"] = Path(
        "runs/prior-latents"
    )
    latent_epochs: Annotated[int, "how long to train the auto-encoder"] = 12
    latent_steps: Annotated[int, "steps in one of its epochs, of 16 pictures"] = 250
    epochs: Annotated[int, "epochs at a rate that stays"] = 86
    settling: Annotated[int, "epochs after them, in which the rate falls to nothing"] = 12
    steps: Annotated[int, "steps in an epoch"] = 100
    batch: Annotated[int, "pictures in a step"] = 32
    lr: Annotated[float, "the highest learning rate"] = 8e-4
    device: Annotated[str, "what trains, for example cuda; a GPU computes in bfloat16"] = "cpu"


@dataclass(frozen=True)
class FourSteps(TextToImage):
    """A student of a prior, that draws in four steps; it sees what its teacher saw, and DUDE's words for it."""

    prior: Annotated[Path, "the teacher"] = Path("checkpoints/prior-world")
    dude: Annotated[Path | None, "the bundle whose words it must draw, too (default: none)"] = Path(
        "checkpoints/dude-world"
    )
    guidance: Annotated[float, "of the teacher, which the student learns by heart"] = 3.0
    epochs: Annotated[int, "how long to train"] = 5
    lr: Annotated[float, "the highest learning rate"] = 1e-4


@dataclass(frozen=True)
class WithoutLabels(OnWorld):
    """Pictures of the world and people's drawings, without labels."""

    renders: Annotated[Path, "a set rendered --for training that the prior has not seen"] = Path(
        "runs/world-unlabelled-64"
    )
    init: Annotated[Path | None, "the start: a DUDE, or a plain encoder, whose trunk is taken over"] = Path(
        "checkpoints/guise-mini-zs"
    )
    drawings: Annotated[int, "people's drawings of each class"] = 20
    epochs: Annotated[int, "how long to train; an epoch has every picture once"] = 6
    batch: Annotated[int, "pictures in a step"] = 112
    lr: Annotated[float, "the highest learning rate"] = 1e-3


@dataclass(frozen=True)
class Disentangled(WithoutLabels):
    """DUDE: pictures without labels, and a prior that was trained on others."""

    prior: Annotated[Path, "the text-to-image prior"] = Path("checkpoints/prior-world")


@dataclass(frozen=True)
class DisentangledIcons(Disentangled):
    """DUDE on icons instead: no renders and no people's drawings are read."""


@dataclass(frozen=True)
class Prototyped(WithoutLabels):
    """ProtoOT: the same pictures, and no prior."""


Encoders = DualEncoder | WorldSketches | PackedSketches | PublishedSketches  # labels teach, validation selects
Settings = Encoders | TextToImage | Disentangled | Prototyped


def device_of(settings: Training) -> str:
    """What trains."""
    return settings.device if isinstance(settings, PublishedSketches | TextToImage) else "cpu"


@dataclass(frozen=True)
class Recipe:
    """A bundle that can be made: its settings, what it must never see, and why it exists."""

    settings: Settings
    about: str
    published: str | None = None  # the data set in its official layout, a name in published.DATA_SETS
    zero_shot: bool = False  # nothing of the unseen concepts, in no picture, caption or pack
    without_style: str | None = None  # this style of the world is left out, and whatever looks like it
    config: Mapping[str, Any] = field(default_factory=dict)  # options of the method that make this recipe what it is


BEGUN: dict[str, Any] = {"trunk_rate": 0.25}  # the trunk has been trained before
UNAIDED: dict[str, Any] = {"noise_weight": 0.0, "within_weight": 0.0, "across_weight": 0.0}
WITHOUT: dict[str, tuple[str, dict[str, Any]]] = {  # what is taken from DUDE, or all that is left
    "unread": ("without the second phase, like all below", {}),
    "contrastive": ("instance contrast alone", UNAIDED),
    "noise": ("the noise loss alone", {"instance_weight": 0.0, "within_weight": 0.0, "across_weight": 0.0}),
    "within": ("without neighbours across domains", {"across_weight": 0.0}),
    "no-noise": ("without the noise loss", {"noise_weight": 0.0}),
    "no-word": ("the prior is not told the domain", {"domain_word": False}),
    "not-mutual": ("neighbours need not be mutual", {"mutual": False}),
    "at-once": ("neighbours across domains from the first epoch", {"progressive": False}),
}
SMALL_PROTO_OT: dict[str, Any] = {  # DUDE's extractor, and its copy, which runs of few steps want quicker
    "width": 96,
    "trunk": "resnet10t",
    "channels": (64, 128, 256, 512),
    "momentum": 0.99,
}
NO_PARTS = {"tagged": False, "contrast_weight": 0.0, "memory_weight": 0.0}
ALL_PARTS: dict[str, Any] = {"tagged": True, "contrast_weight": 0.1, "memory_weight": 1.0}
DSN = {"trunk": "resnet10t", "trunk_rate": 0.1, "settled": True}  # the plain encoder's, which is not to forget
RUNGS: dict[str, tuple[str, dict[str, Any]]] = {  # each but the controls has one part more than the one above
    "classes": ("classes alone", {"teacher_weight": 0.0, "semantic_weight": 0.0}),
    "teacher": ("classes and the teacher", {"semantic_weight": 0.0}),
    "meaning": ("what the teacher says is shifted towards classes of similar meaning, too", {}),
    "tag": ("and the tag", {"tagged": True}),
    "contrast": ("and the contrast of views", {"tagged": True, "contrast_weight": 0.1}),
    "shuffled-tags": (
        "a control: all of DSN, but in training the tags say nothing",
        ALL_PARTS | {"shuffled_tags": True},
    ),
    "random-memory": (
        "a control: all of DSN, but the memory keeps any sketches",
        ALL_PARTS | {"memory_rule": "random"},
    ),
}
RECIPES: dict[str, Recipe] = (
    {
        "guise-mini": Recipe(DualEncoder(epochs=24), "for visitors: all 64 classes"),
        "guise-mini-zs": Recipe(DualEncoder(), "for protocols: without the unseen concepts", zero_shot=True),
    }
    | {
        f"guise-mini-zs-no-{style.name}": Recipe(
            DualEncoder(epochs=6, validate_every=0),
            f"for protocols: without the unseen concepts and without any {style.name}",
            zero_shot=True,
            without_style=style.name,
        )
        for style in STYLES
    }
    | {
        "dsn-world": Recipe(
            WorldSketches(), "DSN: sketch to photo, without the unseen concepts", zero_shot=True, config=DSN
        ),
    }
    | {
        f"dsn-world-{rung}": Recipe(
            WorldSketches(), f"for the ladder of DSN: {about}", zero_shot=True, config=DSN | NO_PARTS | parts
        )
        for rung, (about, parts) in RUNGS.items()
    }
    | {
        "prior-world": Recipe(
            TextToImage(), "a text-to-image prior that never saw the unseen concepts, for DUDE", zero_shot=True
        ),
    }
    | {
        "prior-world-student": Recipe(FourSteps(), "the prior's student, which draws in four steps", zero_shot=True),
        "dude-world": Recipe(
            Disentangled(),
            "DUDE: objects without labels, on the world and people's drawings",
            config=BEGUN | {"read_epochs": 4},
        ),
    }
    | {
        "dude-icons": Recipe(
            DisentangledIcons(), "DUDE: objects without labels, on emoji and icons by many hands", config=BEGUN
        ),
    }
    | {
        f"dude-world-{name}": Recipe(Disentangled(), f"for the ablations of DUDE: {about}", config=BEGUN | config)
        for name, (about, config) in WITHOUT.items()
    }
    | {
        "proto-ot-world": Recipe(
            Prototyped(),
            "ProtoOT, to compare DUDE with: it estimates how many classes there are",
            config=SMALL_PROTO_OT,
        ),
        "proto-ot-world-oracle": Recipe(
            Prototyped(),
            "ProtoOT, to compare DUDE with: it is told that there are 64 classes",
            config=SMALL_PROTO_OT | {"prototypes": 64},
        ),
    }
    | {
        "dsn-sketchy25": Recipe(
            PackedSketches(), "DSN on the pack of Sketchy, for research only", zero_shot=True, config=DSN
        ),
        "dsn-sketchy": Recipe(
            PublishedSketches(data=Path("data/sketchy"), teacher=Path("runs/dsn-sketchy-teacher"), teacher_epochs=20),
            "DSN at the paper's size on Sketchy-Extended: 32 sketches and 64 photos in a step",
            published="sketchy",
            zero_shot=True,
        ),
        "dsn-tuberlin": Recipe(
            PublishedSketches(
                data=Path("data/tuberlin"),
                lists="zeroshot",
                teacher=Path("runs/dsn-tuberlin-teacher"),
                teacher_epochs=16,
                batch=90,
                sketches=9 / 90,
                epochs=16,
                steps=1711,
            ),
            "DSN at the paper's size on TU-Berlin-Extended: 9 sketches and 81 photos in a step",
            published="tuberlin",
            zero_shot=True,
        ),
    }
)
