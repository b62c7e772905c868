"""Office-Home on small trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.data.readers.office_home import ART, PRODUCT, office_home
from retrieval.errors import DataError
from retrieval.types import PHOTO
from tests.data.trees import plant, says


@pytest.mark.parametrize("real", ["Real World", "Real_World", "RealWorld"])
def test_the_real_world_is_our_photo_however_its_folder_is_called(tmp_path: Path, real: str) -> None:
    table = office_home(plant(tmp_path, f"{real}/Alarm_Clock/1.jpg", "Art/TV/1.jpg", "Product/ToothBrush/1.jpg"))
    assert list(table.where(domain=PHOTO).labels) == ["alarm clock"]
    assert list(table.where(domain=ART).labels) == ["tv"]
    assert list(table.where(domain=PRODUCT).labels) == ["toothbrush"]
    assert says(table.problems, "no folder Clipart")


def test_classes_with_fewer_pictures_than_published_are_told(tmp_path: Path) -> None:
    plant(tmp_path, *(f"Art/Bed/{i}.jpg" for i in range(15)), *(f"Art/Mop/{i}.jpg" for i in range(14)))
    table = office_home(plant(tmp_path, "Art/Sofa_Bed/1.jpg"))
    assert says(table.problems, "at least 15 pictures of the domain art: 1 (mop (14))")
    assert says(table.problems, "without a picture of the domain art: 63")
    assert says(table.problems, "no classes of the data set", "Sofa Bed")
    assert says(table.problems, "The number of pictures is 29; 15,588 are published")


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected Art/Alarm_Clock"):
        office_home(tmp_path)
