"""open_clip towers: an image encoder and a text encoder that end in one space.

Always built from a config, never by name from a registry and never with a download: weights come through `bundle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import open_clip
import torch
from open_clip.tokenizer import SimpleTokenizer


def dual_encoder(dim: int, vision: Mapping[str, Any], text: Mapping[str, Any]) -> open_clip.CLIP:
    """An open_clip model at random weights; `vision` and `text` are its `vision_cfg` and `text_cfg`.

    Its convolutions keep channels last in memory: the same numbers, in two thirds of the time on a CPU.
    """
    model = open_clip.CLIP(embed_dim=dim, vision_cfg=dict(vision), text_cfg=dict(text))
    return model.to(memory_format=torch.channels_last)


@lru_cache(maxsize=4)
def tokenizer(context_length: int) -> SimpleTokenizer:
    """CLIP's byte-pair tokenizer; its vocabulary ships with open_clip.   texts (T,) -> (T, context_length) int64"""
    return SimpleTokenizer(context_length=context_length)
