"""Steps follow their clock, views and weights stay what they should, ranks are those of the second stage, and a task is
done by one process alone.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from retrieval.artifacts.prior import load_prior
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture, EncodedPicture
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import SentenceReaderConfig
from retrieval.errors import DataError
from retrieval.evaluation.second_stage import second_stage
from retrieval.methods.mra import MRA, TEXT
from retrieval.training.adapted.clock import Stage
from retrieval.training.domain_gap import tasks
from retrieval.training.domain_gap.assemble import assemble
from retrieval.training.domain_gap.drawing import bring_sets, mmd
from retrieval.training.domain_gap.generator import Encoded, Learning, asked, learn, view_of
from retrieval.training.domain_gap.graphs import Stepper, steps
from retrieval.training.domain_gap.packing import MORE, Pack
from retrieval.training.domain_gap.run import PRIOR, write_prior
from retrieval.training.domain_gap.scoring import COSINE, STAGES, asked_of, ranks_of
from retrieval.training.domain_gap.tasks import Task, Workplace, claim, keep, kept, people_of, work_on
from retrieval.training.domain_gap.variants import STUDIO, Bench, Variant, single_words
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.parts.figure_training import new_prior
from retrieval.training.recipes.parts.people_pairs import gather_pairs, known_words
from retrieval.training.relations.packing import read_rows, write_rows
from retrieval.training.relations.run import _Placed
from retrieval.types import Region
from tests.methods.toy_mra import COAT, HAT, PAIRS, sentence, toy_mra
from tests.training.test_relations import upright


@pytest.fixture(scope="module")
def method() -> MRA:
    return toy_mra()


@pytest.fixture(scope="module")
def table() -> PictureTable:
    """Nine figures in the studio, the same in the street to train on, and six of them to be asked for."""
    figures = [(domain, split, *pair) for domain, split in PLACES for pair in PAIRS[: 6 if split == "test" else 9]]
    return PictureTable(
        [ArrayPicture(upright(hat, coat)) for *_, hat, coat in figures],
        [domain for domain, *_ in figures],
        labels=[f"{split}-{hat}" for _, split, hat, _ in figures],
        splits=[split for _, split, *_ in figures],
        captions=[(sentence(hat, coat), f"a {hat} hat") for *_, hat, coat in figures],
        regions=[(Region(HAT, f"{hat} hat"), Region(COAT, f"{coat} coat")) for *_, hat, coat in figures],
    )


PLACES = (("studio", "train"), ("street", "train"), ("street", "test"))


def fitted(stage: Stage, deadline: float = math.inf) -> tuple[list[int], float, float]:
    """Steps at which the clock was looked at, and how far a line is from its target, before and after."""
    torch.manual_seed(0)
    line, x = nn.Linear(3, 1), torch.randn(64, 3)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]])

    def loss(rows: Tensor) -> Tensor:
        return (line(x[rows]) - y[rows]).square().mean()

    before = loss(torch.arange(64)).item()
    stepper = Stepper(list(line.parameters()), loss, lambda: (torch.randint(64, (16,)),), stage, recorded=True)
    looks = [look.step for look in steps(stepper, stage, deadline)]
    return looks, before, loss(torch.arange(64)).item()


def test_steps_end_after_their_number_and_learn() -> None:
    looks, before, after = fitted(Stage("line", steps=60, lr=0.05, warmup=5, averaging=0.9))
    assert looks == [25, 50, 60]
    assert after < 0.05 * before


def test_steps_end_when_the_time_is_over() -> None:
    assert fitted(Stage("line", seconds=1e-6))[0] == [25]
    assert fitted(Stage("line", seconds=60.0), deadline=time.time() - 1)[0] == []


def test_steps_at_rate_zero_that_are_forgotten_leave_no_trace() -> None:
    def trained(rehearsed: int) -> list[Tensor]:
        torch.manual_seed(0)
        line, x = nn.Linear(3, 1), torch.randn(16, 3)
        stage = Stage("line", steps=3, lr=0.05, warmup=2, weight_decay=0.1)
        stepper = Stepper(list(line.parameters()), lambda x: line(x).square().mean(), lambda: (x,), stage, False)
        stepper._set_rate(0.0)
        for _ in range(rehearsed):
            stepper._step()
        stepper._forget()
        assert list(steps(stepper, stage))
        return [*line.parameters(), *stepper.averages]

    for one, other in zip(trained(0), trained(4), strict=True):
        assert torch.equal(one, other)


def test_the_first_views_are_the_picture_and_its_mirror_image() -> None:
    pictures = torch.rand(2, 3, 32, 16) * 2 - 1
    random = torch.Generator().manual_seed(0)
    assert torch.equal(view_of(pictures, 0, random), pictures)
    assert torch.equal(view_of(pictures, 1, random), pictures.flip(-1))
    moved = view_of(pictures, 2, random)
    assert moved.shape == pictures.shape
    assert not torch.equal(moved, pictures)


def small_prior() -> tuple[Prior, Encoded]:
    """A prior without a reader, and what it is shown."""
    torch.manual_seed(0)
    reader = SentenceReaderConfig(width=16, positions=6)
    config = PriorConfig(
        size=32, channels=4, widths=(8, 16), heads=2, text_channels=16, upright=True, domain="street", reader=reader
    )
    shown = Encoded(
        torch.randn(6, 2, 4, 4, 2), torch.randn(12, 6, 16).half(), torch.arange(12).view(6, 2), torch.zeros(6, 16)
    )
    return Prior(config, nn.Identity()), shown


def test_a_branch_learns_while_its_prior_stays() -> None:
    prior, shown = small_prior()
    assert prior.branch is not None
    prior.branch.begin(prior.unet)
    before = {name: part.clone() for name, part in prior.unet.state_dict().items()}
    lines: list[object] = []
    learning = Learning(prior, True, shown, shown, recorded=False)
    measured = learn(learning, Stage("branch", steps=3, batch=4, lr=1e-2, warmup=1), lines.append)
    assert all(torch.equal(part, before[name]) for name, part in prior.unet.state_dict().items())
    assert prior.branch.zero_middle.weight.abs().max() > 0
    assert measured["validation"] > 0
    assert lines


def test_asking_validation_leaves_the_weights() -> None:
    prior, shown = small_prior()
    learning = Learning(prior, False, shown, shown, recorded=False)
    before = [p.detach().clone() for p in prior.unet.parameters()]
    now, other = (asked(learning, rows) for rows in (before, [0 * part for part in before]))
    assert now != other
    assert all(torch.equal(a, b) for a, b in zip(before, prior.unet.parameters(), strict=True))
    assert asked(learning, before) == now


def test_ranks_are_those_of_the_second_stage(method: MRA, table: PictureTable) -> None:
    test = table.where(split="test")
    asked_for = asked_of(method, test)
    found = ranks_of(method, asked_for, head=3)
    texts = [text for row in test.captions for text in row]
    placed = _Placed(method)
    with torch.no_grad():
        gallery = placed.encode_images(_squares(test), ()).numpy()
        cosines = method.encode_texts(texts).numpy() @ gallery.T
    final = second_stage(placed, test, texts, cosines, head=3)
    people = np.array(test.labels)
    for name, scores in ((COSINE, cosines), (STAGES, final)):
        for row, (own, text_scores) in enumerate(zip(found[name], scores, strict=True)):
            order = people[np.argsort(-text_scores, kind="stable")]
            right = np.flatnonzero(order == asked_for.asked[row])
            assert own[own < 65535].tolist() == right.tolist()


def _squares(table: PictureTable) -> Tensor:
    from retrieval.images import Preprocess, pixels

    prepared = Preprocess(64, (0.5,) * 3, (0.5,) * 3)
    return torch.from_numpy(np.stack([pixels(row.picture.open(), prepared) for row in table]))


def test_a_task_is_claimed_once(tmp_path: Path) -> None:
    assert claim(tmp_path / "claims", "base-0")
    assert not claim(tmp_path / "claims", "base-0")
    assert claim(tmp_path / "claims", "base-1")


def test_fewer_people_are_some_of_more(table: PictureTable) -> None:
    street = table.where(split="train")
    all_people, some = people_of(street, 1.0), people_of(street, 0.5)
    assert all_people == frozenset(street.labels)
    assert some < all_people
    assert len(some) == 2


def test_object_words_are_the_last_of_their_phrases(table: PictureTable) -> None:
    words = {part.phrase for row in single_words(table).regions for part in row or ()}
    assert words == {"hat", "coat"}


def test_a_process_does_all_tasks_and_scores_them(
    method: MRA, table: PictureTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variants of one seed: ranks of every test caption, for each share of labels."""
    rows = (Variant("nothing"), Variant("studio", STUDIO, regions=True, without=("region contrast",), few=True))
    monkeypatch.setattr(tasks, "VARIANTS", rows)
    bench = Bench(
        method.parts, known_words(method, [table]), "cpu", time.time() + 300, batch=4, views=1, width=16,
        config={"sentence": method.config.sentence, "picture_layers": 1, "fusion_layers": 1},
    )  # fmt: skip
    pack = Pack(table, table[:0], method.parts[TEXT], method.parts["trunk"], None, [], {})  # type: ignore[arg-type]
    notes: list[object] = []
    place = Workplace(pack, bench, tmp_path, (0,), 0.0, notes.append)
    (tmp_path / "tasks").mkdir()
    work_on(place)
    files = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "tasks").glob("*.json")}
    assert set(files) == {Task(row, 0).name for row in rows}, notes
    assert set(files["studio-0"]["ranks"]) == {"all", "none", "quarter", "twentieth"}
    assert "region matching" in files["studio-0"]["losses"]
    assert "region contrast" not in files["studio-0"]["losses"]
    assert np.array(files["nothing-0"]["ranks"]["all"]["cosine"]).shape == (12, 3)


def test_packed_webp_pictures_stay_as_they_are(tmp_path: Path, table: PictureTable) -> None:
    write_rows(tmp_path, table[:2], 90)
    once = read_rows(tmp_path)
    write_rows(tmp_path, once, 10)
    again = read_rows(tmp_path)
    assert all(isinstance(picture, EncodedPicture) for picture in again.pictures)
    assert list(again.pictures) == list(once.pictures)
    assert again.captions == table[:2].captions
    assert again.regions == table[:2].regions


def test_pairs_that_are_kept_are_those_that_were_gathered(method: MRA, table: PictureTable, tmp_path: Path) -> None:
    pairs = gather_pairs(method, table[:4], 2, "cpu")
    keep(tmp_path / "pairs" / "studio.pt", pairs)
    again = kept(tmp_path / "pairs" / "studio.pt", "cpu")
    assert torch.equal(again.stems, pairs.stems)
    assert torch.equal(again.captions.states, pairs.captions.states)
    assert torch.equal(again.phrases.pieces, pairs.phrases.pieces)


def test_sets_that_were_drawn_before_are_sifted_and_described_as_then(table: PictureTable, tmp_path: Path) -> None:
    """What comes back holds of described figures the words alone."""
    drawn, left = tmp_path / "drawn", [0, 2]
    for name in ("base", "dad", "described"):
        (drawn / "sets" / name).mkdir(parents=True)
        write_rows(drawn / "sets" / name, table[:3].select(left) if name == "described" else table[:3], 90)
    (drawn / "sets" / "described" / "pictures.bin").unlink()
    (drawn / "drawing.json").write_text(json.dumps({"kept": [True, False, True]}))
    bring_sets(drawn, tmp_path / "work")
    sets = {name: read_rows(tmp_path / "work" / "sets" / name) for name in ("base", "dad", "sifted", "described")}
    assert list(sets["dad"].pictures) == list(sets["base"].pictures)
    assert list(sets["sifted"].pictures) == [sets["dad"].pictures[at] for at in left]
    assert list(sets["described"].pictures) == list(sets["sifted"].pictures)
    assert sets["described"].regions == table.select(left).regions


def test_the_distance_of_two_halves_is_none_and_of_two_kinds_is_some() -> None:
    rows = torch.randn(200, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert abs(mmd(rows[:100], rows[100:])) < 0.5 < mmd(rows[:100], rows[100:] + 2)


def test_what_was_trained_is_assembled_when_its_branch_is_done(tmp_path: Path, table: PictureTable) -> None:
    recipe = RECIPES["people-prior"]
    prior = new_prior(recipe, recipe.settings).learner
    write_rows(tmp_path, table, 80)
    (tmp_path / MORE).mkdir()
    write_rows(tmp_path / MORE, table[:1], 80)
    folders = recipe.settings.tower, recipe.settings.latents
    write_prior(tmp_path / PRIOR, prior, "base")
    with pytest.raises(DataError, match="branch"):
        assemble(tmp_path, tmp_path, tmp_path / "bundle", *folders)
    write_prior(tmp_path / PRIOR, prior, "branch")
    made = assemble(tmp_path, tmp_path, tmp_path / "bundle", *folders)
    loaded = load_prior(made.folder)
    assert 9 + 9 + 1 in {source.pictures for source in loaded.trained_on}
    for name, weight in prior.unet.state_dict().items():
        torch.testing.assert_close(loaded.prior.unet.state_dict()[name], weight, atol=2e-3, rtol=1e-3)
