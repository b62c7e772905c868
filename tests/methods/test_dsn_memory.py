"""DSN's memory while it learns, and the album that is kept of it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle, save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.backbones.conditional_resnet import ConditionalResNet
from retrieval.images import Preprocess
from retrieval.methods import DSN
from retrieval.methods.dsn import (
    Config,
    SketchMemory,
)
from tests.methods.toy_dsn import PREPROCESS, TINY, made, normal, toy_batch

# ---------------------------------------------------------------- the memory


def visited(index: str = "own") -> SketchMemory:
    """K = 2 of class 1 were kept; then came a sketch that is more like the photos, and one that is less."""
    memory = SketchMemory(3, 2, 2, index)
    sketch, photo = torch.tensor([False]), torch.tensor([True])
    for direction in ([1.0, 0.0], [0.6, 0.8]):
        memory.remember(torch.tensor([direction]), torch.tensor([1]), sketch)
    memory.remember(torch.tensor([[0.0, 2.0], [-1.0, 0.0], [0.0, 5.0]]), torch.tensor([1, 1, 1]), ~sketch.repeat(3))
    features = torch.tensor([[0.0, 3.0], [0.1, 2.0], [-1.0, -1.0]])  # a photo, and two sketches of its class
    memory.remember(features, torch.tensor([1, 1, 1]), torch.cat([photo, sketch, sketch]))
    return memory


def test_a_full_memory_replaces_the_sketch_least_like_the_photos_by_one_that_is_more_like_them() -> None:
    memory = visited()
    assert memory.counts.tolist() == [0, 2, 0]
    assert torch.allclose(memory.rows[1], torch.tensor([[0.1, 2.0], [0.6, 0.8]]))
    assert torch.allclose(memory.prototypes()[1], torch.tensor([0.35, 1.4]))


def test_a_memory_leaves_other_classes_alone() -> None:
    memory = visited()
    assert not memory.rows[0].any()
    assert not memory.rows[2].any()


def test_without_a_photo_of_its_class_nothing_is_replaced() -> None:
    memory, before = visited(), visited().rows
    memory.remember(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([1, 2]), torch.tensor([False, True]))
    assert torch.equal(memory.rows, before)


def test_the_memory_equals_a_plain_loop() -> None:
    memory, kept = SketchMemory(3, 4, 6).double(), {c: [] for c in range(3)}
    for step in range(6):
        features = normal(12, 6, seed=step)
        labels = torch.randint(3, (12,), generator=torch.Generator().manual_seed(step))
        photos = torch.arange(12) % 2 == 0
        memory.remember(features, labels, photos)
        for i in range(1, 12, 2):
            rows, anchors = kept[int(labels[i])], [features[j] for j in range(0, 12, 2) if labels[j] == labels[i]]
            if len(rows) < 4:
                rows.append(features[i])
            elif anchors:
                q = sum(anchors) / len(anchors)
                cosines = [float(row @ q / row.norm() / q.norm()) for row in rows]
                if float(features[i] @ q / features[i].norm() / q.norm()) > min(cosines):
                    rows[cosines.index(min(cosines))] = features[i]
    assert all(torch.equal(memory.rows[c], torch.stack(rows)) for c, rows in kept.items())


def test_the_released_memory_overwrites_a_class_that_is_named_like_the_slot() -> None:
    memory = visited("released")
    assert torch.allclose(memory.rows[0], torch.tensor([[0.1, 2.0], [0.1, 2.0]]))
    assert torch.allclose(memory.rows[1], torch.tensor([[1.0, 0.0], [0.6, 0.8]])), "and leaves its own as it was"


def test_every_epoch_begins_with_an_empty_memory_which_is_no_part_of_the_weights() -> None:
    method = made()
    method.losses(toy_batch(), method.phases()[0])
    assert method.memory.counts.tolist() == [2, 2, 2, 2]
    assert not any(name.startswith("memory") for name in method.state_dict())
    method.begin_epoch()
    assert not method.memory.counts.any()
    assert not method.memory.rows.any()


def test_a_random_memory_is_filled_alike_and_then_takes_every_sketch_of_the_class_somewhere() -> None:
    memory = SketchMemory(2, 2, 3, rule="random")
    features = torch.eye(3)[[0, 1, 2]]
    memory.remember(features, torch.tensor([1, 1, 1]), torch.zeros(3, dtype=torch.bool))
    kept = sorted(map(tuple, memory.rows[1].tolist()))
    assert tuple(features[2].tolist()) in kept, "no photo was needed"
    assert len(kept) == len({*kept} & {*map(tuple, features.tolist())}) == 2
    assert not memory.rows[0].any()


def test_shuffled_tags_are_dealt_anew_in_training_and_true_when_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    method, seen = made(shuffled_tags=True), []
    plain = ConditionalResNet.late

    def noted(self: ConditionalResNet, maps: Tensor, tags: Tensor) -> Tensor:
        seen.append(tags[:16].tolist())
        return plain(self, maps, tags)

    monkeypatch.setattr(ConditionalResNet, "late", noted)
    batch = toy_batch()
    for _ in range(4):
        method.losses(batch, method.phases()[0])
    true = method.tags(batch.domains).tolist()
    students = [tags for tags in seen if any(tags)]  # the teacher's are all zero
    assert len({*map(tuple, students)}) > 1
    assert all(sorted(tags) == sorted(true) for tags in students)
    method.encode_images(batch.images, batch.domains)
    assert seen[-1] == true


# ---------------------------------------------------------------- the album


def test_the_album_is_what_an_empty_memory_holds_after_the_same_batches_under_the_final_weights() -> None:
    method = made().train()
    steps = [dataclasses.replace(toy_batch(), images=toy_batch().images + 0.1 * step) for step in range(3)]
    method.fill_album(iter(steps))
    assert method.training, "and it learns on as before"
    memory, photos = SketchMemory(4, 2, method.album.rows.shape[-1]), torch.arange(16) < 8
    with torch.no_grad():
        for batch in steps:
            assert batch.labels is not None
            memory.remember(method.eval().trunk(batch.images, method.tags(batch.domains)), batch.labels, photos)
    assert torch.equal(method.album.counts, memory.counts)
    assert torch.equal(method.album.rows, memory.rows)
    assert not method.memory.counts.any(), "the memory of training is another"


def test_the_album_keeps_the_picture_of_every_row() -> None:
    method, batch = made().eval(), toy_batch()
    method.fill_album([batch, dataclasses.replace(batch, images=batch.images.flip(-1) * 0.9)])
    shown = [toy_batch().images, batch.images.flip(-1) * 0.9]
    with torch.no_grad():
        drawn = torch.cat([images[8:] for images in shown])
        features = method.trunk(drawn, torch.zeros(16))
    for label in range(4):
        for row, picture in zip(method.album.rows[label], method.album.pictures[label], strict=True):
            found = int((features - row).abs().sum(dim=1).argmin())
            red, green, blue = (drawn[found] * 0.25 + 0.5).clamp(0, 1)
            grey = (0.2989 * red + 0.587 * green + 0.114 * blue) * 255
            assert (picture.float() - grey).abs().max() < 2
    assert method.album.pictures.dtype == torch.uint8


def test_filling_the_album_again_forgets_the_first_time() -> None:
    method, batch = made(), toy_batch()
    method.fill_album([batch])
    before = method.album.rows.clone()
    method.fill_album([])
    assert not method.album.counts.any()
    assert not method.album.pictures.any()
    method.fill_album([batch])
    assert torch.equal(method.album.rows, before)


def test_the_album_is_saved_with_the_weights(tmp_path: Path) -> None:
    method = made()
    method.fill_album([toy_batch()])
    config = dataclasses.asdict(method.config)
    save_bundle(tmp_path, method, Manifest("tiny", "dsn", config, PREPROCESS, ("photo", "sketch"), (), method.dim, {}))
    loaded = load_bundle(tmp_path).method
    assert isinstance(loaded, DSN)
    assert torch.equal(loaded.album.counts, torch.tensor([2, 2, 2, 2]))
    assert torch.equal(loaded.album.pictures, method.album.pictures)
    assert torch.allclose(loaded.album.rows, method.album.rows, rtol=1e-3)


def test_pictures_of_a_large_method_are_kept_small() -> None:
    with torch.device("meta"):
        assert DSN(Config(**TINY), Preprocess(224)).album.pictures.shape == (4, 2, 48, 48)
