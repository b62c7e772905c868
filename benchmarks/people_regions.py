"""Whether MRA's regions and phrases belong together -> rows of results/people.json; rows of others there stay.

python -m benchmarks.people_regions                                the shipped test figures of the street
python -m benchmarks.people_regions --people assets/people/street runs/people-street-held

Figures are those of the test identities, which no training had, in all folders that are named. More of them than are
shipped come from `python -m retrieval world people --domain street --identities 900 --out FOLDER`, finished or not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmarks import ROOT
from retrieval.artifacts.bundle import load_bundle
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.world import read_rendered
from retrieval.evaluation.measurement import Measurement, Target
from retrieval.evaluation.metrics import Values, bootstrap_interval, class_interval
from retrieval.evaluation.report import merge_measurements
from retrieval.images import pixels
from retrieval.methods.mra import MRA
from retrieval.phrases import recoloured
from retrieval.query_text import normalise_text
from retrieval.reranking import Scores, rerank_row

RESULTS = ROOT / "benchmarks" / "results" / "people.json"
SWAPS = 1000
CHUNK = 32


@dataclass(frozen=True)
class Seen:
    """Test figures as the method sees them, with their parts: R regions in all."""

    method: MRA
    table: PictureTable
    views: tuple[Tensor, ...]  # (N, P, W) each
    of: Tensor  # (R,) the figure of each region
    inside: Tensor  # (R, P) bool
    phrases: list[str]  # (R,)

    @property
    def how(self) -> str:
        """What was measured on."""
        return f"{len(set(self.table.labels))} test identities of the street, {len(self.table)} pictures"

    def row(self, measure: str, values: Values, labels: list[str], how: str, **more: object) -> Measurement:
        """The mean of the values, with intervals by value and by identity."""
        ends = {"interval": bootstrap_interval(values), "class_interval": class_interval(values, labels)}
        return Measurement(measure, float(values.mean()), f"{self.how}; {how}", "mra-people", **ends, **more)  # type: ignore[arg-type]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=Path, nargs="+", default=[ROOT / "assets" / "people" / "street"])
    folders = parser.parse_args().people
    with torch.inference_mode():
        seen = look(concatenate([read_rendered(place, unfinished=True).where(split="test") for place in folders]))
        for measure in (regions_found, phrases_pointed, swaps_noticed, people_found):
            rows = list(measure(seen))
            merge_measurements(RESULTS, rows)
            for row in rows:
                sys.stdout.write(f"{row.name}: {row.value:.4f} {row.interval} {row.class_interval} ({row.how})\n")
                sys.stdout.flush()


def look(table: PictureTable) -> Seen:
    """The figures through the shipped bundle."""
    method = load_bundle(ROOT / "checkpoints" / "mra-people").method
    if not isinstance(method, MRA):
        sys.exit("checkpoints/mra-people holds no MRA. Restore it.")
    parts = [
        method.picture_places(torch.from_numpy(np.stack([pixels(p.open(), method.preprocess) for p in chunk])))
        for chunk in (table.pictures[at : at + CHUNK] for at in range(0, len(table), CHUNK))
    ]
    regions = [(number, part) for number, row in enumerate(table) for part in row.regions]
    return Seen(
        method,
        table,
        tuple(torch.cat(view) for view in zip(*parts, strict=True)),
        torch.tensor([number for number, _ in regions]),
        method.inside(torch.tensor([part.box for _, part in regions])),
        [part.phrase for _, part in regions],
    )


def regions_found(seen: Seen) -> Iterator[Measurement]:
    """T-M1: the boxes of a figure, and those of 32, ranked by the cosine of their f_R to a phrase's f_P."""
    method, phrases = seen.method, [normalise_text(phrase) for phrase in seen.phrases]
    known = sorted(set(phrases))
    texts = method.read(known)
    codes = method.phrase_codes(method.text_reader(texts.states, texts.real), texts.real)
    number = torch.tensor([known.index(phrase) for phrase in phrases])
    regions = method.region_codes(seen.views[0][seen.of], seen.inside)
    labels = [seen.table.labels[at] for at in seen.of.tolist()]
    groups = {"boxes of its figure": seen.of, "boxes of 32 figures": seen.of // 32}
    for subset, group in groups.items():
        among = group[:, None] == group  # (R, R)
        scores = (codes[number] @ regions.T).masked_fill(~among, -2.0)
        right = (number[scores.argmax(dim=1)] == number).numpy().astype(float)
        luck = (((number[:, None] == number) & among).sum(1) / among.sum(1)).mean().item()
        yield seen.row(
            "phrase to region R@1", right, labels, "right: a box with that phrase", subset=subset, chance=luck
        )


def phrases_pointed(seen: Seen) -> Iterator[Measurement]:
    """T-M1: whether the strongest place for a phrase lies in its box: by votes of region codes, and by attention."""
    method = seen.method
    labels = [seen.table.labels[at] for at in seen.of.tolist()]
    voted, looked, overlap = [], [], []
    for number in range(len(seen.table)):
        rows = (seen.of == number).nonzero()[:, 0]
        phrases = [normalise_text(seen.phrases[row]) for row in rows.tolist()]
        inside, places = seen.inside[rows], seen.views[0][number : number + 1]
        votes = method.votes(phrases, places)[0]
        texts = method.read(phrases)
        words = method.text_reader(texts.states, texts.real)
        attended = method.fusion.attention(words, texts.real, places.expand(len(rows), -1, -1))
        kept = (texts.words > 0)[..., None]
        attention = (attended * kept).sum(dim=1)
        own = torch.arange(len(rows))
        voted += inside[own, votes.argmax(dim=1)].tolist()
        looked += inside[own, attention.argmax(dim=1)].tolist()
        lit = votes >= 0.4
        overlap += ((lit & inside).sum(dim=1) / (lit | inside).sum(dim=1)).tolist()
    luck = float(seen.inside.float().mean())
    best = float(seen.inside.float().mean(dim=0).max())
    how = f"the strongest of 128 places lies in the box; the best fixed place would in {best:.2f}"
    for code, values in (("votes of region codes", voted), ("attention of fusion", looked)):
        yield seen.row("pointing game", np.array(values, float), labels, how, subset=code, chance=luck)
    yield seen.row("overlap with the box", np.array(overlap), labels, "IoU of places with 0.4 of the strongest vote")


def swaps_noticed(seen: Seen) -> Iterator[Measurement]:
    """T-M3: whether the match of a figure with its caption falls when one thing in it gets another colour."""
    pool = [
        (number, caption, changed)
        for number, row in enumerate(seen.table)
        for caption in row.captions
        for _, _, changed in recoloured(caption)
    ]
    drawn = np.random.default_rng(0).permutation(len(pool))[:SWAPS]
    right, labels = [], []
    for first in range(0, len(drawn), CHUNK):
        chosen = [pool[at] for at in drawn[first : first + CHUNK]]
        rows = torch.tensor([number for number, _, _ in chosen])
        own, other = (_matches(seen, rows, [swap[which] for swap in chosen]) for which in (1, 2))
        right += (own > other).tolist()
        labels += [seen.table.labels[number] for number, _, _ in chosen]
    how = f"{len(drawn)} captions with one colour changed, drawn by lot; right: the true one matches better"
    yield seen.row("counterfactual accuracy", np.array(right, float), labels, how, chance=0.5)


def _matches(seen: Seen, rows: Tensor, texts: list[str]) -> Tensor:
    """The match of each text with its own figure, the mean over both views.   (B,)"""
    sentences = seen.method.read([normalise_text(text) for text in texts])
    tokens = seen.method.text_reader(sentences.states, sentences.real)
    return torch.stack([seen.method.match(tokens, sentences.real, view[rows]) for view in seen.views]).mean(dim=0)


def people_found(seen: Seen) -> Iterator[Measurement]:
    """R@1 of each picture's first caption over all figures: by cosine, and after the second stage."""
    people = np.array(seen.table.labels)
    gallery = seen.method.codes_of(seen.views).numpy()
    texts = [normalise_text(captions[0]) for captions in seen.table.captions]
    cosines = np.concatenate(
        [seen.method.encode_texts(texts[at : at + CHUNK]).numpy() for at in range(0, len(texts), CHUNK)]
    )
    cosines = cosines @ gallery.T
    again = np.stack([_again(seen, text, row) for text, row in zip(texts, cosines, strict=True)])
    luck = float(np.mean([(people == who).mean() for who in people]))
    for stage, scores, target in (("by cosine", cosines, None), ("in two stages", again, Target(">=", 0.5))):
        right = (people[scores.argmax(axis=1)] == people).astype(float)
        yield seen.row(
            "sentence to figure R@1", right, people.tolist(), "first captions", subset=stage, chance=luck, target=target
        )


def _again(seen: Seen, text: str, cosines: Scores) -> Scores:
    """The second stage of one query."""

    def match(best: npt.NDArray[np.int64]) -> Scores:
        return np.asarray(seen.method.rerank(text, tuple(view[best] for view in seen.views)).numpy(), np.float32)

    return rerank_row(cosines, match)


if __name__ == "__main__":
    main()
