"""An EfficientNet that hears the tag behind its last layer."""

from __future__ import annotations

import pytest
import timm
import torch

from retrieval.backbones.conditional_efficientnet import ConditionalEfficientNet
from retrieval.errors import SettingsError

NAME = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def trunk() -> ConditionalEfficientNet:
    torch.manual_seed(0)
    return ConditionalEfficientNet(NAME).eval()


def test_one_that_takes_over_a_plain_efficientnet_is_that_under_both_tags(trunk: ConditionalEfficientNet) -> None:
    plain = timm.create_model(NAME, num_classes=0).eval()
    trunk.take_over(timm.create_model(NAME, num_classes=0, global_pool="").state_dict() | plain.state_dict())
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        for tag in (0.0, 1.0):
            assert torch.allclose(trunk(images, torch.full((2,), tag)), plain(images), rtol=1e-4, atol=1e-5)
        assert (trunk.gates(images, torch.zeros(2))["last"] == 0.5).all()


def test_its_tag_has_a_gradient_as_soon_as_the_bottleneck_says_something() -> None:
    torch.manual_seed(0)
    fresh, images, tags = ConditionalEfficientNet(NAME).eval(), torch.randn(2, 3, 32, 32), torch.tensor([0.0, 1.0])
    fresh(images, tags).square().sum().backward()
    assert fresh.widen.weight.grad is not None
    assert fresh.widen.weight.grad.any()
    with torch.no_grad():
        fresh.widen.weight -= fresh.widen.weight.grad
    fresh(images, tags).square().sum().backward()
    tag = fresh.excitation.tag
    assert not tag.any()
    assert tag.grad is not None
    assert tag.grad.any()


def test_a_tag_that_weighs_something_changes_what_its_channel_adds(trunk: ConditionalEfficientNet) -> None:
    with torch.no_grad():
        trunk.excitation.tag[0] = 3.0
        trunk.widen.weight[7, 0] = 1.0
        pooled = torch.ones(2, trunk.num_features)
        features = trunk.late(pooled, torch.tensor([0.0, 1.0])) - pooled
        inner = torch.relu(trunk.narrow(pooled))[0, 0]
        trunk.excitation.tag[0] = 0.0
        trunk.widen.weight[7, 0] = 0.0
    assert features[0, 7] == pytest.approx(float(inner), abs=1e-5)
    assert features[1, 7] == pytest.approx(float(2 * inner * torch.sigmoid(torch.tensor(3.0))), abs=1e-5)
    assert int((features != 0).sum()) == 2 * bool(inner)


def test_weights_of_another_trunk_are_refused(trunk: ConditionalEfficientNet) -> None:
    with pytest.raises(SettingsError, match="do not fit the trunk"):
        trunk.take_over(timm.create_model("resnet10t", num_classes=0).state_dict())
