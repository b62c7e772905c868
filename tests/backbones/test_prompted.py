"""Towers that read prompts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from retrieval.backbones import prompted
from retrieval.backbones.map_towers import COMPONENTS, PLACE, POOLED, SHARED
from retrieval.backbones.prompted import PromptedEfficientNet, picture_tower
from retrieval.errors import SettingsError


@pytest.fixture(scope="module")
def tower() -> PromptedEfficientNet:
    torch.manual_seed(0)
    return PromptedEfficientNet("tf_efficientnet_lite0", 8, size=64, width=16, layers=1, heads=2).eval()


@torch.inference_mode()
def test_a_tower_begins_as_its_straight_path(tower: PromptedEfficientNet) -> None:
    images = torch.randn(2, 3, 64, 64)
    components = torch.randn(8, tower.features_out)
    mean = torch.randn(tower.features_out)
    tower.begin_at(mean, components)
    pooled = tower.features(images).mean(dim=(2, 3))
    assert torch.allclose(tower(images), (pooled - mean) @ components.T, atol=1e-4)
    assert torch.equal(tower(images), tower(images, torch.randn(2, 3, 16))), "at first prompts say nothing"


def test_prompts_are_read_and_learn(tower: PromptedEfficientNet) -> None:
    nn.init.normal_(tower.project.weight)
    images, prompts = torch.randn(2, 3, 64, 64), torch.randn(2, 3, 16, requires_grad=True)
    codes = tower(images, prompts)
    assert not torch.allclose(codes, tower(images))
    codes.sum().backward()
    assert prompts.grad is not None
    assert prompts.grad.abs().sum() > 0
    nn.init.zeros_(tower.project.weight)


def test_the_trunks_norms_stay_in_evaluation_mode(tower: PromptedEfficientNet) -> None:
    tower.train()
    assert tower.transformer.training
    assert not any(part.training for part in tower.trunk.modules())
    tower.eval()


@pytest.mark.parametrize("name", ["ViT-B-32", "ViT-B-16-SigLIP2"])
def test_a_vision_transformer_has_the_same_signature(name: str) -> None:
    torch.manual_seed(0)
    tower = picture_tower(name, 8, size=64, width=0, layers=0, heads=0).eval()
    images, prompts = torch.randn(2, 3, 64, 64), torch.randn(2, 3, tower.width)
    with torch.inference_mode():
        assert tower(images).shape == (2, 8)
        assert not torch.allclose(tower(images), tower(images, prompts))
        assert torch.allclose(tower(images), tower.code(tower.features(images)))


@pytest.mark.parametrize("trunk", ["tf_efficientnet_lite0", "ViT-B-32"])
@torch.inference_mode()
def test_a_tower_taken_apart_makes_the_same_codes(trunk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(prompted.VITS, "ViT-B-32", prompted.VITS["ViT-B-32"] | {"layers": 1})
    torch.manual_seed(0)
    tower = picture_tower(trunk, 8, size=64, width=16, layers=1, heads=2).eval()
    images, prompts = torch.randn(2, 3, 64, 64), torch.randn(2, 3, tower.width)
    stem = tower.stem(images)
    attended = tower.attend(stem, prompts, first=tower.copied_class_token()(stem))
    assert torch.allclose(tower.finish(stem, attended), tower(images, prompts), atol=1e-5)
    assert not torch.allclose(tower.attend(stem, prompts, read=1), attended), "the first prompt's place is another"
    if trunk in prompted.VITS:
        assert torch.allclose(tower(images), tower.trunk(images), atol=1e-5), "without prompts it is open_clip's"


def test_a_trunk_that_nobody_knows_is_refused() -> None:
    with pytest.raises(SettingsError, match="'resnet50'"):
        picture_tower("resnet50", 8, size=64, width=16, layers=1, heads=2)


def test_a_tower_reads_one_token_as_the_whole_transformer_would() -> None:
    torch.manual_seed(0)
    tower = picture_tower(COMPONENTS, 8, size=64, width=16, layers=2, heads=2)
    rows, prompts = torch.randn(3, POOLED + 4 * PLACE), torch.randn(3, 2, 16)
    with torch.no_grad():
        tokens = torch.cat(
            [tower.class_token(rows), prompts, tower.map_to_tokens(tower.places(rows)) + tower.positions], dim=1
        )
        whole = tower.after(tower.transformer(tower.before(tokens)))
        for read in (0, 1):
            assert torch.allclose(tower.attend(rows, prompts, read=read), whole[:, read], atol=1e-5)


def test_a_tower_on_a_lent_trunk_makes_the_components_of_its_maps() -> None:
    torch.manual_seed(0)
    tower = picture_tower(SHARED, 8, size=64, width=16, layers=1, heads=2)
    with pytest.raises(SettingsError, match="Lend it one"):
        tower.stem(torch.zeros(1, 3, 64, 64))
    maps = torch.randn(2, 320, 2, 2)
    tower.lend(lambda images: maps)
    torch.nn.init.normal_(tower.pooled_directions)
    torch.nn.init.normal_(tower.place_directions)
    with torch.no_grad():
        rows = tower.stem(torch.zeros(2, 3, 64, 64))
        features = torch.nn.functional.relu6(tower.last(maps))
    assert torch.allclose(tower.pooled(rows), features.mean(dim=(2, 3)) @ tower.pooled_directions.T, atol=1e-4)
    assert torch.allclose(tower.places(rows)[:, 1], features[:, :, 0, 1] @ tower.place_directions.T, atol=1e-4)
    assert not [name for name in tower.state_dict() if "lent" in name]
