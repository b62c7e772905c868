"""A Space is the project, laid out as each kind of Space wants it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from retrieval.settings import Settings
from spaces_config import assemble as space
from spaces_config.assemble import CONFIG, LARGE, MOST, ROOT, VARIANTS, copy_project, requirements, write_variant

ZEROGPU_TORCH = ("2.8.0", "2.9.1", "2.10.0", "2.11.0")  # releases that ZeroGPU takes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the app needs; each variant is written on top of it."""
    out = tmp_path_factory.mktemp("space") / "space"
    copy_project(out, link=True)
    return out


def front_matter(variant: str) -> dict[str, Any]:
    _, front, rest = (CONFIG / f"README.{variant}.md").read_text(encoding="utf-8").split("---\n")
    assert rest == ""
    payload: dict[str, Any] = yaml.safe_load(front)
    return payload


def pins(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE))


OURS = pins((ROOT / "requirements.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_front_matter_is_what_a_space_reads(variant: str) -> None:
    front = front_matter(variant)
    assert front["sdk"] == ("docker" if variant == "docker" else "gradio")
    assert len(front["short_description"]) <= 60
    assert front["license"] == "apache-2.0"
    if variant == "docker":
        assert front["app_port"] == Settings().port
    else:
        assert front["sdk_version"] == OURS["gradio"]
        assert isinstance(front["python_version"], str), "3.10 without quotes is 3.1"
        assert front["python_version"].startswith("3.12")
        assert (ROOT / front["app_file"]).is_file()


def test_every_variant_pins_what_we_pin() -> None:
    assert pins(requirements("docker")) == OURS
    without_gradio = {name: version for name, version in OURS.items() if name != "gradio"}
    assert pins(requirements("cpu")) == without_gradio
    zerogpu = pins(requirements("zerogpu"))
    assert zerogpu.keys() == without_gradio.keys()
    differing = {name for name in zerogpu if zerogpu[name] != OURS[name]}
    assert differing <= {"torch", "torchvision"}, "ZeroGPU takes some releases of torch only; all else is ours"
    assert zerogpu["torch"] in ZEROGPU_TORCH


@pytest.mark.parametrize("variant", VARIANTS)
def test_an_assembled_space_is_whole_and_small(variant: str, folder: Path) -> None:
    write_variant(folder, variant)
    assert space.size_of(folder) <= MOST
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert readme.startswith((CONFIG / f"README.{variant}.md").read_text(encoding="utf-8"))
    assert readme.endswith((ROOT / "README.md").read_text(encoding="utf-8"))
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert [link for link in links if not (folder / link).exists()] == []
    for name in ("app.py", "retrieval/engine.py", "assets/style.css", "packages.txt", "requirements.txt"):
        assert (folder / name).is_file(), name
    large = (folder / ".gitattributes").read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in large] == list(LARGE)
    big = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size > 10_000_000]
    assert [path for path in big if f"*{path.suffix}" not in LARGE] == []


def test_the_container_asks_whether_it_is_ready_as_a_user_without_rights() -> None:
    lines = (CONFIG / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^FROM python:(\S+)-slim", lines, re.MULTILINE)[1] == front_matter("cpu")["python_version"]  # type: ignore[index]
    assert f"http://127.0.0.1:{Settings().port}/readyz" in lines
    assert re.search(r"uid 1000 user\nUSER user$", lines, re.MULTILINE)
    assert 'CMD ["python", "app.py"]' in lines, "signals reach the app itself"
    environment = dict(re.findall(r"(GUISE_\w+)=(\S+)", lines))
    settings = Settings.from_environment(environment)
    assert (settings.host, settings.log) == ("0.0.0.0", "json")  # noqa: S104


def test_packages_are_names_alone() -> None:
    """A Space hands every word of the file to apt-get."""
    for line in (CONFIG / "packages.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[a-z0-9.+-]+", line), line


def test_a_folder_that_is_there_and_a_space_that_is_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="is there already"):
        space.assemble(tmp_path)
    monkeypatch.setattr(space, "copy_project", lambda out: out.mkdir())
    monkeypatch.setattr(space, "MOST", 100)
    with pytest.raises(SystemExit, match="more than 100"):
        space.assemble(tmp_path / "space", "docker")


def test_the_command_of_the_readme_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(space, "copy_project", lambda out: out.mkdir())
    space.main(["--variant", "docker", str(tmp_path / "space")])
    assert f"hf upload YOU/guise {tmp_path / 'space'} . --type space" in capsys.readouterr().out
    asked = subprocess.run(
        [sys.executable, "spaces_config/assemble.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "{cpu,zerogpu,docker}" in asked.stdout
