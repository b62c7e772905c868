"""Every protocol: who asks, what is searched, what counts, and what a bundle must not have seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.folder import folder_items
from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.tasks import IMAGE_METRICS, PUBLISHED, TASKS, Catalog, Task, task
from retrieval.items import ITEMS, home_of, listing
from retrieval.types import TextQuery
from retrieval.world.split import TEST_UNSEEN
from tests.data.readers.test_sketchy import OFFICIAL
from tests.data.trees import plant, says
from tests.evaluation.fakes import OBJECTS, STYLES, small_catalog, small_duplicates, small_pack

REAL = Path(__file__).resolve().parents[2] / "assets"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return small_catalog(tmp_path_factory.mktemp("catalog"))


def shape(found: Task) -> tuple[int, int]:
    return len(found.queries), len(found.gallery)


@pytest.mark.parametrize(
    ("name", "wanted", "relevant"),
    [
        ("quickdraw-world/all@1", (440, 22), 2),
        ("quickdraw-world/zero-shot@1", (400, 20), 2),
        ("quickdraw-world/zero-shot-mixed@1", (400, 22), 2),
        ("world/zero-shot@1", (20, 20), 1),
        ("world/zero-shot-mixed@1", (20, 22), 1),
        ("world/cross-style@1", (132, 132), 5),
        ("world/same-object@1", (22, 110), 5),
        ("world/leave-style-out:mosaic@1", (20, 20), 1),
        ("text-world/all@1", (44, 132), 12),
        ("text-world/style@1", (66, 132), 2),
        ("text-world/color@1", (11, 132), 12),
        ("people/text@1", (8, 4), 2),
    ],
)
def test_a_task_has_the_queries_gallery_and_relevant_pictures_that_it_promises(
    catalog: Catalog, name: str, wanted: tuple[int, int], relevant: int
) -> None:
    found = task(name, catalog)
    assert found.name == name
    assert shape(found) == found.relevant.shape == wanted
    assert (found.truth.sum(axis=1) == relevant).all()
    assert found.left_out == 0


@pytest.mark.parametrize("name", ["world/zero-shot@1", "world/leave-style-out:photo@1"])
def test_a_render_of_the_very_same_object_is_not_considered(catalog: Catalog, name: str) -> None:
    found = task(name, catalog)
    assert found.considered is not None
    for query, considered in zip(found.queries, found.considered, strict=True):
        hidden = [g.instance for g, seen in zip(found.gallery, considered, strict=True) if not seen]
        assert hidden == [query.instance]


@pytest.mark.parametrize("name", ["world/zero-shot@1", "quickdraw-world/zero-shot@1", "world/leave-style-out:photo@1"])
def test_zero_shot_asks_for_unseen_classes_alone_and_says_so(catalog: Catalog, name: str) -> None:
    found = task(name, catalog)
    assert set(found.labels) == set(found.classes) == set(found.unseen) == set(TEST_UNSEEN)


def test_the_mixed_gallery_holds_seen_classes_too(catalog: Catalog) -> None:
    assert "duck" in task("world/zero-shot-mixed@1", catalog).classes
    assert "duck" not in task("world/zero-shot-mixed@1", catalog).labels


@pytest.mark.parametrize("style", STYLES)
def test_a_style_that_is_left_out_asks_for_photos_and_the_photo_for_paintings(catalog: Catalog, style: str) -> None:
    found = task(f"world/leave-style-out:{style}@1", catalog)
    assert found.unseen_domains == (style,)
    assert {q.domain.name for q in found.queries} == {style}
    assert {p.domain.name for p in found.gallery} == {"painting" if style == "photo" else "photo"}


def test_pictures_of_the_same_object_or_style_are_not_considered(catalog: Catalog) -> None:
    found = task("world/cross-style@1", catalog)
    assert found.considered is not None
    pictures = found.gallery
    for q, row in enumerate(found.considered):
        for g, here in enumerate(row):
            alike = pictures[q].instance == pictures[g].instance or pictures[q].domain == pictures[g].domain
            assert here == (not alike)
    assert (found.truth.sum(axis=1) == (OBJECTS - 1) * (len(STYLES) - 1)).all()


def test_the_same_object_is_all_that_counts_in_same_object(catalog: Catalog) -> None:
    found = task("world/same-object@1", catalog)
    for q, g in np.argwhere(found.relevant):
        assert found.queries[q].instance == found.gallery[g].instance
        assert found.gallery[g].domain.name != "sketch"


def test_people_are_asked_for_with_every_caption_of_a_test_picture(catalog: Catalog) -> None:
    found = task("people/text@1", catalog)
    assert {q.text for q in found.queries} == {  # type: ignore[union-attr]
        f"person-{who}-{view} {does}" for who in (1, 2) for view in (0, 1) for does in ("walks", "stands")
    }
    assert found.metrics == ("R@1", "R@5", "R@10", "mAP@all", "mINP")


SKETCHES, FIRST, EXTENDED = OFFICIAL
SKETCHY = [
    ("sketch", "pear", "pear", "test_unseen", "train", ""),
    ("sketch", "bus (school)", "school_bus", "test_unseen", "test", ""),
    ("sketch", "car_(sedan)", "car", "seen", "train", ""),
    ("photo", "pear", "pear", "test_unseen", "train", "photo_id=1"),
    ("photo", "pear", "pear", "test_unseen", "test", ""),
    ("photo", "pear", "pear", "test_unseen", "train", "leak=reserved"),
    ("photo", "bus (school)", "school_bus", "test_unseen", "val", ""),
    ("photo", "car_(sedan)", "car", "seen", "test", ""),
]


@pytest.fixture
def sketchy(tmp_path: Path) -> Catalog:
    small_pack(tmp_path / "sketchy25", SKETCHY)
    small_duplicates(
        tmp_path,
        [("sketchy25/photo/1", "tiny_imagenet/photo/7"), ("sketchy25/photo/0", "imagenet1k_sample/photo/2")],
    )
    return Catalog(tmp_path, tmp_path)


def test_duplicates_of_training_pictures_are_dropped_and_reserved_ones_never_used(sketchy: Catalog) -> None:
    found = task("sketchy125/zero-shot@1", sketchy)
    assert found.gallery.ids == ("sketchy25/photo/0", "sketchy25/photo/3")
    assert found.dropped == 1
    assert found.unseen == ("pear", "school bus")
    assert found.labels == ("pear", "school bus")
    assert found.relevant.tolist() == [[True, False], [False, True]]


def test_all_of_sketchy_asks_nothing_of_what_was_seen(sketchy: Catalog) -> None:
    found = task("sketchy125/all@1", sketchy)
    assert shape(found) == (3, 3)
    assert found.unseen == ()
    assert "mAP@all macro" in found.metrics


CALTECH = [
    ("photo", "pear", "pear", "test_unseen", "test", ""),
    ("photo", "pear", "pear", "test_unseen", "train", ""),
    ("photo", "duck", "duck", "seen", "test", ""),
    ("photo", "duck", "duck", "seen", "test", "leak=reserved"),
    ("photo", "yin_yang", "yin_yang", "seen", "test", ""),
    ("photo", "emu", "", "", "test", ""),
]


@pytest.fixture
def photos(tmp_path: Path) -> Catalog:
    """A small world, and packs of photos of which sketchy25/photo/1 was trained on under another name."""
    shown = small_catalog(tmp_path)
    assert shown.packs
    small_pack(shown.packs / "sketchy25", SKETCHY)
    small_pack(shown.packs / "caltech101", CALTECH)
    small_duplicates(
        shown.packs,
        [("sketchy25/photo/1", "tiny_imagenet/photo/7"), ("office_caltech10/caltech/3", "caltech101/photo/2")],
    )
    return shown


def test_a_photo_of_a_class_asks_for_all_pictures_of_it_if_no_training_pack_holds_it(photos: Catalog) -> None:
    asked = task("photo-world/all@1", photos)
    assert isinstance(asked.queries, PictureTable)
    assert asked.queries.ids == ("caltech101/photo/0", "caltech101/photo/2")
    assert asked.labels == ("pear", "duck")
    assert len(asked.gallery) == 132
    assert (asked.truth.sum(axis=1) == OBJECTS * len(STYLES)).all()
    assert asked.dropped == 1
    assert "R@5" in asked.metrics


def test_the_names_of_known_concepts_ask_for_test_photos_alone(photos: Catalog) -> None:
    asked = task("caltech/text@1", photos)
    assert asked.gallery.ids == ("caltech101/photo/0", "caltech101/photo/2", "caltech101/photo/4")
    assert asked.classes == ("duck", "pear", "yin yang")
    assert asked.relevant.shape == (12, 3)
    assert asked.queries[0] == TextQuery("duck")
    assert asked.relevant[:4].tolist() == [[False, True, False]] * 4
    assert "P@8 truncated" in asked.metrics


def test_strokes_ask_for_the_photos_of_concepts_that_people_drew_among_all(photos: Catalog) -> None:
    asked = task("caltech/sketch@1", photos)
    assert set(asked.labels) == {"duck", "pear"}
    assert shape(asked) == (80, 3)
    assert asked.truth.sum(axis=1).tolist() == [1] * 80
    assert "P@8 truncated" in asked.metrics


UNSEEN = {"sketchy-ext/100-25@1": "bell", "sketchy-ext/104-21@1": "bat", "tuberlin-ext/220-30@1": "hot air balloon"}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_data_set_is_asked_with_all_sketches_of_its_unseen_classes(name: str, tmp_path: Path) -> None:
    sketches, photos = ("png", "ImageResized") if "tuberlin" in name else (SKETCHES, EXTENDED)
    label = UNSEEN[name]
    plant(tmp_path, f"{sketches}/{label}/1.png", f"{sketches}/{label}/2.png", f"{sketches}/zebra/1.png")
    plant(tmp_path, f"{photos}/{label.replace(' ', '')}/1.jpg", f"{photos}/zebra/1.jpg")
    found = task(name, Catalog(tmp_path, None, data=tmp_path))
    assert shape(found) == (2, 1)
    assert found.labels == (label, label)
    assert label in found.unseen
    assert "zebra" not in found.unseen
    assert {"mAP@all VOC", "mAP@all macro", "mAP@200 strict", "P@100", "P@100 truncated"} <= {*found.metrics}
    assert says(found.problems, "without a picture")
    with pytest.raises(DataError, match="--data DIR"):
        task(name, Catalog(tmp_path, tmp_path))


def test_a_photo_in_two_folders_of_sketchy_is_in_the_gallery_once(tmp_path: Path) -> None:
    plant(tmp_path, f"{SKETCHES}/bat/1.png", f"{FIRST}/bat/n1.jpg", f"{EXTENDED}/bat/n1.jpg", f"{EXTENDED}/bat/n2.jpg")
    assert shape(task("sketchy-ext/104-21@1", Catalog(tmp_path, None, data=tmp_path))) == (1, 2)


EMOJI = [
    ("noto", "red apple", "apple", "seen", "test", ""),
    ("fluent_mono", "red apple", "apple", "seen", "test", ""),
    ("fluent_flat", "red apple", "apple", "seen", "test", ""),
    ("noto", "green apple", "apple", "seen", "test", ""),
    ("twemoji", "lion face", "lion", "test_unseen", "train", ""),
    ("noto", "lion", "lion", "test_unseen", "train", ""),
    ("noto", "key", "", "", "train", ""),
]
NAMELESS = [  # three things of no concept, and one of one, each by two hands
    (hand, thing, concept, "", "test", "")
    for thing, concept in (("key", ""), ("axe", ""), ("yarn", ""), ("red apple", "apple"))
    for hand in ("noto", "blob")
]


def test_emoji_are_sought_among_other_hands_and_finishes_of_one_drawing_are_one_hand(tmp_path: Path) -> None:
    small_pack(tmp_path / "emoji_objects", EMOJI, mode="RGBA")
    found = task("emoji/cross-style@1", Catalog(tmp_path, tmp_path))
    assert (
        found.truth.tolist()
        == [  # noto, fluent_mono, fluent_flat; the green apple has no other style to be found in
            [False, True, True, False],
            [True, False, False, False],
            [True, False, False, False],
        ]
    )
    assert found.left_out == 1
    assert np.asarray(found.gallery[0].picture.open()).min() == 255  # transparent pixels lie on white
    unseen = task("emoji/zero-shot@1", Catalog(tmp_path, tmp_path))
    assert unseen.truth.tolist() == [[False, True], [True, False]]
    assert unseen.unseen == ("lion",)


@pytest.mark.parametrize("name", ["emoji/cross-style@1", "emoji/leave-family-out:noto@1"])
def test_emoji_of_no_concept_are_a_class_for_each_object(tmp_path: Path, name: str) -> None:
    small_pack(tmp_path / "emoji_objects", NAMELESS, mode="RGBA")
    found = task(name, Catalog(tmp_path, tmp_path))
    assert set(found.labels) == {"key", "axe", "yarn", "apple"}
    assert {found.queries[row].instance for row, label in enumerate(found.labels) if label == "apple"} == {"red apple"}


@pytest.mark.parametrize(
    "name", ["quickdraw-world/all@1", "sketchy125/all@1", "emoji/zero-shot@1", "photo-world/all@1", "caltech/text@1"]
)
def test_a_task_on_packs_says_that_there_are_none(catalog: Catalog, tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="Set GUISE_DATA to the folder of packs"):
        task(name, Catalog(catalog.gallery, None))
    with pytest.raises(DataError, match="Set GUISE_DATA to the folder of packs"):
        task(name, Catalog(catalog.gallery, tmp_path))


def test_an_unknown_task_and_missing_people_are_told(pictures: Path) -> None:
    home = home_of(pictures)
    home.mkdir()
    (home / ITEMS).write_bytes(listing(home, folder_items(pictures)))
    with pytest.raises(SettingsError, match="There is no task 'magic@1'"):
        task("magic@1", Catalog(home, None))
    with pytest.raises(DataError, match="python -m retrieval world people"):
        task("people/text@1", Catalog(home, None))
    assert task("text-world/all@1", Catalog(home, None)).relevant.shape == (12, 24)
    with pytest.raises(DataError, match="nothing in the gallery is relevant"):
        task("world/same-object@1", Catalog(home, None))


@pytest.mark.pack
def test_the_real_tasks_have_these_sizes(packs: Path) -> None:
    catalog = Catalog(REAL / "gallery", packs, REAL / "people" / "street")
    found = {name: task(name, catalog) for name in TASKS if "leave" not in name}
    assert {name: shape(one) for name, one in found.items()} == {
        "quickdraw-world/all@1": (2561, 768),
        "quickdraw-world/zero-shot@1": (400, 120),
        "quickdraw-world/zero-shot-mixed@1": (400, 768),
        "world/zero-shot@1": (120, 120),
        "world/zero-shot-mixed@1": (120, 768),
        "world/cross-style@1": (4608, 4608),
        "world/same-object@1": (768, 3840),
        "text-world/all@1": (256, 4608),
        "text-world/style@1": (384, 4608),
        "text-world/color@1": (299, 4608),
        "people/text@1": (354, 177),
        "sketchy125/zero-shot@1": (700, 728),
        "sketchy125/all@1": (3000, 3086),
        "photo-world/all@1": (410, 4608),
        "caltech/text@1": (280, 793),
        "caltech/sketch@1": (1840, 793),
        "emoji/cross-style@1": (1184, 1211),
        "emoji/zero-shot@1": (363, 363),
    }
    assert [found[f"sketchy125/{kind}@1"].dropped for kind in ("zero-shot", "all")] == [4, 11]
    assert len(found["sketchy125/zero-shot@1"].unseen) == 30
    for one in found.values():
        assert one.truth.any(axis=1).all()
        assert set(IMAGE_METRICS) <= set(one.metrics) or isinstance(one.queries[0], TextQuery)
