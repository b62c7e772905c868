"""Rendered sets are read with all that is known of them, also while they are being rendered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from retrieval.data.readers.world import read_rendered
from retrieval.errors import DataError

DUCK = {
    "id": "duck-0-photo",
    "path": "duck/duck-0-photo.png",
    "label": "duck",
    "domain": "photo",
    "object": "duck-0",
    "split": "seen",
    "caption": "a photo of a yellow duck",
    "colors": {"body": "yellow", "beak": "orange"},
}
PERSON = {"id": "p-1", "path": "p-1.png", "label": "17", "domain": "street", "captions": ["In red.", "A red coat."]}


def render(folder: Path, *lines: dict[str, object]) -> None:
    for line in lines:
        path = folder / str(line["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 12), "red").save(path)


def test_a_row_knows_its_object_its_main_colour_and_its_captions(tmp_path: Path) -> None:
    render(tmp_path, DUCK, PERSON)
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in (DUCK, PERSON)))
    duck, person = read_rendered(tmp_path)
    assert (duck.label, duck.instance, duck.color, duck.split) == ("duck", "duck-0", "yellow", "seen")
    assert duck.captions == ("a photo of a yellow duck",)
    assert (person.instance, person.color, person.captions) == ("p-1", "", ("In red.", "A red coat."))
    assert read_rendered(tmp_path, ["duck"]).in_memory().pixels().shape == (1, 12, 12, 3)


def test_an_unfinished_set_is_read_only_when_that_is_asked(tmp_path: Path) -> None:
    render(tmp_path, DUCK)
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "duck-0.json").write_text(json.dumps([DUCK]))
    with pytest.raises(DataError, match="no complete rendered set"):
        read_rendered(tmp_path)
    assert read_rendered(tmp_path, unfinished=True).ids == ("duck-0-photo",)


def test_a_set_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Render it"):
        read_rendered(tmp_path, unfinished=True)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ('{"id": "x", "path": "../outside.png", "domain": "photo"}', "outside the set"),
        ('{"id": "x", "domain": "photo"}', "not a picture's id, path and domain"),
        ("[]", "not a picture's id, path and domain"),
        ("{", "is damaged"),
    ],
)
def test_a_line_that_is_damaged_or_leads_outside_is_refused(tmp_path: Path, line: str, match: str) -> None:
    (tmp_path / "items.jsonl").write_text(line + "\n")
    with pytest.raises(DataError, match=match):
        read_rendered(tmp_path)


def test_pictures_of_somebodys_own_folder_lie_beside_its_hidden_gallery(tmp_path: Path) -> None:
    render(tmp_path, {"path": "a.png"})
    home = tmp_path / ".guise"
    home.mkdir()
    (home / "items.jsonl").write_text(json.dumps({"id": "a", "path": "a.png", "label": None, "domain": "photo"}))
    (row,) = read_rendered(home)
    assert row.label == ""
    assert row.picture.open().size == (12, 12)
