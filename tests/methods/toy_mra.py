"""A small MRA on toy towers, and a batch of painted figures whose words are true."""

from __future__ import annotations

import torch

from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.images import Preprocess
from retrieval.methods.mra import MRA, TEXT, TRUNK, Config, RelationBatch
from retrieval.types import Domain
from tests.backbones.tokenizers import toy_tokenizer

WORDS = ("[MASK]", "blue", "green", "hat", "coat", "shoes", "and", "wears")
CONFIG = Config(dim=16, width=32, heads=2, picture_layers=1, text_layers=1, fusion_layers=1, sentence=32)
SIZE = 64
STREET = Domain("street")
COLORS = {"red": (0.9, -0.7, -0.7), "blue": (-0.7, -0.7, 0.9), "green": (-0.7, 0.8, -0.7)}
HAT, COAT = (0.5, 0.25, 0.6, 0.3), (0.5, 0.7, 0.6, 0.4)  # boxes in the upright picture


def toy_mra(seed: int = 0) -> MRA:
    """At random weights, its towers attached."""
    torch.manual_seed(seed)
    method = MRA(CONFIG, Preprocess(SIZE, (0.5,) * 3, (0.5,) * 3))
    sizes = SentenceConfig(vocabulary=40, width=32, layers=1, heads=2, hidden=32, positions=24)
    text = SentenceEncoder(toy_tokenizer(WORDS), sizes).eval().requires_grad_(False)
    method.attach({TEXT: text, TRUNK: Trunk(AdapterConfig(blocks=(2, 4)))})
    return method


def figure(hat: str, coat: str) -> torch.Tensor:
    """An upright figure in the middle of a grey square.   -> (3, SIZE, SIZE)"""
    picture = torch.zeros(3, SIZE, SIZE)
    for color, (x, y, width, height) in ((hat, HAT), (coat, COAT)):
        left, right = (round(SIZE / 4 + SIZE / 2 * (x + sign * width / 2)) for sign in (-1, 1))
        top, bottom = (round(SIZE * (y + sign * height / 2)) for sign in (-1, 1))
        picture[:, top:bottom, left:right] = torch.tensor(COLORS[color])[:, None, None]
    return picture


def sentence(hat: str, coat: str) -> str:
    return f"wears a {hat} hat and a {coat} coat"


PAIRS = [(hat, coat) for hat in COLORS for coat in COLORS]


def toy_batch(method: MRA, regions: bool = True) -> RelationBatch:
    """Nine figures, each another; every second is spoken of by its hat."""
    phrases = [f"{hat} hat" if at % 2 else f"{coat} coat" for at, (hat, coat) in enumerate(PAIRS)]
    captions = method.read([sentence(*pair) for pair in PAIRS])
    encoder = method.parts[TEXT]
    real = captions.pieces[captions.words > 0]
    method.vocabulary = torch.unique(real)
    assert encoder.mask_piece not in method.vocabulary
    return RelationBatch(
        images=method.stem(torch.stack([figure(*pair) for pair in PAIRS])),
        domains=[STREET] * len(PAIRS),
        labels=torch.arange(len(PAIRS)),
        texts=(),
        holds=torch.zeros(len(PAIRS), 0, dtype=torch.bool),
        captions=captions,
        boxes=torch.tensor([HAT if at % 2 else COAT for at in range(len(PAIRS))]) if regions else None,
        phrases=method.read(phrases) if regions else None,
        phrase_numbers=torch.tensor([sorted(set(phrases)).index(p) for p in phrases]) if regions else None,
    )
