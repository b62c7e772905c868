"""What the environment chooses at start, and how a choice that cannot be is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrieval.errors import SettingsError
from retrieval.settings import HOME, Settings


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment({"GUISE_GALLERY": "a:b", "GUISE_PORT": "7000", "GUISE_BUNDLE": "x"})
    assert settings.extra_galleries == (Path("a"), Path("b"))
    assert (settings.port, settings.bundle) == (7000, Path("x"))
    assert settings.others == Settings().others
    assert Settings.from_environment({"GUISE_BUNDLES": "y:z"}).others == (Path("y"), Path("z"))
    assert Settings.from_environment({"GUISE_BUNDLES": ""}).others == ()
    assert Settings().prior is None
    assert Settings.from_environment({"GUISE_PRIOR": "stable"}).prior == Path("stable")
    hub = f"hf:a/b@{'0' * 40}"
    assert Settings.from_environment({"GUISE_BUNDLE": hub}).bundle == Path(hub)
    assert Settings.from_environment({"GUISE_BUNDLES": f"{hub}:y:{hub}"}).others == (Path(hub), Path("y"), Path(hub))
    assert Settings.from_environment({"GUISE_HOST": ""}).host == Settings().host
    with pytest.raises(SettingsError, match="GUISE_PORT is 'soon'"):
        Settings.from_environment({"GUISE_PORT": "soon"})
    with pytest.raises(SettingsError, match="GUISE_PORT is '²'"):
        Settings.from_environment({"GUISE_PORT": "²"})


@pytest.mark.parametrize("path", ["", "/guise", "/demos/guise", "https://example.org/guise", "http://localhost:8080"])
def test_a_path_behind_a_proxy_is_taken_with_or_without_its_last_stroke(path: str) -> None:
    assert Settings.from_environment({"GUISE_ROOT_PATH": path}).root_path == path
    assert Settings.from_environment({"GUISE_ROOT_PATH": f"{path}/"}).root_path == path


@pytest.mark.parametrize("path", ["guise", "//elsewhere.org", "/a b", "/a?b", "ftp://x/guise", "javascript:x", "/ä"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(SettingsError, match=r"GUISE_ROOT_PATH is .* for example /guise"):
        Settings.from_environment({"GUISE_ROOT_PATH": path})


def test_a_space_serves_its_network_and_logs_for_machines() -> None:
    assert (Settings.from_environment({}).host, Settings.from_environment({}).log) == ("127.0.0.1", "text")
    space = Settings.from_environment({"SYSTEM": "spaces"})
    assert (space.host, space.log) == ("0.0.0.0", "json")  # noqa: S104
    chosen = Settings.from_environment({"SYSTEM": "spaces", "GUISE_HOST": "127.0.0.1", "GUISE_LOG": "text"})
    assert (chosen.host, chosen.log) == ("127.0.0.1", "text")
    with pytest.raises(SettingsError, match="GUISE_LOG is 'loud', but must be text or json"):
        Settings.from_environment({"GUISE_LOG": "loud"})


def test_every_variable_that_the_code_reads_stands_in_the_table_of_hosting_and_no_other() -> None:
    files = [HOME / "app.py", HOME / "Makefile", *(HOME / "retrieval").rglob("*.py")]
    read = {name for file in files for name in re.findall(r"\bGUISE_[A-Z_]+", file.read_text(encoding="utf-8"))}
    page = (HOME / "docs" / "hosting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`GUISE_[^|]+) \|", page, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"GUISE_[A-Z_]+", row)} == read
