"""MRA at full size and random weights: memory, and time of a step of each phase and of a search in the format of
CUHK-PEDES, whose pictures are rendered figures here -> a line of JSON.

python -m benchmarks.people_full --batch 4 --steps 2      needs 12 GB of memory
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import torch

from benchmarks import ROOT
from retrieval.artifacts.text_tower import TOKENIZER
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.pedes import ANNOTATIONS, IMAGES, cuhk_pedes
from retrieval.data.readers.world import read_rendered
from retrieval.images import Preprocess
from retrieval.methods.mra import FULL, MRA, TEXT, Config
from retrieval.training.epochs import precision_on
from retrieval.training.loop import fit
from retrieval.training.recipes.parts.people_bundle import new_mra
from retrieval.training.recipes.parts.people_pairs import PairBatches, gather_pairs, known_words
from retrieval.training.recipes.parts.relation_training import FINE_TUNING, PRE_TRAINING, RelationTraining
from retrieval.training.relations.run import quick_recall, score_variant

BERT = SentenceConfig(width=768, layers=12, hidden=3072)
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FIGURES = 12  # that are trained on, and that are searched
LR = 1e-5


def main() -> None:
    """Build it, take the steps, search."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    tokenizer = (ROOT / "checkpoints/text-minilm" / TOKENIZER).read_text(encoding="utf-8")
    method = build(FULL, BERT, tokenizer, 384, asked.device)
    studio, street = (read_rendered(ROOT / "assets/people" / domain) for domain in ("studio", "street"))
    told: dict[str, float] = {
        "learn": sum(p.numel() for p in method.parameters()),
        "frozen": sum(p.numel() for p in method.parts[TEXT].parameters()),
        "batch": asked.batch,
        "threads": torch.get_num_threads(),
    }
    told |= seconds_a_step(method, studio[:FIGURES], asked.batch, asked.steps, asked.device)
    told["training GB"] = peak(asked.device)
    with tempfile.TemporaryDirectory() as home:
        write_official(Path(home), street.where(split="test")[:FIGURES])
        begun = time.perf_counter()
        told |= search_official(method, Path(home))
        told["search"] = round(time.perf_counter() - begun, 2)
    print(json.dumps(told))


def build(config: Config, sizes: SentenceConfig, tokenizer: str, size: int, device: str = "cpu") -> MRA:
    """MRA on a frozen sentence encoder, all at random weights."""
    encoder = SentenceEncoder(tokenizer, sizes).eval().requires_grad_(False).to(device)
    return new_mra(config, Preprocess(size, *IMAGENET), {TEXT: encoder}, 0, device)


def seconds_a_step(method: MRA, table: PictureTable, batch: int, steps: int, device: str) -> dict[str, float]:
    """Of each phase, in its second epoch."""
    method.vocabulary = known_words(method, [table])
    pairs, took = gather_pairs(method, table, 2, device), {}
    for phase in (PRE_TRAINING, FINE_TUNING):
        batches = PairBatches(pairs, batch, steps, regions=phase == PRE_TRAINING)
        *_, last = fit(RelationTraining(method, phase, 2, LR), batches, seed=0, precision=precision_on(device))
        took[phase] = round(last.seconds / steps, 2)
    return took


def write_official(folder: Path, table: PictureTable) -> None:
    """These figures as CUHK-PEDES gives its pictures."""
    (folder / IMAGES).mkdir()
    entries = []
    people = {name: number for number, name in enumerate(dict.fromkeys(table.labels), start=1)}
    for at, row in enumerate(table):
        row.picture.open().save(folder / IMAGES / f"{at}.png")
        person = people[row.label or ""]
        entries.append({"split": "test", "captions": list(row.captions), "file_path": f"{at}.png", "id": person})
    (folder / ANNOTATIONS).write_text(json.dumps(entries), encoding="utf-8")


def search_official(method: MRA, folder: Path) -> dict[str, float]:
    """R@1 of the captions in such a folder, by cosine and after the second stage."""
    test = cuhk_pedes(folder)
    return quick_recall(score_variant("full", method.eval(), test), "full", test)


def peak(device: str) -> float:
    """The most memory that was held, in GB."""
    if device.startswith("cuda"):
        return round(torch.cuda.max_memory_allocated() / 1e9, 2)
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2)


if __name__ == "__main__":
    main()
