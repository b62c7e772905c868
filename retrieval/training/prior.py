"""How a text-to-image prior is made: what it is shown and told, and the loop that trains it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.manifest import Source
from retrieval.artifacts.prior import save_prior
from retrieval.backbones.clip import tokenizer
from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture, mirrored
from retrieval.data.readers.icons import read_icons
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.data.sampler import Portion, Sampler
from retrieval.data.wording import Prompts
from retrieval.diffusion.latents import PatchAutoencoder
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ANY_STYLE, ANY_THING, EMPTY, ReaderConfig, prompt
from retrieval.errors import DataError
from retrieval.images import Preprocess
from retrieval.methods import ClipBaseline
from retrieval.methods.base import Phase, Trainable
from retrieval.training.loop import EMA_DECAY, fit
from retrieval.training.material import allowed
from retrieval.training.runs import Run
from retrieval.training.settings import RECIPES, Recipe, TextToImage
from retrieval.training.shards import Shown, packed
from retrieval.types import DOODLE, STYLES, Domain, Progress, no_progress
from retrieval.world.captions import COLORLESS
from retrieval.world.split import ALL

log = logging.getLogger(__name__)
HANDS = {  # what icons by one hand, or by several alike, are called
    "emoji": ("blob", "emojione", "fluent_flat", "fxemoji", "noto", "twemoji"),
    "figurine": ("fluent_3d",),
    "icon": ("emojione_mono", "fluent_mono", "streamline"),
}
HANDS_NAMED, HANDS_LICENSED = (
    "emoji: Fluent, Noto, Blob, Twemoji, EmojiOne, FxEmoji, Streamline",
    "MIT, Apache-2.0, CC BY 4.0",
)
WORLD, DOODLES, ICONS = 0.8, 0.12, 0.08  # shares of a batch
VIEWS = 2  # of each person's drawing
AVERAGING = 0.999
LATENT_BATCH = 16
MEASURED = 40  # one picture of so many is enough to measure the spread of latents


class LatentTraining(Trainable):
    """An auto-encoder in training."""

    def __init__(self, channels: int, epochs: int) -> None:
        super().__init__()
        self.latents = PatchAutoencoder(channels)
        self._epochs = epochs

    def phases(self) -> Sequence[Phase]:
        return (Phase("latents", self._epochs, 2e-3, weight_decay=1e-4, warmup=0.03),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """How much of the pictures is lost."""
        return {"lost": self.latents.reconstruction_error(batch.images)}


class PriorTraining(Trainable):
    """A prior in training: its U-Net learns, everything else stays."""

    def __init__(self, prior: Prior, settings: TextToImage) -> None:
        super().__init__()
        self.prior = prior
        self._settings = settings

    def phases(self) -> Sequence[Phase]:
        """A rate that stays, and one that falls."""
        told = self._settings
        return (
            Phase("noise", told.epochs, told.lr, weight_decay=0.01, warmup=0.02, schedule="constant"),
            Phase("settling", told.settling, told.lr, weight_decay=0.01, schedule="linear"),
        )

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1) of the prior."""
        prior = self.prior
        with torch.no_grad():
            latents = prior.latents.encode(batch.images)
            states = prior.reader(batch.texts)
        t = prior.training_steps(len(latents)).to(latents.device)
        return {"velocity": prior.velocity_error(latents, torch.randn_like(latents), t, states).mean()}


def made_prior(name: str, settings: TextToImage, on_progress: Progress = no_progress) -> Path:
    """Make the prior of that recipe, or go on where an interrupted run stopped; the folder that holds it."""
    portions, sources = shown(settings, RECIPES[name])
    prior = started(settings, portions, on_progress)
    weights = finished(
        PriorTraining(prior, settings),
        prompted(portions, settings.size, batch=settings.batch, steps=settings.steps),
        prior_run(name, settings),
        settings,
        on_progress,
        AVERAGING,
    )
    return saved_prior(name, settings, prior, weights, portions, sources)


def prior_run(name: str, settings: TextToImage) -> Run:
    """Its run: how long it lasts, and what file its pictures come from, is not among what must stay the same."""
    free = ("epochs", "run_folder", "pack")
    told = {key: value for key, value in dataclasses.asdict(settings).items() if key not in free}
    return Run(settings.run_folder or Path("runs") / f"{name}-{settings.seed}", told)


def saved_prior(
    name: str,
    settings: TextToImage,
    prior: Prior,
    weights: Mapping[str, Tensor],
    portions: Sequence[Portion],
    sources: Sequence[Source],
) -> Path:
    """Write the prior with weights of its training into its folder."""
    prior.load_state_dict({key.removeprefix("prior."): value for key, value in weights.items()})
    out = settings.out or Path("runs") / "bundles" / f"{name}-{settings.seed}"
    classes = sorted({label for portion in portions for label in portion.table.labels} & {*ALL})
    styles = [domain for portion in portions for domain in portion.domains]
    save_prior(out, prior.cpu().eval(), name=name, styles=styles, classes=classes, trained_on=sources)
    return out


def finished(
    training: Trainable, data: Sampler, run: Run, settings: TextToImage, on_progress: Progress, averaging: float
) -> dict[str, Tensor]:
    """The averaged weights after all epochs, of which those that an earlier run has finished are not done again."""
    training.to(settings.device)
    precision = torch.float32 if settings.device == "cpu" else torch.bfloat16
    state = run.state() or {}
    told: dict[str, Any] = {"seed": settings.seed, "averaging": averaging, "precision": precision}
    for report in fit(training, data, resume=state.get("fit"), on_progress=on_progress, **told):
        line = {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **report.losses}
        state = {"fit": report.state()}
        run.save(state, line)
        log.info("%s", line)
    weights: dict[str, Tensor] = state["fit"]["average"]
    return weights


def pictures(size: int) -> Preprocess:
    """Pictures in [-1, 1]."""
    return Preprocess(size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def trained_latents(settings: TextToImage, portions: Sequence[Portion], on_progress: Progress) -> PatchAutoencoder:
    """The auto-encoder of the pictures, trained where its run is not complete."""
    torch.manual_seed(settings.seed)
    training = LatentTraining(PriorConfig().channels, settings.latent_epochs)
    data = prompted(portions, settings.size, batch=LATENT_BATCH, steps=settings.latent_steps)
    run = Run(
        settings.latents, {"epochs": settings.latent_epochs, "steps": settings.latent_steps, "size": settings.size}
    )
    training.load_state_dict(finished(training, data, run, settings, on_progress, EMA_DECAY))
    some = torch.cat([portion.table.tensor(slice(None, None, MEASURED), settings.size) for portion in portions])
    training.latents.normalise(some.to(settings.device))
    return training.latents


def started(settings: TextToImage, portions: Sequence[Portion], on_progress: Progress) -> Prior:
    """A prior at random weights that reads as the bundle does, after its auto-encoder. Raises DataError for a bundle
    that reads no words.
    """
    dual = load_bundle(settings.reader).method
    if not isinstance(dual, ClipBaseline):
        raise DataError(f"{settings.reader} has no text tower. Name a plain dual encoder like guise-mini-zs.")
    told = dual.config
    vocabulary = known_tokens(portions, told.context_length)
    reader = ReaderConfig(
        told.text_width, told.text_layers, told.text_heads, told.context_length, vocabulary=vocabulary
    )
    latents = trained_latents(settings, portions, on_progress)
    torch.manual_seed(settings.seed)
    prior = Prior(PriorConfig(size=settings.size, reader=reader))
    prior.latents.load_state_dict(latents.state_dict())
    prior.latents.requires_grad_(False)
    weights = dual.model.state_dict()
    weights["token_embedding.weight"] = weights["token_embedding.weight"][list(vocabulary)]
    prior.reader.load_state_dict({name: weights[name] for name in prior.reader.state_dict()})
    return prior


def known_tokens(portions: Sequence[Portion], context_length: int) -> tuple[int, ...]:
    """The tokens of all that the prior may be told, and of every class of the world, seen or not, ascending."""
    said = {word for portion in portions for word in (*portion.table.colors, *portion.table.labels, *portion.domains)}
    words = [EMPTY, prompt(), ANY_STYLE, ANY_THING, *ALL, *(style.name for style in STYLES), *said]
    return tuple(sorted(set(tokenizer(context_length)(words).flatten().tolist())))


def shown(settings: TextToImage, recipe: Recipe) -> Shown:
    """The world in its styles, people's drawings of its classes, and icons, all of seen things; and their sources.
    From the settings' pack, where there is one.
    """
    return packed(settings.pack, lambda: _gathered(settings, recipe))


def _gathered(settings: TextToImage, recipe: Recipe) -> Shown:
    """From renders and packs."""
    classes = [label for label in ALL if allowed(label, recipe)]
    world = read_rendered(settings.renders, classes).in_memory(settings.size)
    styles = list(dict.fromkeys(world.domains))
    portions = []
    for style in styles:
        table = world.where(domain=Domain(style))
        table = table.with_columns(colors="") if style in COLORLESS else table
        portions.append(Portion(table, WORLD / len(styles)))
    drawings = quickdraw(settings.packs / "quickdraw345", classes, "train")[::2]
    portions.append(Portion(doodles(drawings, settings.size), DOODLES))
    sources = [
        Source("renders of the Guise world", "Apache-2.0", len(world)),
        Source("Quick, Draw! by Google", "CC BY 4.0", len(drawings)),
    ]
    for word, hands in HANDS.items():
        icons = read_icons(settings.packs / "emoji_objects", hands, split="train", seen_only=True)
        portions.append(Portion(icons.in_memory(settings.size).with_columns(domains=word), ICONS / len(HANDS)))
    sources.append(Source(HANDS_NAMED, HANDS_LICENSED, sum(len(p.table) for p in portions[-len(HANDS) :])))
    return portions, tuple(sources)


def prompted(
    portions: Sequence[Portion], size: int, *, batch: int, steps: int, wording: Prompts | None = None
) -> Sampler:
    """Pictures and prompts, without labels: whole pictures, every second one mirrored."""
    return Sampler(
        portions,
        pictures(size),
        batch=batch,
        steps=steps,
        view=mirrored,
        wording=wording or Prompts(),
        labelled=False,
    )


def doodles(drawings: PictureTable, size: int, views: int = VIEWS) -> PictureTable:
    """People's drawings as pictures of a domain of their own, each in several views."""
    rng = np.random.default_rng(0)
    shown = [row.picture.view(size, rng).permute(1, 2, 0).numpy() for _ in range(views) for row in drawings]
    return PictureTable([ArrayPicture(array) for array in shown], DOODLE.name, labels=drawings.labels * views)
