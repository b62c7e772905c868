"""MRA with a picture tower that learns: small here, full size by `python -m benchmarks.people_full`."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.people_full import build, search_official, seconds_a_step, write_official
from retrieval.backbones import swin_reader
from retrieval.backbones.sentence_encoder import SentenceConfig
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.images import Preprocess
from retrieval.methods.mra import FULL, MRA
from retrieval.training.recipes.parts.people_pairs import widened
from retrieval.types import Region
from tests.backbones.tokenizers import toy_tokenizer
from tests.methods.toy_mra import COAT, HAT, PAIRS, WORDS, figure, sentence

SMALL = dataclasses.replace(
    FULL, dim=16, width=32, heads=2, fusion_layers=1, sentence=32, swin="swin_tiny_patch4_window7_224", wide=64
)
SIZES = SentenceConfig(vocabulary=40, width=32, layers=1, heads=2, hidden=32, positions=24)


@pytest.fixture(scope="module")
def table() -> PictureTable:
    """Nine painted figures with captions and boxes."""
    painted = [((figure(*pair)[:, :, 16:48].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy() for pair in PAIRS]
    return PictureTable(
        [ArrayPicture(np.ascontiguousarray(picture)) for picture in painted],
        "street",
        labels=[f"person-{at // 3}" for at in range(9)],
        captions=[(sentence(*pair),) for pair in PAIRS],
        regions=[(Region(HAT, f"{hat} hat"), Region(COAT, f"{coat} coat")) for hat, coat in PAIRS],
    )


def test_both_phases_move_the_picture_tower_and_the_official_format_is_searched(
    table: PictureTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = {"depths": (1, 1, 1, 1), "embed_dim": 16, "num_heads": (1, 1, 2, 2)}
    monkeypatch.setattr(swin_reader.timm, "create_model", partial(swin_reader.timm.create_model, **shape))
    method = build(SMALL, SIZES, toy_tokenizer(WORDS), 96)
    before = method.picture_reader.trunk.patch_embed.proj.weight.detach().clone()
    assert seconds_a_step(method, table, 4, 1, "cpu").keys() == {"pre-training", "fine-tuning"}
    assert not torch.equal(before, method.picture_reader.trunk.patch_embed.proj.weight)
    write_official(tmp_path, table)
    found = search_official(method, tmp_path)
    assert found.keys() == {"R@1 full cosine", "R@1 full"}
    assert all(0 <= share <= 1 for share in found.values())


def test_the_full_size_has_the_published_picture_tower_picture_size_and_depth_of_fusion() -> None:
    with torch.device("meta"):
        method = MRA(FULL, Preprocess(384))
    assert (method.rows, method.columns, method.wide) == (12, 8, 256)
    assert method.roles == ("text",), "its picture tower is its own"
    assert sum(p.numel() for p in method.picture_reader.trunk.parameters()) == pytest.approx(86.9e6, rel=0.01)
    assert len(method.fusion.layers) == 6


def test_a_widened_picture_keeps_its_boxes_on_what_they_hold() -> None:
    picture = torch.zeros(1, 1, 8, 4)
    picture[..., 2:6, 1:3] = 1.0
    wider, boxes = widened(picture, torch.tensor([[[0.5, 0.5, 0.5, 0.5]]]), 8)
    assert wider.shape == (1, 1, 8, 8)
    x, y, width, height = (boxes[0, 0] * 8).tolist()
    held = wider[0, 0, int(y - height / 2) : int(y + height / 2), int(x - width / 2) : int(x + width / 2)]
    assert held.numel() == 8
    assert held.min() == 1.0
