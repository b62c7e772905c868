"""A prior comes back from its folder as it was, small or full size, and nothing that was changed comes back at all."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file, save_file

from retrieval.artifacts.checksummed import seal
from retrieval.artifacts.manifest import Source, reference_to
from retrieval.artifacts.prior import (
    ADAPTER,
    BRANCH,
    FORMAT,
    INPUT,
    LATENTS,
    READER,
    TOWER,
    TRUNK,
    UNET,
    VAE,
    load_prior,
    save_prior,
)
from retrieval.artifacts.text_tower import load_text_tower, save_text_tower
from retrieval.artifacts.trunk import load_trunk, save_trunk
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.diffusion.image_adapter import AdapterConfig, ImageAdapter, Trunk
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import THING_AT, ReaderConfig, prompt
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.diffusion.stable import reader_weights
from retrieval.errors import BundleError
from retrieval.files import sha256
from tests.artifacts.released import FULL, RELEASED, as_released
from tests.backbones.tokenizers import PIECES, toy_tokenizer

SMALL = PriorConfig(size=32, widths=(16, 32), reader=ReaderConfig(width=32, layers=1, heads=2, vocabulary_size=49408))


def drawn(config: PriorConfig, seed: int = 0) -> Prior:
    torch.manual_seed(seed)
    return Prior(config).eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sources = [Source("renders", "Apache-2.0", 9)]
    prior = drawn(SMALL)
    save_prior(tmp_path, prior, name="tiny", styles=["photo", "sketch"], classes=["duck"], trained_on=sources)
    return tmp_path


def test_a_prior_comes_back_in_half_precision_and_frozen(folder: Path) -> None:
    loaded, made = load_prior(folder), drawn(SMALL)
    assert (loaded.name, loaded.styles, loaded.classes) == ("tiny", ("photo", "sketch"), ("duck",))
    assert loaded.trained_on == (Source("renders", "Apache-2.0", 9),)
    assert not any(p.requires_grad for p in loaded.prior.parameters())
    for name, weight in loaded.prior.state_dict().items():
        torch.testing.assert_close(weight, made.state_dict()[name], rtol=2e-3, atol=1e-6)


def test_diffusers_opens_the_same_folder(folder: Path) -> None:
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    ours = load_prior(folder).prior.unet.state_dict()
    assert all(torch.equal(value.float(), ours[name]) for name, value in unet.state_dict().items())


@pytest.mark.parametrize("path", [UNET, VAE, READER])
def test_a_changed_file_refuses_the_whole_folder(folder: Path, path: str) -> None:
    (folder / path).write_bytes((folder / path).read_bytes()[:-1] + b"!")
    with pytest.raises(BundleError, match="checksum"):
        load_prior(folder)


def test_a_manifest_that_lacks_an_entry_is_refused_with_a_sentence(folder: Path) -> None:
    told = json.loads((folder / "manifest.json").read_text())
    del told["styles"]
    (folder / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(BundleError, match="styles"):
        load_prior(folder)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("name", "../x"),
        ("styles", "photo"),
        ("steps", -1),
        ("steps", "4"),
        ("guidance", float("nan")),
        ("trained_on", [{"data": "renders"}]),
        ("files", {}),
        ("config", {}),
        ("config", {"reader": {"layers": 10**9}}),
        ("config", {"heads": 0}),
        ("config", {"full": 7}),
    ],
)
def test_a_wrong_entry_is_refused_with_a_sentence(folder: Path, entry: str, value: object) -> None:
    told = json.loads((folder / "manifest.json").read_text())
    told[entry] = told[entry] | value if isinstance(value, dict) and value else value
    (folder / "manifest.json").write_text(json.dumps(told))
    with pytest.raises(BundleError):
        load_prior(folder)


def test_the_fingerprint_tells_weights_apart(folder: Path, tmp_path: Path) -> None:
    save_prior(tmp_path / "b", drawn(SMALL, 1), name="tiny", styles=[], classes=[], trained_on=[])
    assert load_prior(folder).fingerprint != load_prior(tmp_path / "b").fingerprint


def test_a_snapshot_of_stable_diffusion_opens_as_the_same_class(tmp_path: Path) -> None:
    config = PriorConfig(size=64, reader=RELEASED, full=FULL)
    made = drawn(config)
    files: dict[str, Any] = {}
    AutoencoderKL(**FULL.vae).save_config(tmp_path / "vae")  # what a snapshot holds beside, and nobody reads
    parts = {UNET: made.unet.state_dict(), VAE: made.latents.vae.state_dict()}  # type: ignore[union-attr]
    parts[READER] = as_released(made.reader.state_dict())
    for path, weights in parts.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        save_file({name: value.contiguous() for name, value in weights.items()}, tmp_path / path)
        files[path] = sha256(tmp_path / path)
    told = {"format": FORMAT, "name": "full", "config": dataclasses.asdict(config), "files": files}
    told |= {"styles": [], "classes": [], "trained_on": [], "steps": 0, "guidance": 1.0}
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    prior = load_prior(tmp_path).prior
    assert prior.latent_shape == (4, 8, 8)
    words = [prompt("photo", "duck"), prompt("sketch")]
    assert torch.equal(prior.reader(words), made.reader(words))
    picture = torch.rand(2, 3, 64, 64) * 2 - 1
    latents = prior.latents.encode(picture)
    assert prior.latents.decode(latents).shape == picture.shape
    t, noise, z = torch.tensor([200, 800]), torch.randn_like(latents), torch.randn(2, 32, requires_grad=True)
    error = prior.noise_error(latents, noise, t, prior.reader(words, {THING_AT: z}))
    seen = prior.unet(prior.noised(latents, noise, t), t, prior.reader(words, {THING_AT: z})).sample
    torch.testing.assert_close(error, (seen - noise).square().mean((1, 2, 3)), rtol=1e-3, atol=1e-5)
    error.sum().backward()
    assert z.grad is not None
    assert z.grad.abs().sum() > 0


def test_an_adapter_of_ours_stands_on_a_released_stable_diffusion(tmp_path: Path) -> None:
    """Its first convolution reads our controls too; as long as that part is zero, it draws as it was released."""
    adapter = AdapterConfig(size=64, hidden=16, channels=8)
    config = PriorConfig(size=64, reader=RELEASED, full=FULL)
    released, torch_trunk = drawn(config), Trunk(adapter)
    save_trunk(tmp_path / "trunk", torch_trunk, adapter)
    ours = ImageAdapter(adapter, 8, torch_trunk)
    reads = torch.zeros(32, adapter.control_channels, 3, 3)
    weights: dict[str, Any] = {UNET: released.unet.state_dict(), READER: released.reader.state_dict()}
    weights |= {VAE: released.latents.vae.state_dict()}  # type: ignore[union-attr]
    weights |= {ADAPTER: {**ours.learned(), INPUT: reads}}
    payload = {
        "format": FORMAT,
        "name": "on-stable",
        "config": dataclasses.asdict(dataclasses.replace(config, adapter=adapter)),
    }
    payload |= {"styles": [], "classes": [], "trained_on": [], "steps": 4, "guidance": 1.0}
    payload |= {"refers_to": {TRUNK: dataclasses.asdict(reference_to(tmp_path / "trunk"))}}
    seal(tmp_path / "on-stable", payload, weights)
    prior = load_prior(tmp_path / "on-stable").prior
    noisy, t, states = torch.randn(1, 4, 8, 8), torch.tensor([500]), released.reader([prompt("photo", "duck")])
    control = prior.control(torch.rand(1, 3, 64, 64) * 2 - 1)
    with torch.inference_mode():
        expected = released.velocity(noisy, t, states)
        torch.testing.assert_close(prior.velocity(noisy, t, states, control), expected, rtol=1e-4, atol=1e-4)


def test_weights_that_are_ours_already_keep_their_names() -> None:
    ours = {"token_embedding.weight": torch.zeros(1)}
    assert reader_weights(ours) == ours


def test_a_prior_with_an_adapter_comes_back_with_the_parts_that_it_shares(tmp_path: Path) -> None:
    adapter, trunk = AdapterConfig(size=64, hidden=16, channels=8), Trunk(AdapterConfig())
    sizes = SentenceConfig(vocabulary=len(PIECES), width=32, layers=1, heads=2, hidden=32, positions=24)
    torch.manual_seed(0)
    save_text_tower(tmp_path / "tower", SentenceEncoder(toy_tokenizer(), sizes), toy_tokenizer())
    save_trunk(tmp_path / "trunk", trunk, AdapterConfig())
    reader = SentenceReader(load_text_tower(tmp_path / "tower"), positions=8)
    config = dataclasses.replace(SMALL, reader=reader.config, adapter=adapter, text_channels=16)
    prior = Prior(config, reader, load_trunk(tmp_path / "trunk")).eval()
    refers_to = {TOWER: reference_to(tmp_path / "tower"), TRUNK: reference_to(tmp_path / "trunk")}
    told: dict[str, Any] = {"styles": ["photo"], "classes": ["duck"], "trained_on": [], "refers_to": refers_to}
    save_prior(tmp_path / "prior", prior, name="prior", **told, guidance=2.5, map_guidance=1.5)
    back = load_prior(tmp_path / "prior")
    assert (back.guidance, back.map_guidance) == (2.5, 1.5)
    assert not any("trunk" in name for name in load_file(tmp_path / "prior" / ADAPTER))
    x, t, pictures = torch.randn(1, *prior.latent_shape), torch.tensor([500]), torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        for which in (lambda p: None, lambda p: p.control(pictures)):
            mine, theirs = (p.velocity(x, t, p.reader(["a duck"]), which(p)) for p in (prior, back.prior))
            torch.testing.assert_close(mine, theirs, atol=2e-2, rtol=2e-2)


def test_a_prior_that_names_no_trunk_is_refused(tmp_path: Path) -> None:
    config = dataclasses.replace(SMALL, adapter=AdapterConfig(size=32, hidden=16, channels=8))
    told: dict[str, Any] = {"styles": [], "classes": [], "trained_on": []}
    save_prior(tmp_path, Prior(config), name="prior", **told)
    with pytest.raises(BundleError, match="refers to no trunk"):
        load_prior(tmp_path)


def test_a_branch_comes_back_and_a_shared_auto_encoder_is_not_written_twice(tmp_path: Path) -> None:
    torch.manual_seed(0)
    about: dict[str, Any] = {"styles": (), "classes": (), "trained_on": ()}
    first = Prior(SMALL).eval()
    save_prior(tmp_path / "first", first, name="first", **about)
    other = Prior(dataclasses.replace(SMALL, upright=True, domain="street")).eval()
    assert other.branch is not None
    torch.nn.init.normal_(other.branch.zero_middle.weight)
    shared = {LATENTS: reference_to(tmp_path / "first")}
    save_prior(tmp_path / "other", other, name="other", refers_to=shared, **about)
    assert (tmp_path / "other" / BRANCH).is_file()
    assert not (tmp_path / "other" / "vae").exists()
    read = load_prior(tmp_path / "other").prior
    assert read.branch is not None
    assert torch.equal(read.branch.zero_middle.weight, other.branch.zero_middle.weight.half().float())
    picture = torch.rand(1, 3, 32, 16) * 2 - 1
    torch.testing.assert_close(
        read.latents.encode(picture), load_prior(tmp_path / "first").prior.latents.encode(picture)
    )
