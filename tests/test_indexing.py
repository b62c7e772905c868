"""Building an index: nothing is encoded twice, one bad file costs no other, and an error leaves what was there."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from retrieval import files
from retrieval.cli import INTERRUPTED, _how_to_show, main
from retrieval.data.readers.folder import folder_items
from retrieval.encoder import embed_texts
from retrieval.errors import GalleryError
from retrieval.gallery import Gallery, is_current
from retrieval.indexing import build
from retrieval.items import ITEMS, NAMED, SKIPPED, home_of, name_skipped, read_items, read_skipped
from retrieval.loaded_encoder import index
from retrieval.settings import HOME, Settings
from retrieval.stores.binary_store import Rotation
from retrieval.types import Hit, Skipped
from tests.conftest import ColorEncoder
from tests.toy_bundles import bundle


class Counting(ColorEncoder):
    """A `ColorEncoder` that counts what it encodes."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode_images(self, images, domains):
        self.encoded += len(images)
        return super().encode_images(images, domains)


@pytest.fixture
def encoder() -> Counting:
    return Counting()


def reindex(folder: Path, encoder: ColorEncoder, rotation: Rotation | None = None) -> list[Skipped]:
    skipped: list[Skipped] = []
    items = folder_items(folder, on_skip=skipped.append)
    build(home_of(folder), items, encoder, on_skip=skipped.append, rotation=rotation)
    return skipped


def reds(folder: Path, encoder: ColorEncoder, k: int = 50) -> list[Hit]:
    return Gallery.open(home_of(folder), encoder).search(embed_texts(encoder, ["red"])[0], k)


@pytest.fixture
def rotation() -> Rotation:
    matrix = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)
    return Rotation(np.full(4, 0.45, np.float32), matrix, np.tile(np.array([-0.3, 0.3], np.float32), 4))


# ---------------------------------------------------------------- nothing twice


@pytest.mark.parametrize("bits", [False, True])
def test_one_picture_more_is_one_picture_encoded(
    pictures: Path, encoder: Counting, rotation: Rotation, bits: bool
) -> None:
    turned = rotation if bits else None
    reindex(pictures, encoder, turned)
    assert encoder.encoded == 24
    Image.new("RGB", (8, 8), (250, 10, 10)).save(pictures / "photo" / "blue" / "a-new.png")
    reindex(pictures, encoder, turned)
    assert encoder.encoded == 25
    again = reds(pictures, encoder)
    assert "photo/blue/a-new.png" in [hit.item.id for hit in again[:9]]
    (home_of(pictures) / "index" / "color" / "manifest.json").unlink()
    reindex(pictures, encoder, turned)
    assert encoder.encoded == 50, "without an index all are encoded"
    assert reds(pictures, encoder) == again, "the same as an index that is made at once"


def test_colours_are_counted_once_and_later_where_an_older_index_has_none(pictures: Path, encoder: Counting) -> None:
    home = home_of(pictures)
    reindex(pictures, encoder)
    whole = Gallery.open(home, encoder).colors
    assert whole is not None
    reindex(pictures, encoder)
    (home / "index" / "color" / "colors.npy").unlink()
    manifest = home / "index" / "color" / "manifest.json"
    manifest.write_text(json.dumps({k: v for k, v in json.loads(manifest.read_text()).items() if k != "colors"}))
    assert Gallery.open(home, encoder).colors is None
    reindex(pictures, encoder)
    again = Gallery.open(home, encoder).colors
    assert again is not None
    assert again.tolist() == whole.tolist()
    assert encoder.encoded == 24, "pictures are looked at for their colours alone"
    (pictures / "painting" / "blue" / "box-0.png").unlink()
    reindex(pictures, encoder)
    fewer = Gallery.open(home, encoder).colors
    assert fewer is not None
    assert fewer.tolist() == whole[1:].tolist(), "the colours of the others stay with them"


def test_deleted_pictures_leave_and_nothing_is_encoded(pictures: Path, encoder: Counting) -> None:
    reindex(pictures, encoder)
    for path in (pictures / "photo" / "red").glob("*"):
        path.unlink()
    reindex(pictures, encoder)
    assert encoder.encoded == 24
    hits = reds(pictures, encoder)
    assert len(hits) == 20
    assert all(hit.item.path.is_file() for hit in hits)
    assert {hit.item.label for hit in hits[:4]} == {"red"}


def test_a_picture_that_was_changed_or_moved_to_another_domain_is_encoded_again(
    pictures: Path, encoder: Counting
) -> None:
    reindex(pictures, encoder)
    (pictures / "photo" / "red" / "box-0.png").rename(pictures / "painting" / "red" / "moved.png")
    Image.new("RGB", (9, 9), (1, 2, 250)).save(pictures / "photo" / "red" / "box-1.png")
    reindex(pictures, encoder)
    assert encoder.encoded == 26
    assert reds(pictures, encoder)[-1].item.label == "red", "a red picture is blue now"


def test_a_folder_that_was_moved_is_not_encoded_again(pictures: Path, encoder: Counting, tmp_path: Path) -> None:
    reindex(pictures, encoder)
    pictures.rename(tmp_path / "elsewhere")
    reindex(tmp_path / "elsewhere", encoder)
    assert encoder.encoded == 24


def test_another_kind_of_index_or_other_weights_are_encoded_anew(
    pictures: Path, encoder: Counting, rotation: Rotation
) -> None:
    reindex(pictures, encoder)
    reindex(pictures, encoder, rotation)
    assert encoder.encoded == 48
    encoder.fingerprint = "color·00000002"
    reindex(pictures, encoder, rotation)
    assert encoder.encoded == 72


@pytest.mark.parametrize("name", ["vectors.faiss", "colors.npy", "pictures.txt", "manifest.json"])
def test_a_damaged_index_is_made_anew(pictures: Path, encoder: Counting, name: str) -> None:
    reindex(pictures, encoder)
    before = reds(pictures, encoder)
    damaged = home_of(pictures) / "index" / "color" / name
    damaged.write_bytes(damaged.read_bytes()[:-9])
    reindex(pictures, encoder)
    assert reds(pictures, encoder) == before


# ---------------------------------------------------------------- one bad file


def test_links_that_leave_names_that_are_no_text_and_other_suffixes_are_skipped_and_listed(
    pictures: Path, encoder: Counting, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.png"
    Image.new("RGB", (8, 8)).save(outside)
    here = pictures / "photo" / "red"
    (here / "away.png").symlink_to(outside)
    (here / "nowhere.png").symlink_to(tmp_path / "nothing")
    (here / "within.png").symlink_to(pictures / "photo" / "blue" / "box-0.png")
    drawn = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawn, "JPEG")
    for name in (b"caf\xe9.png", b"noname", b"draft.psd", b"scan.TIF", b"web.avif", b"fine.jfif", b"fine.jpe"):
        (here / os.fsdecode(name)).write_bytes(drawn.getvalue())
    (pictures / os.fsdecode(b"f\xe9te")).mkdir()
    (pictures / os.fsdecode(b"f\xe9te") / "x.png").write_bytes(drawn.getvalue())
    skipped = reindex(pictures, encoder)
    assert encoder.encoded == 29
    reasons = {files.printable(skip.path.name): skip.reason for skip in skipped}
    assert set(reasons) == {"away.png", "nowhere.png", "caf\ufffd.png", "noname", "draft.psd", "x.png"}
    assert "link that leaves the folder" in reasons["away.png"]
    assert "no UTF-8" in reasons["caf\ufffd.png"]
    assert "no suffix" in reasons["noname"]
    assert "the suffix .psd" in reasons["draft.psd"]


def test_a_picture_with_broken_exif_costs_no_other(pictures: Path, encoder: Counting) -> None:
    told = (
        b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x03\x01\x08\0\x01\0\0\0\xff\xff\0\0\0\0\0\0"
    )
    Image.new("RGB", (8, 8)).save(pictures / "x.jpg", exif=told)
    assert reindex(pictures, encoder) == []
    assert encoder.encoded == 25


@pytest.mark.parametrize("sign", ["\u2028", "\u0085", "\x0b", "\n", "\x1c"])
def test_a_name_may_hold_any_sign_that_ends_a_line_elsewhere(pictures: Path, encoder: Counting, sign: str) -> None:
    (pictures / "photo" / "red" / "box-0.png").rename(pictures / "photo" / "red" / f"a{sign}b.png")
    reindex(pictures, encoder)
    assert len(read_items(home_of(pictures))) == 24
    assert f"photo/red/a{sign}b.png" in {hit.item.id for hit in reds(pictures, encoder)}


def test_a_link_that_leads_out_later_and_a_file_that_is_deleted_are_left_out_of_hits(
    pictures: Path, encoder: Counting, tmp_path: Path
) -> None:
    reindex(pictures, encoder)
    (pictures / "photo" / "red" / "box-0.png").unlink()
    swapped = pictures / "photo" / "red" / "box-1.png"
    swapped.rename(tmp_path / "outside.png")
    swapped.symlink_to(tmp_path / "outside.png")
    ids = {hit.item.id for hit in reds(pictures, encoder)}
    assert len(ids) == 22
    assert not ids & {"photo/red/box-0.png", "photo/red/box-1.png"}
    assert len(Gallery.open(home_of(pictures), encoder).missing) == 2


# ---------------------------------------------------------------- damage is repaired


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-40], lambda text: "{", lambda text: text.replace('"id"', '"i"')]
)
def test_a_damaged_list_of_an_own_folder_is_rebuilt(
    pictures: Path, encoder: Counting, damage: Callable[[str], str]
) -> None:
    home = home_of(pictures)
    reindex(pictures, encoder)
    before = reds(pictures, encoder)
    for listed in (False, True):
        (home / ITEMS).write_text(damage((home / ITEMS).read_text()))
        with pytest.raises(GalleryError, match="Rebuild it: python -m retrieval index"):
            read_items(home)
        index(home, encoder, listed=listed)  # type: ignore[arg-type]
        assert reds(pictures, encoder) == before


def test_a_damaged_list_that_came_with_its_pictures_says_something_that_helps(
    pictures: Path, encoder: Counting
) -> None:
    (pictures / ITEMS).write_text('{"id": "x"')
    with pytest.raises(GalleryError, match="Restore it from where it came, or remove it and index"):
        index(home_of(pictures), encoder)  # type: ignore[arg-type]
    (pictures / ITEMS).unlink()
    assert len(index(home_of(pictures), encoder)) == 24  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "entry", [{"label": 7}, {"id": None}, {"path": "a\0b"}, {"caption": ["x"]}, {"parts": [{"box": [1], "phrase": ""}]}]
)
def test_a_line_with_a_wrong_entry_is_refused(pictures: Path, encoder: Counting, entry: dict[str, object]) -> None:
    reindex(pictures, encoder)
    listed = home_of(pictures) / ITEMS
    first, *rest = listed.read_text().splitlines(keepends=True)
    listed.write_text(json.dumps(json.loads(first) | entry) + "\n" + "".join(rest))
    with pytest.raises(GalleryError, match="line 1, is damaged"):
        read_items(home_of(pictures))


@pytest.mark.parametrize("rest", [b"", b"PK\x03\x04", None])
def test_a_truncated_chunk_of_an_unfinished_index_is_made_again(
    pictures: Path, encoder: Counting, monkeypatch: pytest.MonkeyPatch, rest: bytes | None
) -> None:
    monkeypatch.setattr("retrieval.indexing._replace", lambda *told: exit_now())
    with pytest.raises(KeyboardInterrupt):
        reindex(pictures, encoder)
    monkeypatch.undo()
    (chunk,) = (home_of(pictures) / "index" / "color" / "unfinished").glob("*.npz")
    chunk.write_bytes(chunk.read_bytes()[:200] if rest is None else rest)
    reindex(pictures, encoder)
    assert encoder.encoded == 48
    assert len(reds(pictures, encoder)) == 24


def exit_now() -> None:
    raise KeyboardInterrupt


# ---------------------------------------------------------------- an error leaves what was there


def test_a_full_disk_leaves_the_old_gallery_at_every_write(
    pictures: Path, encoder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    reindex(pictures, encoder)
    before, whole = reds(pictures, encoder), files._write
    Image.new("RGB", (8, 8), (250, 10, 10)).save(pictures / "photo" / "red" / "new.png")
    for nth in range(1, 20):
        left = nth

        def full(path: Path, data: bytes) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                path.write_bytes(data[: len(data) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            whole(path, data)

        monkeypatch.setattr(files, "_write", full)
        try:
            reindex(pictures, encoder)
            break
        except GalleryError as error:
            assert "No space left on device" in str(error)  # noqa: PT017
            assert "what was there is as it was" in str(error)  # noqa: PT017
        assert reds(pictures, encoder) == before
        assert is_current(home_of(pictures), encoder)
        assert not list(home_of(pictures).rglob("*.part"))
    assert nth == 6, "the chunk, which stays, and five files are written"
    assert len(reds(pictures, encoder)) == 25


def test_an_index_that_cannot_be_finished_leaves_the_one_before(
    pictures: Path, encoder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    reindex(pictures, encoder)
    before = reds(pictures, encoder)
    Image.new("RGB", (8, 8)).save(pictures / "photo" / "red" / "new.png")
    monkeypatch.setattr(Counting, "encode_images", lambda *told: exit_now())
    with pytest.raises(KeyboardInterrupt):
        reindex(pictures, encoder)
    assert reds(pictures, ColorEncoder()) == before


def test_a_folder_that_may_not_be_written_is_a_sentence(
    pictures: Path, encoder: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, *told: object, **more: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "mkdir", refused)
    with pytest.raises(GalleryError, match=r"cannot be written \(Permission denied\)"):
        reindex(pictures, encoder)


def test_the_second_of_two_indexers_is_told_to_wait(pictures: Path, encoder: Counting) -> None:
    reindex(pictures, encoder)
    with (home_of(pictures) / "index" / "color" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(GalleryError, match="is being built by another program"):
            reindex(pictures, encoder)
    reindex(pictures, encoder)


def test_printed_commands_can_be_pasted(tmp_path: Path) -> None:
    home = home_of(tmp_path / "my pictures; rm -rf x")
    with pytest.raises(GalleryError) as refused:
        Gallery.open(home, ColorEncoder())
    command = str(refused.value).rpartition("index ")[2]
    listed = subprocess.run(["sh", "-c", f"printf %s {command}"], capture_output=True, text=True, check=True).stdout
    assert listed == str(tmp_path / "my pictures; rm -rf x")


def test_a_file_that_may_not_be_read_is_skipped_with_the_true_reason(pictures: Path, encoder: Counting) -> None:
    if os.geteuid() == 0 and sys.platform == "linux":
        pytest.skip("root may read everything")
    (pictures / "photo" / "red" / "box-0.png").chmod(0)
    assert "may not be read" in reindex(pictures, encoder)[0].reason


def test_what_was_left_out_is_known_later_and_forgotten_when_it_is_right(pictures: Path, encoder: Counting) -> None:
    (pictures / "photo" / "red" / "letter.png").write_text("Dear reader")
    (pictures / "noname").write_text("no picture either")
    index(home_of(pictures), cast("Any", encoder))
    names = [file.path.as_posix() for file in read_skipped(home_of(pictures))]
    assert names == ["noname", "photo/red/letter.png"]
    index(home_of(pictures), cast("Any", encoder), listed=True)
    assert len(read_skipped(home_of(pictures))) == 2, "another encoder's index goes by the list"
    (pictures / "photo" / "red" / "letter.png").unlink()
    (pictures / "noname").unlink()
    index(home_of(pictures), cast("Any", encoder))
    assert read_skipped(home_of(pictures)) == []


@pytest.mark.parametrize("kept", ["", "{", "7", "[[1]]", "[" * 100_000])
def test_a_damaged_note_of_what_was_left_out_is_none(tmp_path: Path, kept: str) -> None:
    (tmp_path / SKIPPED).write_text(kept)
    assert read_skipped(tmp_path) == []


def test_of_many_files_that_were_left_out_the_first_are_named_and_the_rest_counted() -> None:
    skipped = [Skipped(Path(f"{n}.psd"), f"{n}.psd has the suffix .psd.") for n in range(NAMED + 3)]
    assert name_skipped(skipped[:1]) == ["0.psd: 0.psd has the suffix .psd."]
    assert len(name_skipped(skipped[:NAMED])) == NAMED
    assert name_skipped(skipped)[NAMED:] == ["and 3 more"]


def test_the_command_line_names_what_it_skips(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(NAMED + 2):
        (pictures / f"{n:02}.psd").write_text("no picture")
    assert main(["index", str(pictures), "--bundle", str(bundle(pictures.parent / "small"))]) == 0
    shown = capsys.readouterr()
    assert "00.psd: 00.psd has the suffix .psd. Save it as" in shown.err
    assert "skipped and 2 more" not in shown.err
    assert "and 2 more" in shown.err
    assert "12 files skipped" in shown.out


def test_a_stop_at_the_keyboard_is_a_sentence_and_the_same_command_goes_on(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("retrieval.cli.index", stopped)
    assert main(["index", str(pictures)]) == INTERRUPTED
    assert (
        "Stopped. What indexes, renders or trains goes on from here with the same command." in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", ["my photos", "5$ or $HOME", "it's"])
def test_the_command_that_indexing_prints_shows_that_folder_with_that_bundle(
    pictures: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pictures.rename(pictures.parent / name)
    small = bundle(pictures.parent / "for $5" / "small")
    assert main(["index", str(folder), "--bundle", str(small)]) == 0
    command = capsys.readouterr().out.split("Show them: ")[1].strip()
    makefile = (HOME / "Makefile").read_text(encoding="utf-8").splitlines()
    exports = [line for line in makefile if "GALLERY" in line and ":" not in line.split("=")[0]]
    lines = [*exports, "app:", "\t@printenv GUISE_BUNDLE GUISE_GALLERY"]
    (pictures.parent / "Makefile").write_text("\n".join(lines) + "\n")
    ours = ("GUISE_", "GALLERY", "MAKE", "MFLAGS")  # also what a make that runs these tests tells its own
    plain = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    done = subprocess.run(
        ["sh", "-c", command], cwd=pictures.parent, env=plain, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines() == [str(small), str(folder)]


def test_a_bundle_that_the_page_offers_need_not_be_named() -> None:
    for offered in (Settings().bundle, *Settings().others):
        assert _how_to_show(Path("photos"), offered) == "Show them: make app GALLERY=photos"


def test_a_folder_that_the_app_would_split_is_to_be_renamed(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = pictures.rename(pictures.parent / os.pathsep.join("ab"))
    assert main(["index", str(folder), "--bundle", str(bundle(pictures.parent / "small"))]) == 0
    said = capsys.readouterr().out
    assert f"rename {folder}, or link to it" in said
    assert "make app" not in said
