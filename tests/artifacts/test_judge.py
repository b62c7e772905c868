"""The judge: it learns what it is shown, is sealed with what it measured, and judges what is drawn."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from retrieval.artifacts.judge import Judge, JudgeConfig, load_judge, save_judge
from retrieval.artifacts.manifest import MANIFEST, WEIGHTS, reference_to
from retrieval.artifacts.trunk import load_trunk, save_trunk
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.errors import BundleError
from retrieval.training.epochs import Run, Stage, run_epochs
from retrieval.training.recipes.parts import view_features
from retrieval.training.recipes.parts.judge_pictures import (
    JUDGED,
    JudgedBatches,
    accuracies,
    judged_features,
    varied,
)
from retrieval.types import DOODLE
from retrieval.world.split import ALL
from tests.evaluation.fakes import small_world

TINY = JudgeConfig(
    ("duck", "owl"), ("photo", "sketch"), size=32, trunk="test_efficientnet", blocks=(0, 1, 2), hidden=16, epochs=6
)


def toy(size: int = 32) -> PictureTable:
    """Ducks are bright, owls dark; photos are red, sketches blue."""
    tones = {
        ("duck", "photo"): (220, 120, 120),
        ("owl", "photo"): (90, 10, 10),
        ("duck", "sketch"): (120, 120, 220),
        ("owl", "sketch"): (10, 10, 90),
    }
    pictures = [ArrayPicture(np.full((size, size, 3), tone, np.uint8)) for tone in tones.values()]
    return PictureTable(pictures, [style for _, style in tones], labels=[label for label, _ in tones])


@pytest.fixture(scope="module")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("judges") / "trunk"
    config = AdapterConfig(TINY.trunk, blocks=TINY.blocks)
    save_trunk(folder, Trunk(config), config)
    return folder


@pytest.fixture(scope="module")
def judge(trunk: Path, tmp_path_factory: pytest.TempPathFactory) -> Judge:
    torch.manual_seed(0)
    judge, run = Judge(TINY, load_trunk(trunk)), tmp_path_factory.mktemp("run")
    features = judged_features(judge.eval(), toy(), run / "features.safetensors")
    run_epochs(Stage(judge, JudgedBatches(features, toy(), TINY.classes, steps=12), Run(run, {})))
    return judge.eval()


@pytest.fixture
def sealed(judge: Judge, trunk: Path) -> Path:
    """A sealed judge, beside its trunk."""
    save_judge(trunk.parent / "judge", judge, {"class photo": 0.5}, reference_to(trunk))
    return trunk.parent / "judge"


def test_the_judge_names_what_it_learned_class_and_style_each_by_itself(judge: Judge) -> None:
    assert set(accuracies(judge, toy()).values()) == {1.0}
    classes, styles = judge.scores(toy().tensor())
    torch.testing.assert_close(classes.sum(1), torch.ones(4))
    torch.testing.assert_close(styles.sum(1), torch.ones(4))
    assert [judge.classes[i] for i in classes.argmax(1)] == list(toy().labels)


def test_pictures_of_another_size_are_judged_alike(judge: Judge) -> None:
    for one, other in zip(judge.scores(toy(32).tensor()), judge.scores(toy(80).tensor()), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_a_sealed_judge_judges_as_before_up_to_half_precision(judge: Judge, sealed: Path) -> None:
    loaded = load_judge(sealed)
    assert loaded.config == judge.config
    for one, other in zip(judge.scores(toy().tensor()), loaded.scores(toy().tensor()), strict=True):
        torch.testing.assert_close(one, other, atol=5e-3, rtol=0)
    payload = json.loads((sealed / MANIFEST).read_text())
    assert payload["metrics"] == {"class photo": 0.5}
    assert load_file(sealed / WEIGHTS).keys() == judge.heads.state_dict().keys()  # the trunk is shared


def test_a_changed_or_unfit_judge_is_refused(sealed: Path) -> None:
    payload = json.loads((sealed / MANIFEST).read_text())
    for change, said in (
        ({"config": payload["config"] | {"hidden": 8}}, "does not fit"),
        ({"config": payload["config"] | {"hiden": 8}}, "unknown option 'hiden'"),
        ({"config": None}, "has no config"),
        ({"config": payload["config"] | {"blocks": [0, "1", 2]}}, "blocks.1 is '1'"),
        ({"refers_to": {}}, "refers to no trunk"),
        ({"files": {}}, "does not fit"),
        ({"files": {WEIGHTS: "0" * 64}}, "checksum"),
    ):
        (sealed / MANIFEST).write_text(json.dumps(payload | change))
        with pytest.raises(BundleError, match=said):
            load_judge(sealed)


def test_batches_are_a_function_of_seed_and_epoch_and_hold_every_style() -> None:
    real = toy().with_columns(domains=("photo", "photo", DOODLE.name, DOODLE.name))
    data = JudgedBatches(torch.rand(2, len(real), 5), real, TINY.classes, batch=400, steps=1)
    one, same, other = (next(data.epoch(*place)) for place in ((0, 0), (0, 0), (0, 1)))
    assert torch.equal(one.images, same.images)
    assert not torch.equal(one.images, other.images)
    doodles = sum(domain.name == DOODLE.name for domain in one.domains) / 400
    assert doodles == pytest.approx(0.22, abs=0.06)
    assert one.labels is not None
    assert set(one.labels.tolist()) == {0, 1}


def test_features_are_computed_once_and_kept(judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = judged_features(judge, toy(), tmp_path / "features.safetensors")
    monkeypatch.setattr(judge, "features", None)
    assert torch.equal(judged_features(judge, toy(), tmp_path / "features.safetensors"), first)


def test_features_of_other_pictures_or_another_trunk_are_not_taken(judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "features.safetensors"
    first = judged_features(judge, toy(), path)
    swapped = toy().select([1, 0, 2, 3])
    assert not torch.equal(judged_features(judge, swapped, path), first)
    torch.manual_seed(1)
    other = Judge(TINY, Trunk(AdapterConfig(TINY.trunk, blocks=TINY.blocks))).eval()
    assert not torch.equal(judged_features(other, swapped, path), judged_features(judge, swapped, path))
    assert torch.equal(judged_features(judge, toy(), path), first)


def test_features_that_were_not_written_to_the_end_are_computed_again(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(weights: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
        path.write_bytes(b"half")
        raise Killed

    path = tmp_path / "features.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(view_features, "save_file", killed)
        with pytest.raises(Killed):
            judged_features(judge, toy(), path)
    assert not path.exists()
    assert judged_features(judge, toy(), path).shape[:2] == (2, 4)


def test_the_trunk_does_not_learn(judge: Judge, trunk: Path) -> None:
    for name, weight in load_trunk(trunk).state_dict().items():
        assert torch.equal(judge.trunk.state_dict()[name], weight), name


def test_varied_pictures_stay_in_range_and_are_only_softened() -> None:
    pictures = torch.rand(32, 3, 16, 16) * 2 - 1
    found = varied(pictures, np.random.default_rng(0))
    assert found.shape == pictures.shape
    assert found.abs().max() <= 1
    assert found.std() < pictures.std()
    torch.testing.assert_close(varied(torch.ones(4, 3, 8, 8), np.random.default_rng(0)), torch.ones(4, 3, 8, 8))


def test_the_gallery_is_opened_with_its_objects(tmp_path: Path) -> None:
    real = read_rendered(small_world(tmp_path / "gallery")).in_memory(8)
    assert real.pixels().shape == (132, 8, 8, 3)
    assert real.instances[:7] == ("duck-0",) * 6 + ("duck-1",)
    assert real.tensor([0]).shape == (1, 3, 8, 8)


def test_the_shipped_judge_knows_every_class_and_style_and_says_how_well() -> None:
    folder = Path(__file__).resolve().parents[2] / "checkpoints" / "judge"
    if not (folder / MANIFEST).is_file():
        pytest.skip("no judge is shipped yet")
    judge = load_judge(folder)
    assert (judge.classes, judge.styles) == (ALL, JUDGED)
    told = json.loads((folder / MANIFEST).read_text())["metrics"]
    assert {f"{kind} {style}" for kind in ("class", "style") for style in JUDGED} <= set(told)
    assert all(told[f"class {style}"] > 0.6 and told[f"style {style}"] > 0.8 for style in JUDGED)
