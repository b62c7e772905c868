"""How DUDE is made: from pictures without labels, and a prior that was trained on others.

Nothing is selected: without labels there is nothing to select by, so the last epoch is kept. Who was whose neighbour in
each epoch is written beside the run, for whoever has labels and wants to know how pure those pairs were.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch

from retrieval.bundle import Manifest, Source, load_bundle, save_bundle
from retrieval.data.packs import quickdraw
from retrieval.data.unlabelled import Collection, Unlabelled
from retrieval.data.world import world_pictures
from retrieval.errors import DataError
from retrieval.methods.dude import Config, Dude
from retrieval.priors import load_prior
from retrieval.training.loop import fit
from retrieval.training.prior import doodles
from retrieval.training.runs import Run
from retrieval.training.settings import RECIPES, Disentangled
from retrieval.types import DOODLE, Domain, Progress, no_progress
from retrieval.world.split import ALL

log = logging.getLogger(__name__)


def disentangled(name: str, settings: Disentangled, on_progress: Progress = no_progress) -> Manifest:
    """Make the bundle of that name, or go on where an interrupted run stopped; its manifest."""
    collections, sources = unlabelled(settings)
    data = Unlabelled(collections, settings.preprocess, batch=settings.batch)
    asked = {**RECIPES[name].config, "epochs": settings.epochs, "lr": settings.lr}
    prior = load_prior(settings.prior) if Config(**asked).noise_weight else None
    styles = tuple(collection.domain.name for collection in collections)
    run = Run(settings.run_folder or Path("runs") / f"{name}-{settings.seed}", dataclasses.asdict(settings) | asked)
    torch.manual_seed(settings.seed)
    method = Dude(Config(styles=styles, **asked, **_word(prior)), settings.preprocess)
    if settings.init is not None:
        start = load_bundle(settings.init).method
        if not isinstance(start, Dude):
            raise DataError(f"{settings.init} is no start for DUDE. Make one: python -m retrieval train dude-start.")
        length = method.extractor.scale.detach().clone()  # of this prior's words
        method.extractor.load_state_dict(start.extractor.state_dict() | {"scale": length})
    method.learn_from(prior.prior if prior else None, data.names, data.domains)
    state: dict[str, Any] = run.state() or {}
    for report in fit(method, data, seed=settings.seed, resume=state.get("fit"), on_progress=on_progress):
        line = {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **report.losses}
        state = {"fit": report.state()}
        assert method.study is not None
        np.savez_compressed(
            run.folder / f"pairs-{report.epoch:03d}.npz",
            names=np.array(data.names),
            within=method.study.within.numpy(),
            across=method.study.across.numpy(),
        )
        run.save(state, line)
        log.info("%s", line)
    method.load_state_dict(state["fit"]["average"])
    method.eval()
    with torch.no_grad():
        method.finish(torch.cat([method.tokens(batch.images) for batch in data.whole()]))
    manifest = Manifest(
        name=name,
        method="dude",
        config=dataclasses.asdict(method.config),
        preprocess=settings.preprocess,
        domains=styles,
        classes=(),
        dim=method.dim,
        files={},
        seed=settings.seed,
        trained_on=sources,
        refers_to=prior.fingerprint if prior else None,
    )
    return save_bundle(settings.out or Path("runs") / "bundles" / f"{name}-{settings.seed}", method, manifest)


def unlabelled(settings: Disentangled) -> tuple[list[Collection], tuple[Source, ...]]:
    """The renders in their styles and people's drawings, of all classes alike: no name tells what a picture shows."""
    world = world_pictures(settings.renders)
    collections = []
    for style in dict.fromkeys(world.domains):
        rows = [row for row, domain in enumerate(world.domains) if domain == style]
        collections.append(Collection(Domain(style), [f"{style}-{row}" for row in rows], world.pictures[rows]))
    drawn = [
        drawing
        for label in ALL
        for drawing in quickdraw(settings.packs / "quickdraw345", [label], "train")[1::2][: settings.drawings]
    ]
    shelf = doodles(drawn, settings.size, 1.0, views=1)
    collections.append(Collection(DOODLE, [f"{DOODLE.name}-{row}" for row in range(len(drawn))], shelf.pictures))
    return collections, (
        Source("renders of the Guise world, without labels", "Apache-2.0", len(world.labels)),
        Source("Quick, Draw! by Google, without labels", "CC BY 4.0", len(drawn)),
    )


def _word(prior: Any) -> dict[str, Any]:
    """How wide and how long a word of the prior is."""
    if prior is None:
        return {}
    rows = prior.prior.reader.token_embedding.weight
    return {"width": rows.shape[1], "word_length": float(rows.norm(dim=1).median())}
