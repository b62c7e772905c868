"""What is said of a hit is what the encoder answers when it is asked again, one picture at a time."""

from __future__ import annotations

import json
import math

import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from retrieval.methods import DSN
from retrieval.types import PHOTO, SKETCH, ImageQuery
from retrieval.why import as_json, codes_under_both, explain, gate_changes, memory, modality, occlusion
from tests.conftest import ColorEncoder
from tests.methods.test_dsn import made, toy_batch


def picture(seed: int = 0) -> Tensor:
    return torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(seed))


def cosine(one: Tensor, other: Tensor) -> float:
    return float(one.flatten() @ other.flatten() / one.norm() / other.norm())


class Trained(DSN):
    """A method as `explain` gets it inside a bundle: with a fingerprint."""

    fingerprint = "dsn·00000001"


def trained(**told: object) -> Trained:
    """At random weights, but with tags that matter and an album."""
    method = made(**told).eval()
    for name, parameter in method.named_parameters():
        if name.endswith("se.tag"):
            torch.nn.init.normal_(parameter)
    method.fill_album([toy_batch()])
    method.__class__ = Trained
    assert isinstance(method, Trained)
    return method


# ---------------------------------------------------------------- which parts


@pytest.mark.parametrize(("domain", "grid"), [(SKETCH, 8), (PHOTO, 5)])
def test_a_map_equals_a_plain_loop_over_patches(domain, grid: int) -> None:
    method, image = trained(), picture()
    target = method.encode_images(picture(1)[None], [PHOTO])[0].detach()
    found = occlusion(method, image, domain, target, grid)
    cell = 32 / grid
    cover = torch.full((3,), (1 - 0.5) / 0.25) if domain == SKETCH else image.mean(dim=(1, 2))
    with torch.inference_mode():
        whole = cosine(method.encode_images(image[None], [domain]), target)
        for row in range(grid):
            for column in range(grid):
                covered = image.clone()
                for y in range(32):
                    for x in range(32):
                        low, left = round((row - 0.5) * cell), round((column - 0.5) * cell)
                        if low <= y < round((row + 1.5) * cell) and left <= x < round((column + 1.5) * cell):
                            covered[:, y, x] = cover
                part = cosine(method.encode_images(covered[None], [domain]), target)
                assert found[row][column] == pytest.approx(whole - part, abs=2e-5)


def test_the_map_points_at_what_the_pictures_share(color_encoder: ColorEncoder) -> None:
    red = Image.new("RGB", (64, 64), (200, 40, 40))
    half = Image.new("RGB", (64, 64), (40, 160, 60))
    ImageDraw.Draw(half).rectangle((0, 0, 24, 64), fill=(200, 40, 40))
    told = explain(color_encoder, ImageQuery(half), ImageQuery(red))
    assert min(row[0] for row in told.query.falls) > 0.01, "red on the left is what they share"
    assert max(row[-1] for row in told.query.falls) < 0, "green on the right keeps them apart"
    assert all(abs(fall) < 1e-6 for row in told.hit.falls for fall in row), "of one colour all parts are the same"
    assert told.query.picture.size == told.hit.picture.size == (256, 256)
    assert told.modality is None
    assert told.memory is None


# ---------------------------------------------------------------- the modality


def test_flipping_the_tag_changes_code_similarity_and_gates() -> None:
    method, image = trained(), picture()
    with torch.inference_mode():
        drawn, seen = (method.encode_images(image[None], [domain]) for domain in (SKETCH, PHOTO))
        hit = method.encode_images(picture(1)[None], [PHOTO])[0]
    told = modality(method, image, SKETCH, hit)
    assert told.told == "sketch"
    assert torch.allclose(codes_under_both(method, image), torch.cat([drawn, seen]), atol=1e-5)
    assert told.kept == pytest.approx(cosine(drawn, seen), abs=1e-5)
    assert told.flipped == pytest.approx(cosine(seen, hit), abs=1e-5)
    assert modality(method, image, PHOTO, hit).flipped == pytest.approx(cosine(drawn, hit), abs=1e-5)
    changes = gate_changes(method, image)
    assert [block for block, _ in told.blocks] == ["1.1", "2.1", "3.1", "4.1"]
    for block, change in told.blocks:
        assert change == pytest.approx(sum(abs(v) for v in changes[block].tolist()) / len(changes[block]), rel=1e-5)
    largest = sorted((-abs(v), block, n) for block, c in changes.items() for n, v in enumerate(c.tolist()))[:3]
    assert [(c.block, c.number) for c in told.channels] == [(block, n) for _, block, n in largest]


def test_an_untagged_method_has_no_modality_to_flip() -> None:
    told = modality(trained(tagged=False), picture(), SKETCH, torch.nn.functional.normalize(torch.ones(5), dim=0))
    assert told.kept == pytest.approx(1.0, abs=1e-6)
    assert all(change == 0 for _, change in told.blocks)
    assert all(channel.difference == 0 for channel in told.channels)


# ---------------------------------------------------------------- the memory


def test_classes_probabilities_and_cosines_are_those_of_a_plain_loop() -> None:
    method, query, hit = trained(), picture(), picture(1)
    told = memory(method, (query, SKETCH), (hit, PHOTO), ("a", "b", "c", "d"))
    with torch.inference_mode():
        f, g = method.trunk(query[None], torch.tensor([0.0])), method.trunk(hit[None], torch.tensor([1.0]))
        logits = method.classify(method.code(f))[0].tolist()
    shares = [math.exp(v) / sum(math.exp(v) for v in logits) for v in logits]
    order = sorted(range(4), key=lambda label: -shares[label])
    assert told.taught == 4
    assert [c.label for c in told.classes] == ["abcd"[label] for label in order[:3]]
    for found, label in zip(told.classes, order, strict=False):
        mean = (method.album.rows[label, 0] + method.album.rows[label, 1]) / 2
        assert found.probability == pytest.approx(shares[label], abs=1e-6)
        assert found.query == pytest.approx(cosine(f, mean), abs=1e-5)
        assert found.hit == pytest.approx(cosine(g, mean), abs=1e-5)
    rows = sorted(method.album.rows[order[0]], key=lambda row: -cosine(f, row))
    assert [s.query for s in told.sketches] == pytest.approx([cosine(f, row) for row in rows], abs=1e-5)
    assert [s.hit for s in told.sketches] == pytest.approx([cosine(g, row) for row in rows], abs=1e-5)
    assert {s.picture.size for s in told.sketches} == {(32, 32)}


def test_without_an_album_classes_are_told_and_sketches_are_not() -> None:
    method = trained()
    method.fill_album([])
    told = memory(method, (picture(), SKETCH), (picture(1), PHOTO))
    assert told.sketches == ()
    assert all(c.query is None and c.hit is None and c.label.startswith("class ") for c in told.classes)


def test_all_of_it_is_told_of_dsn() -> None:
    drawing, photo = Image.effect_noise((90, 60), 80), Image.effect_noise((64, 64), 40)
    method = trained()
    query, hit = ImageQuery(drawing.convert("RGB"), SKETCH), ImageQuery(photo.convert("RGB"), PHOTO)
    told = explain(method, query, hit, ("a", "b", "c", "d"))
    assert told.modality is not None
    assert told.memory is not None
    assert -1 <= told.similarity <= 1
    assert len(told.query.falls) == len(told.hit.falls) == 8
    assert explain(method, query, query).similarity == pytest.approx(1.0, abs=1e-6)
    plain = json.loads(json.dumps(as_json(told)))
    assert plain["hit"] == {"falls": [[round(fall, 6) for fall in row] for row in told.hit.falls]}
    assert plain["modality"]["blocks"][0][0] == "1.1"
    assert [set(sketch) for sketch in plain["memory"]["sketches"]] == [{"query", "hit"}] * 2
