"""A text-to-image prior: pictures of the world, people's drawings and icons of seen things, with prompts.

Two stages: the auto-encoder of the latents, in a run of its own that priors share, and the network that predicts noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from retrieval.images import Preprocess
from retrieval.training.recipe import Made, Recipe, WorldSettings
from retrieval.types import Progress
from retrieval.world.split import ALL

if TYPE_CHECKING:
    from retrieval.diffusion.prior import Prior
    from retrieval.training.epochs import Stage
    from retrieval.training.recipes.parts.prior_pictures import PriorPictures
    from retrieval.training.start import Start


@dataclass(frozen=True)
class PromptedSettings(WorldSettings):
    """Pictures with prompts, for a prior or its student."""

    pack: Annotated[
        Path | None, "a folder of all pictures, packed: written where it is missing, read instead of renders and packs"
    ] = None
    steps: Annotated[int, "steps in an epoch"] = 100
    batch: Annotated[int, "pictures in a step"] = 32
    lr: Annotated[float, "the highest learning rate"] = 8e-4

    @property
    def preprocess(self) -> Preprocess:
        """Pictures in [-1, 1]."""
        return Preprocess(self.size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class PriorSettings(PromptedSettings):
    """A text-to-image prior. The rate stays, and then falls. As long as it stays, more epochs may be asked of a begun
    run.
    """

    reader: Annotated[Path, "the bundle whose text tower reads the prompts"] = Path("checkpoints/guise-mini-zs")
    latents: Annotated[Path, "the run of the auto-encoder, which is trained first where it is not complete"] = Path(
        "runs/prior-latents"
    )
    latent_epochs: Annotated[int, "how long to train the auto-encoder"] = 12
    latent_steps: Annotated[int, "steps in one of its epochs, of 16 pictures"] = 250
    epochs: Annotated[int, "epochs at a rate that stays"] = 86
    settling: Annotated[int, "epochs after them, in which the rate falls to nothing"] = 12


class PriorRecipe(Recipe[PriorSettings]):
    """A prior that reads as a plain encoder does."""

    free = ("epochs", "pack")

    def sources(self, settings: PriorSettings) -> PriorPictures:
        """The world in its styles, people's drawings of its classes, and icons. From the settings' pack, where there
        is one.
        """
        from retrieval.training.recipes.parts.prior_pictures import prior_pictures

        return prior_pictures(self, settings)

    def start(self, settings: PriorSettings, sources: PriorPictures, on_progress: Progress) -> Start[Prior]:
        """A prior at random weights, with the text tower of the bundle."""
        from retrieval.training.recipes.parts.prior_training import new_prior

        return new_prior(settings, sources, self)

    def stages(self, settings: PriorSettings, sources: PriorPictures, start: Start[Prior]) -> Iterator[Stage]:
        """The auto-encoder, then the network that works on what it makes."""
        from retrieval.training.recipes.parts.prior_training import latent_stage, noise_stage, take_latents

        latents = latent_stage(settings, sources)
        yield latents
        take_latents(start.learner, latents.learner, sources, settings.size)
        yield noise_stage(settings, sources, start.learner, self.run(settings))

    def finish(
        self, settings: PriorSettings, sources: PriorPictures, start: Start[Prior], metrics: Mapping[str, float]
    ) -> Made:
        """The prior in diffusers' format."""
        folder = write_prior(self, settings, sources, start.learner, start)
        return Made(folder, hint=f"Train with it: python -m retrieval train dude-world --prior {folder}")


def write_prior(
    recipe: Recipe[Any],
    settings: PromptedSettings,
    pictures: PriorPictures,
    prior: Prior,
    start: Start[Any],
    **entries: Any,
) -> Path:
    """Save the prior with what it has seen; `entries` are further ones of its manifest."""
    from retrieval.artifacts.prior import save_prior
    from retrieval.training.recipes.parts.prior_pictures import provenance, styles_of

    folder = recipe.out_folder(settings)
    seen = start.provenance.merge(provenance(pictures).named(recipe.name))
    save_prior(
        folder,
        prior.cpu().eval(),
        name=recipe.name,
        trained_on=seen.sources,
        provenance=seen.stages,
        **{
            "styles": styles_of(pictures),
            "classes": sorted({*provenance(pictures).classes} & {*ALL}),
            **entries,
        },
    )
    return folder


RECIPES = (
    PriorRecipe(
        "prior-world",
        PriorSettings(),
        "a text-to-image prior that never saw the unseen concepts, for DUDE",
        zero_shot=True,
    ),
)
