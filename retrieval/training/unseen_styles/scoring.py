"""What every query of a run scores, on rows of components: validation to select by, and four protocols.

unseen        the style that was left out, unseen classes -> photographs of these          UCDR
mixed         the same -> photographs of all classes                                       UCDR, mixed gallery
seen style    styles that were trained on, unseen classes -> photographs of these          U^c CDR
seen class    the style that was left out, classes that were trained on -> photographs     U^d CDR
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

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
from retrieval.training.unseen_styles.packing import About, Part

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
    hidden: npt.NDArray[np.bool_]  # (Q, N), what is not considered
    truth: npt.NDArray[np.bool_]  # (Q, N), what is relevant


@lru_cache(maxsize=64)
def protocols(part: Part, about: About, left_out: str) -> dict[str, Protocol]:
    """Those of the four that have queries, of a run that did without the domain."""
    domains, labels = np.array(part.domains), np.array(part.labels)
    away = ~np.isin(domains, about.without(left_out))
    photo = domains == about.photo if about.photo else ~away
    asking = ~(domains == about.photo)
    unseen = np.isin(labels, about.unseen)
    found = {
        name: _answerable(part, np.flatnonzero(queries), np.flatnonzero(gallery))
        for name, queries, gallery in (
            ("unseen", away & unseen, photo & unseen),
            ("mixed", away & unseen, photo),
            ("seen style", ~away & asking & unseen, photo & unseen),
            ("seen class", away & ~unseen, photo & _asked_about(part, about, away)),
        )
    }
    return {name: protocol for name, protocol in found.items() if len(protocol.queries)}


def _asked_about(part: Part, about: About, away: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Of which pictures the class is none of the unseen, and is asked for in the domain that is left out."""
    labels = np.array(part.labels)
    return np.isin(labels, sorted({*labels[away].tolist()} - {*about.unseen}))


def _answerable(part: Part, queries: npt.NDArray[np.int64], gallery: npt.NDArray[np.int64]) -> Protocol:
    """Queries that have something relevant in the gallery. What shows the object that was asked with, or is of the
    query's own domain, is hidden.
    """
    instances, labels, domains = (
        np.unique(column, return_inverse=True)[1] for column in (part.instances, part.labels, part.domains)
    )
    hidden = instances[queries, None] == instances[None, gallery]
    hidden |= domains[queries, None] == domains[None, gallery]
    truth = (labels[queries, None] == labels[None, gallery]) & ~hidden
    some = truth.any(axis=1)
    asking = tuple(part.labels[at] for at in queries[some])
    return Protocol(queries[some], gallery, asking, hidden[some], truth[some])


def ranked(protocol: Protocol, rows: Codes) -> npt.NDArray[np.bool_]:
    """What is relevant, best answer first; what is hidden stands last.   -> (Q, N)"""
    scores = rows[protocol.queries] @ rows[protocol.gallery].T
    order = np.argsort(np.where(protocol.hidden, np.inf, -scores), axis=1, kind="stable")
    relevant: npt.NDArray[np.bool_] = np.take_along_axis(protocol.truth, order, axis=1)
    return relevant


def values_of(part: Part, about: About, left_out: str, rows: Codes) -> dict[str, Values]:
    """Protocol -> what each query scores, (metrics, Q)."""
    return {name: scores(ranked(protocol, rows)) for name, protocol in protocols(part, about, left_out).items()}


def scores(truth: npt.NDArray[np.bool_]) -> Values:
    """Ranked answers (Q, N) -> (metrics, Q)"""
    metrics = (
        average_precision_strict(truth, DEPTH),
        average_precision_lenient(truth, DEPTH),
        precision_at(truth, DEPTH),
    )
    return np.stack(metrics)


def peeked(part: Part, about: About, left_out: str, rows: Codes) -> float:
    """What nobody who trains may look at: how well the test queries do, as the released code selects."""
    found = protocols(part, about, left_out)
    protocol = found.get("mixed", found["seen style"])
    return float(scores(ranked(protocol, rows))[0].mean())


def validation(part: Part, about: About, left_out: str, rows: Codes) -> float:
    """mAP@all of domains that were trained on, classes that are kept to select on -> their photographs."""
    return float(average_precision(ranked(_of_validation(part, about, left_out), rows)).mean())


@lru_cache(maxsize=64)
def _of_validation(part: Part, about: About, left_out: str) -> Protocol:
    domains = np.array(part.domains)
    known = np.isin(domains, about.without(left_out))
    asked = np.flatnonzero(known & (domains != about.photo))
    return _answerable(part, asked, np.flatnonzero(domains == about.photo if about.photo else known))


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
