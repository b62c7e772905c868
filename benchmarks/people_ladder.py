"""What pre-training on each kind of picture is worth: MRA in small, with the same count of pictures and steps for all.

Small means 128 px, 128 numbers a token, one layer of each reader and of fusion, no hidden words (their reading would
double a step), and search by cosine alone: all rows are trained so, and are compared with each other only.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from retrieval.data.picture_table import PictureTable
from retrieval.evaluation.measurement import Measurement, Target, mean_measurement
from retrieval.evaluation.measures import score_queries
from retrieval.evaluation.results import fold_measurements
from retrieval.evaluation.tasks.texts import PEOPLE_METRICS
from retrieval.images import Preprocess
from retrieval.methods.mra import MRA, Config, Sentences
from retrieval.training.loop import fit
from retrieval.training.recipes.parts.people_pairs import PairBatches, PeoplePairs, gather_pairs
from retrieval.training.recipes.parts.relation_training import FINE_TUNING, PRE_TRAINING, RelationTraining
from retrieval.training.relations.run import copied

if TYPE_CHECKING:
    from benchmarks.people import Figures

NOTHING, RENDERS, BASE, DAD = "nothing", "studio renders", "base", "DaD"
FILTERED, DESCRIBED, REGIONS = "DaD, filtered", "and described anew", "and with regions"
BATCH, VIEWS, LR = 40, 2, 1e-3
EPOCH, TIMED = 10, 4
TUNED = 0.4  # steps of fine-tuning, beside those of pre-training
QUARTER = 0.25  # of the street's training identities
NONE_SEEN, SOME, ALL_SEEN = "no street labels", "a quarter of the street", "all of the street"


class Wordless(MRA):
    """MRA that hides no words."""

    def hidden_words(self, captions: Sentences, places: Tensor) -> Tensor:
        return captions.states.new_zeros(())


def measure_ladder(figures: Figures, minutes: float, seeds: int) -> list[Measurement]:
    """The factorial table, in what time there is."""
    sets, count = sources(figures)
    base = small_mra(figures.method, 0)
    pairs = {name: gather_pairs(base, table, VIEWS, "cpu") for name, table in sets.items()}
    test = gather_pairs(base, figures.test, 1, "cpu")
    steps = planned(base, pairs[REGIONS], minutes, seeds)
    sys.stderr.write(f"{count} pictures, {steps} steps of pre-training\n")
    by_seed: dict[int, list[Measurement]] = {}
    how = (
        f"{count} pictures and {steps} steps of {BATCH} pairs before, {int(TUNED * steps)} steps on the street after; "
        f"{len(figures.test)} test pictures of {len(set(figures.test.labels))} people; MRA in small, cosine alone"
    )
    for seed in range(seeds):
        begun = small_mra(figures.method, seed)
        rows: list[Measurement] = []
        for name in (NOTHING, *(kind for kind in pairs if kind not in (ALL_SEEN, SOME))):
            method = copied(begun)
            if name != NOTHING:
                source = pairs[DESCRIBED if name == REGIONS else name]
                train(method, PRE_TRAINING, PairBatches(source, BATCH, EPOCH, name == REGIONS), steps, seed)
                rows += scored(method, test, figures.test, name, NONE_SEEN, how)
            for labels in (ALL_SEEN, SOME):
                tuned = copied(method)
                batches = PairBatches(pairs[labels], BATCH, EPOCH, False)
                train(tuned, FINE_TUNING, batches, int(TUNED * steps), seed)
                rows += scored(tuned, test, figures.test, name, labels, how)
            sys.stderr.write(f"seed {seed}, {name}: {rows[-len(PEOPLE_METRICS) * 2].value:.3f} R@1\n")
        by_seed[seed] = rows
    return fold_measurements(by_seed)


def sources(figures: Figures) -> tuple[dict[str, PictureTable], int]:
    """What is pre-trained on, as many pictures of each kind, and both street sets; and how many."""
    usable = len(figures.described)
    count = min(usable, len(figures.base), len(figures.studio))
    people = sorted(set(figures.street.labels))
    some = frozenset(people[: int(QUARTER * len(people))])
    chosen = np.random.default_rng(0).permutation(len(figures.studio))[:count].tolist()
    sets = {
        RENDERS: figures.studio.select(chosen),
        BASE: figures.base[:count],
        DAD: figures.dad[:count],
        DESCRIBED: figures.described[:count],
        REGIONS: figures.described[:count],
        ALL_SEEN: figures.street,
        SOME: figures.street.where(labels=some),
    }
    if len(figures.sifted) == usable:
        sets[FILTERED] = figures.sifted[:count]
    return sets, count


def small_mra(large: MRA, seed: int) -> MRA:
    """At random weights, on the towers of the large one."""
    torch.manual_seed(seed)
    config = Config(dim=128, width=128, picture_layers=1, text_layers=1, fusion_layers=1)
    method = Wordless(config, Preprocess(128, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    method.attach(large.parts)
    return method


def planned(base: MRA, pairs: PeoplePairs, minutes: float, seeds: int) -> int:
    """Steps of pre-training that fit into the minutes, by the time of some."""
    training = RelationTraining(copied(base), PRE_TRAINING, 1, 0.0)
    begun = time.perf_counter()
    for _ in fit(training, PairBatches(pairs, BATCH, TIMED, False), seed=0):
        pass
    step = (time.perf_counter() - begun) / TIMED
    shares = seeds * (6 + 7 * 2 * TUNED)
    sys.stderr.write(f"a step takes {step:.2f} s\n")
    return max(int(60 * minutes / step / shares) // EPOCH, 3) * EPOCH


def train(method: MRA, phase: str, batches: PairBatches, steps: int, seed: int) -> None:
    """The method holds the averaged weights afterwards."""
    training = RelationTraining(method, phase, max(steps // EPOCH, 1), LR if phase == PRE_TRAINING else LR / 2)
    for report in fit(training, batches, seed=seed, averaging=0.9):
        if report.epoch == report.epochs:
            training.load_state_dict(report.averaged())


@torch.no_grad()
def scored(method: MRA, test: PeoplePairs, table: PictureTable, name: str, labels: str, how: str) -> list[Measurement]:
    """All captions of test figures over all test figures."""
    method.eval()
    pictures = method.picture_codes(method.picture_reader(test.stems[:, 0].float()))
    captions = test.captions
    texts = method.text_codes(method.text_reader(captions.states, captions.real), captions.real)
    order = (texts @ pictures.T).argsort(dim=1, descending=True).numpy()
    people = np.array(table.labels)
    asked = np.repeat(people, [len(row) for row in table.captions])
    relevant = people[order] == asked[:, None]
    target = {BASE: None, DAD: Target(">", 0.0, BASE)}.get(name) if labels == ALL_SEEN else None
    return [
        mean_measurement(
            metric, score_queries(metric, relevant), how, asked.tolist(), code=name, subset=labels,
            control="pre-trained on", target=target,
        )
        for metric in PEOPLE_METRICS
    ]  # fmt: skip
