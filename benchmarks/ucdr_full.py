"""UCDR-Adapter at full size and random weights: memory, and time of a step of each phase and of a code, on pictures in
the layout of a published data set, which are painted here -> rows of results/ucdr.json.

python -m benchmarks.ucdr_full --batch 50 --steps 2      needs 8 GB of memory
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks import ROOT
from benchmarks.people_full import peak
from benchmarks.ucdr import OUT
from retrieval.artifacts.text_tower import TOKENIZER
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.domainnet import DOMAINS, domainnet
from retrieval.data.readers.sketchy import sketchy
from retrieval.data.readers.tuberlin import tuberlin
from retrieval.data.splits import DOMAINNET_UCDR, SKETCHY_100_25, TUBERLIN_220_30, ClassSplit
from retrieval.evaluation.harness import evaluate
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.report import merge_measurements
from retrieval.evaluation.tasks.base import picture_task, same_class
from retrieval.evaluation.ucdr_tables import FULL_SIZE
from retrieval.images import Preprocess
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.methods.ucdr_adapter import Config, UCDRAdapter
from retrieval.training.bundles import InTraining
from retrieval.training.epochs import precision_on
from retrieval.training.loop import fit
from retrieval.types import PHOTO, SKETCH, Domain

FULL = Config(trunk="ViT-B-32", dim=512, sentence=512, hidden=512)
CLIP_TEXTS = SentenceConfig(width=512, layers=12, heads=8, hidden=2048)  # as large as CLIP's own
SIZE, IMAGENET = 224, ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
ON_DISK = 64  # pixels on a side of what is painted
MEASURED = 16  # pictures that the length of prompts is measured on


@dataclass(frozen=True)
class Published:
    """A data set: its reader, its classes, the folders of each domain, what is left out, and the paper's numbers."""

    read: Callable[[Path], PictureTable]
    split: ClassSplit
    folders: Mapping[Domain, str]
    left_out: Domain | None  # None: only classes are
    tokens: int
    template: int

    @property
    def domains(self) -> tuple[str, ...]:
        """That are trained on."""
        return tuple(sorted(domain.name for domain in self.folders if domain != self.left_out))


SETS = {
    "domainnet": Published(
        domainnet, DOMAINNET_UCDR, {domain: folder for folder, domain in DOMAINS.items()}, SKETCH, 1, 16
    ),
    "sketchy-ext": Published(
        sketchy,
        SKETCHY_100_25,
        {SKETCH: "256x256/sketch/tx_000000000000", PHOTO: "EXTEND_image_sketchy"},
        None,
        4,
        8,
    ),
    "tuberlin-ext": Published(tuberlin, TUBERLIN_220_30, {SKETCH: "png", PHOTO: "ImageResized"}, None, 4, 8),
}


def paint(folder: Path, published: Published, classes: Sequence[str], each: int) -> None:
    """So many pictures of each of the classes in each domain, where that data set has them."""
    random = np.random.default_rng(0)
    for place in published.folders.values():
        for name in classes:
            home = folder / place / name.replace(" ", "_")
            home.mkdir(parents=True)
            for number in range(each):
                pixels = random.integers(0, 256, (ON_DISK, ON_DISK, 3), np.uint8)
                Image.fromarray(pixels).save(home / f"{number}.png")


def build(config: Config, sizes: SentenceConfig, tokenizer: str, size: int, device: str = "cpu") -> UCDRAdapter:
    """The method on a foundation and a frozen sentence encoder, all at random weights, ready to be trained."""
    torch.manual_seed(0)
    preprocess = Preprocess(size, *IMAGENET)
    start = Foundation(config, preprocess)
    start.attach({TEXT: SentenceEncoder(tokenizer, sizes).eval().requires_grad_(False)})
    method = UCDRAdapter(config, preprocess)
    method.learn_from(start, method.tower.stem(torch.randn(MEASURED, 3, size, size)))
    method.parts[TEXT].to(device)
    return method.to(device)


class Batches:
    """Pictures drawn at random, each with the summary that was computed once."""

    def __init__(self, method: UCDRAdapter, table: PictureTable, batch: int, steps: int) -> None:
        self._table, self._batch, self._steps = table, batch, steps
        self._classes, self._size = list(method.config.classes), method.preprocess.size
        self.summaries = torch.cat([summaries(method, table[at : at + batch]) for at in range(0, len(table), batch)])

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        random = np.random.default_rng([seed, epoch])
        for _ in range(self._steps):
            rows = random.integers(len(self._table), size=self._batch).tolist()
            drawn = self._table.select(rows)
            labels = torch.tensor([self._classes.index(label) for label in drawn.labels])
            images, domains = drawn.tensor(size=self._size), [row.domain for row in drawn]
            holds = torch.zeros(len(rows), 0, dtype=torch.bool)
            yield Batch(images, domains, labels, (), holds, summaries=self.summaries[rows])


@torch.no_grad()
def summaries(method: UCDRAdapter, table: PictureTable) -> Tensor:
    """What the frozen tower says of the pictures, (N, W)."""
    images = table.tensor(size=method.preprocess.size).to(next(method.parameters()).device)
    return method._summary(method._stem(images)).cpu()


def seconds_a_step(method: UCDRAdapter, batches: Batches, device: str = "cpu") -> dict[str, float]:
    """Of each phase, in its second epoch."""
    reports = fit(method, batches, seed=0, precision=precision_on(device))
    return {report.phase: round(report.seconds / len(batches), 2) for report in reports}  # the last epoch of each


def search(method: UCDRAdapter, published: Published, table: PictureTable) -> float:
    """mAP@all of the unseen classes, in the domain that is left out (else sketches) -> their photographs."""
    asked = table.where(labels=published.split.unseen)
    queries, gallery = asked.where(domain=published.left_out or SKETCH), asked.where(domain=PHOTO)
    task = picture_task("published", queries, gallery, same_class(queries, gallery), unseen=published.split.unseen)
    return float(evaluate(InTraining(method.eval()), task).metrics["mAP@all"])


def measure(name: str, batch: int, steps: int, device: str) -> Iterator[Measurement]:
    """Build it for the data set, take the steps, search."""
    published, how = SETS[name], f"ViT-B-32 at random weights, batches of {batch}, threads: {torch.get_num_threads()}"
    tokenizer = (ROOT / "checkpoints/text-minilm" / TOKENIZER).read_text(encoding="utf-8")
    config = dataclasses.replace(
        FULL, domains=published.domains, classes=published.split.seen, tokens=published.tokens,
        template=published.template, source_epochs=2, target_epochs=2,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        paint(Path(home), published, (*published.split.seen[:3], *published.split.unseen[:2]), 4)
        table = published.read(Path(home))
        seen = table.where(lambda row: row.label in published.split.seen and row.domain.name in published.domains)
        method = build(config, CLIP_TEXTS, tokenizer, SIZE, device)
        begun = time.perf_counter()
        batches = Batches(method, seen, batch, steps)
        told = {"a summary": (time.perf_counter() - begun) / len(seen)}
        told |= {f"a step, {phase}": seconds for phase, seconds in seconds_a_step(method, batches, device).items()}
        told["peak memory"] = peak(device)
        begun = time.perf_counter()
        search(method, published, table)
        told["search of 16 pictures"] = time.perf_counter() - begun
    for what, value in told.items():
        unit = "GB" if what == "peak memory" else "s"
        yield Measurement(what, round(value, 3), how, "ViT-B-32", FULL_SIZE + name, unit=unit)


def main() -> None:
    """One data set, or each in turn: memory is a peak, so a process for each says more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=SETS, default="domainnet")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    merge_measurements(OUT, list(measure(given.data, given.batch, given.steps, given.device)))


if __name__ == "__main__":
    main()
