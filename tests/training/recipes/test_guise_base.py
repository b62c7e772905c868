"""The foundation's recipe on a few pictures, with a trunk at random weights in place of the published one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.manifest import WEIGHTS
from retrieval.artifacts.provenance import Provenance
from retrieval.data.concepts import UNSEEN
from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.methods import Phase
from retrieval.methods.foundation import Config, Foundation
from retrieval.training.epochs import Run, Stage, run_epochs
from retrieval.training.recipes.guise_base import GuiseBaseSettings
from retrieval.training.recipes.parts import foundation_start
from retrieval.training.recipes.parts.device_sampler import Claim, TextBatch, counterfactual
from retrieval.training.recipes.parts.foundation_objective import (
    FoundationTraining,
    fitted_components,
    principal_components,
    prototypes_of,
)
from retrieval.types import PHOTO, SKETCH, no_progress
from retrieval.world.captions import article
from tests.training.small import write_everything
from tests.training.small_foundation import patch_classifiers, small_recipe, small_settings

ZERO_SHOT = small_recipe()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> GuiseBaseSettings:
    """A training of one step a phase on a few pictures of every kind."""
    home = tmp_path_factory.mktemp("foundation")
    write_everything(home)
    return small_settings(home, "bundle", validate_every=1)


@pytest.fixture(scope="module")
def random_trunk() -> Iterator[None]:
    """Nobody opens the published classifier."""
    with pytest.MonkeyPatch.context() as patch:
        patch_classifiers(patch)
        yield


@pytest.fixture(scope="module")
def bundle(settings: GuiseBaseSettings, random_trunk: None) -> Bundle:
    return load_bundle(ZERO_SHOT.make(settings).folder)


def test_a_trained_foundation_reads_pictures_and_words_into_one_space(bundle: Bundle) -> None:
    pictures = bundle.encode_images(torch.zeros(2, 3, 32, 32), [PHOTO, SKETCH])
    words = bundle.encode_texts(["a red duck", "house", "apple"])
    assert pictures.shape == (2, 8)
    assert words.shape == (3, 8)
    assert torch.allclose(words.norm(dim=1), torch.ones(3), atol=1e-5)


def test_its_manifest_tells_the_published_weights_and_refers_to_the_sentence_encoder(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert set(manifest.refers_to) == {"text"}
    assert [stage.role for stage in manifest.provenance if stage.pretrained] == ["trunk", "text tower"]
    assert not set(manifest.classes) & set(UNSEEN)
    assert set(UNSEEN) <= set(manifest.unseen_classes)
    assert Provenance.of(manifest).contradiction(UNSEEN) is None


def test_exported_weights_are_finished_into_the_same_bundle(
    settings: GuiseBaseSettings, bundle: Bundle, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.safetensors"
    ZERO_SHOT.make(dataclasses.replace(settings, export=weights))
    home = settings.text.parent  # a bundle lies beside what it refers to
    elsewhere = dataclasses.replace(settings, weights=weights, out=home / "finished", run_folder=tmp_path / "run")
    finished = load_bundle(ZERO_SHOT.make(elsewhere).folder)
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(finished.encode_images(images, [PHOTO] * 2), bundle.encode_images(images, [PHOTO] * 2))


@pytest.mark.parametrize("changed", [{"size": 64}, {"trunk": "tf_efficientnet_lite1"}])
@pytest.mark.parametrize("option", ["init", "weights"])
def test_a_start_of_another_shape_is_refused_before_pictures_are_read(
    option: str, changed: dict[str, object], settings: GuiseBaseSettings, bundle: Bundle
) -> None:
    assert settings.out is not None
    place = {"init": settings.out, "weights": settings.out / WEIGHTS}[option]
    asked: Any = dataclasses.replace(settings, **{option: place}, **changed)
    with pytest.raises(SettingsError, match=r"of another shape.* --size and --trunk"):
        ZERO_SHOT.start(asked, ZERO_SHOT.sources(settings), no_progress)


def test_every_loss_reaches_the_trunk_and_none_the_classifier(settings: GuiseBaseSettings, random_trunk: None) -> None:
    sources = ZERO_SHOT.sources(settings)
    learner = ZERO_SHOT.start(settings, sources, lambda done, total: None).learner
    sampler = foundation_start.sampler(ZERO_SHOT, dataclasses.replace(settings, batch=16), sources)
    batch = next(iter(sampler.epoch(0, 0)))
    everything = Phase("all", 1, 1e-3)
    for name in learner.losses(batch, everything):
        learner.zero_grad()
        learner.losses(batch, everything)[name].backward()
        reached = [p for p in learner.method.tower.trunk.parameters() if p.grad is not None and p.grad.abs().sum() > 0]
        assert reached, f"{name} teaches the trunk nothing"
    learner.zero_grad()
    sum(learner.losses(batch, Phase("head", 1, 1e-3)).values()).backward()
    assert all(p.grad is None for p in learner.method.tower.trunk.parameters()), "the head learns alone"


def test_the_texts_of_a_batch_are_true_of_the_pictures_that_they_are_said_of(
    settings: GuiseBaseSettings, random_trunk: None
) -> None:
    sources = ZERO_SHOT.sources(settings)
    sampler = foundation_start.sampler(ZERO_SHOT, dataclasses.replace(settings, batch=16), sources)
    batch = next(iter(sampler.epoch(0, 0)))
    assert isinstance(batch, TextBatch)
    assert batch.labels is not None
    count = len(sampler.classes)
    assert torch.equal(batch.holds[:, :count].int().argmax(dim=1), batch.labels)
    assert batch.holds[:, :count].sum() == 16, "of the names of classes one is true of each picture"
    assert batch.holds[:, count:].diagonal().all(), "a picture's own caption is true of it"
    assert not (batch.holds & batch.silent).any()


def test_a_caption_that_names_colour_or_style_stands_beside_one_that_names_another() -> None:
    said = Claim("a red car", "car", color="red")
    other = counterfactual(said, np.random.default_rng(0))
    assert (other.label, other.style) == ("car", "")
    assert other.color not in ("", "red")
    assert other.text == f"{article(other.color + ' car')}"
    other = counterfactual(Claim("a sketch of a car", "car", style="sketch"), np.random.default_rng(0))
    assert other.style not in ("", "sketch")
    assert other.color == ""


def test_stages_that_are_held_still_do_not_learn_and_later_ones_do(
    settings: GuiseBaseSettings, random_trunk: None
) -> None:
    sources = ZERO_SHOT.sources(settings)
    held = dataclasses.replace(settings, still=5)
    learner = ZERO_SHOT.start(held, sources, lambda done, total: None).learner
    batch = next(iter(foundation_start.sampler(ZERO_SHOT, held, sources).epoch(0, 0)))
    sum(learner.losses(batch, Phase("all", 1, 1e-3)).values()).backward()
    trunk = learner.method.tower.trunk
    assert all(p.grad is None for part in (trunk.conv_stem, trunk.blocks[:5]) for p in part.parameters())
    assert all(p.grad is not None for p in trunk.blocks[5].parameters())


def test_principal_components_and_prototypes_are_what_they_say() -> None:
    torch.manual_seed(0)
    rows = torch.randn(50, 4) * torch.tensor([5.0, 1.0, 0.1, 0.1])
    mean, components = principal_components(rows, 2)
    assert torch.allclose(mean, rows.mean(dim=0))
    assert components[0, 0].abs() > 0.9
    prototypes = prototypes_of(torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 0, 2]), 4)
    assert torch.allclose(prototypes, torch.tensor([[0.7071, 0.7071], [0, 0], [1, 0], [0, 0]]), atol=1e-4)


def test_fitted_components_find_the_codes_that_features_explain() -> None:
    torch.manual_seed(0)
    features, truth = torch.randn(200, 6), torch.randn(3, 6)
    assert torch.allclose(fitted_components(features, features @ truth.T, ridge=1e-6), truth, atol=1e-3)


def test_the_published_size_builds_takes_a_step_of_each_phase_and_encodes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    method = Foundation(Config(dim=512, trunk="ViT-B-32"), Preprocess(224))
    phases = (Phase("head", 1, 1e-4), Phase("all", 1, 1e-4, rates={"method.tower.trunk": 0.1}))
    labels, texts = torch.tensor([0, 0, 1, 1]), torch.nn.functional.normalize(torch.randn(6, 384), dim=1)
    holds = torch.cat([torch.nn.functional.one_hot(labels, 2).bool(), torch.eye(4, dtype=torch.bool)], dim=1)
    batch = TextBatch(
        images=torch.randn(4, 3, 224, 224), domains=[PHOTO, SKETCH] * 2, labels=labels, texts=(), holds=holds,
        instances=["", "", "", ""], sentences=texts, silent=torch.zeros_like(holds),
        real=torch.zeros(4, dtype=torch.bool),
    )  # fmt: skip

    class OneBatch:
        def __len__(self) -> int:
            return 1

        def epoch(self, seed: int, epoch: int) -> list[TextBatch]:
            return [batch]

    learner = FoundationTraining(method, phases)
    before = method.tower.trunk.conv1.weight.detach().clone()
    run_epochs(Stage(learner, OneBatch(), Run(tmp_path / "run", {})))
    assert not torch.equal(method.tower.trunk.conv1.weight, before)
    assert method.encode_images(batch.images, batch.domains).shape == (4, 512)
