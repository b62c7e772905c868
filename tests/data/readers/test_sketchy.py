"""Sketchy-Extended on small trees: every layout in use, each photo once, and what a copy lacks is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.data.readers.files import path_of
from retrieval.data.readers.problems import checked
from retrieval.data.readers.sketchy import sketchy, sketchy_lists
from retrieval.data.splits import SKETCHY_104_21
from retrieval.errors import DataError
from retrieval.types import PHOTO, SKETCH
from tests.data.trees import plant, says, write_list

OFFICIAL = ("256x256/sketch/tx_000000000000", "256x256/photo/tx_000000000000", "EXTEND_image_sketchy")
RENAMED = ("sketch/tx_000000000000", "photo/tx_000000000000", "extended_photo")
READY = tuple(f"{name}_ready" for name in OFFICIAL)


@pytest.mark.parametrize("places", [OFFICIAL, RENAMED, READY])
def test_a_photo_in_two_folders_is_read_once(tmp_path: Path, places: tuple[str, ...]) -> None:
    sketches, photos, extended = places
    plant(tmp_path, f"{sketches}/hot-air_balloon/n1-1.png", f"{sketches}/hot-air_balloon/n1-2.png")
    plant(tmp_path, f"{photos}/hot-air_balloon/n1.jpg", f"{photos}/hot-air_balloon/n2.jpg")
    plant(tmp_path, f"{extended}/hot_air_balloon/n1.jpg", f"{extended}/hot_air_balloon/ext_1.jpg")
    table = sketchy(tmp_path)
    assert [path_of(item).name for item in table.where(domain=SKETCH)] == ["n1-1.png", "n1-2.png"]
    assert sorted(path_of(item).name for item in table.where(domain=PHOTO)) == ["ext_1.jpg", "n1.jpg", "n2.jpg"]
    assert set(table.labels) == {"hot-air balloon"}
    assert says(table.problems, "among the extended photos again", "1")


def test_what_a_copy_lacks_is_said(tmp_path: Path) -> None:
    plant(tmp_path, f"{OFFICIAL[0]}/bat/a-1.png", f"{OFFICIAL[1]}/bat/a.jpg", f"{OFFICIAL[1]}/unicorn_foal/b.jpg")
    plant(tmp_path, f"{OFFICIAL[0]}/bat/._a-1.png", f"{OFFICIAL[0]}/bat/notes.txt")
    table = sketchy(tmp_path)
    assert len(table) == 2
    assert says(table.problems, "no folder of extended photos")
    assert says(table.problems, "no classes of the data set", "unicorn foal")
    assert says(table.problems, "without a picture of the domain sketch: 124", "airplane", "119 more")
    assert says(table.problems, "do not hold 100 pictures of the domain photo", "bat (1)")
    assert says(table.problems, "The number of sketches is 1; 75,481 are published")
    assert len(table.where(domain=SKETCH, labels=SKETCHY_104_21.unseen)) == 1
    assert len(table.where(domain=SKETCH, labels=SKETCHY_104_21.seen)) == 0


def test_identical_files_are_told_when_asked_and_the_worse_when_their_classes_differ(tmp_path: Path) -> None:
    plant(tmp_path, f"{OFFICIAL[1]}/bat/a.jpg", f"{OFFICIAL[1]}/bat/b.jpg", f"{OFFICIAL[1]}/cow/c.jpg", same="bytes")
    plant(tmp_path, f"{OFFICIAL[1]}/cow/d.jpg", same="other")  # as long as the others
    table = sketchy(tmp_path)
    assert not says(table.problems, "Byte for byte")
    with_files = checked(table)
    assert with_files.ids == table.ids
    assert says(with_files.problems, "Byte for byte the same as another picture: 2", "bat/a.jpg", "bat/b.jpg")
    assert says(with_files.problems, "Identical files are in different classes")
    assert not says(with_files.problems, "d.jpg")


def test_a_folder_without_the_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture of the data set"):
        sketchy(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        sketchy(tmp_path / "nowhere")


def zero_lists(root: Path, classes: tuple[str, ...]) -> None:
    """Lists of one sketch and one photo of each class, the photo of the first class in both folders."""
    sketches = [f"{READY[0]}/{name.replace(' ', '_')}/n1-1.png" for name in classes]
    photos = [f"{READY[2]}/{name.replace(' ', '_')}/n1.jpg" for name in classes]
    photos.append(f"{READY[1]}/{classes[0]}/n1.jpg")
    plant(root, *sketches, *photos)
    endings = {"sketch_tx_000000000000_ready_filelist_zero.txt": sketches, "all_photo_filelist_zero.txt": photos}
    for name, paths in endings.items():
        write_list(root / "zeroshot0" / name, *(f"{path} {i}" for i, path in enumerate(paths)))


def test_the_lists_are_known_by_their_classes_and_not_by_their_folder(tmp_path: Path) -> None:
    zero_lists(tmp_path, SKETCHY_104_21.unseen)
    table = sketchy_lists(tmp_path, "zeroshot0")
    assert len(table.where(domain=SKETCH)) == len(table.where(domain=PHOTO)) == 21
    assert says(table.problems, "12,694 are published")
    assert says(table.problems, "among the extended photos again", "1")


def test_lists_of_no_published_split_are_told_with_missing_files_and_damaged_lines(tmp_path: Path) -> None:
    zero_lists(tmp_path, ("bat", "zebra"))
    (tmp_path / READY[2] / "zebra/n1.jpg").unlink()
    listing = tmp_path / "zeroshot0/all_photo_filelist_zero.txt"
    with listing.open("a") as file:
        file.write("\n../outside/bat/n1.jpg 0\nno number.jpg\n")
    table = sketchy_lists(tmp_path, "zeroshot0")
    assert list(table.where(domain=PHOTO).labels) == ["bat"]
    assert says(table.problems, "are missing: 1", "zebra/n1.jpg")
    assert says(table.problems, "cannot be used: 2 (5, 6)")
    assert says(table.problems, "no published split")


def test_lists_that_are_missing_empty_or_of_another_folder_are_refused(tmp_path: Path) -> None:
    zero_lists(tmp_path, ("bat",))
    with pytest.raises(DataError, match="cannot be read"):
        sketchy_lists(tmp_path, "zeroshot0", "held-out")
    write_list(tmp_path / "zeroshot0/all_photo_filelist_zero.txt", "nothing of use")
    with pytest.raises(DataError, match="lists no picture"):
        sketchy_lists(tmp_path, "zeroshot0")
    write_list(tmp_path / "zeroshot0/all_photo_filelist_zero.txt", "elsewhere/bat/n1.jpg 0")
    with pytest.raises(DataError, match="None of the files"):
        sketchy_lists(tmp_path, "zeroshot0")
