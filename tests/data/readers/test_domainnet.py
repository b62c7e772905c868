"""DomainNet on small trees: six folders become six of our domains, whole or by the published lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.data.readers.domainnet import LISTED, QUICKDRAW, domainnet
from retrieval.errors import DataError
from retrieval.types import PAINTING, PHOTO, SKETCH
from tests.data.trees import plant, says, write_list


@pytest.fixture
def small(tmp_path: Path) -> Path:
    pictures = [
        f"{name}/The_Eiffel_Tower/{name}_1.jpg" for name in ("clipart", "infograph", "painting", "real", "sketch")
    ]
    plant(tmp_path, *pictures, "quickdraw/The_Eiffel_Tower/1.png", "real/zebra/real_2.jpg")
    for name in LISTED["train"]:
        ending = "1.png" if name == "quickdraw" else f"{name}_1.jpg"
        write_list(tmp_path / f"{name}_train.txt", f"{name}/The_Eiffel_Tower/{ending} 320")
    return tmp_path


def test_real_is_our_photo_and_every_folder_has_its_domain(small: Path) -> None:
    table = domainnet(small)
    assert list(table.where(domain=PHOTO).labels) == ["the eiffel tower", "zebra"]
    assert [len(table.where(domain=domain)) for domain in (PAINTING, SKETCH, QUICKDRAW)] == [1, 1, 1]
    assert {item.domain.name for item in table} == {
        "clipart",
        "infograph",
        "painting",
        "photo",
        "quickdraw",
        "sketch",
    }
    assert says(table.problems, "without a picture of the domain quickdraw: 344")
    assert not says(table.problems, "published")


def test_lists_choose_pictures_and_are_counted(small: Path) -> None:
    write_list(small / "real_train.txt", "real/zebra/real_2.jpg 344", "real/zebra/real_9.jpg 344")
    table = domainnet(small, "train")
    assert [item.id for item in table.where(domain=PHOTO)] == ["real/zebra/real_2.jpg"]
    assert says(table.problems, "named in real_train.txt that are missing: 1 (real/zebra/real_9.jpg)")
    assert says(table.problems, "The number of real pictures in train is 1; 120,906 are published")


def test_a_missing_domain_is_told_and_a_missing_list_refused(small: Path) -> None:
    (small / "sketch/The_Eiffel_Tower/sketch_1.jpg").rename(small / "gone.jpg")
    (small / "sketch/The_Eiffel_Tower").rmdir()
    (small / "sketch").rmdir()
    assert says(domainnet(small).problems, "no folder of the domain sketch")
    with pytest.raises(DataError, match=r"clipart_test.txt cannot be read"):
        domainnet(small, "test")


def test_the_published_lists_add_up() -> None:
    assert sum(LISTED["train"].values()) == 409_832
    assert sum(LISTED["test"].values()) == 176_743


def test_a_folder_without_domains_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="DOMAIN/CLASS"):
        domainnet(tmp_path)
