"""Is the world recognisable, and are its styles separable? -> results/world.json.

python -m benchmarks.world              needs GUISE_DATA, the folder of packs, and rendered sets (see docs/world.md)
python -m benchmarks.world --only style these rows alone are measured again

Recognisability is judged by models that never saw a render: one learned human drawings (Quick, Draw!) of the world's
classes and names our sketches, one learned photographs and names our photos. Separability is judged by models that
learned some of our styles and name the class in the others, and by one that names the style.
Judges are kept under runs/judges and go on where they stopped. Their pictures are varied as in any training here, which
sometimes means by their outlines alone (`data.augment.Outline`).
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks import ROOT
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.packs import packs_folder, read_pack
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.data.sampler import Portion, Sampler
from retrieval.evaluation.classifiers import Accuracy, Classifier, Config, accuracy, scanned
from retrieval.evaluation.measurement import Measurement, Target
from retrieval.evaluation.report import write_measurements
from retrieval.evaluation.results import read_measurements
from retrieval.images import Preprocess
from retrieval.threads import cores
from retrieval.training.epochs import Run, Stage, run_epochs
from retrieval.types import PHOTO, SKETCH, Domain
from retrieval.world.sets import render_set
from retrieval.world.split import ALL, SEEN
from retrieval.world.styles import STYLES

RESULTS = ROOT / "benchmarks" / "results" / "world.json"
SIZE = 64  # pixels that the judge of sketches reads
SMALL = 48  # the others: half the time
SEED = 0
PHOTO_PACKS = (("tiny_imagenet", "photo"), ("caltech101", "photo"), ("cifar10", "photo"))
FEWEST_PHOTOS = 60  # classes with fewer training photographs are not judged
HELD_OUT = (("sketch", "mosaic"),)  # each judge learns the other four


def main() -> None:
    """Train what is missing, measure, print, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gallery", type=Path, default=ROOT / "assets" / "gallery", help="the set that is judged")
    parser.add_argument("--training", type=Path, default=ROOT / "runs" / "world-training-64", help="for separability")
    parser.add_argument("--validation", type=Path, default=ROOT / "runs" / "world-validation-64", help="for the style")
    parser.add_argument(
        "--only", choices=["sketch", "photo", "style", "train"], help="one part; the other rows stay as they are"
    )
    asked = parser.parse_args()
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    torch.manual_seed(SEED)
    if asked.only == "train":
        _sketch_judge(packs)
        _photo_judge(packs)
        return
    rows: list[Measurement] = _speed_rows() if asked.only is None else []  # first, while nothing else fills the memory
    judged = read_rendered(asked.gallery)
    if asked.only in (None, "sketch"):
        rows += _sketch_rows(packs, judged)
    if asked.only in (None, "photo"):
        rows += _photo_rows(packs, judged)
    if asked.only in (None, "style"):
        training = read_rendered(asked.training).in_memory()
        rows += [*_unseen_style_rows(training, judged), _style_row(training, read_rendered(asked.validation))]
    for row in rows:
        sys.stdout.write(f"{row.name}: {row.value:.4f} {row.unit} (target {row.target}) {row.how}\n")
    before = read_measurements(RESULTS).rows if asked.only and RESULTS.is_file() else []
    write_measurements(RESULTS, list({row.key: row for row in [*before, *rows]}.values()))


# ---------------------------------------------------------------- sketches, judged by people's drawings


def _sketch_judge(packs: Path) -> Classifier:
    """A model of the world's classes that learned people's drawings only."""
    drawings = quickdraw(packs / "quickdraw345", ALL, "train")
    return _judge("sketch", [Portion(drawings, 1.0)], Config(epochs=18), size=SIZE, steps=80)


def _sketch_rows(packs: Path, judged: PictureTable) -> list[Measurement]:
    """How well that model names our sketches, beside chance and its own held-out drawings."""
    judge = _sketch_judge(packs)
    own = quickdraw(packs / "quickdraw345", ALL, "test")
    at_home = accuracy(judge.scores(_opened(own.in_memory(SIZE))), own.labels, judge.classes)
    ours = judged.where(domain=SKETCH)
    scores = judge.scores(scanned(image, SIZE) for image in _opened(ours))
    _confusions("sketch", scores, ours.labels, judge.classes)
    return _both("sketch", accuracy(scores, ours.labels, judge.classes), at_home, "human drawings", Target(">=", 0.6))


# ---------------------------------------------------------------- photos, judged by photographs


def _photo_judge(packs: Path) -> tuple[Classifier, PictureTable]:
    """A model that learned real photographs only, of the classes that the packs share with us; and its test set."""
    shown = concatenate([read_pack(packs / pack, (domain,), ALL) for pack, domain in PHOTO_PACKS])
    enough = {label for label, n in Counter(shown.where(split="train").labels).items() if n >= FEWEST_PHOTOS}
    shared = shown.where(labels=enough).in_memory(SMALL + 8)
    photographs = Portion(shared.where(split="train"), 1.0)
    judge = _judge("photo", [photographs], Config(epochs=12), size=SMALL, steps=50)
    return judge, shared.where(split="test")


def _photo_rows(packs: Path, judged: PictureTable) -> list[Measurement]:
    """How well that model names our photos, beside chance and its own held-out photographs."""
    judge, own = _photo_judge(packs)
    at_home = accuracy(judge.scores(_opened(own)), own.labels, judge.classes)
    ours = judged.where(domain=PHOTO, labels=judge.classes)
    scores = judge.scores(_opened(ours))
    _confusions("photo", scores, ours.labels, judge.classes)
    chance = 3 / len(judge.classes)
    return _both(
        "photo",
        accuracy(scores, ours.labels, judge.classes),
        at_home,
        "photographs",
        Target(">=", round(3 * chance, 2)),
    )


# ---------------------------------------------------------------- styles, judged by our own other styles


def _unseen_style_rows(training: PictureTable, judged: PictureTable) -> list[Measurement]:
    """Classes named in styles that a judge never saw; the seen classes of the one split only."""
    styles = sorted(set(training.domains))
    rows = []
    for held_out in HELD_OUT:
        learnt = [style for style in styles if style not in held_out]
        portions = [Portion(training.where(domain=Domain(style), labels=SEEN), 1.0) for style in learnt]
        judge = _judge("without-" + "-".join(held_out), portions, Config(epochs=14), size=SMALL, steps=50)
        for style in held_out:
            ours = judged.where(domain=Domain(style), labels=SEEN)
            named = accuracy(judge.scores(_opened(ours)), ours.labels, judge.classes)
            how = f"class among {len(SEEN)} seen ones in {named.count} {style} pictures; learnt {', '.join(learnt)}"
            rows.append(_row("class in unseen style", named.top1, how, Target(">=", 0.6), style))
    return rows


def _style_row(training: PictureTable, judged: PictureTable) -> Measurement:
    """The style named in objects that the judge never saw, at the size that it learnt: size changes texture."""
    styles = sorted(set(training.domains))
    portions = [Portion(training.where(domain=Domain(style)), 1.0) for style in styles]
    judge = _judge("style", portions, Config(epochs=16), size=SIZE, steps=40, styles=styles)
    named = accuracy(judge.scores(_opened(judged)), judged.domains, judge.classes)
    how = f"style among {len(styles)} in {named.count} validation renders of {SIZE} px"
    return _row("style top1", named.top1, how, Target(">=", 0.95))


# ---------------------------------------------------------------- how fast


def _speed_rows() -> list[Measurement]:
    """Pictures a second on all cores, start of the workers included; wants an idle machine."""
    labels = ALL[::2]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        render_set(Path(folder) / "set", purpose="training", seed=1, per_class=1, size=SIZE, classes=labels)
        seconds = time.perf_counter() - start
    scenes = len(labels) / seconds
    whole = 200 * len(ALL) / scenes / 60
    how = f"{len(labels)} scenes at {SIZE} px in {len(STYLES)} styles; 200 objects a class take {whole:.0f} minutes"
    rate = round(scenes * len(STYLES), 2)
    return [Measurement("rendering", rate, f"{cores()} cores, {how}", unit="images/s")]


# ---------------------------------------------------------------- shared


def _opened(table: PictureTable) -> Iterator[Image.Image]:
    return (picture.open() for picture in table.pictures)


def _judge(
    name: str,
    portions: Sequence[Portion],
    config: Config,
    *,
    size: int,
    steps: int,
    styles: Sequence[str] | None = None,
) -> Classifier:
    """The judge of this name, trained now or earlier."""
    preprocess = Preprocess(size)
    data = Sampler(portions, preprocess, batch=128, steps=steps)
    judge = Classifier(styles or data.classes, preprocess, config, of_style=styles is not None)
    asked = {"classes": judge.classes, "size": size, "steps": steps, "seed": SEED} | dataclasses.asdict(config)
    run = Run(ROOT / "runs" / "judges" / name, asked)

    def report(done: int, of: int) -> None:
        if done == of:
            sys.stderr.write(f"judge {name}: an epoch done\n")

    run_epochs(Stage(judge, data, run, seed=SEED), report)
    return judge


def _both(style: str, ours: Accuracy, at_home: Accuracy, learnt: str, target: Target) -> list[Measurement]:
    """Rows for one judge: our pictures, its own, chance, and each class."""
    classes = len(at_home.per_class)
    how = f"{ours.count} {style} pictures of {len(ours.per_class)} classes, judged by a model of {learnt} only"
    home = f"the same judge on {at_home.count} held-out {learnt}"
    rows = [
        _row(f"{style} top1", ours.top1, how),
        _row(f"{style} top3", ours.top3, how, target),
        _row(f"{style} judge top1", at_home.top1, home),
        _row(f"{style} judge top3", at_home.top3, home),
        _row(f"{style} chance top1", 1 / classes, f"1 of {classes} classes"),
        _row(f"{style} chance top3", 3 / classes, f"3 of {classes} classes"),
        _classes_known(style, ours),
    ]
    for label, (first, third) in sorted(ours.per_class.items()):
        rows.append(_row(f"{style} top1", first, f"{label} alone", subset=label))
        rows.append(_row(f"{style} top3", third, f"{label} alone", subset=label))
    return rows


def _classes_known(style: str, ours: Accuracy) -> Measurement:
    """The share of classes of which the judge knows any picture; of sketches it is to know all."""
    known = sum(third > 0 for _, third in ours.per_class.values())
    how = f"{known} of {len(ours.per_class)} classes have a picture whose class is in the top 3"
    return _row(
        f"{style} classes known", known / len(ours.per_class), how, Target(">=", 1.0) if style == "sketch" else None
    )


def _row(measure: str, value: float, how: str, target: Target | None = None, subset: str = "") -> Measurement:
    return Measurement(measure, value, how, subset=subset, target=target)


def _confusions(style: str, scores: np.ndarray, labels: Sequence[str], classes: Sequence[str]) -> None:
    """Say on stderr what the worst classes are taken for."""
    truth = np.array(labels)
    first = np.array(classes)[scores.argmax(axis=1)]
    third = np.array(classes)[np.argsort(-scores, axis=1)[:, :3]]
    hits = {label: float((third[truth == label] == label).any(axis=1).mean()) for label in sorted(set(labels))}
    for label in sorted(hits, key=lambda name: hits[name]):
        taken = Counter(first[truth == label].tolist()).most_common(4)
        sys.stderr.write(f"{style} {label}: top-3 {hits[label]:.2f}; first named {taken}\n")


if __name__ == "__main__":
    main()
