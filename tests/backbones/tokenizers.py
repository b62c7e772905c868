"""A tokenizer of a dozen word pieces."""

from __future__ import annotations

import json
from collections.abc import Sequence

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "duck", "red", "house", "sketch", "of", "apple", "##s")


def toy_tokenizer(more: Sequence[str] = ()) -> str:
    """The text of its `tokenizer.json`: lower case, word pieces between [CLS] and [SEP]; with some pieces more."""
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [],
            "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                           "strip_accents": None, "lowercase": True},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
            "decoder": None,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": {piece: i for i, piece in enumerate((*PIECES, *more))}},
        }
    )  # fmt: skip
