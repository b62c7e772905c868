"""Whether words that nothing was trained on find what they mean, in the embedded gallery -> results/words.json.

python -m benchmarks.words --bundle checkpoints/guise-base

The 64 class names in forms that people type, and `data.held_out_words`: synonyms, kinds, and what a class is a kind of.
Queries are asked as visitors ask them. One is right in the top 5 if a picture of a class that it names is among the
first five, and shown if such a picture is among those that the page shows at once; of a bundle without cut-offs for
texts that is unknown and left out.

Three rows say where held-out words are lost: the class whose name the sentence encoder alone holds nearest; the same
after what the bundle makes of sentences; and the class of the first picture.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks import ROOT
from retrieval.artifacts.bundle import Bundle
from retrieval.data.held_out_words import HELD_OUT
from retrieval.encoder import Vectors, embed_texts
from retrieval.engine import Engine
from retrieval.evaluation.measurement import FIRST, HELD_OUT_WORDS, RIGHT, SHOWN, Measurement, Target
from retrieval.evaluation.measures import expected
from retrieval.evaluation.metrics import Relevance, bootstrap_interval, class_interval
from retrieval.evaluation.report import write_measurements
from retrieval.methods.foundation import TEXT as SENTENCES
from retrieval.query_text import normalise_text
from retrieval.relevance import HELD, TEXT
from retrieval.settings import Settings
from retrieval.types import TextQuery
from retrieval.world.captions import article, plural
from retrieval.world.split import ALL

RESULTS = ROOT / "benchmarks" / "results" / "words.json"
TOP = 5
FORMS: dict[str, Callable[[str], str]] = {  # in which the names of classes are typed
    "name alone": str,
    "plural": plural,
    "trailing punctuation": lambda name: f"{name}!!",
    "upper case": str.upper,
    "a photo of a ...": lambda name: f"a photo of {article(name)}",
}
NAMES_KEPT, WORDS_KEPT = Target(">=", 60), Target(">=", 0.8)  # both of what is right and shown
UNKNOWN = "; what is shown is unknown, for the bundle has no cut-off for texts"
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """Queries, and the classes that each of them names."""

    texts: tuple[str, ...]
    classes: tuple[tuple[str, ...], ...]

    def relevant(self, labels: Sequence[str]) -> Relevance:
        """Which of the labelled are right for which query.   -> (Q, len(labels))"""
        return np.array([[label in classes for label in labels] for classes in self.classes])


@dataclass(frozen=True)
class Answered:
    """The classes of the first hits of a query, best first, and of those of them that are shown at once."""

    first: tuple[str, ...]
    shown: tuple[str, ...]


class Searcher:
    """The embedded gallery, asked with words by one bundle."""

    def __init__(self, engine: Engine) -> None:
        engine.wait()
        self.engine = engine
        self.bundle = engine.bundle
        self.labels = tuple(item.label or "" for item in engine.served().gallery().items)
        self.has_cutoff = bool({TEXT, HELD.format(TEXT)} & self.bundle.manifest.cutoff.keys())

    def ask(self, text: str) -> Answered:
        """What the page would show."""
        answer = self.engine.search(TextQuery(text), k=TOP)
        first, shown = (tuple(hit.item.label or "" for hit in hits) for hits in (answer.hits, answer.sure))
        return Answered(first, shown)


def main() -> None:
    """Measure, print, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="the folder of a bundle that reads texts")
    folder = parser.parse_args().bundle
    engine = Engine(Settings(bundle=folder, others=()))
    engine.wait()
    if not engine.bundle.reads_texts:
        name = engine.bundle.manifest.name
        sys.exit(f"{folder} holds {name!r}, which reads no texts. Name a bundle with a text tower.")
    searcher = Searcher(engine)
    rows = [*of_names(searcher), *of_words(searcher)]
    write_measurements(RESULTS, rows)
    for row in rows:
        sys.stdout.write(
            f"{row.name}: {row.value:.4g} {row.unit} ({f'target {row.target}; ' if row.target else ''}{row.how})\n"
        )


def of_names(searcher: Searcher) -> Iterator[Measurement]:
    """How many of the class names find their class, in every form."""
    for form, write in FORMS.items():
        asked = Asked(tuple(map(write, ALL)), tuple((name,) for name in ALL))
        target = None if form == "name alone" else NAMES_KEPT
        how = f'names of classes typed like "{asked.texts[0]}"'
        for measure, marks in answers(searcher, asked):
            report_missed(f"{form}, {measure}", asked, marks)
            yield Measurement(
                measure,
                float(marks.sum()),
                how + ("" if searcher.has_cutoff else UNKNOWN),
                searcher.bundle.manifest.name,
                subset=form,
                unit=f"of {len(ALL)}",
                target=target if measure == SHOWN else None,
                chance=len(ALL) * chance(asked, searcher.labels, TOP) if measure == RIGHT else None,
            )


def of_words(searcher: Searcher) -> Iterator[Measurement]:
    """What share of the held-out words finds one of its classes, and where the others are lost."""
    asked = Asked(tuple(HELD_OUT), tuple(HELD_OUT.values()))
    how = f"{len(asked.texts)} synonyms, kinds and wider words that no training text says"
    name, unknown = searcher.bundle.manifest.name, "" if searcher.has_cutoff else UNKNOWN
    for measure, marks in answers(searcher, asked):
        report_missed(f"{HELD_OUT_WORDS}, {measure}", asked, marks)
        target = WORDS_KEPT if measure == SHOWN else None
        luck = chance(asked, searcher.labels, TOP) if measure == RIGHT else None
        yield share(measure, marks, asked, how + unknown, name, target=target, chance=luck)
    first = np.array([searcher.ask(text).first[0] in of for text, of in zip(asked.texts, asked.classes, strict=True)])
    luck = chance(asked, searcher.labels)
    yield share(FIRST, first, asked, f"{how}; the class of the first picture", name, chance=luck)
    for code, encode, about in readers(searcher.bundle):
        marks = best(encode(asked.texts) @ encode(ALL).T, asked.relevant(ALL))
        yield share(FIRST, marks, asked, f"{how}; {about}", code, chance=chance(asked, ALL))


def readers(bundle: Bundle) -> Iterator[tuple[str, Callable[[Sequence[str]], Vectors], str]]:
    """What can answer with names instead of pictures: as which row, by which encoder of texts, and how."""
    sentences = bundle.method.parts.get(SENTENCES)
    if sentences is not None:
        yield (
            "names by text alone",
            lambda texts: embed_sentences(sentences, texts),
            ("the class whose name the sentence encoder alone holds nearest"),
        )
    yield (
        f"names by {bundle.manifest.name}",
        lambda texts: embed_texts(bundle, texts),
        ("the class whose name is nearest in the space of pictures"),
    )


@torch.inference_mode()
def embed_sentences(encoder: Callable[[list[str]], torch.Tensor], texts: Sequence[str]) -> Vectors:
    """What the sentence encoder makes of texts in their normal form.   -> (T, width), unit rows"""
    return np.asarray(encoder([normalise_text(text) for text in texts]).cpu().numpy(), np.float32)


# ---------------------------------------------------------------- marks of queries


def answers(searcher: Searcher, asked: Asked) -> Iterator[tuple[str, Marks]]:
    """For each query whether it is right and, where there is a cut-off, whether that is shown.   each (Q,)"""
    answered = [(searcher.ask(text), {*classes}) for text, classes in zip(asked.texts, asked.classes, strict=True)]
    yield RIGHT, np.array([bool(classes & {*answer.first}) for answer, classes in answered])
    if searcher.has_cutoff:
        yield SHOWN, np.array([bool(classes & {*answer.shown}) for answer, classes in answered])


def best(scores: Vectors, relevant: Relevance) -> Marks:
    """Whether the first is relevant.   (Q, N), (Q, N) -> (Q,)"""
    return np.asarray(relevant[np.arange(len(scores)), scores.argmax(axis=1)])


def chance(asked: Asked, labels: Sequence[str], k: int = 1) -> float:
    """The share of queries with something right among the first k of a random order."""
    counts = asked.relevant(labels).sum(axis=1)
    return float(np.mean([expected(f"R@{k}", int(count), len(labels)) for count in counts]))


def share(measure: str, marks: Marks, asked: Asked, how: str, code: str, **more: Any) -> Measurement:
    """The share of held-out words that are marked, with intervals; a word counts to the first class that it names."""
    values = marks.astype(np.float64)
    labels = [classes[0] for classes in asked.classes]
    more |= {"interval": bootstrap_interval(values), "class_interval": class_interval(values, labels)}
    return Measurement(measure, float(values.mean()), how, code, subset=HELD_OUT_WORDS, **more)


def report_missed(about: str, asked: Asked, marks: Marks) -> None:
    """Name the queries that are not marked."""
    missed = [text for text, mark in zip(asked.texts, marks, strict=True) if not mark]
    sys.stderr.write(f"{about}: missed {', '.join(missed) or 'none'}\n")


if __name__ == "__main__":
    main()
