"""A text-to-image prior that is as small as it can be, for what asks one: at random weights."""

from __future__ import annotations

from pathlib import Path

import torch

from retrieval.artifacts.manifest import Source, Stage, reference_to
from retrieval.artifacts.prior import TOWER, save_prior
from retrieval.artifacts.text_tower import load_text_tower, save_text_tower
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.sentence_reader import SentenceReader
from tests.backbones.tokenizers import PIECES, toy_tokenizer

TAUGHT = ("abacus", "apple", "duck", "house")  # as many as DUDE compares when it reads


def write_prior(home: Path) -> Path:
    """A prior that says it was taught a few things, and a style that DUDE does not see."""
    torch.manual_seed(0)
    sizes = SentenceConfig(vocabulary=len(PIECES), width=16, layers=1, heads=2, hidden=32, positions=24)
    save_text_tower(home / "prior-text", SentenceEncoder(toy_tokenizer(), sizes).eval(), toy_tokenizer())
    reader = SentenceReader(load_text_tower(home / "prior-text"))
    made = Prior(PriorConfig(size=32, channels=4, widths=(16, 32), heads=2, reader=reader.config), reader)
    stages = (
        Stage("toy-text", "text tower", pretrained="sentences"),
        Stage("toy-prior", classes=TAUGHT, domains=("twemoji",)),
    )
    save_prior(
        home / "prior", made, name="toy-prior", styles=("photo",), classes=TAUGHT, provenance=stages,
        trained_on=[Source("toy captions", "CC0", 4)], refers_to={TOWER: reference_to(home / "prior-text")},
    )  # fmt: skip
    return home / "prior"
