"""Whether words that nothing was trained on find what they mean, in the embedded gallery -> results/words.json.

python -m benchmarks.words --bundle checkpoints/guise-base

The 64 class names in forms that people type, and `data.held_out_words`: synonyms, kinds, and what a class is a kind of.
A query is right in the top 5 if a picture of a class that it names is among the first five, and shown if such a picture
reaches the bundle's cut-off for texts; without a cut-off, what is shown is unknown and left out.

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
from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.data.held_out_words import HELD_OUT
from retrieval.data.readers.world import read_rendered
from retrieval.encoder import Vectors, embed_texts
from retrieval.evaluation.harness import Memory
from retrieval.evaluation.measurement import FIRST, HELD_OUT_WORDS, RIGHT, SHOWN, Measurement, Target
from retrieval.evaluation.measures import expected
from retrieval.evaluation.metrics import Relevance, bootstrap_interval, class_interval
from retrieval.evaluation.report import write_measurements
from retrieval.methods.foundation import TEXT
from retrieval.query_text import normalise_text
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
class EmbeddedGallery:
    """The gallery as a bundle sees it: vectors (N, dim), labels (N,), and the cosine from which texts find a match."""

    vectors: Vectors
    labels: tuple[str, ...]
    cutoff: float | None


def main() -> None:
    """Measure, print, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, required=True, help="the folder of a bundle that reads texts")
    folder = parser.parse_args().bundle
    bundle = load_bundle(folder)
    if not bundle.reads_texts:
        sys.exit(f"{folder} holds {bundle.manifest.name!r}, which reads no texts. Name a bundle with a text tower.")
    pictures = read_rendered(ROOT / "assets" / "gallery")
    gallery = EmbeddedGallery(Memory().embed(bundle, pictures), pictures.labels, bundle.manifest.cutoff.get("text"))
    rows = [*of_names(bundle, gallery), *of_words(bundle, gallery)]
    write_measurements(RESULTS, rows)
    for row in rows:
        sys.stdout.write(
            f"{row.name}: {row.value:.4g} {row.unit} ({f'target {row.target}; ' if row.target else ''}{row.how})\n"
        )


def of_names(bundle: Bundle, gallery: EmbeddedGallery) -> Iterator[Measurement]:
    """How many of the class names find their class, in every form."""
    for form, write in FORMS.items():
        asked = Asked(tuple(map(write, ALL)), tuple((name,) for name in ALL))
        target = None if form == "name alone" else NAMES_KEPT
        how = f'names of classes typed like "{asked.texts[0]}"'
        for measure, marks in answers(bundle, gallery, asked):
            report_missed(f"{form}, {measure}", asked, marks)
            yield Measurement(
                measure,
                float(marks.sum()),
                how + (UNKNOWN if gallery.cutoff is None else ""),
                bundle.manifest.name,
                subset=form,
                unit=f"of {len(ALL)}",
                target=target if measure == SHOWN else None,
                chance=len(ALL) * chance(asked, gallery.labels, TOP) if measure == RIGHT else None,
            )


def of_words(bundle: Bundle, gallery: EmbeddedGallery) -> Iterator[Measurement]:
    """What share of the held-out words finds one of its classes, and where the others are lost."""
    asked = Asked(tuple(HELD_OUT), tuple(HELD_OUT.values()))
    how = f"{len(asked.texts)} synonyms, kinds and wider words that no training text says"
    name, unknown = bundle.manifest.name, UNKNOWN if gallery.cutoff is None else ""
    for measure, marks in answers(bundle, gallery, asked):
        report_missed(f"{HELD_OUT_WORDS}, {measure}", asked, marks)
        target = WORDS_KEPT if measure == SHOWN else None
        luck = chance(asked, gallery.labels, TOP) if measure == RIGHT else None
        yield share(measure, marks, asked, how + unknown, name, target=target, chance=luck)
    scores = embed_texts(bundle, asked.texts) @ gallery.vectors.T
    first = best(scores, asked.relevant(gallery.labels))
    yield share(
        FIRST, first, asked, f"{how}; the class of the first picture", name, chance=chance(asked, gallery.labels)
    )
    for code, encode, about in readers(bundle):
        marks = best(encode(asked.texts) @ encode(ALL).T, asked.relevant(ALL))
        yield share(FIRST, marks, asked, f"{how}; {about}", code, chance=chance(asked, ALL))


def readers(bundle: Bundle) -> Iterator[tuple[str, Callable[[Sequence[str]], Vectors], str]]:
    """What can answer with names instead of pictures: as which row, by which encoder of texts, and how."""
    sentences = bundle.method.parts.get(TEXT)
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


def answers(bundle: Bundle, gallery: EmbeddedGallery, asked: Asked) -> Iterator[tuple[str, Marks]]:
    """For each query whether it is right and, where there is a cut-off, whether that is shown.   each (Q,)"""
    scores = embed_texts(bundle, asked.texts) @ gallery.vectors.T  # (Q, N)
    relevant = asked.relevant(gallery.labels)
    yield RIGHT, in_the_top(scores, relevant)
    if gallery.cutoff is not None:
        yield SHOWN, in_the_top(scores, relevant, gallery.cutoff)


def in_the_top(scores: Vectors, relevant: Relevance, cutoff: float = -np.inf) -> Marks:
    """Whether something relevant that reaches the cut-off is among the first five.   (Q, N), (Q, N) -> (Q,)

    >>> scores = np.array([[0.9, 0.8, 0.7, 0.6, 0.5, 0.4]])
    >>> sixth, fifth = np.eye(6, dtype=bool)[[5]], np.eye(6, dtype=bool)[[4]]
    >>> [bool(in_the_top(scores, *rest)[0]) for rest in ((sixth,), (fifth,), (fifth, 0.55))]
    [False, True, False]
    """
    first = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    reached = np.take_along_axis(scores, first, axis=1) >= cutoff
    return np.asarray((np.take_along_axis(relevant, first, axis=1) & reached).any(axis=1))


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
