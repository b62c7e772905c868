"""How a text-to-image prior learns: first the auto-encoder of its latents, then the network that predicts noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.provenance import Provenance
from retrieval.backbones.clip import tokenizer
from retrieval.data.batch import Batch
from retrieval.data.sampler import Sampler
from retrieval.diffusion.latents import PatchAutoencoder
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ANY_STYLE, ANY_THING, EMPTY, ReaderConfig, prompt
from retrieval.errors import DataError
from retrieval.methods import ClipBaseline
from retrieval.methods.base import Phase, Trainable
from retrieval.training.epochs import Run, Stage
from retrieval.training.recipe import Recipe
from retrieval.training.recipes.parts.prior_pictures import PriorPictures, prompted, styles_of
from retrieval.training.recipes.prior import PriorSettings, PromptedSettings
from retrieval.training.start import Start
from retrieval.types import STYLES
from retrieval.world.split import ALL

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

    def __init__(self, prior: Prior, settings: PriorSettings) -> None:
        super().__init__()
        self.prior = prior
        self._settings = settings

    def phases(self) -> Sequence[Phase]:
        """A rate that stays, and one that falls."""
        settings = self._settings
        return (
            Phase("noise", settings.epochs, settings.lr, weight_decay=0.01, warmup=0.02, schedule="constant"),
            Phase("settling", settings.settling, settings.lr, weight_decay=0.01, schedule="linear"),
        )

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1) of the prior."""
        prior = self.prior
        with torch.no_grad():
            latents = prior.latents.encode(batch.images)
            states = prior.reader(batch.texts)
        t = prior.training_steps(len(latents)).to(latents.device)
        return {"velocity": prior.velocity_error(latents, torch.randn_like(latents), t, states).mean()}


def new_prior(settings: PriorSettings, pictures: PriorPictures, recipe: Recipe[Any]) -> Start[Prior]:
    """A prior at random weights that reads as the bundle does. Raises DataError for a bundle that reads no words."""
    bundle = load_bundle(settings.reader)
    dual = bundle.method
    if not isinstance(dual, ClipBaseline):
        raise DataError(f"{settings.reader} has no text tower. Name a plain dual encoder like guise-mini-zs.")
    config = dual.config
    vocabulary = known_tokens(pictures, config.context_length)
    reader = ReaderConfig(
        config.text_width, config.text_layers, config.text_heads, config.context_length, vocabulary=vocabulary
    )
    torch.manual_seed(settings.seed)
    prior = Prior(PriorConfig(**{"size": settings.size, "reader": reader, **recipe.config}))
    weights = dual.model.state_dict()
    weights["token_embedding.weight"] = weights["token_embedding.weight"][list(vocabulary)]
    prior.reader.load_state_dict({name: weights[name] for name in prior.reader.state_dict()})
    return Start(prior, Provenance.of(bundle.manifest).inherit("text tower"))


def known_tokens(pictures: PriorPictures, context_length: int) -> tuple[int, ...]:
    """The tokens of all that the prior may be told, and of every class of the world, seen or not, ascending."""
    tables = [portion.table for portion in pictures[0]]
    said = {word for table in tables for word in (*table.colors, *table.labels)}
    words = [
        EMPTY,
        prompt(),
        ANY_STYLE,
        ANY_THING,
        *ALL,
        *(style.name for style in STYLES),
        *styles_of(pictures),
        *said,
    ]
    return tuple(sorted(set(tokenizer(context_length)(words).flatten().tolist())))


def noise_batches(settings: PromptedSettings, pictures: PriorPictures) -> Sampler:
    """Batches of the pictures with prompts."""
    return prompted(pictures, settings.preprocess, batch=settings.batch, steps=settings.steps)


def latent_stage(settings: PriorSettings, pictures: PriorPictures) -> Stage:
    """The auto-encoder of the pictures, in a run that all priors of this size share."""
    torch.manual_seed(settings.seed)
    training = LatentTraining(PriorConfig().channels, settings.latent_epochs)
    data = prompted(pictures, settings.preprocess, batch=LATENT_BATCH, steps=settings.latent_steps)
    asked = {"epochs": settings.latent_epochs, "steps": settings.latent_steps, "size": settings.size}
    return Stage(training, data, Run(settings.latents, asked), seed=settings.seed, device=settings.device)


def take_latents(prior: Prior, training: Any, pictures: PriorPictures, size: int) -> None:
    """Give the prior a trained auto-encoder, which stays as it is, with latents of unit spread."""
    some = torch.cat([portion.table.tensor(slice(None, None, MEASURED), size) for portion in pictures[0]])
    training.latents.normalise(some.to(next(training.parameters()).device))
    prior.latents.load_state_dict(training.latents.state_dict())
    prior.latents.requires_grad_(False)


def noise_stage(settings: PriorSettings, pictures: PriorPictures, prior: Prior, run: Run) -> Stage:
    """The network that predicts noise."""
    training, data = PriorTraining(prior, settings), noise_batches(settings, pictures)
    return Stage(training, data, run, seed=settings.seed, device=settings.device, averaging=AVERAGING)
