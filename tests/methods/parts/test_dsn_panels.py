"""What DSN adds to an explanation is what it answers when it is asked again, one picture at a time."""

from __future__ import annotations

import math

import pytest
import torch
from PIL import Image

from retrieval.methods.parts.dsn_panels import (
    Channel,
    Memory,
    Modality,
    Remembered,
    Taught,
    codes_under_both,
    gate_changes,
    memory,
    memory_panel,
    modality,
    modality_panel,
)
from retrieval.types import PHOTO, SKETCH, Bars, Columns, Note, Thumbnails
from tests.test_why import cosine, picture, trained

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


# ---------------------------------------------------------------- panels


def test_the_panel_of_the_modality_says_every_number_and_what_it_does_not_show() -> None:
    change = Modality("sketch", 0.71, 0.52, (("1.1", 0.02), ("2.1", 0.08)), (Channel("2.1", 7, -0.31),))
    panel = modality_panel(change, 0.834)
    bars, _, columns, channels = panel.parts
    assert "went in as a sketch; here it goes in as a photo" in panel.about
    assert "DSN does not separate object from style" in panel.about
    assert isinstance(bars, Bars)
    assert [(bar.label, bar.text) for bar in bars.bars] == [
        ("Similarity to the hit, as a sketch", "0.83"),
        ("Similarity to the hit, as a photo", "0.52"),
        ("The query to itself, told both ways", "0.71"),
    ]
    assert isinstance(columns, Columns)
    assert [(column.label, column.text) for column in columns.columns] == [("1.1", "0.020"), ("2.1", "0.080")]
    assert isinstance(channels, Note)
    assert channels.text.endswith("2.1 no. 7 (-0.31)")


def test_the_panel_of_the_memory_shows_classes_and_kept_sketches() -> None:
    kept = Memory((Taught("duck", 0.62, 0.9, 0.4),), (Remembered(Image.new("L", (8, 8)), 0.95, 0.41),), 45)
    panel = memory_panel(kept)
    bars, _, sketches = panel.parts
    assert "one of the 45 that it was taught; an unseen object gets its nearest relative" in panel.about
    assert isinstance(bars, Bars)
    assert bars.bars[0].note == "to the mean of its sketches: query 0.90, hit 0.40"
    assert isinstance(sketches, Thumbnails)
    assert [(shown.caption, shown.alt) for shown in sketches.pictures] == [("0.95 · 0.41", "Kept sketch of duck")]


def test_a_bundle_without_kept_sketches_says_so() -> None:
    panel = memory_panel(Memory((Taught("duck", 0.62, None, None),), (), 45))
    assert panel.parts[1] == Note("This bundle came without the sketches of its memory.")
    assert isinstance(panel.parts[0], Bars)
    assert panel.parts[0].bars[0].note == ""
