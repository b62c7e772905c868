"""The domains of a published data set without their labels, and what each finds in each other.

P@k truncated    as Hu and Lee (2022) and its followers report it; see `evaluation.metrics`
trained on       queries and gallery are the pictures of the training ("transductive"); kept: others of the same
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from retrieval.artifacts.manifest import Source
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.domainnet import domainnet
from retrieval.data.readers.office_home import office_home
from retrieval.errors import SettingsError
from retrieval.evaluation.metrics import average_precision, precision_truncated
from retrieval.methods.dude import Dude
from retrieval.training.recipes.parts.unlabelled import PIXELS, UnlabelledSources
from retrieval.training.recipes.parts.view_features import view_features
from retrieval.types import Domain

if TYPE_CHECKING:
    from retrieval.training.recipes.dude_folder import DudeFolderSettings

KEPT = 5  # of each class in a domain every fifth picture is kept from training


@dataclass(frozen=True)
class Layout:
    """A data set: how it is read, what it is called, and how deep its papers look."""

    read: Callable[[Path], PictureTable]
    name: str
    depths: tuple[int, ...]


LAYOUTS = {
    "office-home": Layout(office_home, "Office-Home", (1, 5, 15)),
    "domainnet": Layout(domainnet, "DomainNet", (50, 100, 200)),
}


@dataclass(frozen=True)
class FolderSources(UnlabelledSources):
    """The pictures to learn from, and labelled tables that are read at the end alone."""

    trained: PictureTable
    kept: PictureTable


def read_domains(settings: DudeFolderSettings) -> FolderSources:
    """What the settings ask for. Raises SettingsError for an unknown layout, or fewer than two domains."""
    if settings.layout not in LAYOUTS:
        raise SettingsError(f"There is no layout {settings.layout!r}. Choose {' or '.join(LAYOUTS)}.")
    layout = LAYOUTS[settings.layout]
    table = layout.read(settings.data)
    domains, classes = (_listed(text) for text in (settings.domains, settings.classes))
    table = table.where(
        lambda row: (not domains or row.domain.name in domains) and (not classes or row.label in classes)
    )
    names = tuple(dict.fromkeys(table.domains))
    if len(names) < 2 or (domains and set(names) != domains):
        found = ", ".join(names) or "none"
        raise SettingsError(f"DUDE needs two domains or more, and {settings.data} has {found} of those asked for.")
    place: dict[tuple[str, str], int] = {}
    is_kept = []
    for row in table:
        of = (row.domain.name, row.label)
        place[of] = place.get(of, 0) + 1
        is_kept.append(place[of] % KEPT == 0)
    trained, kept = (table.select([at for at, one in enumerate(is_kept) if one == wanted]) for wanted in (False, True))
    trained = trained.in_memory(PIXELS)
    tables = tuple(trained.where(domain=Domain(name)).without_labels() for name in names)
    source = Source(f"{layout.name}, without labels", "its authors' terms: research", len(trained))
    return FolderSources(tables, (source,), tuple(sorted(set(trained.labels))), trained, kept)


def between_domains(method: Dude, settings: DudeFolderSettings, sources: FolderSources) -> dict[str, float]:
    """Each domain asks each other -> the measures by name."""
    depths = LAYOUTS[settings.layout].depths
    measures: dict[str, float] = {}
    for said, table in (("trained on", sources.trained), ("kept", sources.kept.in_memory(PIXELS))):
        codes = _codes(method, settings, table)
        for asking, asked in permutations(sources.domains, 2):
            rows, columns = (np.array([d == name for d in table.domains]) for name in (asking, asked))
            labels = np.array(table.labels)
            truth = labels[rows][:, None] == labels[columns][None, :]
            ranked = np.take_along_axis(truth, np.argsort(-(codes[rows] @ codes[columns].T), axis=1, kind="stable"), 1)
            found = measured(ranked[ranked.any(axis=1)], depths)
            measures |= {f"{said}, {asking} to {asked}: {name}": value for name, value in found.items()}
    return measures


def measured(ranked: Any, depths: tuple[int, ...]) -> Mapping[str, float]:
    """The measures of queries that have a right answer: relevance in the order of the ranking (Q, N)."""
    if not len(ranked):
        return {}
    found = {"mAP@all": round(float(average_precision(ranked).mean()), 4)}
    for k in depths:
        values, weights = precision_truncated(ranked, k)
        found[f"P@{k} truncated"] = round(float((values * weights).sum() / weights.sum()), 4)
    return found


@torch.no_grad()
def _codes(method: Dude, settings: DudeFolderSettings, table: PictureTable) -> Any:
    """Unit rows (N, dim) of a table's pictures."""
    if not len(table):
        return np.zeros((0, 1), np.float32)
    trunk = method.extractor.trunk.eval()
    features = view_features(trunk, table.pixels(size=PIXELS), settings.preprocess, 0, 0)[:, 0].float()
    device = next(method.parameters()).device
    codes = method.extractor.head.eval()(features.to(device)).float()
    return torch.nn.functional.normalize(codes, dim=1).cpu().numpy()


def _listed(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}
