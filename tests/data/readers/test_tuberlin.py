"""TU-Berlin-Extended on small trees: two spellings of each class are one class."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.data.readers.tuberlin import ALIASES, tuberlin, tuberlin_lists
from retrieval.data.splits import TUBERLIN_220_30
from retrieval.errors import DataError
from retrieval.types import PHOTO, SKETCH
from tests.data.trees import plant, says, write_list


def test_sketches_and_photos_of_a_class_meet_under_the_published_name(tmp_path: Path) -> None:
    plant(tmp_path, "png/bear (animal)/1.png", "png/t-shirt/2.png", "png/mouse (animal)/3.png")
    plant(tmp_path, "ImageResized/bearanimal/a.JPEG", "ImageResized/tshirt/b.JPEG", "ImageResized/mouse/c.JPEG")
    table = tuberlin(tmp_path)
    labels = ["bear (animal)", "mouse (animal)", "t-shirt"]
    assert list(table.where(domain=SKETCH).labels) == labels
    assert list(table.where(domain=PHOTO).labels) == labels
    assert not says(table.problems, "no classes of the data set")


@pytest.mark.parametrize(("folder", "name"), ALIASES.items())
def test_misspelt_folders_are_read(tmp_path: Path, folder: str, name: str) -> None:
    assert [item.label for item in tuberlin(plant(tmp_path, f"images/{folder}/a.jpg"))] == [name]


def test_a_class_with_other_than_eighty_sketches_is_told(tmp_path: Path) -> None:
    plant(tmp_path, *(f"png/ant/{i}.png" for i in range(80)), *(f"png/bus/{i}.png" for i in range(79)))
    table = tuberlin(tmp_path)
    assert says(table.problems, "do not hold 80 pictures of the domain sketch: 1 (bus (79))")
    assert says(table.problems, "no folder of photos")


def test_the_lists_hold_names_with_spaces(tmp_path: Path) -> None:
    sketches = [f"png_ready/{name}/1.png" for name in TUBERLIN_220_30.unseen]
    photos = [f"ImageResized_ready/{name.replace(' ', '')}/1.JPEG" for name in TUBERLIN_220_30.unseen]
    plant(tmp_path, *sketches, *photos)
    for name, paths in (("png_ready", sketches), ("ImageResized_ready", photos)):
        write_list(tmp_path / f"zeroshot/{name}_filelist_zero.txt", *(f"{path} 0" for path in paths))
    table = tuberlin_lists(tmp_path)
    assert {item.label for item in table.where(domain=SKETCH)} == set(TUBERLIN_220_30.unseen)
    assert says(table.problems, "The number of photos is 30; 27,989 are published")
    assert not says(table.problems, "no published split")


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "png").mkdir()
    with pytest.raises(DataError, match="holds no picture"):
        tuberlin(tmp_path)
