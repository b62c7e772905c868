"""Weights in few bits come back nearly as they were, and damage is found."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from retrieval.artifacts.packed import SHAPE, STEPS, pack, unpack
from retrieval.artifacts.prior import load_prior, save_prior
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.errors import BundleError


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    draws = torch.Generator().manual_seed(0)
    return {
        "b": torch.randn(64, 32, 3, 3, generator=draws),
        "a": torch.randn(96, 64, generator=draws) * torch.logspace(-3, 0, 96)[:, None],
        "bias": torch.randn(64, generator=draws).half(),
    }


def test_every_row_keeps_its_own_precision(weights: dict[str, torch.Tensor]) -> None:
    back = unpack(pack(weights, 0.3))
    assert back.keys() == weights.keys()
    assert torch.equal(back["bias"], weights["bias"])
    for name in ("a", "b"):
        rows = weights[name].flatten(1)
        error = (back[name].flatten(1) - rows).square().mean(dim=1).sqrt() / rows.square().mean(dim=1).sqrt()
        assert error.max() < 0.3 / 12**0.5 * 1.3


def test_a_step_of_a_third_of_the_spread_takes_less_than_four_bits(weights: dict[str, torch.Tensor]) -> None:
    count = sum(tensor.numel() for name, tensor in weights.items() if name != "bias")
    assert 3.5 < 8 * pack(weights, 0.3)[STEPS].numel() / count < 4


@pytest.mark.parametrize("change", ["short", "damaged", "larger"])
def test_what_was_packed_otherwise_is_refused(weights: dict[str, torch.Tensor], change: str) -> None:
    packed = pack(weights, 0.3)
    if change == "larger":
        packed[SHAPE + "b"] = torch.tensor([64, 32, 3, 4])
    else:
        packed[STEPS] = packed[STEPS][:-200] if change == "short" else packed[STEPS].flip(0)
    with pytest.raises(ValueError, match="packed"):
        unpack(packed)


def test_a_prior_in_few_bits_is_small_and_opened_as_others_are(tmp_path: Path) -> None:
    reader = ReaderConfig(width=32, layers=1, heads=2, vocabulary_size=49408)
    torch.manual_seed(0)
    prior = Prior(PriorConfig(size=64, widths=(16, 32), reader=reader, upright=True, domain="street")).eval()
    for folder, step in (("half", 0.0), ("few", 0.3)):
        save_prior(tmp_path / folder, prior, name=folder, styles=[], classes=[], trained_on=[], step=step)
    sizes = [(tmp_path / name / "unet/diffusion_pytorch_model.safetensors").stat().st_size for name in ("half", "few")]
    assert sizes[1] < 0.6 * sizes[0]
    opened = load_prior(tmp_path / "few").prior.unet.state_dict()
    for name, tensor in prior.unet.state_dict().items():
        assert (opened[name] - tensor).square().mean().sqrt() <= 0.11 * tensor.square().mean().sqrt() + 1e-6


def test_a_prior_that_cannot_be_unpacked_says_which_file(tmp_path: Path) -> None:
    reader = ReaderConfig(width=32, layers=1, heads=2, vocabulary_size=49408)
    prior = Prior(PriorConfig(size=64, widths=(16, 32), reader=reader)).eval()
    save_prior(tmp_path, prior, name="few", styles=[], classes=[], trained_on=[], step=0.3)
    name = "unet/diffusion_pytorch_model.safetensors"
    save_file({**load_file(tmp_path / name), STEPS: torch.zeros(9, dtype=torch.uint8)}, tmp_path / name)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"unet.*cannot be unpacked"):
        load_prior(tmp_path)
