"""UCDR-Adapter's recipes on toy pictures, with a trunk at random weights in place of the published one."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.text_tower import save_text_tower
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.data.readers.world import read_rendered
from retrieval.errors import DataError, SettingsError
from retrieval.methods.foundation import Foundation
from retrieval.methods.ucdr_adapter import UCDRAdapter
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes import ucdr_adapter as recipes
from retrieval.training.recipes.parts import trunk_maps, ucdr_sources
from retrieval.training.recipes.parts.trunk_maps import in_rounds, mapped_pictures
from retrieval.training.recipes.parts.ucdr_training import MapSampler, MapValidation
from retrieval.types import SKETCH, STYLES, no_progress
from retrieval.world.split import TEST_UNSEEN
from tests.backbones.tokenizers import PIECES, toy_tokenizer

SMALL = {"dim": 8, "width": 16, "layers": 1, "heads": 2, "sentence": 16, "hidden": 16}
CLASSES = ("apple", "bee", "cat", "duck", "crab", "snail", "banana")  # seen, to select on, and unseen
OBJECTS = 3
TRUNK = "tf_efficientnet_lite0"


def write_renders(folder: Path) -> None:
    """Some objects of some classes in every style."""
    folder.mkdir()
    lines = []
    random = np.random.default_rng(0)
    for label in CLASSES:
        for number in range(OBJECTS):
            for style in STYLES:
                name = f"{label}-{number}-{style.name}"
                Image.fromarray(random.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / f"{name}.png")
                lines.append(
                    {"id": name, "path": f"{name}.png", "label": label, "domain": style.name,
                     "object": f"{label}-{number}"}
                )  # fmt: skip
    (folder / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with renders and a sentence encoder, in which everything is trained; trunks are at random weights."""

    def classifier(name: str) -> nn.Module:
        torch.manual_seed(1)
        return timm.create_model(name, pretrained=False, num_classes=1000).eval()

    folder = tmp_path_factory.mktemp("ucdr")
    write_renders(folder / "renders")
    torch.manual_seed(0)
    sizes = SentenceConfig(vocabulary=len(PIECES), width=16, layers=1, heads=2, hidden=32, positions=32, longest=12)
    save_text_tower(
        folder / "runs" / "bundles" / "text", SentenceEncoder(toy_tokenizer(), sizes).eval(), toy_tokenizer()
    )
    patch = pytest.MonkeyPatch()
    patch.chdir(folder)
    for module in (trunk_maps, ucdr_sources):
        patch.setattr(module, "imagenet_classifier", classifier)
    patch.setitem(recipes.STARTS, "sketch", dataclasses.replace(recipes.STARTS["sketch"], config=SMALL))
    yield folder
    patch.undo()


@pytest.fixture(scope="module")
def settings(home: Path) -> recipes.UcdrSettings:
    return recipes.UcdrSettings(
        renders=home / "renders", text=home / "runs" / "bundles" / "text", maps=home / "maps", objects=OBJECTS,
        validation_objects=2, size=32, batch=6, steps=2, group=3, epochs=1, source_epochs=1, validate_every=1,
    )  # fmt: skip


def without_sketches(**config: Any) -> recipes.UcdrAdapter:
    recipe: Any = RECIPES["ucdr-adapter-sketch"]
    return dataclasses.replace(recipe, config={"template": 2, **config})


@pytest.fixture(scope="module")
def bundle(settings: recipes.UcdrSettings) -> Bundle:
    return load_bundle(without_sketches().make(settings).folder)


def test_a_trained_adapter_encodes_pictures_of_a_style_that_nothing_behind_it_has_seen(bundle: Bundle) -> None:
    assert isinstance(bundle.method, UCDRAdapter)
    codes = bundle.encode_images(torch.randn(2, 3, 32, 32), [SKETCH, SKETCH])
    assert codes.shape == (2, 8)
    assert bundle.encode_texts(["a red duck"]).shape == (1, 8)
    seen = Provenance.of(bundle.manifest)
    assert seen.contradiction(TEST_UNSEEN, ["sketch"]) is None
    assert seen.contradiction((), ["mosaic"]), "the others were trained on"
    assert {stage.role for stage in seen.stages} == {"trunk of the start", "text tower of the start", "start", ""}
    assert bundle.manifest.classes == bundle.method.config.classes == ("apple", "bee", "cat", "duck")
    assert "banana" in bundle.manifest.unseen_classes


def test_nothing_is_selected_before_the_generator_learns(settings: recipes.UcdrSettings, bundle: Bundle) -> None:
    lines = (without_sketches().run_folder(settings) / "log.jsonl").read_text().splitlines()
    assert ["validation mAP@all" in json.loads(line) for line in lines] == [False, True]


def test_what_is_not_trained_is_the_starts(bundle: Bundle, home: Path) -> None:
    start = load_bundle(home / "runs" / "bundles" / "ucdr-start-sketch-0").method
    assert isinstance(start, Foundation)
    mine, its = bundle.method.foundation.state_dict(), start.state_dict()
    moved = {name.split(".")[1] for name in its if not torch.equal(mine[name], its[name])}
    assert moved == {"pooled_to_token", "straight", "project"}


def test_a_start_that_has_seen_the_style_is_refused(home: Path, settings: recipes.UcdrSettings, bundle: Bundle) -> None:
    elsewhere: Any = dataclasses.replace(RECIPES["ucdr-adapter-mosaic"], config={"template": 2})
    asked = dataclasses.replace(settings, init=home / "runs" / "bundles" / "ucdr-start-sketch-0")
    with pytest.raises(SettingsError, match="has seen the style 'mosaic'"):
        elsewhere.make(asked)
    asked = dataclasses.replace(settings, init=home / "runs" / "bundles" / "ucdr-adapter-sketch-0")
    with pytest.raises(SettingsError, match="is no foundation"):
        without_sketches().start(asked, without_sketches().sources(asked), no_progress)


@pytest.mark.parametrize(("name", "value"), [("size", 64), ("objects", 2), ("renders", Path("others"))])
def test_a_start_that_was_trained_with_other_settings_is_not_taken_for_that_of_these(
    name: str, value: object, settings: recipes.UcdrSettings, bundle: Bundle
) -> None:
    asked: Any = dataclasses.replace(settings, **{name: value})
    sources = without_sketches().sources(settings)
    with pytest.raises(SettingsError, match=rf"ucdr-start-sketch-0 was trained with other settings \({name}\)"):
        without_sketches().start(asked, sources, no_progress)
    elsewhere: Any = dataclasses.replace(settings, maps=Path("elsewhere"))
    without_sketches().start(elsewhere, sources, no_progress)


def test_a_start_of_which_nothing_tells_how_it_was_trained_is_begun_from_only_by_name(
    home: Path, settings: recipes.UcdrSettings, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sources, folder = without_sketches().sources(settings), home / "runs" / "bundles" / "ucdr-start-sketch-0"
    (tmp_path / "runs" / "bundles").mkdir(parents=True)
    for name in (folder.name, "text"):
        (tmp_path / "runs" / "bundles" / name).symlink_to(folder.parent / name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="does not tell"):
        without_sketches().start(settings, sources, no_progress)
    without_sketches().start(dataclasses.replace(settings, init=folder), sources, no_progress)


@pytest.mark.parametrize(("name", "value"), [("size", 64), ("trunk", "tf_efficientnet_lite1")])
def test_a_start_that_reads_other_maps_is_refused(
    name: str, value: object, home: Path, settings: recipes.UcdrSettings, bundle: Bundle
) -> None:
    folder = home / "runs" / "bundles" / "ucdr-start-sketch-0"
    asked: Any = dataclasses.replace(settings, init=folder, **{name: value})
    with pytest.raises(SettingsError, match="reads 32 pixels with tf_efficientnet_lite0, and the maps are of"):
        without_sketches().start(asked, without_sketches().sources(settings), no_progress)


def test_as_many_objects_are_selected_on_as_is_asked_for_however_few_are_trained_on(
    home: Path, settings: recipes.UcdrSettings, tmp_path: Path
) -> None:
    few = dataclasses.replace(settings, objects=1, validation_objects=3, maps=tmp_path)
    sources = without_sketches().sources(few)
    for part, objects in ((sources.training, 1), (sources.validation, 3)):
        table = part.table
        assert {len({row.instance for row in table.where(labels=(name,))}) for name in {*table.labels}} == {objects}


def test_batches_show_each_class_in_several_domains_but_never_the_one_left_out(
    settings: recipes.UcdrSettings, bundle: Bundle
) -> None:
    sources = without_sketches().sources(settings)
    assert "sketch" not in sources.domains
    assert set(sources.validation.table.labels) == {"crab", "snail"}
    assert "sketch" not in sources.validation.table.domains
    sampler = MapSampler(sources.training, sources.classes, batch=6, steps=2, group=3)
    batches = list(sampler.epoch(0, 0))
    assert len(batches) == len(sampler) == 2
    for batch in batches:
        assert batch.images.shape == (6, 1280, 1, 1)
        assert batch.labels is not None
        for group in (slice(0, 3), slice(3, 6)):
            assert len({domain.name for domain in batch.domains[group]}) == 3
            assert len(set(batch.labels[group].tolist())) == 1
    again = next(iter(sampler.epoch(0, 0)))
    assert torch.equal(again.images, batches[0].images)


def test_validation_asks_for_other_objects_of_the_class_in_photographs(
    settings: recipes.UcdrSettings, bundle: Bundle
) -> None:
    sources = without_sketches().sources(settings)
    table = sources.validation.table
    by_class = {
        tuple(row.flatten()[:4].tolist()): label
        for row, label in zip(torch.cat(list(sources.validation.of_view(0))), table.labels, strict=True)
    }

    def ideal(maps: torch.Tensor) -> torch.Tensor:
        names = [by_class[tuple(row.flatten()[:4].tolist())] for row in maps]
        return torch.tensor([[name == "crab", name == "snail"] for name in names]).float()

    assert MapValidation(sources.validation).score(ideal) == {"validation mAP@all": 1.0}


def test_all_that_training_computes_with_goes_to_its_device(
    home: Path, settings: recipes.UcdrSettings, bundle: Bundle
) -> None:
    sources, elsewhere = without_sketches().sources(settings), dataclasses.replace(settings, device="meta")
    names = ("sentences", "mean", "components")
    start = recipes.STARTS["sketch"].start(recipes.UcdrStartSettings(text=settings.text, size=32), sources, no_progress)
    there = dict(start.learner.to("meta").named_buffers())
    assert [there[name].device.type for name in names] == ["meta"] * 3
    assert not {*names} & {*start.learner.state_dict()}, "they are made anew when an interrupted run goes on"
    text = without_sketches().start(elsewhere, sources, no_progress).learner.parts["text"]
    assert text.words.weight.device.type == "meta"
    asked: list[str] = []

    def nothing(maps: torch.Tensor) -> torch.Tensor:
        asked.append(maps.device.type)
        return torch.zeros(len(maps), 2)

    MapValidation(sources.validation, "meta").score(nothing)
    assert {*asked} == {"meta"}


def test_a_file_of_maps_grows_goes_on_and_is_never_mistaken(home: Path, tmp_path: Path) -> None:
    table = read_rendered(home / "renders")
    one = mapped_pictures(tmp_path, in_rounds(table, 1), TRUNK, 32)
    assert one.maps.shape == (len(CLASSES) * len(STYLES), trunk_maps.VIEWS, 1280, 1, 1)
    first = one.maps.copy()
    with (tmp_path / "maps.f16").open("r+b") as file:
        file.truncate(20 * trunk_maps.VIEWS * 1280 * 2 + 100)  # interrupted in the 21st picture, of the second chunk
    assert np.array_equal(mapped_pictures(tmp_path, in_rounds(table, 1), TRUNK, 32).maps, first)
    two = mapped_pictures(tmp_path, in_rounds(table, 2), TRUNK, 32)
    assert np.array_equal(two.maps[: len(first)], first)
    assert len(first) % trunk_maps.CHUNK, "the first file ends within a chunk"
    assert np.array_equal(mapped_pictures(tmp_path / "at-once", in_rounds(table, 2), TRUNK, 32).maps, two.maps)
    assert np.array_equal(mapped_pictures(tmp_path, in_rounds(table, 1), TRUNK, 32).maps, first)
    with pytest.raises(DataError, match="other pictures"):
        mapped_pictures(tmp_path, in_rounds(table, 2)[1:], TRUNK, 32)
