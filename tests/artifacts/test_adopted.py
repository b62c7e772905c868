"""A released Stable Diffusion with an IP-Adapter is drawn with as it lies in its folder, by the same panels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from safetensors.torch import load_file, save_file

from retrieval.artifacts.adopted import adopt
from retrieval.artifacts.manifest import MANIFEST
from retrieval.artifacts.prior import IP_ADAPTER, UNET, load_prior
from retrieval.cli import main
from retrieval.diffusion.attention import HeatMaps
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import prompt
from retrieval.diffusion.samplers import Sampler, controlled, denoise, noise
from retrieval.disentangle.loaded import ServedDisentangler
from retrieval.disentangle.panel_values import Original
from retrieval.errors import BundleError
from tests.artifacts.released import ENCODES, FULL, write_released

LAYOUT = {"down": {"block_2": [0.0, 1.0]}}  # one attention of one block, and no other


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = write_released(tmp_path_factory.mktemp("released") / "stable")
    adopt(home, ["photo", "sketch"], steps=2, guidance=1.0)
    return home


@pytest.fixture(scope="module")
def prior(folder: Path) -> Prior:
    return load_prior(folder).prior


def pictures(count: int = 2) -> torch.Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(3)) * 2 - 1


def velocities(prior: Prior, control: torch.Tensor | None) -> torch.Tensor:
    x, t = noise(prior, 0, 2), torch.tensor([500, 500])
    with torch.inference_mode():
        return prior.velocity(x, t, prior.reader([prompt("photo", "duck")] * 2), control)


def test_it_draws_as_diffusers_does_with_the_same_adapter(folder: Path, prior: Prior) -> None:
    theirs = UNet2DConditionModel(**FULL.unet).eval()
    theirs.load_state_dict(load_file(folder / UNET))
    released = load_file(folder / IP_ADAPTER)
    parts = {
        part: {n.removeprefix(f"{part}."): t for n, t in released.items() if n.startswith(part)}
        for part in ("image_proj", "ip_adapter")
    }
    theirs._load_ip_adapter_weights([parts], low_cpu_mem_usage=False)
    control, x, t = prior.control(pictures()), noise(prior, 0, 2), torch.tensor([500, 500])
    assert control is not None
    assert control.shape == (2, ENCODES.dim)
    with torch.inference_mode():
        told = {"image_embeds": [control[:, None]]}
        seen = theirs(x, t, prior.reader([prompt("photo", "duck")] * 2), added_cond_kwargs=told).sample
        signal = prior.signal(t)
        expected = (seen - (1 - signal).sqrt() * x) / signal.sqrt()
    torch.testing.assert_close(velocities(prior, control), expected, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(velocities(prior, control)[0], velocities(prior, control)[1], atol=1e-3)


def test_a_scale_of_nothing_hides_the_picture_and_one_of_a_block_shows_it_there_alone(folder: Path) -> None:
    seen = {}
    for name, scale in (("none", 0.0), ("layout", LAYOUT), ("all", 1.0)):
        adopt(folder, ["photo", "sketch"], scale=scale)
        prior = load_prior(folder).prior
        seen[name] = velocities(prior, prior.control(pictures())) - velocities(prior, None)
    adopt(folder, ["photo", "sketch"], steps=2, guidance=1.0)
    assert seen["none"].abs().max() < 1e-5
    assert 1e-4 < seen["layout"].abs().mean() < seen["all"].abs().mean()


def test_two_guidances_and_heat_maps_work_on_it(prior: Prior) -> None:
    states, control = prior.reader([prompt("photo", "duck")] * 2), prior.control(pictures())
    assert control is not None
    velocity = controlled(prior, states, control, 2.0, 1.5)
    maps = HeatMaps(prior, 2)
    plainly = list(denoise(prior, velocity, noise(prior, 0, 2), Sampler(2)))[-1]
    with maps.recording():
        watched = list(denoise(prior, velocity, noise(prior, 0, 2), Sampler(2)))[-1]
    torch.testing.assert_close(watched, plainly, rtol=1e-3, atol=1e-3)
    assert torch.allclose(maps.maps().sum(dim=1), torch.ones(2, 8, 8), atol=1e-4)


def test_the_panels_draw_with_the_folder_as_it_lies_there(folder: Path) -> None:
    disentangler = ServedDisentangler(folder).wait(60)
    assert disentangler.styles == ("photo", "sketch")
    assert disentangler.is_quick
    shown = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    original = Original(Image.fromarray(shown), "photo", "duck")
    card = list(disentangler.card(original))[-1]
    assert card.what_only is None, "nobody reads the object's word"
    assert card.where_only is not None
    assert card.drawn.picture.size == card.where_only.picture.size == (64, 64)
    assert np.any(np.asarray(card.where_only.picture) != np.asarray(card.style_only.picture))
    rows = list(disentangler.grid([original], ["photo", "sketch"]))
    assert len(rows) > 0


@pytest.mark.parametrize(
    "entry",
    [
        {"addition_embed_type": "text_time"},
        {"class_embed_type": "projection", "projection_class_embeddings_input_dim": 2048},
        {"projection_class_embeddings_input_dim": 2048},
        {"num_class_embeds": 1000},
    ],
)
def test_a_unet_that_reads_more_than_a_text_is_no_plain_stable_diffusion(tmp_path: Path, entry: dict[str, Any]) -> None:
    """Stable Diffusion XL, unCLIP and the upscaler."""
    home = write_released(tmp_path / "stable")
    rewrite(home / "unet" / "config.json", lambda config: config.update(entry))
    with pytest.raises(BundleError, match=f"is no Stable Diffusion 1 or 2: its U-Net has {next(iter(entry))}"):
        adopt(home, ["photo"])
    assert not (home / MANIFEST).exists()


@pytest.mark.parametrize(
    ("part", "entry"),
    [
        ("unet", "sample_size"),
        ("text_encoder", "hidden_size"),
        ("text_encoder", "hidden_act"),
        ("image_encoder", "projection_dim"),
    ],
)
def test_a_config_that_lacks_an_entry_or_has_nonsense_there_is_a_sentence(
    tmp_path: Path, part: str, entry: str
) -> None:
    home = write_released(tmp_path / "stable")
    path = home / part / "config.json"
    rewrite(path, lambda config: config.update({entry: [1]}))
    with pytest.raises(BundleError, match=rf"{path} lacks or misnames an entry: {entry} is \[1\], but"):
        adopt(home, ["photo"])
    rewrite(path, lambda config: config.pop(entry))
    with pytest.raises(BundleError, match=f"{path} lacks or misnames an entry: {entry}: field required"):
        adopt(home, ["photo"])


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))


def test_what_does_not_fit_or_is_missing_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = write_released(tmp_path / "stable")
    weights = load_file(home / IP_ADAPTER)
    weights.pop("ip_adapter.3.to_k_ip.weight")
    save_file(weights, home / IP_ADAPTER)
    assert main(["bundle", "adopt", str(home), "--styles", "photo", "--scale", "0.5"]) == 0
    with pytest.raises(BundleError, match="is no IP-Adapter of one picture for this U-Net"):
        load_prior(home)
    (home / IP_ADAPTER).unlink()
    assert main(["bundle", "adopt", str(home), "--styles", "photo"]) == 2
    assert "has no ip_adapter/model.safetensors" in capsys.readouterr().err
