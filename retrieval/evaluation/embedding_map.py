"""How the map of codes is made: the same pictures of a gallery at some epochs of a training, on the axes of the last.

The axes are the first two principal components of the codes as they are in the end, so points move and axes stay. At
each epoch points are told from their own mean: that all pictures drift together is not shown. Codes are unit rows, as a
search compares them. Neighbours are mined by the method itself, but only the nearest in each style: more lines could
not be seen. What training did not know, classes and objects, is asked here for the numbers alone.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.checksummed import fit_into
from retrieval.artifacts.manifest import WEIGHTS
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered
from retrieval.errors import BundleError, DataError
from retrieval.evaluation.code_quality import MAIN, MMD, ONE_DOMAIN, measure_gaps, measure_probes, probe_name
from retrieval.evaluation.disentanglement import pair_purity
from retrieval.evaluation.embedding_map_file import Atlas, Stop
from retrieval.evaluation.generation_quality import trunk_features
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.probes import Codes, units
from retrieval.files import sha256
from retrieval.items import ITEMS
from retrieval.methods.dude import Config, Dude
from retrieval.types import Domain, Progress, no_progress

OBJECTS = 2  # of each class, in every style: one for the probes to learn from, one to be asked about
STOPS = 6  # epochs that are shown
NEAREST = 1  # neighbours in each style that are joined by lines
DIGITS = 4

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Axes:
    """Two orthogonal directions (2, D), unit rows."""

    directions: Values

    @classmethod
    def of(cls, codes: Codes) -> Axes:
        """The first two principal components of codes (N, D). Each points to where its largest number is positive, so
        that the same codes give the same axes on every machine.
        """
        components = np.linalg.svd(_centred(codes), full_matrices=False)[2][:2]  # (2, D)
        largest = components[np.arange(len(components)), np.abs(components).argmax(axis=1)]
        return cls(components * np.sign(largest)[:, None])

    def placed(self, codes: Codes) -> tuple[Values, float]:
        """Where codes (N, D) stand, as seen from their mean, and the share of their variance that can be seen there.
        -> (N, 2), a number in [0, 1]
        """
        rows = _centred(codes)
        points = rows @ self.directions.T
        return points, float((points**2).sum() / max((rows**2).sum(), 1e-12))


def mapped(
    bundle: Path,
    run: Path,
    gallery: Path,
    *,
    objects: int = OBJECTS,
    stops: int = STOPS,
    on_progress: Progress = no_progress,
) -> Atlas:
    """The map of the first `objects` of each class of the gallery in that home, at up to `stops` epochs of the run
    that made the bundle. Raises DataError where these do not belong together.
    """
    loaded = load_bundle(bundle)
    method = dude_in(loaded, bundle)
    real = read_rendered(gallery).in_memory(method.preprocess.size)
    rows = portion(real, objects)
    real = real.select(rows)
    chosen = spread(kept_epochs(run, method), stops)
    features = trunk_features(method, real)  # the trunk never changes
    codes_by_name: dict[str, list[Codes]] = {"object": [], "raw": [features] * len(chosen)}
    for done, epoch in enumerate(chosen):
        set_back(method, run, epoch)
        with torch.no_grad():
            codes_by_name["object"].append(method.extractor.head(torch.from_numpy(features)).numpy())
        on_progress(done + 1, 2 * len(chosen))
    axes = {name: Axes.of(codes[-1]) for name, codes in codes_by_name.items()}
    kept: dict[str, list[Stop]] = {name: [] for name in codes_by_name}
    for stop in range(len(chosen)):
        for name, codes in codes_by_name.items():
            kept[name].append(stopped(codes[stop], axes[name], real, method))
        on_progress(len(chosen) + stop + 1, 2 * len(chosen))
    labels, styles = sorted(set(real.labels)), list(dict.fromkeys(real.domains))
    shown = zip(real.ids, real.labels, real.domains, strict=True)
    return Atlas(
        bundle=loaded.fingerprint,
        weights=loaded.manifest.files[WEIGHTS],
        gallery=sha256(gallery / ITEMS),
        styles=tuple(styles),
        classes=tuple(labels),
        pictures=tuple((name, labels.index(label), styles.index(style)) for name, label, style in shown),
        epochs=tuple(chosen),
        length=method.config.epochs + method.config.read_epochs,
        pulls=tuple(pulled(method.config, epoch) for epoch in chosen),
        codes={name: tuple(each) for name, each in kept.items()},
    )


def dude_in(bundle: Bundle, folder: Path) -> Dude:
    """The method of a bundle of DUDE."""
    if not isinstance(bundle.method, Dude):
        raise BundleError(f"{folder} holds no DUDE, whose codes could be mapped. Name the folder of one: --bundle.")
    return bundle.method


def portion(real: PictureTable, objects: int) -> list[int]:
    """The rows of the pictures that show one of the first objects of its class: nothing is picked by its looks."""
    instances, labels = np.asarray(real.instances), np.asarray(real.labels)
    first = {instance for label in set(real.labels) for instance in np.unique(instances[labels == label])[:objects]}
    rows = [row for row, instance in enumerate(real.instances) if instance in first]
    counts = [len({real.instances[row] for row in rows if real.labels[row] == label}) for label in set(real.labels)]
    if "" in real.labels or len(set(real.domains)) < 2 or min(counts) < 2:
        raise DataError("A map needs two styles or more, and two objects or more of each class. Name another gallery.")
    return rows


# ---------------------------------------------------------------- epochs


def kept_epochs(run: Path, method: Dude) -> list[int]:
    """The epochs after which the run kept its head, the last being that of the method."""
    epochs = sorted(int(path.stem.rpartition("-")[2]) for path in run.glob("head-[0-9]*.safetensors"))
    if not epochs:
        raise DataError(f"{run} keeps no heads. Train again: python -m retrieval train dude-world.")
    own = {name: tensor.clone() for name, tensor in method.extractor.head.state_dict().items()}
    set_back(method, run, epochs[-1])
    if any(not torch.equal(own[name], tensor) for name, tensor in method.extractor.head.state_dict().items()):
        raise DataError(f"{run} did not make this bundle: its last head is another one. Name the run that did.")
    return epochs


def spread(epochs: Sequence[int], count: int) -> list[int]:
    """At most `count` of the epochs, the first and the last among them, about evenly apart.

    >>> spread(range(16), 6)
    [0, 3, 6, 9, 12, 15]
    """
    places = np.linspace(0, len(epochs) - 1, min(count, len(epochs))).round().astype(int)
    return [epochs[place] for place in dict.fromkeys([*places.tolist()[:-1], len(epochs) - 1])]


def set_back(method: Dude, run: Path, epoch: int) -> None:
    """Give the method the head that it had after that epoch."""
    path = run / f"head-{epoch:03d}.safetensors"
    try:
        fit_into(method.extractor.head, load_file(path), path)
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} cannot be read. Train again, or name another run.") from error


def pulled(config: Config, epoch: int) -> tuple[str, ...]:
    """Which neighbours the epoch that ended here pulled together.

    >>> [pulled(Config(epochs=10, warmup=0.1, half=0.5), epoch) for epoch in (0, 1, 2, 3, 5, 6)]
    [(), (), (), ('within',), ('within',), ('within', 'across')]
    """
    if epoch < 2:  # in the first epoch there is nobody to be a neighbour
        return ()
    done = (epoch - 1) / max(config.epochs, 1)
    within = not config.progressive or done > config.warmup
    across = not config.progressive or done >= config.half
    begun = {"within": within and config.within_weight > 0, "across": across and config.across_weight > 0}
    return tuple(name for name, pulls in begun.items() if pulls)


# ---------------------------------------------------------------- one epoch


def stopped(codes: Codes, axes: Axes, real: PictureTable, method: Dude) -> Stop:
    """What is measured of codes (N, D) of the pictures."""
    points, shown = axes.placed(codes)
    within, across = neighbouring(codes, real.domains, method)
    numbers: dict[str, float | None] = dict(measured(codes, real))
    numbers["shown"] = round(shown, DIGITS)
    for name, neighbours in (("within", within), ("across", across)):
        purity = pair_purity(neighbours, real.labels)
        numbers[name] = None if math.isnan(purity) else round(purity, DIGITS)
    places = tuple((round(float(x), DIGITS), round(float(y), DIGITS)) for x, y in points)
    return Stop(places, tuple(joined(within)), tuple(joined(across)), numbers)


def neighbouring(codes: Codes, styles: Sequence[str], method: Dude) -> tuple[Rows, Rows]:
    """The nearest neighbours of codes (N, D) as the method mines them before an epoch, in the same style and in the
    others, negative for none.   -> (N, K), (N, styles K)
    """
    names = tuple(dict.fromkeys(styles))
    config = dataclasses.replace(
        method.config, styles=names, within=(NEAREST, NEAREST), across=(NEAREST, NEAREST), epochs=1
    )
    miner = Dude(config, method.preprocess)
    miner.learn_from(None, [str(row) for row in range(len(codes))], [Domain(style) for style in styles])
    assert miner.study is not None
    miner.study.bank = _unit(codes)
    miner.study.epoch.fill_(1)  # the bank is full
    miner.begin_epoch()
    return miner.study.within.numpy(), miner.study.across.flatten(1).numpy()


def joined(neighbours: Rows) -> Iterator[tuple[int, int]]:
    """Each pair of neighbours (N, K) once, the lower row first."""
    rows, columns = np.nonzero(neighbours >= 0)
    pairs = zip(rows.tolist(), neighbours[rows, columns].tolist(), strict=True)
    yield from sorted({(min(pair), max(pair)) for pair in pairs})


def measured(codes: Codes, real: PictureTable) -> dict[str, float]:
    """What the evaluation finds of these codes: T1 by its strongest reader, and the gap of T5 with its control."""
    measurements = (*measure_probes("", codes, real), *measure_gaps("", codes, real))
    values = {(part.measure, part.control): part.value for part in measurements}
    numbers = {
        "class probe": values[probe_name("class", MAIN), ""],
        "domain probe": values[probe_name("domain", MAIN), ""],
        "MMD2": values[MMD, ""],
        "MMD2 of one domain": values[MMD, ONE_DOMAIN],
    }
    return {name: round(value, DIGITS) for name, value in numbers.items()}


def _unit(codes: Codes) -> Tensor:
    return F.normalize(torch.from_numpy(np.asarray(codes, np.float32)), dim=-1)


def _centred(codes: Codes) -> Values:
    rows = units(codes)
    return np.asarray(rows - rows.mean(axis=0), np.float64)
