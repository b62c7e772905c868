"""What is said of a hit is what the encoder answers when it is asked again, one picture at a time."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from retrieval.methods import DSN
from retrieval.types import PHOTO, SKETCH, ImageQuery
from retrieval.why import as_json, explain, occlusion
from tests.conftest import ColorEncoder
from tests.methods.toy_dsn import made, toy_batch


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
    assert told.panels == ()


def test_the_maps_come_with_what_the_method_adds() -> None:
    drawing, photo = Image.effect_noise((90, 60), 80), Image.effect_noise((64, 64), 40)
    method = trained()
    query, hit = ImageQuery(drawing.convert("RGB"), SKETCH), ImageQuery(photo.convert("RGB"), PHOTO)
    told = explain(method, query, hit, ("a", "b", "c", "d"))
    assert [panel.title for panel in told.panels] == ["Sketch or photo, as it is told", "What it takes the query for"]
    assert -1 <= told.similarity <= 1
    assert len(told.query.falls) == len(told.hit.falls) == 8
    assert explain(method, query, query).similarity == pytest.approx(1.0, abs=1e-6)
    plain = json.loads(json.dumps(as_json(told)))
    assert plain["hit"] == {"falls": [[round(fall, 6) for fall in row] for row in told.hit.falls]}
    modality, memory = plain["panels"]
    assert modality["parts"][0]["bars"][0]["label"] == "Similarity to the hit, as a sketch"
    assert [column["label"] for column in modality["parts"][2]["columns"]] == ["1.1", "2.1", "3.1", "4.1"]
    assert [set(sketch) for sketch in memory["parts"][2]["pictures"]] == [{"caption", "alt"}] * 2
