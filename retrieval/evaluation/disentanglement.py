"""Is the object apart from the style? The measures, each a pure function on arrays.

    codes (N, D)     one row for each picture of the gallery; where a cosine is meant, of any length
    labels (N,)      what each picture shows; domains (N,) in which style; things (N,) which very object

What pictures are drawn for a measure, and by whom, is the business of `swaps`; probes stand in `probes`. Each measure
says what it is by chance, or which control it is to be read against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from retrieval.errors import DataError
from retrieval.evaluation.metrics import (
    Relevance,
    Values,
    average_precision,
    bootstrap_interval,
    precision_at,
    precision_truncated,
)
from retrieval.evaluation.probes import Codes, ranked, units
from retrieval.evaluation.tasks.base import equal

DEPTHS = (1, 5, 15)  # of P@k, as in unsupervised cross-domain retrieval
NEAREST = 10

Kernel = Callable[[Values, Values], Values]


# ---------------------------------------------------------------- retrieval


def across_styles(
    codes: Codes, labels: Sequence[str], domains: Sequence[str], things: Sequence[str]
) -> dict[str, Values]:
    """Every picture asks each of the other domains for its class; pictures of the very same object are not there.

    `mAP@all` and plain `P@k` of each picture, the mean over the other domains; and of `P@k truncated` what was found
    and what was looked at, of which the micro-average is the ratio of the sums: "P@k found", "P@k seen".   -> (N,) each
    """
    cosines = units(codes) @ units(codes).T
    relevant, here = equal(labels, labels), np.asarray(domains)
    considered = ~equal(things, things)
    names = ["mAP@all", *(f"P@{k}{kind}" for k in DEPTHS for kind in ("", " found", " seen"))]
    sums = {name: np.zeros(len(codes)) for name in names}
    every = np.unique(here)
    for there in every:
        columns = np.flatnonzero(here == there)
        rows = np.flatnonzero(here != there)
        part = np.ix_(rows, columns)
        hits = in_order(cosines[part], relevant[part], considered[part])
        sums["mAP@all"][rows] += average_precision(hits) / (len(every) - 1)
        for k in DEPTHS:
            sums[f"P@{k}"][rows] += precision_at(hits, k) / (len(every) - 1)
            values, depth = precision_truncated(hits, k)
            sums[f"P@{k} found"][rows] += values * depth
            sums[f"P@{k} seen"][rows] += depth
    return sums


def in_order(scores: Values, relevant: Relevance, considered: Relevance) -> Relevance:
    """`relevant` of each query, best score first; what is not considered stands last and is not relevant. (Q, N)"""
    order = np.argsort(np.where(considered, -scores, np.inf), axis=1, kind="stable")
    return np.take_along_axis(relevant & considered, order, axis=1)


def asked_by_words(words: Codes, named: Sequence[str], codes: Codes, labels: Sequence[str]) -> Values:
    """AP@all of each word (T, D) that names a class, over all pictures. Both sides lose their mean, since words and
    codes lie in two cones of one space.   -> (T,)
    """
    cosines = units(words - words.mean(axis=0)) @ units(codes - codes.mean(axis=0)).T
    relevant = equal(named, labels)
    return average_precision(in_order(cosines, relevant, np.ones_like(relevant)))


def without_means(codes: Codes, groups: Sequence[str]) -> Values:
    """Unit codes with the mean of each group subtracted, as unit rows again: what any code can do about its domains."""
    rows, of = units(codes), np.asarray(groups)
    for group in np.unique(of):
        rows[of == group] -= rows[of == group].mean(axis=0)
    return units(rows)


def same_domain_excess(codes: Codes, domains: Sequence[str], things: Sequence[str], k: int = NEAREST) -> Values:
    """Of each picture's k nearest in the mixed gallery, the share of its own domain less the share expected by size.
    Pictures of the very same object are not there. 0: style does not matter.   -> (N,)
    """
    considered = ~equal(things, things)
    own = equal(domains, domains)
    hits = in_order(units(codes) @ units(codes).T, own, considered)
    expected = (own & considered).sum(axis=1) / considered.sum(axis=1)
    return np.asarray(hits[:, :k].mean(axis=1) - expected, np.float64)


# ---------------------------------------------------------------- gaps between sets


def squared_mmd(x: Codes, y: Codes, kernel: Kernel) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy of two sets (N, D), (M, D); about 0, on either
    side, where both come from one source.

        1/(N(N-1)) sum_{i != j} k(x_i, x_j) + 1/(M(M-1)) sum_{i != j} k(y_i, y_j) - 2/(NM) sum_ij k(x_i, y_j)

    Gretton et al., "A Kernel Two-Sample Test" (2012), Lemma 6.

    >>> round(squared_mmd(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]]), lambda a, b: a @ b.T), 4)
    -1.0
    """
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if min(len(a), len(b)) < 2:
        raise DataError(f"Two sets of {len(a)} and {len(b)} codes cannot be compared. Give at least two of each.")
    within = [_off_diagonal(kernel(part, part)) for part in (a, b)]
    return float(sum(within) - 2 * kernel(a, b).mean())


def within(x: Codes, size: int, kernel: Kernel, seed: int) -> float:
    """`squared_mmd` of `size` rows of one set (N, D), drawn at random, and the others: what two sets of one source are
    apart, in whichever order the rows come.

    >>> round(within(np.array([[0.0], [1.0]] * 50), 50, lambda a, b: a @ b.T, seed=0), 2)
    -0.01
    """
    order = np.random.default_rng(seed).permutation(len(x))
    return squared_mmd(x[order[:size]], x[order[size:]], kernel)


def _off_diagonal(square: Values) -> float:
    count = len(square)
    return float((square.sum() - np.trace(square)) / (count * (count - 1)))


def gaussian(width: float) -> Kernel:
    """exp(-|x - y|^2 / (2 width^2))"""

    def kernel(x: Values, y: Values) -> Values:
        return np.asarray(np.exp(-squared_distances(x, y) / (2 * width**2)), np.float64)

    return kernel


def polynomial(x: Values, y: Values) -> Values:
    """(x y / D + 1)^3: with `squared_mmd`, the kernel inception distance of Binkowski et al., "Demystifying MMD GANs"
    (2018), on whatever features it is given.
    """
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3, np.float64)


def median_distance(x: Codes) -> float:
    """The median distance of two different rows (N, D): the usual width of a Gaussian kernel."""
    squared = squared_distances(np.asarray(x, np.float64), np.asarray(x, np.float64))
    return float(np.sqrt(np.median(squared[~np.eye(len(squared), dtype=bool)])))


def squared_distances(x: Values, y: Values) -> Values:
    """|x_i - y_j|^2   (N, D), (M, D) -> (N, M)"""
    squared = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2 * x @ y.T
    return np.asarray(np.maximum(squared, 0.0), np.float64)


# ---------------------------------------------------------------- pictures that were drawn


def harmonic(a: float, b: float) -> float:
    """The harmonic mean of two rates: high only if both are; 0 if one is.

    >>> harmonic(0.5, 1.0)
    0.6666666666666666
    """
    return 2 * a * b / (a + b) if a + b > 0 else 0.0


def against_truth(
    drawn: Codes, asked: tuple[Sequence[str], Sequence[str]], real: Codes, shown: tuple[Sequence[str], Sequence[str]]
) -> dict[str, Values]:
    """How far a drawn picture is from the true one, beside how far from others, all in one style: drawn (N, D), asked
    for (labels, things) of N; real (M, D), which shows (labels, things) of M, each thing once.

    "truth" is the distance to the true picture of the same thing; "same class" and "other class" the mean distances to
    the pictures of other things; "beats same class" and "beats other class" the share of those that are farther than
    the true one, ties counting half (0.5 by chance). NaN where there is none.   -> (N,) each
    """
    far = np.sqrt(squared_distances(np.asarray(drawn, np.float64), np.asarray(real, np.float64)))  # (N, M)
    kin, same = equal(asked[0], shown[0]), equal(asked[1], shown[1])
    own = _mean_of(far, same)
    distances = {"truth": own}
    farther = (far > own[:, None]) + 0.5 * (far == own[:, None])
    for name, others in (("same class", kin & ~same), ("other class", ~kin)):
        distances |= {name: _mean_of(far, others), f"beats {name}": _mean_of(farther, others)}
    return distances


def _mean_of(values: Values, chosen: Relevance) -> Values:
    """The mean of what is chosen in each row (N, M), NaN where nothing is.   -> (N,)"""
    count = chosen.sum(axis=1)
    return np.asarray(np.where(chosen, values, 0.0).sum(axis=1) / np.where(count, count, np.nan), np.float64)


def nearest_distances(x: Codes, known: Codes) -> Values:
    """The distance of each row (N, D) to the nearest of the known rows (M, D).   -> (N,)"""
    squared = squared_distances(np.asarray(x, np.float64), np.asarray(known, np.float64))
    return np.asarray(np.sqrt(squared.min(axis=1)), np.float64)


# ---------------------------------------------------------------- what the prior does with a code


def curve(errors: Values, otherwise: Values) -> list[tuple[float, float, float]]:
    """By how much an error rises when something else is told, at each noise step: two (T, N) errors of the same
    pictures under the same noise -> T means, each with the lower and the upper end of its 95 % bootstrap interval.
    """
    means = []
    for error, other in zip(errors, otherwise, strict=True):
        low, high = bootstrap_interval(other - error)
        means.append((float((other - error).mean()), low, high))
    return means


def overlap(maps: Values, masks: Relevance) -> Values:
    """Intersection over union of each mask (N, H, W) with as many pixels as it has, those where the map is highest.

    By chance a mask of share p has p / (2 - p). NaN for empty masks.   -> (N,)

    >>> overlap(np.array([[[0.9, 0.8], [0.1, 0.0]]]), np.array([[[True, False], [True, False]]])).round(4).tolist()
    [0.3333]
    """
    flat, truth = maps.reshape(len(maps), -1), masks.reshape(len(masks), -1)
    order = np.argsort(-flat, axis=1, kind="stable")
    ranks = np.argsort(order, axis=1, kind="stable")  # of each pixel, from 0
    count = truth.sum(axis=1)
    both = (truth & (ranks < count[:, None])).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.asarray(both / np.where(count, 2 * count - both, np.nan), np.float64)


def pointing(maps: Values, masks: Relevance) -> Values:
    """1 where the highest pixel of a map (N, H, W) lies on its mask, else 0; by chance the mask's share.   -> (N,)"""
    flat, truth = maps.reshape(len(maps), -1), masks.reshape(len(masks), -1)
    return truth[np.arange(len(truth)), flat.argmax(axis=1)].astype(np.float64)


def centre(height: int, width: int) -> Values:
    """The map that looks at the middle of every picture: what any map of objects must beat.   -> (H, W)"""
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    return np.asarray(-(rows**2) - columns**2, np.float64)


def spearman(x: Codes, y: Codes) -> float:
    """The rank correlation of two sequences (N,), in [-1, 1]; 0 where one of them does not change.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.7, 0.9]))
    1.0
    """
    a, b = (ranked(values) - (len(values) + 1) / 2 for values in (x, y))
    spread = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / spread) if spread > 0 else 0.0


def pair_purity(neighbours: npt.NDArray[np.int64], labels: Sequence[str]) -> float:
    """The share of pairs that are of one class: neighbours (N, K) are rows, negative for none. NaN without any pair.

    >>> pair_purity(np.array([[1, 2], [0, -1], [-1, -1]]), ["a", "a", "b"])
    0.6666666666666666
    """
    of = np.asarray(labels)
    rows, columns = np.nonzero(neighbours >= 0)
    return float((of[rows] == of[neighbours[rows, columns]]).mean()) if len(rows) else float("nan")
