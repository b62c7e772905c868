"""Objects drawn from what, where and style: are they still themselves, whichever of the parts they are drawn from?

What is DUDE's word, spelled; where is the image adapter's map. Every rate is a share of the judge's own on real
pictures, and stands beside its controls: the maps of other objects, no map at all, true renders, and chance. A sketch
that is read as a doodle counts as read right.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.disentangle.coded import Where
from retrieval.disentangle.codes import between, renormalised_lerp, slerp
from retrieval.disentangle.generator import LINES, as_images
from retrieval.encoder import Encoder, embed_images
from retrieval.evaluation.disentanglement import spearman
from retrieval.evaluation.easel import (
    MAP,
    NEAR,
    NEITHER,
    PALE,
    WORD,
    Easel,
    Source,
    apart,
    as_drawn,
    draw_parts,
    hue,
    judge_table,
    judged,
    other_classes,
    take_apart,
)
from retrieval.evaluation.generation_quality import Judged, agreement, measure_inception, plan_swaps
from retrieval.evaluation.measurement import CHANCE, Measurement, Target, mean_measurement
from retrieval.types import CARTOON, MOSAIC, PAINTING, PHOTO, Domain

STOPS = 5  # of a slider
COLORED = (PHOTO.name, PAINTING.name, CARTOON.name, MOSAIC.name)
DOODLES = "people's doodles"
NEAR_CHANCE = Target("near", 0.0, CHANCE)
CLASS, STYLE = Target(">=", 0.85), Target(">=", 0.95)
OF_DOODLES = Target(">=", 0.6)


class Swaps:
    """Swaps of the gallery's objects, measured in several ways."""

    def __init__(self, easel: Easel, real: PictureTable, count: int, seed: int) -> None:
        """real: the gallery, at the prior's size."""
        self.easel, self.real, self.seed = easel, real, seed
        self.plan = plan_swaps(real, count, seed)
        self.source = take_apart(easel, real.select(self.plan.rows.tolist()))
        self.own = judge_table(easel.judge, real)
        self.drawn = draw_parts(easel, self.source, self.plan.styles, easel.best, seed)
        self.read = judged(easel.judge, self.drawn)
        rates = agreement(self.own.classes, real.labels), agreement(self.own.styles, list(map(as_drawn, real.domains)))
        self._home = dict(zip(("class", "style"), rates, strict=True))

    def measure(self, count: int) -> list[Measurement]:
        """The rates of all parts, and of the controls, which are `count` pictures each."""
        how = f"{len(self.plan.rows)} objects of the gallery, each in another style; share of the judge's own rate"
        measurements = self._rates(self.source, self.plan.styles, self.read, how, code=self.easel.best, wanted=True)
        if self.easel.codes:
            for parts in (MAP, WORD):
                measurements += self._drawn(self.source, self.plan.styles, parts, f"{how}; from {parts} alone")
        few, styles = self.source.select(range(min(count, len(self.source.labels)))), self.plan.styles[:count]
        turned = few.select(other_classes(few.labels))
        mixed = Source(few.labels, few.styles, few.z, turned.control)
        how = f"{len(styles)} pictures, each from the map of an object of another class"
        measurements += self._drawn(mixed, styles, MAP, how, control="maps shuffled")
        how = f"{len(styles)} pictures from the word for a style alone"
        measurements += self._drawn(few, styles, NEITHER, how, control="without map and word")
        for kind, values in self._home.items():
            how = f"the judge on the gallery's {len(self.real)} real pictures"
            chance = 1 / len(self._names(kind))
            about: dict[str, Any] = {"control": "real pictures", "chance": chance}
            measurements.append(mean_measurement(f"judge {kind}", values, how, self.real.labels, **about))
        return [*measurements, *self._leak(), *self._inception()]

    def measure_doodles(self, doodles: PictureTable) -> list[Measurement]:
        """The rates of objects that people drew, each in one of the gallery's styles."""
        source = take_apart(self.easel, doodles)
        wheel = sorted(set(self.real.domains) - LINES)
        styles = [wheel[place % len(wheel)] for place in range(len(doodles))]
        how = f"{len(doodles)} drawings by people, evenly of {len(set(doodles.labels))} classes, in {len(wheel)} styles"
        measurements = self._drawn(source, styles, self.easel.best, how, subset=DOODLES, wanted=True)
        if self.easel.codes:
            measurements += self._drawn(source, styles, MAP, f"{how}; from the map alone", subset=DOODLES)
        return measurements

    def _drawn(
        self, source: Source, styles: Sequence[str], parts: str, how: str, *, wanted: bool = False, **about: Any
    ) -> list[Measurement]:
        read = judged(self.easel.judge, draw_parts(self.easel, source, styles, parts, self.seed))
        return self._rates(source, styles, read, how, code=parts, wanted=wanted, **about)

    def _rates(
        self, source: Source, styles: Sequence[str], read: Judged, how: str, *, wanted: bool = False, **about: Any
    ) -> list[Measurement]:
        right = {
            "class": agreement(read.classes, source.labels),
            "style": agreement(read.styles, list(map(as_drawn, styles))),
        }
        targets = {"class": OF_DOODLES if about.get("subset") else CLASS, "style": STYLE}
        control = about.get("control")
        measurements = []
        for kind, values in right.items():
            own = max(float(self._home[kind].mean()), 1e-9)
            target = targets[kind] if wanted else NEAR_CHANCE if control and kind == "class" else None
            more = about | {"target": target, "chance": 1 / len(self._names(kind)) / own}
            measurements.append(mean_measurement(f"swap {kind} ratio", values / own, how, source.labels, **more))
        return measurements

    def _names(self, kind: str) -> Collection[str]:
        return self.easel.judge.classes if kind == "class" else set(map(as_drawn, self.easel.judge.styles))

    def _leak(self) -> list[Measurement]:
        """Whether the style of the picture that gave the map shows in what is drawn in another."""
        leak = agreement(self.read.styles, list(map(as_drawn, self.source.styles)))
        different = np.array(
            [as_drawn(a) != as_drawn(b) for a, b in zip(self.source.styles, self.plan.styles, strict=True)]
        )
        how = "read as the style of the picture that gave the object, not the one asked for"
        about: dict[str, Any] = {
            "code": self.easel.best,
            "chance": 1 / len(self._names("style")),
            "target": Target("<=", 0.05),
        }
        return [mean_measurement("swap keeps the source's style", np.where(different, leak, np.nan), how, **about)]

    def _inception(self) -> list[Measurement]:
        """KID of each style, their mean, and real pictures as the control."""
        about = self.own.features, self.real.domains, self.seed, self.easel.best
        measured = measure_inception(self.read.features, self.plan.styles, *about)
        if not measured:
            return []
        *styles, control = measured
        mean, how = float(np.mean([row.value for row in styles])), f"mean of {len(styles)} styles"
        whole = Measurement("KID", mean, how, self.easel.best, unit="", target=Target("<=", 0.06))
        return [*styles, whole, control]

    # ------------------------------------------------------------ the very object

    def measure_instances(self, encoder: Encoder, count: int) -> list[Measurement]:
        """Whether a drawn picture finds its own object among the gallery's pictures in the other styles: neither that
        of the drawing nor that of its source.
        """
        rows, styles = self.plan.rows[:count], self.plan.styles[:count]
        gallery = embed_images(encoder, ((row.picture.open(), row.domain) for row in self.real))
        domains = map(Domain, styles)
        queries = embed_images(encoder, zip(as_images(self.drawn[:count]), domains, strict=True))
        here, things = np.asarray(self.real.domains), np.asarray(self.real.instances)
        true_rows = [
            int(np.flatnonzero((things == things[row]) & (here == style))[0])
            for row, style in zip(rows, styles, strict=True)
        ]
        considered = np.stack(
            [(here != style) & (here != here[row]) for row, style in zip(rows, styles, strict=True)]
        )  # (B, N)
        own = things[rows][:, None] == things[None, :]
        lucky = float(((own & considered).sum(1) / considered.sum(1)).mean())
        labels = [self.real.labels[row] for row in rows]
        measurements = []
        for asked, about in (
            (queries, {"code": self.easel.best, "target": Target(">=", 0.6)}),
            (gallery[true_rows], {"control": "true renders"}),
        ):
            best = np.where(considered, asked @ gallery.T, -np.inf).argmax(1)
            values = (things[best] == things[rows]).astype(np.float64)
            how = f"{len(rows)} pictures find the very object first, by {considered[0].sum()} pictures of other styles"
            measurements.append(mean_measurement("same object, R@1", values, how, labels, chance=lucky, **about))
        return measurements

    # ------------------------------------------------------------ colour

    def measure_colors(self, masks: npt.NDArray[np.bool_]) -> list[Measurement]:
        """Whether the object's hue stays, from one colourful style to another; masks (N, H, W) of the gallery."""
        asked = zip(self.plan.rows.tolist(), self.plan.styles, strict=True)
        chosen = [at for at, (row, style) in enumerate(asked) if {self.real.domains[row], style} <= set(COLORED)]
        rows = self.plan.rows[chosen]
        here, things = np.asarray(self.real.domains), np.asarray(self.real.instances)
        true = [
            int(np.flatnonzero((things == things[row]) & (here == self.plan.styles[at]))[0])
            for at, row in zip(chosen, rows, strict=True)
        ]
        before, strength = hue(self.real.tensor(rows.tolist()), masks[rows])
        colorful = strength > PALE
        labels = [self.real.labels[row] for row in rows]
        measurements = []
        for pictures, about in (
            (self.drawn[chosen], {"code": self.easel.best, "target": Target(">=", 0.7)}),
            (self.real.tensor(true), {"control": "true renders"}),
        ):
            after, left = hue(pictures, masks[rows])
            kept = (apart(before, after) <= NEAR) & (left > PALE / 2)
            lucky = (apart(before[:, None], after[None, :]) <= NEAR) & (left > PALE / 2)[None, :]
            how = f"hue of {int(colorful.sum())} coloured objects within 30 degrees of the source's; grey is a miss"
            values = np.where(colorful, kept.astype(np.float64), np.nan)
            chance = float(lucky[colorful].mean()) if colorful.any() else None
            measurements.append(mean_measurement("colour kept", values, how, labels, chance=chance, **about))
        return measurements

    # ------------------------------------------------------------ sliders

    def measure_sliders(self, count: int) -> list[Measurement]:
        """From object to object: the ends are named right, what is between is one of the two. From style to style: the
        class stays at both ends and between, and the style rises. The plan goes through the classes by name, so that
        fewer sliders than there are classes show the first classes alone.
        """
        few = self.source.select(range(min(count, len(self.source.labels))))
        styles = self.plan.styles[: len(few.labels)]
        return [*self._object_slider(few, styles), *self._style_slider(few, styles)]

    def _object_slider(self, few: Source, styles: Sequence[str]) -> list[Measurement]:
        last = few.select(other_classes(few.labels))
        right = []
        for share in np.linspace(0, 1, STOPS).tolist():
            stop = self._between(few, last, share)
            read = judged(self.easel.judge, draw_parts(self.easel, stop, styles, self.easel.best, self.seed))
            first, second = (agreement(read.classes, labels) for labels in (few.labels, last.labels))
            right.append(first if share == 0 else second if share == 1 else np.maximum(first, second))
        ends = (right[0] + right[-1]) / 2
        how = f"{len(styles)} sliders of {STOPS} stops between two objects"
        lucky = 1 / len(self._names("class"))
        about: dict[str, Any] = {"code": self.easel.best, "chance": lucky}
        named = f"{how}: the ends are named as themselves, what stands between them as either"
        held: dict[str, Any] = about | {"chance": lucky * (2 + 2 * (STOPS - 2)) / STOPS, "target": Target(">=", 0.85)}
        return [
            mean_measurement("object slider holds", np.mean(right, axis=0), named, **held),
            mean_measurement("object slider, its ends", ends, how, **about),
        ]

    def _between(self, first: Source, last: Source, share: float) -> Source:
        assert self.easel.prior.adapter is not None
        channels = self.easel.prior.adapter.config.channels
        mixed = [
            between(Where("a", a), Where("b", b), share, channels)
            for a, b in zip(first.control, last.control, strict=True)
        ]
        control = torch.stack([where.control for where in mixed if where])
        z = torch.stack([slerp(*pair, share) for pair in zip(first.z, last.z, strict=True)])
        return Source(first.labels, first.styles, z, control)

    def _style_slider(self, few: Source, styles: Sequence[str]) -> list[Measurement]:
        word = self.easel.prior.reader.word
        ends = [(word(own), word(style)) for own, style in zip(few.styles, styles, strict=True)]
        shares = np.linspace(0, 1, STOPS)
        right, rising = [], []
        columns = [list(self.easel.judge.styles).index(style) for style in styles]
        for share in shares.tolist():
            vectors = torch.stack([renormalised_lerp(*pair, share) for pair in ends])
            drawn = draw_parts(self.easel, few, styles, self.easel.best, self.seed, vectors)
            read = judged(self.easel.judge, drawn)
            right.append(agreement(read.classes, few.labels))
            rising.append(read.style_shares[np.arange(len(styles)), columns])
        ranks = np.array([spearman(shares, row) for row in np.stack(rising, axis=1)])
        how = f"{len(styles)} sliders of {STOPS} stops from the own style to another"
        about: dict[str, Any] = {"code": self.easel.best, "chance": 1 / len(self._names("class"))}
        kept = np.mean(right, axis=0)
        target = Target(">=", 0.85)
        return [
            mean_measurement("style slider keeps the class", kept, f"{how}, at every stop", target=target, **about),
            mean_measurement(
                "style slider Spearman", ranks, f"{how}: rank correlation of its share", code=self.easel.best, unit=""
            ),
        ]
