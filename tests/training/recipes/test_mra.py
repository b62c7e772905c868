"""MRA's recipe in the small: towers at random weights, eighteen painted figures, two steps of each phase."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.text_tower import save_text_tower
from retrieval.artifacts.trunk import save_trunk
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.data.picture_table import concatenate
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.errors import DataError
from retrieval.methods.mra import MRA, Config
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.mra import MRARecipe, MRASettings
from retrieval.training.relations.assemble import assemble
from retrieval.training.relations.packing import write_rows
from tests.backbones.tokenizers import toy_tokenizer
from tests.methods.toy_mra import COAT, CONFIG, HAT, PAIRS, SIZE, WORDS, figure, sentence

SPLITS = ("train", "val", "test")
TRAINED = {"studio": 6, "street": 3}  # of nine figures each


def write_people(folder: Path, domain: str) -> None:
    """Nine upright figures of three people, one of each split."""
    folder.mkdir(parents=True)
    lines = []
    for at, (hat, coat) in enumerate(PAIRS):
        picture = ((figure(hat, coat)[:, :, 16:48].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
        Image.fromarray(np.ascontiguousarray(picture)).save(folder / f"{at}.png")
        parts = [{"box": HAT, "phrase": f"{hat} hat"}, {"box": COAT, "phrase": f"{coat} coat"}]
        row = {"id": f"{domain}-{at}", "path": f"{at}.png", "domain": domain, "label": f"person-{at // 3}"}
        lines.append(json.dumps(row | {"split": SPLITS[at // 3], "captions": [sentence(hat, coat)], "parts": parts}))
    (folder / "items.jsonl").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both towers and both sets."""
    home = tmp_path_factory.mktemp("people")
    torch.manual_seed(0)
    sizes = SentenceConfig(vocabulary=40, width=32, layers=1, heads=2, hidden=32, positions=24)
    tokenizer = toy_tokenizer(WORDS)
    save_text_tower(home / "text", SentenceEncoder(tokenizer, sizes).eval(), tokenizer)
    save_trunk(home / "trunk", Trunk(AdapterConfig()), AdapterConfig())
    for domain in TRAINED:
        write_people(home / domain, domain)
    return home


def small(home: Path) -> tuple[MRARecipe, MRASettings]:
    """The recipe on what stands there, small."""
    settings = MRASettings(
        people=(home / "studio", home / "street"), tower=home / "text", trunk=home / "trunk", out=home / "out",
        run_folder=home / "run", size=SIZE, views=2, batch=6, steps=2, epochs=1, tuning_epochs=1, lr=0.02,
    )  # fmt: skip
    return dataclasses.replace(RECIPES["mra-people"], config=dataclasses.asdict(CONFIG)), settings


@pytest.fixture(scope="module")
def made(home: Path) -> Bundle:
    recipe, settings = small(home)
    return load_bundle(recipe.make(settings).folder)


def losses(home: Path, phase: str) -> set[str]:
    """What the log of a phase names."""
    (line,) = (home / "run" / phase / "log.jsonl").read_text().splitlines()
    return {*json.loads(line)} - {"epoch", "of", "seconds"}


def test_pre_training_knows_regions_and_fine_tuning_pairs_alone(home: Path, made: Bundle) -> None:
    pairs = {"contrast", "matching", "words"}
    assert losses(home, "pre-training") == pairs | {"region contrast", "region matching"}
    assert losses(home, "fine-tuning") == pairs


def test_the_bundle_finds_figures_by_sentences_in_two_stages(made: Bundle) -> None:
    pictures = torch.stack([figure(*pair) for pair in PAIRS])
    codes = made.encode_images(pictures, ())
    assert (made.encode_texts([sentence(*PAIRS[0])]) @ codes.T).shape == (1, 9)
    assert made.rerank(sentence(*PAIRS[0]), made.picture_places(pictures)).shape == (9,)


def test_training_moves_every_part(home: Path, made: Bundle) -> None:
    recipe, settings = small(home)
    begun = recipe.start(settings, {}, lambda done, total: None).learner
    trained = made.method.state_dict()
    moved = {
        name.split(".")[0]
        for name, weight in begun.state_dict().items()
        if (weight - trained[name].float()).abs().max() > 0.005  # more than half precision rounds away
    }
    assert moved >= {name for name, _ in begun.named_children()}


def test_figures_of_tests_are_never_shown(home: Path, made: Bundle) -> None:
    recipe, settings = small(home)
    sources = recipe.sources(settings)
    assert {name: len(table) for name, table in sources.items()} == TRAINED
    assert {split for table in sources.values() for split in table.splits} == {"train", "val"}
    assert made.manifest.trained_on[0].pictures == sum(TRAINED.values())
    assert made.manifest.domains == ("studio", "street")


def test_sets_without_the_street_are_refused(home: Path) -> None:
    recipe, settings = small(home)
    with pytest.raises(DataError, match="hold no street figures"):
        recipe.sources(dataclasses.replace(settings, people=(home / "studio",)))


def test_weights_from_elsewhere_become_the_bundle_that_the_recipe_writes(home: Path, made: Bundle) -> None:
    recipe, settings = small(home)
    sources = recipe.sources(settings)
    (home / "pack").mkdir()
    write_rows(home / "pack", concatenate([*sources.values()]), 70)
    method = MRA(Config(), RECIPES["mra-people"].settings.preprocess)
    save_file(method.state_dict(), home / "mra-3.safetensors")
    folder = assemble(home, home / "pack", home / "assembled", home / "text", home / "trunk", 3).folder
    bundle = load_bundle(folder)
    assert bundle.manifest.seed == 3
    assert bundle.manifest.refers_to == made.manifest.refers_to
    assert [s.name for s in bundle.manifest.provenance] == [s.name for s in made.manifest.provenance]
    assert bundle.manifest.trained_on == made.manifest.trained_on
    torch.testing.assert_close(bundle.method.scale.float(), method.scale, atol=1e-3, rtol=1e-3)
