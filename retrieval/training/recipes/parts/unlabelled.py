"""What recipes without labels share: their pictures, the start of the extractor, and what is kept of every epoch.

Who was whose neighbour in each epoch, or which prototype's, is written beside the run, so that who has labels can
measure how pure that was; and so is the extractor at the start and after each epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.manifest import Source
from retrieval.artifacts.prior import LoadedPrior, load_prior
from retrieval.artifacts.provenance import Provenance
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.icons import read_icons
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.data.sampler import EachOnce
from retrieval.errors import DataError
from retrieval.methods import ClipBaseline, proto_ot
from retrieval.methods.dude import Config, Dude
from retrieval.methods.parts.banks import Extractor
from retrieval.methods.proto_ot import ProtoOT
from retrieval.training.epochs import Run
from retrieval.training.loop import EpochReport
from retrieval.training.recipes.dude import DudeSettings, UnlabelledSettings
from retrieval.training.recipes.parts.prior_pictures import ICON_STYLES, ICONS_LICENSED, ICONS_NAMED, doodles
from retrieval.training.start import Start
from retrieval.training.training_sources import DRAWINGS
from retrieval.types import Domain
from retrieval.world.split import ALL


@dataclass(frozen=True)
class UnlabelledSources:
    """A table without labels for each domain, and where the pictures come from."""

    tables: tuple[PictureTable, ...]
    sources: tuple[Source, ...]
    classes: tuple[str, ...]  # what the pictures show, which nobody says

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains."""
        return tuple(dict.fromkeys(domain for table in self.tables for domain in table.domains))

    @property
    def provenance(self) -> Provenance:
        """What a training on these pictures has seen: no class by its name."""
        return Provenance.of_training(self.sources, unlabelled=self.classes, domains=self.domains)

    def batches(self, settings: UnlabelledSettings) -> EachOnce:
        """Batches as the settings ask for them."""
        return EachOnce(self.tables, settings.preprocess, batch=settings.batch)


def icons_without_labels(settings: UnlabelledSettings) -> UnlabelledSources:
    """Icons by many hands, together where the prior has one word for them; the objects of the tests are not there."""
    tables, shown = [], set[str]()
    for word, hands in ICON_STYLES.items():
        icons = read_icons(settings.packs / "emoji_objects", hands, split="train")
        shown |= {*icons.labels} - {""}
        tables.append(icons.with_columns(domains=word).without_labels().in_memory(settings.size))
    source = Source(f"{ICONS_NAMED}, without labels", ICONS_LICENSED, sum(map(len, tables)))
    return UnlabelledSources(tuple(tables), (source,), tuple(sorted(shown)))


def world_without_labels(settings: UnlabelledSettings) -> UnlabelledSources:
    """Renders in their styles, and every second of people's training drawings, the same number of each class."""
    labelled = read_rendered(settings.renders)
    world = labelled.without_labels()
    tables = [world.where(domain=Domain(style)).in_memory() for style in dict.fromkeys(world.domains)]
    pack = settings.packs / DRAWINGS
    drawings = concatenate([quickdraw(pack, [label], "train")[1::2][: settings.drawings] for label in ALL])
    tables.append(doodles(drawings, settings.size, views=1).without_labels())
    return UnlabelledSources(
        tuple(tables),
        (
            Source("renders of the Guise world, without labels", "Apache-2.0", len(world)),
            Source("Quick, Draw! by Google, without labels", "CC BY 4.0", len(drawings)),
        ),
        tuple(sorted({*labelled.labels, *drawings.labels})),
    )


def new_dude(settings: DudeSettings, options: Mapping[str, Any], sources: UnlabelledSources) -> Start[Dude]:
    """DUDE with the extractor of `--init`, beside the prior if the options ask one."""
    data = sources.batches(settings)
    prior = load_prior(settings.prior, settings.device) if Config(**options).noise_weight else None
    torch.manual_seed(settings.seed)
    method = Dude(Config(**options, **_word_shape(prior)), settings.preprocess)
    weights, behind = extractor_of(settings.init)
    begin_extractor(method.extractor, weights)
    network, words = (prior.prior, prior.classes) if prior else (None, ())
    method.learn_from(network, data.table.ids, data.domains, words)
    if prior:
        behind = behind.merge(Provenance.at(settings.prior).inherit("prior"))
    return Start(method, behind)


def _word_shape(prior: LoadedPrior | None) -> dict[str, Any]:
    """How wide and how long a word of the prior is."""
    if prior is None:
        return {}
    rows: Any = prior.prior.reader.token_embedding.weight
    return {"width": rows.shape[1], "word_length": float(rows.norm(dim=1).median())}


def new_proto_ot(
    settings: UnlabelledSettings, options: Mapping[str, Any], sources: UnlabelledSources
) -> Start[ProtoOT]:
    """ProtoOT with the extractor of `--init`, whose codes of all pictures fill the bank."""
    data = sources.batches(settings)
    torch.manual_seed(settings.seed)
    method = ProtoOT(proto_ot.Config(**options), settings.preprocess)
    weights, behind = extractor_of(settings.init)
    begin_extractor(method.extractor, weights)
    method.learn_from(data.whole(), data.table.ids, data.domains)
    return Start(method, behind)


def extractor_of(init: Path | None) -> tuple[Mapping[str, Tensor], Provenance]:
    """All weights of the extractor of a DUDE, or the trunk of a plain dual encoder, and what they have seen; nothing,
    where nothing is named. Raises DataError for other bundles.
    """
    if init is None:
        return {}, Provenance()
    bundle = load_bundle(init)
    method = bundle.method
    if isinstance(method, Dude):
        weights = {name: value for name, value in method.extractor.state_dict().items() if name != "scale"}
    elif isinstance(method, ClipBaseline):
        weights = {f"trunk.{name}": value for name, value in method.trunk.state_dict().items()}
    else:
        raise DataError(f"{init} is no start for an extractor. Name a DUDE, or a plain encoder like guise-mini-zs.")
    return weights, Provenance.of(bundle.manifest).inherit("start")


def begin_extractor(extractor: Extractor, weights: Mapping[str, Tensor]) -> None:
    """Take the weights over; what there are none for stays. Raises DataError where they are of another shape."""
    try:
        unexpected = extractor.load_state_dict(dict(weights), strict=False).unexpected_keys
    except RuntimeError as error:
        raise DataError(f"These weights do not fit the extractor ({error}). Name a start of its shape.") from error
    if unexpected:
        raise DataError(f"The extractor has no {unexpected[0]}, which its start has. Name a start of its shape.")


@torch.no_grad()
def all_tokens(method: Dude, data: EachOnce) -> Tensor:
    """The words of all pictures.   -> (N, W)"""
    device = method.neutral_thing.device
    return torch.cat([method.tokens(batch.on(device).images) for batch in data.whole()])


class EpochFiles:
    """What is kept of every epoch: arrays of the method's study, and the extractor in half precision.

    studied: the name of the files, and the names of the arrays in them.
    """

    def __init__(self, run: Run, method: Any, studied: Sequence[str], names: Sequence[str]) -> None:
        self._run, self._method, self._names = run, method, np.array(names)
        self._name, *self._arrays = studied

    def keep_start(self) -> None:
        """The extractor before the first epoch, unless the run goes on."""
        if not self._run.begun:
            self._keep_extractor(0, self._method.state_dict())

    def keep(self, report: EpochReport) -> None:
        """Everything of this epoch."""
        study = self._method.study
        arrays = {name: getattr(study, name).cpu().numpy() for name in self._arrays}
        path = self._run.folder / f"{self._name}-{report.epoch:03d}.npz"
        np.savez_compressed(path, names=self._names, **arrays)
        self._keep_extractor(report.epoch, report.averaged())

    def _keep_extractor(self, epoch: int, weights: Mapping[str, Tensor]) -> None:
        part = "extractor."
        own = {name.removeprefix(part): t for name, t in weights.items() if name.startswith(part)}
        save_file(halved(own), self._run.folder / f"extractor-{epoch:03d}.safetensors")
