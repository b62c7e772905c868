"""`python -m retrieval evaluate`: results on stdout, what was left out on stderr, mistakes in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.cli import main

FOLDER = ["--queries", "painting", "--gallery", "photo"]


def test_a_folder_is_measured_into_a_file(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report.json"
    words = ["evaluate", "--bundle", "floor:color-histogram", "--folder", str(pictures), *FOLDER, "--json", str(out)]
    assert main(words) == 0
    told = json.loads(out.read_text(encoding="utf-8"))
    assert told == json.loads(capsys.readouterr().out)
    assert (told["queries"], told["gallery"]) == (12, 12)
    assert told["chance"] == pytest.approx(1 / 3)
    assert told["metrics"]["mAP@all"] == told["metrics"]["P@1"] == 1.0
    assert "values" not in told


def test_a_report_that_cannot_be_written_is_printed_and_told(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "nowhere" / "report.json")
    assert main(["evaluate", "--bundle", "floor:raw-pixels", "--folder", str(pictures), *FOLDER, "--json", out]) == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["queries"] == 12
    assert f"{out} cannot be written (No such file or directory)" in said.err


def test_what_is_skipped_or_left_out_is_said_on_stderr(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pictures / "painting" / "red" / "broken.png").write_bytes(b"?")
    for path in (pictures / "photo" / "blue").iterdir():
        path.unlink()
    assert main(["evaluate", "--bundle", "floor:raw-pixels", "--folder", str(pictures), *FOLDER]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["queries"] == 8
    assert "broken.png" in said.err
    assert "4 queries left out" in said.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--folder", "FOLDER", "--queries", "painting"], "go together"),
        (["--task", "text-world/all@1", "--queries", "painting"], "go together"),
        (["--folder", "FOLDER", "--queries", "sketch", "--gallery", "photo"], "It has painting, photo."),
        (["--folder", "NOWHERE", *FOLDER], "is not a folder"),
        (["--task", "magic@1"], "There is no task 'magic@1'"),
        (["--task", "text-world/all@1", "--bundle", "floor:hog"], "floor:hog reads none"),
        (["--task", "text-world/all@1", "--bundle", "floor:magic"], "There is no floor:magic"),
        (["--task", "world/zero-shot@1"], "guise-base has seen the class 'banana'"),
    ],
)
def test_a_mistake_is_a_sentence(
    pictures: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    bundle = [] if "--bundle" in words or "--task" in words else ["--bundle", "floor:raw-pixels"]
    named = [str(pictures) if word == "FOLDER" else word for word in words]
    assert main(["evaluate", *bundle, *named]) == 2
    assert sentence in capsys.readouterr().err


def test_a_task_and_a_folder_exclude_each_other(pictures: Path) -> None:
    with pytest.raises(SystemExit):
        main(["evaluate", "--task", "text-world/all@1", "--folder", str(pictures), *FOLDER])
    with pytest.raises(SystemExit):
        main(["evaluate"])


@pytest.mark.pack
def test_a_floor_is_measured_on_a_named_task(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--bundle", "floor:raw-pixels", "--task", "sketchy125/zero-shot@1"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["gallery"] == 728
    assert "4 pictures left out" in said.err
