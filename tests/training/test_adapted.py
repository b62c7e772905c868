"""A prior with an adapter is trained on pairs of one object in two styles, from a folder that any machine can read."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from retrieval.artifacts.manifest import MANIFEST
from retrieval.diffusion.image_adapter import AdapterConfig
from retrieval.diffusion.latents import PatchAutoencoder
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import EMPTY, SentenceReaderConfig, prompt
from retrieval.errors import DataError
from retrieval.files import sha256
from retrieval.images import Stroke, Strokes
from retrieval.settings import HOME
from retrieval.training.adapted import assemble
from retrieval.training.adapted.clock import Stage, rate, train_by_clock
from retrieval.training.adapted.gather import Objects, as_points, build_table, read_scenes
from retrieval.training.adapted.pairs import AS_IS, GREY, OUTLINE, REDRAWN, PairSampler, Shares, vary
from retrieval.training.adapted.stages import PERCEIVED, LatentStage, PriorStage, StudentStage
from retrieval.training.adapted.table import NONE, PairTable, encode_picture, pack_table, unpack_table
from retrieval.training.adapted.variations import place_both, turn_hues
from retrieval.training.adapted.weights import load_parts, save_parts

STUDENT = "prior-world-student"
SIZE, WIDTH, POSITIONS = 64, 16, 8
STYLES = ("photo", "sketch", "doodle", "emoji")


class WordLengths(nn.Module):
    """States that tell prompts apart: the lengths of their words."""

    def forward(self, prompts: Sequence[str]) -> Tensor:
        states = torch.zeros(len(prompts), POSITIONS, WIDTH)
        for row, text in enumerate(prompts):
            for place, word in enumerate(text.split()[:POSITIONS]):
                states[row, place, len(word) % WIDTH] = 1.0
        return states


def coloured(color: str) -> bytes:
    return encode_picture(Image.new("RGB", (SIZE, SIZE), color), 90)


@pytest.fixture
def table() -> PairTable:
    world = Objects(
        "world",
        ["duck", "car"],
        ["red", ""],
        [{"photo": coloured("red"), "sketch": coloured("white")}, {"photo": coloured("blue")}],
    )
    icons = Objects("icons", [""], [""], [{"emoji": coloured("green")}])
    line = Strokes(512, 512, (Stroke(((10.0, 10.0), (500.0, 500.0)), 8.0), Stroke(((10.0, 500.0), (500.0, 10.0)), 8.0)))
    doodles = Objects("doodles", ["duck"], [""], [{}])
    return build_table(STYLES, [world, icons, doodles], as_points([line]), WordLengths(), SIZE)


def small_prior() -> Prior:
    torch.manual_seed(0)
    config = PriorConfig(
        size=SIZE,
        channels=4,
        widths=(16, 32),
        heads=2,
        reader=SentenceReaderConfig(width=WIDTH, positions=POSITIONS),
        adapter=AdapterConfig(size=SIZE, hidden=16, channels=8),
    )
    return Prior(config, nn.Identity())


def test_a_packed_table_is_the_table(table: PairTable, tmp_path: Path) -> None:
    pack_table(tmp_path / "pack", table, shard=200)
    back = unpack_table(tmp_path / "pack")
    assert len(list((tmp_path / "pack").glob("pictures-*.npz"))) > 1
    for field in dataclasses.fields(table):
        mine, theirs = getattr(table, field.name), getattr(back, field.name)
        if field.name == "states":
            np.testing.assert_allclose(mine, theirs, atol=1 / 127)
        elif isinstance(mine, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
        elif field.name != "drawings":
            assert list(mine) == list(theirs) if isinstance(mine, tuple | list) else mine == theirs
    np.testing.assert_array_equal(table.pictures(), back.pictures())


def test_a_pack_that_lost_a_shard_is_refused(table: PairTable, tmp_path: Path) -> None:
    pack_table(tmp_path / "pack", table, shard=200)
    (tmp_path / "pack" / "pictures-001.npz").unlink()
    with pytest.raises(DataError, match="is damaged"):
        unpack_table(tmp_path / "pack")


def test_people_s_drawings_are_the_last_pictures_and_have_their_lines(table: PairTable) -> None:
    picture = table.pictures()[table.rows[3, STYLES.index("doodle")]]
    assert table.rows[3, STYLES.index("doodle")] == len(table.files)
    assert (picture < 128).any(axis=2).mean() > 0.02
    assert len(table.drawings.strokes(0).strokes) == 2


def test_pairs_show_one_object_in_two_of_its_styles_and_name_the_style_that_is_drawn(table: PairTable) -> None:
    as_it_is = Shares(
        kinds=(1.0, 0.0, 0.0, 0.0), neither=0, no_map=0, no_words=0, classes=1, styles=1, colors=1, turned=0
    )
    sampler = PairSampler(table, "cpu", shares=as_it_is)
    pairs = sampler.batch(0, 200)
    colors = {"photo": {"duck": (1, -1, -1), "car": (-1, -1, 1)}, "emoji": {"thing": (-1, 0, -1)}}
    texts = [table.prompts[row] for row in pairs.prompts]
    assert {"a photo of a red duck", "a sketch of a duck", "a photo of a car", "a emoji of a thing"} <= set(texts)
    for text, target in zip(texts, pairs.target, strict=True):
        style, label = text.split()[1], text.split()[-1]
        if style in colors:
            assert target.mean((1, 2)).numpy() == pytest.approx(colors[style][label], abs=0.1)


def test_what_is_left_out_is_left_out_as_often_as_stated(table: PairTable) -> None:
    pairs = PairSampler(table, "cpu").batch(1, 4000)
    empty = pairs.prompts == table.prompts.index(EMPTY)
    assert (~pairs.has_map).float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert (empty & ~pairs.has_map).float().mean().item() == pytest.approx(0.05, abs=0.01)
    assert (empty & pairs.has_map).float().mean().item() == pytest.approx(0.08, abs=0.015)
    assert pairs.colors_known.float().mean().item() == pytest.approx(0.75, abs=0.02)


def test_a_batch_is_a_function_of_seed_and_step(table: PairTable) -> None:
    one, other = PairSampler(table, "cpu", seed=3), PairSampler(table, "cpu", seed=3)
    one.batch(0, 8)
    assert torch.equal(one.batch(5, 8).seen, other.batch(5, 8).seen)
    assert not torch.equal(one.batch(6, 8).prompts, one.batch(7, 8).prompts)


def test_hues_turn_in_both_pictures_alike_and_greys_stay() -> None:
    red = torch.tensor([1.0, -1.0, -1.0])[None, :, None, None].expand(50, 3, 4, 4)
    one, other = turn_hues(red, red, torch.arange(50) < 40, torch.Generator().manual_seed(0))
    assert torch.equal(one, other)
    assert torch.allclose(one[40:], red[40:], atol=1e-6)
    assert (one[:40, 1] > 0).any()
    white = torch.ones(2, 3, 4, 4)
    turned, _ = turn_hues(white, white, torch.ones(2).bool(), torch.Generator().manual_seed(0))
    torch.testing.assert_close(turned, white)


def test_both_pictures_of_a_pair_are_mirrored_and_moved_alike(table: PairTable) -> None:
    pictures = torch.rand(6, 3, 16, 16)
    one, other = place_both(pictures, pictures.clone(), torch.Generator().manual_seed(0))
    assert torch.equal(one, other)
    assert not torch.equal(one, pictures)


def test_variations_change_only_what_they_should() -> None:
    picture = torch.full((4, 3, SIZE, SIZE), 1.0)
    picture[:, :, 16:48, 16:48] = torch.tensor([1.0, -1.0, -1.0])[:, None, None]
    varied = vary(picture, torch.tensor([AS_IS, GREY, OUTLINE, REDRAWN]), torch.Generator().manual_seed(0))
    assert torch.equal(varied[0], picture[0])
    for row in (1, 2, 3):
        assert torch.equal(varied[row, 0], varied[row, 1])
    assert varied[2, 0, 32, 32] == 1
    assert varied[2, 0, 32, 14:18].min() < 0


def test_one_batch_can_be_learned_by_heart(table: PairTable, tmp_path: Path) -> None:
    sampler = PairSampler(table, "cpu")
    stage = PriorStage(small_prior(), sampler)
    losses: list[float] = []

    def loss(step: int, count: int) -> Tensor:
        torch.manual_seed(0)
        value = stage.loss(0, count)
        losses.append(value.item())
        return value

    train_by_clock(stage, loss, Stage("prior", steps=40, batch=4, lr=4e-3, warmup=1, averaging=0), tmp_path)
    assert np.mean(losses[-3:]) < 0.5 * losses[0]


@pytest.mark.parametrize("kind", [PriorStage, StudentStage])
def test_a_resumed_stage_goes_on_as_if_it_had_never_stopped(
    kind: type[PriorStage | StudentStage], table: PairTable, tmp_path: Path
) -> None:
    sampler = PairSampler(table, "cpu")

    def trained(folder: Path, *stops: int) -> dict[str, Tensor]:
        folder.mkdir()
        for stop in stops:
            if kind is StudentStage:
                stage: Any = StudentStage(small_prior().eval().requires_grad_(False), sampler, 2.0, 1.5)
            else:
                stage = PriorStage(small_prior(), sampler)
            plan = Stage("stage", steps=stop, batch=2, warmup=1, falls=1.0)
            after = getattr(stage, "after_step", lambda: None)
            average = train_by_clock(stage, stage.loss, plan, folder, after_step=after)
        return average | {f"now {name}": tensor for name, tensor in stage.state_dict().items()}

    straight, resumed = trained(tmp_path / "a", 4), trained(tmp_path / "b", 2, 4)
    for name, tensor in straight.items():
        torch.testing.assert_close(tensor, resumed[name], msg=name)


def test_a_stage_ends_when_its_time_is_up_and_hands_on_its_weights(tmp_path: Path) -> None:
    module, saved = nn.Linear(2, 2), []
    plan = Stage("short", seconds=0.2, batch=1)
    train_by_clock(module, lambda step, n: module(torch.ones(n, 2)).square().sum(), plan, tmp_path, saved.append)
    assert len(saved) == 1
    assert 0.2 <= json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["seconds"] < 5


def test_a_loss_that_is_not_finite_ends_the_stage(tmp_path: Path) -> None:
    module = nn.Linear(2, 2)
    with pytest.raises(DataError, match="Lower the learning rate"):
        train_by_clock(module, lambda step, n: module.weight.sum() * float("nan"), Stage("x", steps=2), tmp_path)


def test_a_student_is_made_even_and_nothing_else_of_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = HOME / "checkpoints"
    for folder in shipped.iterdir():
        if folder.is_dir() and folder.name != STUDENT:
            (tmp_path / folder.name).symlink_to(folder)
    student, part = tmp_path / STUDENT, "adapter/model.safetensors"
    shutil.copytree(shipped / STUDENT, student)
    told = json.loads((student / MANIFEST).read_text())
    save_file({name: t for name, t in load_file(student / part).items() if name != "usual"}, student / part)
    told["config"]["adapter"]["even"] = False
    told["files"][part] = sha256(student / part)
    (student / MANIFEST).write_text(json.dumps(told))
    monkeypatch.setattr(assemble, "PICTURES", 24)
    assemble.even_out(student, HOME / "assets" / "gallery")
    before, after = (json.loads((at / STUDENT / MANIFEST).read_text()) for at in (shipped, tmp_path))
    assert before["files"].pop(part) != after["files"].pop(part), "other pictures have other means"
    assert before == after
    learned, now = (load_file(at / STUDENT / part) for at in (shipped, tmp_path))
    assert [name for name in now if not torch.equal(now[name], learned[name])] == ["usual"]


def test_the_rate_stays_and_then_falls_to_nothing() -> None:
    plan = Stage("x", seconds=1, warmup=10, falls=0.5)
    assert [round(rate(share, 100, plan), 3) for share in (0.1, 0.5, 0.75, 1.0)] == [1.0, 1.0, 0.5, 0.0]
    assert rate(0.0, 0, plan) == pytest.approx(0.1)


def test_a_student_learns_and_its_teacher_stays(table: PairTable, tmp_path: Path) -> None:
    sampler = PairSampler(table, "cpu")
    teacher = small_prior().eval()
    before = teacher.unet.conv_out.weight.clone()
    stage = StudentStage(teacher.requires_grad_(False), sampler, 2.0, 1.5)
    plan = Stage("student", steps=2, batch=2, warmup=1)
    train_by_clock(stage, stage.loss, plan, tmp_path, after_step=stage.after_step)
    assert torch.equal(teacher.unet.conv_out.weight, before)
    assert not torch.equal(stage.unet.conv_out.weight, before)
    assert not torch.equal(stage.slow.conv_out.weight, before)


def test_pairs_are_as_precise_in_mixed_precision_and_all_stages_run_in_it(table: PairTable) -> None:
    sampler, prior = PairSampler(table, "cpu"), small_prior()
    assert prior.adapter is not None
    assert isinstance(prior.latents, PatchAutoencoder)
    exact = sampler.batch(0, 4)
    trunk = prior.adapter.trunk.reading(PERCEIVED)
    stages = (
        PriorStage(prior, sampler),
        StudentStage(prior, sampler, 2.0, 1.5),
        LatentStage(prior.latents, trunk, sampler),
    )
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(sampler.batch(0, 4).seen, exact.seen)
        for stage in stages:
            loss = stage.loss(0, 2)
            loss.backward()
            assert torch.isfinite(loss)


def test_weights_come_back_from_small_files_in_half_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.training.adapted.weights.MOST", 300)
    weights = {name: torch.rand(10, 10) for name in ("a", "b", "c")}
    save_parts(tmp_path, "prior", weights)
    assert len(list(tmp_path.glob("prior-*.safetensors"))) == 3
    back = load_parts(tmp_path, "prior")
    for name, tensor in weights.items():
        torch.testing.assert_close(back[name], tensor, atol=1e-3, rtol=1e-3)


def test_a_set_that_is_still_rendered_gives_its_finished_scenes(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    scene = [
        {"id": f"duck-000-{style}", "object": "duck-000", "label": "duck", "domain": style, "path": f"{style}.webp"}
        for style in ("photo", "sketch")
    ]
    (tmp_path / "records" / "duck-000.json").write_text(json.dumps(scene))
    assert [[row.domain.name for row in rows] for rows in read_scenes(tmp_path)] == [["photo", "sketch"]]


def test_every_object_has_a_prompt_in_every_style(table: PairTable) -> None:
    assert {prompt(style, label) for style in (*STYLES, None) for label in ("duck", "car", None)} < set(table.prompts)
    assert table.labels[2] == NONE
