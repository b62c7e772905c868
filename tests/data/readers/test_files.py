"""Items become rows without being opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.data.readers.files import path_of, stays_inside, table_of
from retrieval.types import PHOTO, SKETCH, Item


def test_items_become_rows_in_their_order_though_no_file_is_there(tmp_path: Path) -> None:
    items = [Item("b", tmp_path / "b.png", SKETCH, "duck", "a duck"), Item("a", tmp_path / "a.png", PHOTO)]
    table = table_of(items, ["One is missing."])
    assert [(row.id, row.domain, row.label, row.captions) for row in table] == [
        ("b", SKETCH, "duck", ("a duck",)),
        ("a", PHOTO, "", ()),
    ]
    assert path_of(table[0]) == tmp_path / "b.png"
    assert table.problems == ("One is missing.",)


@pytest.mark.parametrize(
    ("name", "inside"),
    [("a/b.png", True), ("../b.png", False), ("a/../../b.png", False), ("/b.png", False), ("", False)],
)
def test_a_path_that_leads_out_of_the_folder_is_seen(name: str, inside: bool) -> None:
    assert stays_inside(name) == inside
