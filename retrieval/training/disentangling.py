"""How DUDE is made: from pictures without labels, and a prior that was trained on others. And ProtoOT, from the same
pictures and the same start, to compare it with.

Nothing is selected: without labels there is nothing to select by, so the last epoch is kept. Who was whose neighbour in
each epoch, or which prototype's, is written beside the run, for whoever has labels and wants to know how pure that was;
and so is the extractor as it was at the start and after each epoch, for whoever wants to see how it got there.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle, save_bundle
from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.manifest import Manifest, Reference, Source, reference_to
from retrieval.artifacts.prior import load_prior
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
from retrieval.training.loop import fit
from retrieval.training.prior import HANDS, HANDS_LICENSED, HANDS_NAMED, doodles
from retrieval.training.runs import Run
from retrieval.training.settings import RECIPES, Disentangled, DisentangledIcons, Prototyped, WithoutLabels
from retrieval.types import Domain, Progress, no_progress
from retrieval.world.split import ALL

log = logging.getLogger(__name__)


def disentangled(name: str, settings: Disentangled, on_progress: Progress = no_progress) -> Manifest:
    """Make the bundle of that name, or go on where an interrupted run stopped; its manifest."""
    tables, sources = unlabelled(settings)
    data = EachOnce(tables, settings.preprocess, batch=settings.batch)
    asked, run = _asked(name, settings)
    prior = load_prior(settings.prior) if Config(**asked).noise_weight else None
    torch.manual_seed(settings.seed)
    method = Dude(Config(styles=_styles(tables), **asked, **_word(prior)), settings.preprocess)
    start = start_of(settings.init)
    begin(method.extractor, start)
    method.learn_from(prior.prior if prior else None, data.table.ids, data.domains, prior.classes if prior else ())
    _trained(method, data, run, settings.seed, ("pairs", "within", "across"), on_progress)
    with torch.no_grad():
        method.finish(torch.cat([method.tokens(batch.images) for batch in data.whole()]))
    return _saved(
        name, "dude", method, settings, (start, sources), {"prior": reference_to(settings.prior)} if prior else {}
    )


def prototyped(name: str, settings: Prototyped, on_progress: Progress = no_progress) -> Manifest:
    """Make the bundle of that name by ProtoOT, or go on where an interrupted run stopped; its manifest."""
    tables, sources = unlabelled(settings)
    data = EachOnce(tables, settings.preprocess, batch=settings.batch)
    asked, run = _asked(name, settings)
    torch.manual_seed(settings.seed)
    method = ProtoOT(proto_ot.Config(styles=_styles(tables), **asked), settings.preprocess)
    start = start_of(settings.init)
    begin(method.extractor, start)
    method.learn_from(data.whole(), data.table.ids, data.domains)
    log.info("%s prototypes in each of %s domains", method.config.prototypes, len(method.styles))
    _trained(method, data, run, settings.seed, ("prototypes", "assigned", "proportions"), on_progress)
    method.finish()
    return _saved(name, "proto-ot", method, settings, (start, sources), {})


def unlabelled(settings: WithoutLabels) -> tuple[list[PictureTable], tuple[Source, ...]]:
    """A table for each domain: the renders in their styles and people's drawings, or icons, of all classes alike. No id
    says what a picture shows.
    """
    return _icons(settings) if isinstance(settings, DisentangledIcons) else _world(settings)


def _icons(settings: WithoutLabels) -> tuple[list[PictureTable], tuple[Source, ...]]:
    """Icons by many hands, together where the prior has one word for them; the objects of the tests are not there."""
    tables = []
    for word, hands in HANDS.items():
        icons = read_icons(settings.packs / "emoji_objects", hands, split="train")
        tables.append(icons.with_columns(domains=word).without_labels().in_memory(settings.size))
    return tables, (Source(f"{HANDS_NAMED}, without labels", HANDS_LICENSED, sum(map(len, tables))),)


def _world(settings: WithoutLabels) -> tuple[list[PictureTable], tuple[Source, ...]]:
    world = read_rendered(settings.renders).without_labels()
    tables = [world.where(domain=Domain(style)).in_memory() for style in dict.fromkeys(world.domains)]
    pack = settings.packs / "quickdraw345"
    drawings = concatenate([quickdraw(pack, [label], "train")[1::2][: settings.drawings] for label in ALL])
    tables.append(doodles(drawings, settings.size, views=1).without_labels())
    return tables, (
        Source("renders of the Guise world, without labels", "Apache-2.0", len(world)),
        Source("Quick, Draw! by Google, without labels", "CC BY 4.0", len(drawings)),
    )


def _asked(name: str, settings: WithoutLabels) -> tuple[dict[str, Any], Run]:
    """What the method is told by its recipe and by the settings, and the run that remembers both."""
    asked = {**RECIPES[name].config, "epochs": settings.epochs, "lr": settings.lr}
    folder = settings.run_folder or Path("runs") / f"{name}-{settings.seed}"
    return asked, Run(folder, dataclasses.asdict(settings) | asked)


@dataclass(frozen=True)
class Start:
    """Weights of an extractor to begin from, and what they were trained on."""

    weights: Mapping[str, Tensor]
    sources: tuple[Source, ...] = ()
    classes: tuple[str, ...] = ()


def start_of(init: Path | None) -> Start:
    """All of the extractor of a DUDE, or the trunk of a plain dual encoder; nothing, where nothing is named."""
    if init is None:
        return Start({})
    bundle = load_bundle(init)
    known, method = bundle.manifest, bundle.method
    if isinstance(method, Dude):
        weights = {name: value for name, value in method.extractor.state_dict().items() if name != "scale"}
    elif isinstance(method, ClipBaseline):
        weights = {f"trunk.{name}": value for name, value in method.trunk.state_dict().items()}
    else:
        raise DataError(f"{init} is no start for an extractor. Name a DUDE, or a plain encoder like guise-mini-zs.")
    return Start(weights, known.trained_on, known.classes)


def begin(extractor: Extractor, start: Start) -> None:
    """Take the weights over; what there are none for stays. Raises DataError where they are of another shape."""
    try:
        strange = extractor.load_state_dict(dict(start.weights), strict=False).unexpected_keys
    except RuntimeError as error:
        raise DataError(f"These weights do not fit the extractor ({error}). Name a start of its shape.") from error
    if strange:
        raise DataError(f"The extractor has no {strange[0]}, which its start has. Name a start of its shape.")


def _trained(
    method: Dude | ProtoOT, data: EachOnce, run: Run, seed: int, kept: Sequence[str], on_progress: Progress
) -> None:
    """Train to the end; the averaged weights stay. kept: the name of a file for every epoch, and what of a method's
    study is written into it.
    """
    state: dict[str, Any] = run.state() or {}
    if not state:
        _keep_extractor(run, 0, method.state_dict())
    for report in fit(method, data, seed=seed, resume=state.get("fit"), on_progress=on_progress):
        line = {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **report.losses}
        state = {"fit": report.state()}
        arrays = {name: getattr(method.study, name).numpy() for name in kept[1:]}
        np.savez_compressed(run.folder / f"{kept[0]}-{report.epoch:03d}.npz", names=np.array(data.table.ids), **arrays)
        _keep_extractor(run, report.epoch, state["fit"]["average"])
        run.save(state, line)
        log.info("%s", line)
    method.load_state_dict(state["fit"]["average"])
    method.eval()


def _keep_extractor(run: Run, epoch: int, weights: Mapping[str, Tensor]) -> None:
    """Write what of the method's weights is the extractor's, in half precision, to `extractor-EPOCH.safetensors`."""
    part = "extractor."
    own = {name.removeprefix(part): t for name, t in weights.items() if name.startswith(part)}
    save_file(halved(own), run.folder / f"extractor-{epoch:03d}.safetensors")


def _saved(
    name: str,
    kind: str,
    method: Dude | ProtoOT,
    settings: WithoutLabels,
    saw: tuple[Start, tuple[Source, ...]],
    refers_to: Mapping[str, Reference],
) -> Manifest:
    """Write the bundle; its manifest. saw: what it began from, and the pictures without labels."""
    start, sources = saw
    manifest = Manifest(
        name=name,
        method=kind,
        config=dataclasses.asdict(method.config),
        preprocess=settings.preprocess,
        domains=method.styles,
        classes=start.classes,
        dim=method.dim,
        files={},
        seed=settings.seed,
        trained_on=tuple(dict.fromkeys((*start.sources, *sources))),
        refers_to=refers_to,
    )
    return save_bundle(settings.out or Path("runs") / "bundles" / f"{name}-{settings.seed}", method, manifest)


def _styles(tables: Sequence[PictureTable]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(domain for table in tables for domain in table.domains))


def _word(prior: Any) -> dict[str, Any]:
    """How wide and how long a word of the prior is."""
    if prior is None:
        return {}
    rows = prior.prior.reader.token_embedding.weight
    return {"width": rows.shape[1], "word_length": float(rows.norm(dim=1).median())}
