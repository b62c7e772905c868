"""What every query of a run scores, on rows of components: validation to select by, and four protocols.

unseen        the style that was left out, unseen classes -> photographs of these          UCDR
mixed         the same -> photographs of all classes                                       UCDR, mixed gallery
seen style    styles that were trained on, unseen classes -> photographs of these          U^c CDR
seen class    the style that was left out, classes that were trained on -> photographs     U^d CDR
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.evaluation.metrics import (
    Values,
    average_precision,
    average_precision_lenient,
    average_precision_strict,
    precision_at,
)
from retrieval.training.unseen_styles.packing import Part
from retrieval.types import PHOTO
from retrieval.world.split import SEEN, TEST_UNSEEN

METRICS = ("mAP@200 strict", "mAP@200 lenient", "P@200")
DEPTH = 200
FINEST = 65_535  # a value in [0, 1] as a whole number of two bytes
CHUNK = 256  # rows of every run that are encoded at once

Codes = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Protocol:
    """Which rows of a part ask, and which are shown."""

    queries: npt.NDArray[np.int64]
    gallery: npt.NDArray[np.int64]
    labels: tuple[str, ...]  # of the queries


def protocols(part: Part, style: str) -> dict[str, Protocol]:
    """The four of a run that did without the style."""
    domains, labels = np.array(part.domains), np.array(part.labels)
    photo, left_out = domains == PHOTO.name, domains == style
    unseen, seen = np.isin(labels, TEST_UNSEEN), np.isin(labels, SEEN)
    return {
        name: Protocol(np.flatnonzero(queries), np.flatnonzero(gallery), tuple(labels[queries].tolist()))
        for name, queries, gallery in (
            ("unseen", left_out & unseen, photo & unseen),
            ("mixed", left_out & unseen, photo),
            ("seen style", ~left_out & ~photo & unseen, photo & unseen),
            ("seen class", left_out & seen, photo & seen),
        )
    }


def ranked(part: Part, protocol: Protocol, rows: Codes) -> npt.NDArray[np.bool_]:
    """What is relevant, best answer first; the object that was asked with stands last and is not.   -> (Q, N)"""
    instances, labels = np.array(part.instances), np.array(part.labels)
    asked, shown = protocol.queries, protocol.gallery
    twins = instances[asked, None] == instances[None, shown]
    truth = (labels[asked, None] == labels[None, shown]) & ~twins
    order = np.argsort(np.where(twins, np.inf, -(rows[asked] @ rows[shown].T)), axis=1, kind="stable")
    relevant: npt.NDArray[np.bool_] = np.take_along_axis(truth, order, axis=1)
    return relevant


def values_of(part: Part, style: str, rows: Codes) -> dict[str, Values]:
    """Protocol -> what each query scores, (metrics, Q)."""
    scored = {}
    for name, protocol in protocols(part, style).items():
        truth = ranked(part, protocol, rows)
        metrics = (
            average_precision_strict(truth, DEPTH),
            average_precision_lenient(truth, DEPTH),
            precision_at(truth, DEPTH),
        )
        scored[name] = np.stack(metrics)
    return scored


def validation(part: Part, style: str, rows: Codes) -> float:
    """mAP@all of styles that were trained on, classes that are kept to select on -> their photographs."""
    domains = np.array(part.domains)
    photo = domains == PHOTO.name
    asked = np.flatnonzero(~photo & ~np.isin(domains, style.split("+")))
    protocol = Protocol(asked, np.flatnonzero(photo), ())
    return float(average_precision(ranked(part, protocol, rows)).mean())


@torch.no_grad()
def encoded(encode: Callable[[Tensor], Tensor], part: Part, runs: int, device: str) -> Codes:
    """First views of all pictures by every run: encode takes (R, B, F).   -> (R, N, D)"""
    rows = part.rows[0]
    parts = [
        encode(rows[first : first + CHUNK].float().to(device).expand(runs, -1, -1)).float().cpu()
        for first in range(0, len(rows), CHUNK)
    ]
    return np.asarray(torch.cat(parts, dim=1).numpy(), np.float32)


def in_two_bytes(values: Values) -> npt.NDArray[np.uint16]:
    """Values in [0, 1]."""
    return np.round(values * FINEST).astype(np.uint16)


def from_two_bytes(values: npt.NDArray[np.uint16]) -> Values:
    """What `in_two_bytes` took."""
    return values.astype(np.float64) / FINEST
