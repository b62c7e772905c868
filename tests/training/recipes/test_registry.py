"""A method is added by one file in `methods/`, one in `training/recipes/`, and one line in the catalog."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from retrieval import methods
from retrieval.artifacts.bundle import load_bundle
from retrieval.cli import INTERRUPTED, main, train
from retrieval.errors import SettingsError
from retrieval.methods.catalog import METHODS, Entry
from retrieval.training import recipes
from tests.training.small import write_renders

TOY_METHOD = '''
"""The mean colour of a picture, through two learnt layers."""

from dataclasses import dataclass

from torch import nn
from torch.nn import functional as F

from retrieval.methods import Method, Phase


@dataclass(frozen=True)
class Config:
    epochs: int = 1


class MeanColor(Method):
    config_type = Config
    dim = 4

    def __init__(self, config, preprocess):
        super().__init__(config, preprocess)
        self.body, self.head = nn.Linear(3, 8), nn.Linear(8, 4)

    def phases(self):
        return [Phase("colors", self.config.epochs, 1e-2)]

    def losses(self, batch, phase):
        return {"labels": F.cross_entropy(self.encode_images(batch.images, batch.domains), batch.labels % 4)}

    def encode_images(self, images, domains):
        return F.normalize(self.head(self.body(images.mean(dim=(2, 3)))), dim=1)
'''
TOY_RECIPE = '''
"""The mean colour: first its head alone, then everything."""

from dataclasses import dataclass
from typing import Annotated

from retrieval.training.recipe import Recipe, SupervisedSettings, WorldSettings


@dataclass(frozen=True)
class MeanColorSettings(WorldSettings, SupervisedSettings):
    head_epochs: Annotated[int, "how long the head is trained alone"] = 2


class MeanColorRecipe(Recipe[MeanColorSettings]):
    def sources(self, settings):
        from retrieval.training.training_sources import allowed_renders, join

        return join(self, allowed_renders(self, settings.renders, 1.0))

    def start(self, settings, sources, on_progress):
        import torch

        from retrieval.methods.mean_color import Config, MeanColor
        from retrieval.training.start import Start

        torch.manual_seed(settings.seed)
        return Start(MeanColor(Config(settings.epochs), settings.preprocess))

    def stages(self, settings, sources, start):
        from retrieval.methods import Phase, Trainable
        from retrieval.training.epochs import Stage

        class Head(Trainable):
            def __init__(self, method):
                super().__init__()
                self.head, self._method = method.head, (method,)

            def phases(self):
                return [Phase("head", settings.head_epochs, 1e-2)]

            def losses(self, batch, phase):
                return self._method[0].losses(batch, phase)

        data = sources.batches(settings)
        yield Stage(Head(start.learner), data, self.run(settings, "head"), settings.seed, settings.device)
        yield Stage(start.learner, data, self.run(settings, "all"), settings.seed, settings.device)

    def finish(self, settings, sources, start, metrics):
        from retrieval.training.bundles import manifest_of, write_bundle

        manifest = manifest_of(self, settings, start, sources.provenance, unseen=sources.unseen)
        return write_bundle(self, settings, start.learner, manifest)


RECIPES = (MeanColorRecipe("mean-color", MeanColorSettings(), "a toy", zero_shot=True),)
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder where a toy method and its recipe were added; everything else is as it was."""
    folder = tmp_path / "added"
    for package, name, text in ((methods, "methods", TOY_METHOD), (recipes, "recipes", TOY_RECIPE)):
        (folder / name).mkdir(parents=True)
        (folder / name / "mean_color.py").write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder / name)])
    registry = recipes.gather(recipes.__path__)
    monkeypatch.setattr(recipes, "RECIPES", registry)
    monkeypatch.setattr(train, "RECIPES", registry)
    monkeypatch.setitem(METHODS, "mean-color", Entry("retrieval.methods.mean_color:MeanColor", "Mean colour"))
    write_renders(tmp_path / "renders")
    yield folder
    for name in ("retrieval.methods.mean_color", "retrieval.training.recipes.mean_color"):
        sys.modules.pop(name, None)


def toy() -> type[methods.Method]:
    from retrieval.methods.mean_color import MeanColor  # type: ignore[import-not-found]

    return MeanColor


def train_toy(home: Path, name: str) -> int:
    """The exit status of the command line."""
    options = {
        "renders": home / "renders",
        "epochs": 2,
        "steps": 2,
        "batch": 8,
        "size": 16,
        "run-folder": home / name / "run",
        "out": home / name / "out",
    }
    return main(["train", "mean-color", *(word for key, value in options.items() for word in (f"--{key}", str(value)))])


def test_a_method_is_trained_by_two_files_and_one_line(
    added: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_toy(tmp_path, "whole") == 0
    assert "python -m retrieval evaluate --bundle" in capsys.readouterr().out
    bundle = load_bundle(tmp_path / "whole" / "out")
    assert bundle.manifest.method == "mean-color"
    assert "pizza" in bundle.manifest.unseen_classes
    assert [path.parent.name for path in sorted(added.rglob("*.py"))] == ["methods", "recipes"]


def test_a_recipe_of_two_stages_goes_on_in_the_stage_that_it_was_in(
    added: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train_toy(tmp_path, "whole") == 0
    losses, steps = toy().losses, []

    def interrupted(self: methods.Method, batch: methods.Batch, phase: methods.Phase) -> dict[str, torch.Tensor]:
        steps.append(phase.name)
        if steps.count("colors") == 4:  # in the second of two epochs of two steps
            raise KeyboardInterrupt
        return losses(self, batch, phase)

    monkeypatch.setattr(toy(), "losses", interrupted)
    assert train_toy(tmp_path, "cut") == INTERRUPTED
    monkeypatch.setattr(toy(), "losses", losses)
    assert train_toy(tmp_path, "cut") == 0
    assert len((tmp_path / "cut" / "run" / "head" / "log.jsonl").read_text().splitlines()) == 2, "it is not repeated"
    whole, resumed = (load_bundle(tmp_path / name / "out").method.state_dict() for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_two_recipes_of_one_name_are_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "zz_again.py").write_text("from retrieval.training.recipes.judge import RECIPES\n")
    monkeypatch.setattr(recipes, "__path__", [*recipes.__path__, str(tmp_path)])
    with pytest.raises(AssertionError, match="judge is a recipe in two files"):
        recipes.gather(recipes.__path__)
    sys.modules.pop("retrieval.training.recipes.zz_again")


def test_recipes_are_read_without_torch() -> None:
    script = "import sys, retrieval.training.recipes; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


ONE_OF_EACH = {type(recipe): name for name, recipe in recipes.RECIPES.items()}.values()


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_every_recipe_prints_its_settings_and_takes_a_device(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", name, "--device", "magic", "--dry-run"]) == 0
    assert '"device": "magic"' in capsys.readouterr().out
    assert main(["train", name, "--device", "magic"]) == 2
    assert "Nothing can be trained on 'magic' here" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_that_cannot_be_is_refused_before_anything_is_read(seed: int, tmp_path: Path) -> None:
    recipe = recipes.RECIPES["judge"]
    with pytest.raises(SettingsError, match=f"The seed is {seed}"):
        recipe.make(dataclasses.replace(recipe.settings, seed=seed, renders=tmp_path / "nowhere"))


def test_a_begun_run_may_move_and_go_on_elsewhere(tmp_path: Path) -> None:
    recipe = recipes.RECIPES["guise-base"]
    settings = dataclasses.replace(recipe.settings, run_folder=tmp_path / "run")
    recipe.run(settings)
    (tmp_path / "run").rename(tmp_path / "moved")
    recipe.run(dataclasses.replace(settings, run_folder=tmp_path / "moved", out=tmp_path / "out", device="cuda"))


def test_no_code_asks_what_kind_of_settings_it_has() -> None:
    package = Path(recipes.__file__).parents[2]
    files = [*package.rglob("*.py"), *(package.parent / "benchmarks").glob("*.py")]
    assert [path for path in files if "isinstance(settings" in path.read_text(encoding="utf-8")] == []
