"""What recipes without labels share: their pictures, the start of the extractor, and what is kept of every epoch.

Who was whose neighbour in each epoch, or which prototype's, is written beside the run, so that who has labels can
measure how pure that was; and so is the head at the start and after each epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.manifest import Source, Stage
from retrieval.artifacts.prior import LoadedPrior, load_prior
from retrieval.artifacts.provenance import Provenance
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.pictures import ArrayPicture
from retrieval.data.readers.icons import read_icons
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.prior import Prior
from retrieval.methods import proto_ot
from retrieval.methods.dude import Config, Dude
from retrieval.methods.parts.banks import Extractor
from retrieval.methods.parts.noise_errors import NoiseErrors
from retrieval.methods.proto_ot import ProtoOT
from retrieval.training.epochs import Run
from retrieval.training.loop import EpochReport
from retrieval.training.recipes.dude import DudeSettings, UnlabelledSettings
from retrieval.training.recipes.parts.view_features import Pixels, ViewBatches, kept_features, sized, view_features
from retrieval.training.start import Start
from retrieval.training.training_sources import DRAWINGS, EMOJI_PACK, EMOJI_SOURCE, HANDS
from retrieval.types import DOODLE, Domain
from retrieval.world.split import ALL

PIXELS = 128  # of the pictures that are read
CHUNK = 64  # pictures that become latents at once
TRUNK = Provenance((Stage("trunk-lite0", "trunk", pretrained="photographs of ImageNet-1k with their classes"),))


@dataclass(frozen=True)
class UnlabelledSources:
    """A table without labels for each domain, and where the pictures come from."""

    tables: tuple[PictureTable, ...]
    sources: tuple[Source, ...]
    classes: tuple[str, ...]  # what the pictures show, which nobody says

    @property
    def table(self) -> PictureTable:
        """All of them."""
        return concatenate(self.tables)

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains."""
        return tuple(dict.fromkeys(domain for table in self.tables for domain in table.domains))

    @property
    def provenance(self) -> Provenance:
        """What a training on these pictures has seen: no class by its name."""
        return Provenance.of_training(self.sources, unlabelled=self.classes, domains=self.domains)

    def batches(self, settings: UnlabelledSettings) -> ViewBatches:
        """Batches as the settings ask for them, from features that are computed where they are missing."""
        table = self.table
        pixels = table.pixels(size=PIXELS)

        def compute() -> Tensor:
            trunk = begun_extractor(settings.trunk).trunk.eval().to(settings.device)
            return view_features(trunk, pixels, settings.preprocess, settings.views, 0)

        asked = {"trunk": settings.trunk, "preprocess": settings.preprocess, "views": settings.views}
        features = kept_features(settings.features, pixels, compute, **asked).to(settings.device)
        return ViewBatches(features, table.ids, [row.domain for row in table], batch=settings.batch)


def icons_without_labels(settings: UnlabelledSettings) -> UnlabelledSources:
    """Icons by many hands, together where the prior has one word for them; the objects of the tests are not there."""
    tables, shown = [], set[str]()
    for word, hands in HANDS.items():
        icons = read_icons(settings.packs / EMOJI_PACK, hands, split="train")
        shown |= {*icons.labels} - {""}
        tables.append(icons.with_columns(domains=word).without_labels().in_memory(PIXELS))
    source = Source(f"{EMOJI_SOURCE[0]}, without labels", EMOJI_SOURCE[1], sum(map(len, tables)))
    return UnlabelledSources(tuple(tables), (source,), tuple(sorted(shown)))


def world_without_labels(settings: UnlabelledSettings) -> UnlabelledSources:
    """Renders in their styles, and every second of people's training drawings, the same number of each class."""
    labelled = first_objects(read_rendered(settings.renders), settings.objects)
    world = labelled.without_labels()
    tables = [world.where(domain=Domain(style)).in_memory(PIXELS) for style in dict.fromkeys(world.domains)]
    pack = settings.packs / DRAWINGS
    drawings = concatenate([quickdraw(pack, [label], "train")[1::2][: settings.drawings] for label in ALL])
    tables.append(doodles(drawings, PIXELS))
    return UnlabelledSources(
        tuple(tables),
        (
            Source("renders of the Guise world, without labels", "Apache-2.0", len(world)),
            Source("Quick, Draw! by Google, without labels", "CC BY 4.0", len(drawings)),
        ),
        tuple(sorted({*labelled.labels, *drawings.labels})),
    )


def doodles(drawings: PictureTable, size: int) -> PictureTable:
    """People's drawings without labels, as pictures of a domain of their own."""
    rng = np.random.default_rng(0)
    arrays = [row.picture.view(size, rng).permute(1, 2, 0).numpy() for row in drawings]
    return PictureTable([ArrayPicture(array) for array in arrays], DOODLE.name).without_labels()


def first_objects(renders: PictureTable, count: int) -> PictureTable:
    """The pictures of the first `count` objects that were rendered of each class."""
    kept: dict[str, dict[str, None]] = {}
    for row in renders:
        kept.setdefault(row.label, {}).setdefault(row.instance)
    chosen = {name for instances in kept.values() for name in list(instances)[:count]}
    return renders.select([at for at, row in enumerate(renders) if row.instance in chosen])


def new_dude(settings: DudeSettings, options: Mapping[str, Any], data: ViewBatches, pixels: Pixels) -> Start[Dude]:
    """DUDE on the frozen trunk, beside the prior if the options ask it."""
    config = Config(**options)
    prior = load_prior(settings.prior, settings.device) if config.noise_weight or config.read_epochs else None
    torch.manual_seed(settings.seed)
    method = Dude(Config(**options, **word_shape(prior)), settings.preprocess)
    method.extractor = begun_extractor(settings.trunk, method.extractor)
    errors, behind = None, TRUNK
    if prior:
        errors = NoiseErrors(prior.prior, latents_of(prior.prior, pixels), prior.classes)
        behind = behind.merge(Provenance.at(settings.prior).inherit("prior"))
    method.learn_from(errors, data.ids, data.domains)
    return Start(method.to(settings.device), behind)


def word_shape(prior: LoadedPrior | None) -> dict[str, Any]:
    """How wide and how long a word of the prior is."""
    if prior is None:
        return {}
    rows: Any = prior.prior.reader.token_embedding.weight
    return {"width": rows.shape[1], "word_length": float(rows.norm(dim=1).median())}


@torch.no_grad()
def latents_of(prior: Prior, pixels: Pixels) -> Tensor:
    """What the prior makes of pictures (N, H, W, 3) of its size, on its device, in half precision.   -> (N, C, h, w)"""
    device = next(prior.parameters()).device
    parts = []
    for first in range(0, len(pixels), CHUNK):
        images = torch.from_numpy(pixels[first : first + CHUNK]).to(device).permute(0, 3, 1, 2).float() / 127.5 - 1
        parts.append(prior.latents.encode(sized(images, prior.config.size)).half())
    return torch.cat(parts)


def new_proto_ot(settings: UnlabelledSettings, options: Mapping[str, Any], data: ViewBatches) -> Start[ProtoOT]:
    """ProtoOT on the frozen trunk; its codes of all pictures fill the bank."""
    torch.manual_seed(settings.seed)
    method = ProtoOT(proto_ot.Config(**options), settings.preprocess)
    method.extractor = begun_extractor(settings.trunk, method.extractor)
    method.to(settings.device).learn_from(data.plain, data.ids, data.domains)
    return Start(method, TRUNK)


def begun_extractor(trunk: str, extractor: Extractor | None = None) -> Extractor:
    """The extractor with the weights that ImageNet taught its trunk."""
    extractor = extractor or Extractor(1, trunk, 1)
    published = imagenet_classifier(trunk).state_dict()
    extractor.trunk.load_state_dict({name: published[name] for name in extractor.trunk.state_dict()})
    return extractor


class EpochFiles:
    """What is kept of every epoch: arrays of the method's study, and the head in half precision.

    studied: the name of the files, and the names of the arrays in them.
    """

    def __init__(self, run: Run, method: Any, studied: Sequence[str], names: Sequence[str]) -> None:
        self._run, self._method, self._names = run, method, np.array(names)
        self._name, *self._arrays = studied

    def keep_start(self) -> None:
        """The head before the first epoch, unless the run goes on."""
        if not self._run.begun:
            self._keep_head(0, self._method.state_dict())

    def keep(self, report: EpochReport) -> None:
        """Everything of this epoch."""
        study = self._method.study
        arrays = {name: getattr(study, name).cpu().numpy() for name in self._arrays}
        path = self._run.folder / f"{self._name}-{report.epoch:03d}.npz"
        np.savez_compressed(path, names=self._names, **arrays)
        self._keep_head(report.epoch, report.averaged())

    def _keep_head(self, epoch: int, weights: Mapping[str, Tensor]) -> None:
        save_file(halved(head_of(weights)), self._run.folder / f"head-{epoch:03d}.safetensors")


def head_of(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The head's weights among those of a method, under its own names."""
    part = "extractor.head."
    return {name.removeprefix(part): t for name, t in weights.items() if name.startswith(part)}
