"""What pre-training on each kind of picture is worth, and what each region loss adds: ranks as rows.
`python -m retrieval.training.domain_gap run` has made them: for each variant and seed, and for each share of the
street's training people that was fine-tuned on, where the right figures came for each caption of held-out people.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.evaluation.measurement import Measurement, Target, mean_measurement
from retrieval.evaluation.measures import score_queries
from retrieval.evaluation.people_tables import BRIEF, GAIN, PRE_TRAINED
from retrieval.evaluation.results import fold_measurements
from retrieval.evaluation.tasks.texts import PEOPLE_METRICS
from retrieval.training.domain_gap.variants import VARIANTS

NOTHING, STUDIO, BASE, DAD = "nothing", "studio", "base", "DaD"
SIFTED, TOLD, WHOLE = "DaD + filter", "DaD + filter + captions", "DaD + filter + captions + regions"
ALL = "all"
LABELS = {
    ALL: "all of the street",
    "quarter": "a quarter of the street",
    "twentieth": "a twentieth of the street",
    "none": "no street labels",
}
SEARCHES = {"cosine": "by cosine", "two stages": "in two stages"}
NONE = np.iinfo(np.uint16).max  # of a person with fewer figures than others
TARGETS = {
    DAD: Target(">", 0.0, BASE),
    WHOLE: Target(">", 0.0, TOLD),
    "studio + regions": Target(">", 0.0, STUDIO),
}
DAD_GAINS = Target(">", 0.0)
FULL_WIDTH = 256  # of MRA's tokens; less is the brief ladder


PAIRS = (  # what is compared in pairs, query by query, where each seed began at the same weights
    (BASE, NOTHING),
    (DAD, BASE),
    (SIFTED, DAD),
    (TOLD, SIFTED),
    (WHOLE, TOLD),
    (STUDIO, DAD),
)


def measure_ladder(folder: Path) -> list[Measurement]:
    """All rows; raises FileNotFoundError where the folder has no task."""
    by_seed: dict[int, list[Measurement]] = {}
    for row in tasks_in(folder):
        by_seed.setdefault(int(row["seed"]), []).extend(rows_of(row))
    for own in by_seed.values():
        own.extend(list(gains(own)))
    return fold_measurements(dict(sorted(by_seed.items())))


def gains(rows: Sequence[Measurement]) -> Iterator[Measurement]:
    """What R@1 gains from one pre-training to another, in rows of one seed."""
    known = {row.key: row for row in rows}
    for better, than in PAIRS:
        for search in SEARCHES.values():
            for subset in LABELS.values():
                keys = [(f"R@1, {search}", code, subset, BRIEF) for code in (better, than)]
                values = [known[key].values for key in keys if key in known]
                if len(values) < 2 or values[0] is None or values[1] is None:
                    continue
                target = DAD_GAINS if (better, subset) == (DAD, LABELS[ALL]) else None
                yield mean_measurement(
                    f"gain in R@1, {search}", values[0] - values[1], known[keys[0]].how, known[keys[0]].labels,
                    code=f"{better}, over {than}", subset=subset, control=GAIN, target=target,
                )  # fmt: skip


def tasks_in(folder: Path) -> list[dict[str, Any]]:
    """What each finished task wrote."""
    files = sorted(folder.glob("*-[0-9]*.json"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no results. Unpack people-ladder.tar there.")
    order = [variant.name for variant in VARIANTS]
    tasks = [dict(json.loads(file.read_text(encoding="utf-8"))) for file in files]
    return sorted(tasks, key=lambda task: (task["seed"], order.index(task["variant"])))


def rows_of(task: Mapping[str, Any]) -> Iterator[Measurement]:
    """Every metric, for every share of labels and both searches."""
    name, asked = str(task["variant"]), list(task["asked"])
    for share, searches in task["ranks"].items():
        how = about(task, share)
        for search, ranks in searches.items():
            relevant = relevance(ranks, int(task["figures"]))
            for metric in PEOPLE_METRICS:
                target = TARGETS.get(name) if share == ALL and metric == "R@1" else None
                yield mean_measurement(
                    f"{metric}, {SEARCHES[search]}", score_queries(metric, relevant), how, asked, code=name,
                    subset=LABELS[share], control=BRIEF if _is_brief(task) else PRE_TRAINED, target=target,
                )  # fmt: skip


def about(task: Mapping[str, Any], share: str) -> str:
    """How a row was measured."""
    people, steps = len(set(task["asked"])), task["steps"]
    before = f"{task['pictures']} pictures, {steps} steps before" if "pictures" in task else "no step before"
    tuning = task.get("tuning", {}).get(share)
    after = f"; {tuning['steps']} steps on {tuning['people']} people of the street after" if tuning else "; none after"
    size = f"tokens of {task['width']}, batches of {task['batch']}; " if _is_brief(task) else ""
    return f"{size}{before}{after}; {task['figures']} test pictures of {people} people"


def _is_brief(task: Mapping[str, Any]) -> bool:
    return int(task.get("width", FULL_WIDTH)) < FULL_WIDTH


def relevance(ranks: Sequence[Sequence[int]], figures: int) -> npt.NDArray[np.bool_]:
    """Which places of each ranking hold a right figure.   (Q, most of a person) -> (Q, N)

    >>> relevance([[1, 65535]], 3).tolist()
    [[False, True, False]]
    """
    found = np.asarray(ranks, np.int64)
    relevant = np.zeros((len(found), figures), bool)
    rows, places = np.nonzero(found != NONE)
    relevant[rows, found[rows, places]] = True
    return relevant
