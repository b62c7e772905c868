"""Synthetic people: the same again from the same seed, and no word about them that their picture does not bear out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("mitsuba", reason="mitsuba renders the world; install the extra 'world' to run these tests")

from retrieval.cli import main
from retrieval.errors import DataError, SettingsError
from retrieval.items import read_items
from retrieval.world.people import sets
from retrieval.world.people.captions import two_captions
from retrieval.world.people.domains import DOMAINS
from retrieval.world.people.finish import FINISHES
from retrieval.world.people.identity import (
    BAGS,
    CARRIED,
    COATS,
    FABRICS,
    HAIR_SHARES,
    HAIRS,
    HATS,
    LOWERS,
    MOST,
    SHOES,
    STREET_FIRST,
    UPPERS,
    sample_identity,
    split_of,
)  # fmt: skip
from retrieval.world.people.seen import SEEN, SEEN_SMALL, mask_of, seen, shares
from retrieval.world.people.sets import render_people
from retrieval.world.people.sheet import people_sheet
from retrieval.world.people.views import View, sample_view
from retrieval.world.render import Buffers, render, use_threads

SMALL: dict[str, Any] = {"identities": 2, "views": 2, "size": 32, "seed": 3}
GROUPS: dict[str, set[str | None]] = {  # words of which a caption may only use those that belong to the person
    "upper": {*UPPERS} - {"shirt"},
    "coat": {"long coat", "puffer jacket", "quilted jacket", "padded jacket", "overcoat"},
    "lower": {"jeans", "shorts", "skirt"},
    "bag": {*BAGS} - {None} | {"rucksack", "purse"},
    "hat": {*HATS} - {None},
    "shoes": {"sneakers", "boots", "trainers"},
    "carried": {*CARRIED} - {None},
}


def quiet(done: int, total: int) -> None:
    """A progress report that nobody reads."""


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a set by its path."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def items(folder: Path) -> list[dict[str, Any]]:
    """The lines of a set's listing."""
    return [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module", params=DOMAINS)
def small_set(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, two views each, in either domain."""
    folder = tmp_path_factory.mktemp("people") / request.param
    render_people(folder, domain=request.param, **SMALL, workers=1, on_progress=quiet)
    return folder


@pytest.fixture(scope="module")
def several() -> list[tuple[View, Buffers]]:
    """Some people of both domains with what is seen of them."""
    use_threads(1)
    views = [sample_view(sample_identity(0, n), "street" if n >= STREET_FIRST else "studio", 0, n % 3, 3)
             for n in (0, 6, 5004)]  # fmt: skip
    return [(view, render(view.scene, 32, 1, upright=True)) for view in views]


@pytest.mark.parametrize("small_set", ["studio"], indirect=True)
def test_an_interrupted_set_ends_as_the_same_files(
    small_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    settings = SMALL | {"domain": small_set.name, "workers": 1}
    with pytest.raises(KeyboardInterrupt):
        render_people(tmp_path, **settings, on_progress=stop)
    assert not (tmp_path / "items.jsonl").exists()
    made: list[str] = []
    original = sets._render_person
    monkeypatch.setattr(sets, "_render_person", lambda out, task: made.append(task.name) or original(out, task))
    render_people(tmp_path, **settings, on_progress=quiet)
    assert len(made) == 1, "the finished person is not made again"
    assert contents(tmp_path) == contents(small_set)


def test_a_line_tells_the_whole_truth_of_an_upright_picture(small_set: Path) -> None:
    lines = items(small_set)
    assert len({line["id"] for line in lines}) == len(lines) == 4
    for line in lines:
        with Image.open(small_set / line["path"]) as picture:
            assert picture.size == (16, 32)
            assert np.asarray(picture).std() > 5
        assert line["domain"] == small_set.name
        assert line["split"] == split_of(line["label"])
        assert line["caption"] == line["captions"][0] != line["captions"][1]
        assert line["identity"]["upper"]["kind"] in UPPERS
    assert lines[0]["view"] != lines[1]["view"]
    assert abs(lines[0]["camera"]["azimuth"] - lines[1]["camera"]["azimuth"]) > 60


def test_the_listing_is_a_gallery_like_any_other(small_set: Path) -> None:
    read = read_items(small_set)
    assert [item.caption for item in read] == [line["caption"] for line in items(small_set)]
    assert all(item.regions and item.path.is_file() for item in read)


def test_region_boxes_lie_inside_the_picture_and_around_their_parts(several: list[tuple[View, Buffers]]) -> None:
    for view, buffers in several:
        for thing in seen(view, shares(buffers, view)):
            mask = mask_of(buffers, view, thing.names)
            assert mask.mean() >= min(SEEN, *SEEN_SMALL.values())
            x, y, w, h = sets.box_of(mask)
            assert x - w / 2 >= -1e-3
            assert x + w / 2 <= 1 + 1e-3
            assert y - h / 2 >= -1e-3
            assert y + h / 2 <= 1 + 1e-3
            rows, columns = np.nonzero(mask)
            height, width = mask.shape
            assert np.all(np.abs((columns + 0.5) / width - x) <= w / 2)
            assert np.all(np.abs((rows + 0.5) / height - y) <= h / 2)


def test_every_picture_has_the_person_inside_its_border(several: list[tuple[View, Buffers]]) -> None:
    for view, buffers in several:
        mask = mask_of(buffers, view, buffers.names[: view.own])
        border = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
        assert not any(edge.any() for edge in border)
        assert mask.any(axis=1).mean() > 0.4


def test_captions_only_name_what_the_person_has(several: list[tuple[View, Buffers]]) -> None:
    for view, buffers in several:
        things = seen(view, shares(buffers, view))
        person = view.person.told()
        for number in range(12):
            for text in two_captions(view, things, np.random.default_rng(number)):
                for slot, words in GROUPS.items():
                    own = person[slot]["kind"] if slot in person else ""
                    allowed = {own, *(w for thing in things if thing.slot in (slot, "straps") for w in thing.wordings)}
                    named = {word for word in words if word and re.search(rf"\b{word}\b", text.lower())}
                    assert all(any(word in phrase for phrase in allowed) for word in named), (text, slot, own)


def test_captions_keep_silent_on_what_this_view_hides() -> None:
    person = next(p for p in (sample_identity(0, n) for n in range(200)) if p.bag and p.bag.kind == "backpack")
    view = sample_view(person, "studio", 0, 0, 3)
    share = {person.upper.kind: 0.1, "strap": 0.01, "backpack": 0.0001, "head": 0.02}
    told = [phrase for thing in seen(view, share) for phrase in thing.wordings]
    assert not any(phrase.endswith(("backpack", "rucksack", "shoes", "hair")) for phrase in told)
    assert f"{person.bag.color.name} backpack straps" in told


def test_captions_vary(several: list[tuple[View, Buffers]]) -> None:
    view, buffers = several[0]
    things = seen(view, shares(buffers, view))
    pairs = [two_captions(view, things, np.random.default_rng(n)) for n in range(30)]
    assert all(first != second for first, second in pairs)
    texts = {text for pair in pairs for text in pair}
    assert len(texts) > 50
    assert not any(bad in text for text in texts for bad in ("  ", " ,", "..", "a orange", "a a ", "None"))


def test_nobody_is_in_two_domains_or_two_splits() -> None:
    studio = {sample_identity(0, n).label for n in range(40)}
    street = {sample_identity(0, n).label for n in range(STREET_FIRST, STREET_FIRST + 40)}
    assert not studio & street
    splits = [split_of(f"person-{n:04d}") for n in range(MOST)]
    assert splits.count("train") / MOST == pytest.approx(0.7, abs=0.02)
    assert splits.count("validation") / MOST == pytest.approx(0.1, abs=0.02)
    assert sample_identity(0, 12) == sample_identity(0, 12) != sample_identity(1, 12)


def test_people_differ_and_use_all_that_there_is() -> None:
    crowd = [sample_identity(0, n) for n in range(400)]
    assert len({json.dumps(p.told() | {"number": 0}) for p in crowd}) == len(crowd)
    for wanted, found in (
        (set(HAIR_SHARES), {p.hair_style for p in crowd}),
        (set(HAIRS), {p.hair.name for p in crowd}),
        (set(UPPERS), {p.upper.kind for p in crowd}),
        (set(FABRICS), {p.upper.color.name for p in crowd}),
        (set(SHOES), {p.shoes.kind for p in crowd}),
        (set(COATS), {p.coat.kind if p.coat else None for p in crowd}),
        (set(LOWERS) | {None}, {p.lower.kind if p.lower else None for p in crowd}),
        (set(BAGS), {p.bag.kind if p.bag else None for p in crowd}),
        (set(CARRIED), {p.carried.kind if p.carried else None for p in crowd}),
    ):
        assert wanted == found


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_finish_makes_the_same_picture_again(domain: str, several: list[tuple[View, Buffers]]) -> None:
    first, second = (FINISHES[domain](several[0][1], np.random.default_rng(1)) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.params == second.params


def test_settings_that_cannot_be_are_refused(small_set: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="studio, street"):
        render_people(tmp_path, domain="beach", identities=1)
    with pytest.raises(SettingsError, match="multiple of 4"):
        render_people(tmp_path, domain="studio", identities=1, size=50)
    with pytest.raises(SettingsError, match="identities"):
        render_people(tmp_path, domain="studio", identities=0)
    with pytest.raises(DataError, match="already holds another set"):
        render_people(small_set, domain=small_set.name, **(SMALL | {"seed": 4}))
    with pytest.raises(DataError, match="no finished set"):
        people_sheet([tmp_path], tmp_path / "sheet.png")


def test_the_command_line_makes_a_set_and_its_sheet(tmp_path: Path) -> None:
    out = tmp_path / "studio"
    words = ["world", "people", "--out", str(out), "--domain", "studio", "--identities", "1", "--views", "1"]
    assert main([*words, "--size", "32", "--workers", "1"]) == 0
    assert main(["world", "sheet", str(tmp_path), str(tmp_path / "pages")]) == 0
    with Image.open(tmp_path / "pages" / "people.png") as sheet:
        assert sheet.width > 100
