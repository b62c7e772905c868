"""The map of codes: axes, neighbours and numbers are what they are said to be, and what does not fit is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from retrieval.artifacts.bundle import Bundle, load_bundle, save_bundle
from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.manifest import Manifest
from retrieval.cli import main
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered
from retrieval.errors import DataError
from retrieval.evaluation.code_quality import measure_gaps, measure_probes
from retrieval.evaluation.disentanglement import pair_purity
from retrieval.evaluation.embedding_map import Axes, joined, kept_epochs, mapped, neighbouring, portion, stopped
from retrieval.evaluation.embedding_map_file import MAP, Atlas, NoMap, open_atlas, read_atlas, write_atlas
from retrieval.evaluation.generation_quality import tokens, trunk_features
from retrieval.evaluation.probes import units
from retrieval.images import Preprocess
from retrieval.methods.dude import Config, Dude
from retrieval.methods.parts.banks import Head
from retrieval.methods.parts.neighbours import HUB
from tests.evaluation.fakes import CLASSES, OBJECTS, STYLES, small_bundle, small_world

SMALL = Config(
    width=16, trunk="test_efficientnet", hidden=16, styles=(*STYLES, "doodle"), epochs=3, read_epochs=1, within=(2, 3)
)
LAST = 4


@dataclasses.dataclass(frozen=True)
class Home:
    bundle: Path
    run: Path
    gallery: Path


def made(seed: int) -> Dude:
    torch.manual_seed(0)
    method = Dude(SMALL, Preprocess(32)).eval()
    torch.manual_seed(seed)
    method.extractor.head = Head(256, SMALL.hidden, SMALL.width)
    return method


def keep(method: Dude, run: Path, epoch: int) -> None:
    run.mkdir(exist_ok=True)
    save_file(halved(method.extractor.head.state_dict()), run / f"head-{epoch:03d}.safetensors")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A toy DUDE, whose run kept its head five times, and a gallery."""
    folder = tmp_path_factory.mktemp("mapping")
    found = Home(folder / "dude", folder / "run", small_world(folder / "gallery"))
    for epoch in range(LAST + 1):
        keep(made(epoch), found.run, epoch)
    manifest = Manifest("toy", "dude", dataclasses.asdict(SMALL), Preprocess(32), SMALL.styles, (), SMALL.width, {})
    save_bundle(found.bundle, made(LAST), manifest)
    return found


@pytest.fixture(scope="module")
def atlas(home: Home) -> Atlas:
    """What the command makes of them."""
    told = ["--bundle", str(home.bundle), "--run-folder", str(home.run), "--gallery", str(home.gallery)]
    assert main(["map", *told]) == 0
    return open_atlas(home.bundle, home.gallery)


@pytest.fixture
def real(home: Home) -> PictureTable:
    return read_rendered(home.gallery).in_memory(32)


def codes(count: int, dim: int = 9, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)) * np.linspace(3, 0.2, dim)


# ---------------------------------------------------------------- axes


def test_axes_are_the_first_two_principal_components() -> None:
    rows = units(codes(40))
    centred = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = Axes.of(codes(40))
    for axis, truth in zip(axes.directions, vectors.T[::-1][:2], strict=True):
        assert abs(axis @ truth) == pytest.approx(1)
    points, shown = axes.placed(codes(40))
    assert points.mean(axis=0) == pytest.approx([0, 0], abs=1e-12)
    assert shown == pytest.approx(values[-2:].sum() / values.sum())


def test_axes_do_not_depend_on_the_order_of_pictures_and_point_one_way() -> None:
    axes, shuffled = Axes.of(codes(40)), Axes.of(codes(40)[::-1].copy())
    assert shuffled.directions == pytest.approx(axes.directions)
    for axis in axes.directions:
        assert axis[np.abs(axis).argmax()] > 0


def test_points_of_an_earlier_epoch_stand_on_the_axes_of_the_last() -> None:
    axes = Axes.of(codes(40))
    rows = units(codes(40, seed=1))
    assert axes.placed(codes(40, seed=1))[0] == pytest.approx((rows - rows.mean(axis=0)) @ axes.directions.T)


# ---------------------------------------------------------------- neighbours


def chosen(similarity: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of row and column that are each other's nearest, one by one."""
    found = []
    for row in range(len(similarity)):
        column = int(similarity[row].argmax())
        if int(similarity[:, column].argmax()) == row:
            found.append((row, column))
    return found


def test_lines_join_those_that_choose_each_other() -> None:
    styles = [STYLES[place] for place in np.random.default_rng(3).integers(0, 3, 45)]
    found = codes(45)
    within, across = neighbouring(found, styles, made(0))
    rows = units(found)
    expected: tuple[set[tuple[int, int]], set[tuple[int, int]]] = (set(), set())
    for here in set(styles):
        mine = [row for row, style in enumerate(styles) if style == here]
        alike = rows[mine] @ rows[mine].T - 9 * np.eye(len(mine))
        expected[0].update((mine[i], mine[j]) for i, j in chosen(alike) if mine[i] < mine[j])
        for there in set(styles) - {here}:
            others = [row for row, style in enumerate(styles) if style == there]
            alike = rows[mine] @ rows[others].T
            mean_of = [np.sort(part, axis=1)[:, -HUB:].mean(axis=1) for part in (alike, alike.T)]
            alike = 2 * alike - mean_of[0][:, None] - mean_of[1][None, :]
            expected[1].update((min(mine[i], others[j]), max(mine[i], others[j])) for i, j in chosen(alike))
    assert set(joined(within)) == expected[0]
    assert set(joined(across)) == expected[1]
    assert all(i < j for i, j in [*joined(within), *joined(across)])


# ---------------------------------------------------------------- the whole


def test_the_map_has_every_class_in_every_style_alike(atlas: Atlas, real: PictureTable) -> None:
    assert len(atlas.pictures) == len(CLASSES) * OBJECTS * len(STYLES)
    assert atlas.styles == STYLES
    assert atlas.classes == tuple(sorted(CLASSES))
    rows = portion(real, OBJECTS)
    told = [(real.labels[row], real.domains[row]) for row in rows]
    assert [(atlas.classes[label], atlas.styles[style]) for _, label, style in atlas.pictures] == told
    with pytest.raises(DataError, match="two objects"):
        portion(real, 1)


def test_epochs_go_from_the_start_to_the_last_and_tell_what_was_pulled(atlas: Atlas) -> None:
    assert (atlas.epochs, atlas.length) == ((0, 1, 2, 3, 4), 4)
    assert atlas.pulls == ((), (), ("within",), ("within", "across"), ("within", "across"))


def test_numbers_are_those_of_the_evaluation(home: Home, atlas: Atlas, real: PictureTable) -> None:
    method = load_bundle(home.bundle).method
    assert isinstance(method, Dude)
    for name, found in (("object", tokens(method, real).numpy()), ("raw", trunk_features(method, real))):
        last = atlas.codes[name][-1]
        rows = (*measure_probes("z", found, real), *measure_gaps("z", found, real))
        values = {row.name: row.value for row in rows}
        assert last.numbers["class probe"] == pytest.approx(values["class probe, two layers, z"], abs=1e-4)
        assert last.numbers["domain probe"] == pytest.approx(values["domain probe, two layers, z"], abs=1e-4)
        assert last.numbers["MMD2"] == pytest.approx(values["MMD2 between domains, z"], abs=1e-4)
        assert last.numbers["MMD2 of one domain"] == pytest.approx(
            values["MMD2 between domains, z, one domain"], abs=1e-4
        )
        within, across = neighbouring(found, real.domains, method)
        assert last.numbers["within"] == pytest.approx(pair_purity(within, real.labels), abs=1e-4)
        assert last.numbers["across"] == pytest.approx(pair_purity(across, real.labels), abs=1e-4)
        assert last.points == pytest.approx(Axes.of(found).placed(found)[0], abs=1e-4)


def test_earlier_epochs_are_of_the_heads_that_the_run_kept(home: Home, atlas: Atlas, real: PictureTable) -> None:
    method, end = made(2), made(LAST)
    for one in (method, end):
        one.extractor.head.load_state_dict(
            {name: t.float() for name, t in halved(one.extractor.head.state_dict()).items()}
        )
        one.extractor.trunk.load_state_dict(
            {name: t.float() for name, t in halved(one.extractor.trunk.state_dict()).items()}
        )
    axes = Axes.of(tokens(end, real).numpy())
    expected = stopped(tokens(method, real).numpy(), axes, real, method)
    assert atlas.codes["object"][2].points == pytest.approx(np.array(expected.points), abs=2e-4)


def test_the_same_files_give_the_same_map(home: Home, atlas: Atlas) -> None:
    again = mapped(home.bundle, home.run, home.gallery, stops=2)
    assert again.epochs == (0, LAST)
    assert again.codes == {name: (stops[0], stops[-1]) for name, stops in atlas.codes.items()}
    assert again.pictures == atlas.pictures


def test_no_heads_and_those_of_another_training_are_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="keeps no heads"):
        mapped(home.bundle, tmp_path, home.gallery)
    keep(made(7), tmp_path / "other", 4)
    with pytest.raises(DataError, match="did not make this bundle"):
        kept_epochs(tmp_path / "other", made(LAST))
    (tmp_path / "other" / "head-005.safetensors").write_bytes(b"none")
    with pytest.raises(DataError, match="cannot be read"):
        kept_epochs(tmp_path / "other", made(LAST))


def test_a_bundle_of_another_method_is_refused(home: Home, tmp_path: Path) -> None:
    other: Bundle = small_bundle()
    save_bundle(
        tmp_path, other.method, dataclasses.replace(other.manifest, config=dataclasses.asdict(other.method.config))
    )
    assert main(["map", "--bundle", str(tmp_path), "--gallery", str(home.gallery)]) == 2


# ---------------------------------------------------------------- the file


def test_a_map_is_small_says_whose_it_is_and_is_read_as_it_was_written(
    home: Home, atlas: Atlas, tmp_path: Path
) -> None:
    assert (home.bundle / MAP).stat().st_size < 1_000_000
    assert atlas.bundle == load_bundle(home.bundle).fingerprint
    assert read_atlas(write_atlas(tmp_path, atlas)) == atlas


def test_a_map_of_other_weights_or_pictures_is_refused(home: Home, atlas: Atlas, tmp_path: Path) -> None:
    bundle, gallery = tmp_path / "dude", tmp_path / "gallery"
    shutil.copytree(home.bundle, bundle)
    shutil.copytree(home.gallery, gallery)
    (bundle / MAP).unlink()
    with pytest.raises(NoMap, match="python -m retrieval map"):
        open_atlas(bundle, gallery)
    write_atlas(bundle, atlas)
    assert open_atlas(bundle, gallery) == atlas
    listed = (gallery / "items.jsonl").read_text(encoding="utf-8")
    (gallery / "items.jsonl").write_text(listed.replace("red", "blue"), encoding="utf-8")
    with pytest.raises(DataError, match="other pictures"):
        open_atlas(bundle, gallery)
    (gallery / "items.jsonl").write_text(listed, encoding="utf-8")
    save_bundle(bundle, made(1), load_bundle(home.bundle).manifest)
    with pytest.raises(DataError, match="other weights"):
        open_atlas(bundle, gallery)


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[str], str]:
    def text(before: str) -> str:
        told = json.loads(before)
        change(told)
        return json.dumps(told)

    return text


DAMAGED: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[:-40],
    "empty": lambda text: "",
    "a list": lambda text: "[]",
    "deep": lambda text: "[" * 100_000,
    "another format": changed(lambda told: told.update(format="guise-map/0")),
    "a code less": changed(lambda told: told["codes"].pop("raw")),
    "an epoch less": changed(lambda told: told["codes"]["object"].pop()),
    "a point less": changed(lambda told: told["codes"]["object"][0]["points"].pop()),
    "a point that is none": changed(lambda told: told["codes"]["object"][0]["points"][0].pop()),
    "words for numbers": changed(lambda told: told["codes"]["object"][0]["points"].__setitem__(0, ["a", "b"])),
    "no number": changed(lambda told: told["codes"]["object"][0]["points"].__setitem__(0, [float("nan"), 0.0])),
    "a row that is not there": changed(lambda told: told["codes"]["raw"][0]["across"].append([0, 999])),
    "a class that is not there": changed(lambda told: told["pictures"][0].__setitem__(1, 64)),
    "no measures": changed(lambda told: told["codes"]["raw"][0].pop("numbers")),
    "nothing shown": changed(lambda told: told.update(pictures=[])),
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_file_is_a_sentence(how: str, atlas: Atlas, tmp_path: Path) -> None:
    path = write_atlas(tmp_path, atlas)
    path.write_text(DAMAGED[how](path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DataError, match=r"map\.json is damaged .* Make it again: python -m retrieval map\."):
        read_atlas(path)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / MAP).write_bytes(b" " * 4_000_001)
    with pytest.raises(DataError, match="more than 4,000,000 bytes"):
        read_atlas(tmp_path / MAP)
