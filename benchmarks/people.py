"""What DaD's pictures of figures are worth -> results/people.json.

python -m benchmarks.people --only gap --only ladder

gap     how far what is drawn is from held-out street figures, by two networks that saw neither; whether a classifier
        tells the two apart; whether training figures are drawn anew; whether prompts are obeyed; spread; strength
ladder  MRA pre-trained on each kind of picture and fine-tuned on all, some or none of the street; what its tasks wrote

Pictures are drawn once for each prior, and kept in runs/people-drawn.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import ROOT
from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.prior import LoadedPrior, load_prior
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered, slots_in
from retrieval.errors import QueryError
from retrieval.evaluation.report import merge_measurements
from retrieval.files import replacing
from retrieval.methods.dad import draw
from retrieval.methods.mra import MRA
from retrieval.training.drawn_figures.describe import describe, slots_of
from retrieval.training.drawn_figures.draw import Kept, prompts_of, sift, table_of
from retrieval.training.relations.packing import read_rows

RESULTS = ROOT / "benchmarks" / "results" / "people.json"
KEPT_AT = Path("runs/people-drawn")
PARTS = ("gap", "ladder")
AT_ONCE = 96
ENOUGH = 0.5  # of what is drawn must be left by the filter, or it is not used


@dataclass(frozen=True)
class Figures:
    """The prior, what filters and describes, and real figures. Test identities are only ever measured against."""

    drawer: LoadedPrior | None  # None: a GPU drew
    method: MRA
    studio: PictureTable
    street: PictureTable  # of training identities, as the branch saw them
    validation: PictureTable  # of the street, whose pairs say how well real ones fit
    test: PictureTable  # of the street
    kinds: dict[str, str]  # phrase -> slot
    count: int  # pictures that are drawn
    place: Path = Path()  # where what a GPU drew lies

    @cached_property
    def prompts(self) -> list[str]:
        """Varied captions of the street's training figures."""
        return prompts_of(self._drawer.prior.reader, self.street, self.count, 0)

    @cached_property
    def base(self) -> PictureTable:
        """Of the frozen prior."""
        return self.drawn(self.prompts, 0.0)

    @cached_property
    def dad(self) -> PictureTable:
        """Of the branch at full strength."""
        return self.drawn(self.prompts, 1.0)

    @cached_property
    def kept(self) -> Kept:
        """What the filter keeps of `dad`."""
        return sift(self.method, self.dad, self.validation)

    @cached_property
    def sifted(self) -> PictureTable:
        """What is left of `dad`."""
        return self.dad.select(self.kept.rows.nonzero()[0].tolist())

    @cached_property
    def described(self) -> PictureTable:
        """What is left, or all where that is less than half, with captions and boxes of what is seen."""
        usable = self.sifted if len(self.sifted) >= ENOUGH * self.count else self.dad
        return describe(self.method, usable, slots_of(self.method, self.street, self.kinds))

    def drawn(self, prompts: Sequence[str], strength: float, seed: int = 0) -> PictureTable:
        """The pictures of prompts, from seeds seed, seed + 1, ..., kept on disk."""
        asked = json.dumps([self._drawer.fingerprint, list(prompts), strength, seed])
        path = KEPT_AT / f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}.npz"
        if not path.is_file():
            parts = []
            for first in range(0, len(prompts), AT_ONCE):
                texts = prompts[first : first + AT_ONCE]
                parts.append(draw(self._drawer.prior, texts, range(seed + first, seed + first + len(texts)), strength))
                sys.stderr.write(f"drawn {first + len(texts)} of {len(prompts)} at strength {strength:g}\n")
            KEPT_AT.mkdir(parents=True, exist_ok=True)
            with replacing(path) as part, part.open("wb") as file:
                np.savez_compressed(file, pictures=torch.cat(parts).half().numpy())
        with np.load(path) as kept:
            return table_of(torch.from_numpy(kept["pictures"]).float(), prompts)

    @property
    def _drawer(self) -> LoadedPrior:
        if self.drawer is None:
            raise QueryError("Only what a GPU drew is here. Leave --drawn out to draw with --prior.")
        return self.drawer

    def at_strength(self, strength: float, count: int) -> PictureTable:
        """The first pictures, from the same prompts and noise, at a strength of the branch."""
        whole = {0.0: self.base, 1.0: self.dad}.get(strength)
        return self.drawn(self.prompts[:count], strength) if whole is None else whole[:count]

    def of_few_captions(self, captions: int, seeds: int) -> PictureTable:
        """Pictures of each of some captions of the street's training figures, from many noises."""
        texts = [row[0] for row in self.street.captions[:: max(len(self.street) // captions, 1)]][:captions]
        return self.drawn([text for text in texts for _ in range(seeds)], 1.0, 5000)


@dataclass(frozen=True)
class Brought(Figures):
    """Figures that were drawn on a GPU, by `python -m retrieval.training.domain_gap run`."""

    @cached_property
    def facts(self) -> dict[str, Any]:
        """How they were drawn, and which were kept."""
        return dict(json.loads((self.place / "drawing.json").read_text(encoding="utf-8")))

    @cached_property
    def base(self) -> PictureTable:
        return self._set("base")

    @cached_property
    def dad(self) -> PictureTable:
        return self._set("dad")

    @cached_property
    def prompts(self) -> list[str]:
        return [row[0] for row in self.dad.captions]

    @cached_property
    def kept(self) -> Kept:
        return Kept(np.array(self.facts["kept"], bool), self.facts["grey"], self.facts["unlike"])

    def at_strength(self, strength: float, count: int) -> PictureTable:
        whole = {0.0: self.base, 1.0: self.dad}.get(strength)
        return (self._set(f"strength-{strength:g}") if whole is None else whole)[:count]

    def of_few_captions(self, captions: int, seeds: int) -> PictureTable:
        return self._set("spread")[: captions * seeds]

    def _set(self, name: str) -> PictureTable:
        return read_rows(self.place / "sets" / name)


def main() -> None:
    """Measure, print, merge into the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; all by default")
    parser.add_argument("--prior", type=Path, default=Path("checkpoints/people-prior"))
    parser.add_argument("--mra", type=Path, default=Path("checkpoints/mra-people"), help="what filters and describes")
    parser.add_argument("--studio", type=Path, default=Path("assets/people/studio"))
    parser.add_argument("--street", type=Path, default=Path("assets/people/street"), help="the branch's set")
    parser.add_argument("--test", type=Path, default=Path("assets/people/street"), help="whose test figures are asked")
    parser.add_argument("--drawn", type=Path, help="what a GPU drew, in place of drawing: runs/people-drawn-gpu")
    parser.add_argument("--count", type=int, default=96, help="pictures that are drawn")
    parser.add_argument(
        "--results", type=Path, default=Path("runs/people-ladder"), help="what the ladder's tasks wrote"
    )
    asked = parser.parse_args()
    for part in asked.only or PARTS:
        if part == "gap":
            from benchmarks.people_gap import measure_gap

            rows = measure_gap(open_figures(asked))
        else:
            from benchmarks.people_ladder import measure_ladder

            rows = measure_ladder(asked.results)
        merge_measurements(RESULTS, rows)
        for row in rows:
            sys.stdout.write(f"{row.name}: {row.value:.4g} {row.unit} {row.interval or row.each_seed}\n")


def open_figures(asked: argparse.Namespace) -> Figures:
    """All that is measured."""
    method = load_bundle(asked.mra).method
    if not isinstance(method, MRA):
        sys.exit(f"{asked.mra} holds no MRA. Name a bundle like checkpoints/mra-people.")
    street = read_rendered(asked.street, unfinished=True)
    return (Brought if asked.drawn else Figures)(
        None if asked.drawn else load_prior(asked.prior),
        method,
        read_rendered(asked.studio).where(split="train"),
        street.where(split="train"),
        street.where(split="validation"),
        read_rendered(asked.test, unfinished=True).where(split="test"),
        slots_in(asked.street, unfinished=True),
        asked.count,
        asked.drawn or Path(),
    )


if __name__ == "__main__":
    main()
