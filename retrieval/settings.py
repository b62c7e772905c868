"""What can be chosen at start, by whoever runs the app: in code, or in the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import SettingsError

HOME = Path(__file__).resolve().parent.parent
LOGS = ("text", "json")  # how the log is written: sentences for people, or a JSON object a line
ROOT_PATH = re.compile(r"(https?://[\w.:\[\]-]+)?(/[\w.~-]+)*", re.ASCII)


@dataclass(frozen=True)
class Settings:
    """What can be chosen at start; `from_environment` reads GUISE_BUNDLE, GUISE_BUNDLES, GUISE_GALLERY, GUISE_PRIOR,
    GUISE_HOST, GUISE_PORT, GUISE_ROOT_PATH and GUISE_LOG. A bundle is named by its folder, or by its address on the
    Hub.
    """

    bundle: Path = HOME / "checkpoints" / "guise-base"  # the default method
    others: tuple[Path, ...] = (  # offered beside it, where they are there
        HOME / "checkpoints" / "dsn-world",
        HOME / "checkpoints" / "ucdr-world",
    )
    gallery: Path = HOME / "assets" / "gallery"  # the embedded one
    emoji: Path = HOME / "assets" / "emoji"  # another embedded one, offered where it is there
    codes: Path = HOME / "checkpoints" / "dude-world"  # whose object codes are searched by and drawn, where it is there
    prior: Path | None = None  # what draws pictures by itself instead, such as a released model that was adopted
    figures: Path = HOME / "checkpoints" / "mra-people"  # finds invented people by a sentence, where it is there
    people: Path = HOME / "assets" / "people" / "street"  # the figures that it finds
    people_prior: Path = HOME / "checkpoints" / "people-prior"  # draws such figures, where it is there
    extra_galleries: tuple[Path, ...] = ()  # folders of pictures, shown first; several are separated like PATH
    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""  # where a reverse proxy serves the page: "/guise", or a whole address; "": at the root
    log: str = "text"  # one of LOGS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings that the environment asks for. Raises SettingsError for one that cannot be.

        A Space serves its container's network and keeps its log as JSON, unless it is told otherwise.
        """
        space = environment.get("SYSTEM") == "spaces"
        return cls(
            bundle=Path(environment.get("GUISE_BUNDLE") or cls.bundle),
            others=_paths(environment["GUISE_BUNDLES"]) if "GUISE_BUNDLES" in environment else cls.others,
            extra_galleries=_paths(environment.get("GUISE_GALLERY", "")),
            prior=Path(environment["GUISE_PRIOR"]) if environment.get("GUISE_PRIOR") else None,
            host=environment.get("GUISE_HOST") or ("0.0.0.0" if space else cls.host),  # noqa: S104
            port=_port(environment.get("GUISE_PORT", str(cls.port))),
            root_path=_root_path(environment.get("GUISE_ROOT_PATH", "")),
            log=_log(environment.get("GUISE_LOG") or ("json" if space else cls.log)),
        )


def _port(port: str) -> int:
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise SettingsError(f"GUISE_PORT is {port!r}, not a port from 1 to 65535. Choose one, or leave it unset.")
    return int(port)


def _root_path(path: str) -> str:
    path = path.rstrip("/")
    if not ROOT_PATH.fullmatch(path):
        raise SettingsError(
            f"GUISE_ROOT_PATH is {path[:80]!r}, which is no path and no address. "
            "Set it to the path under which the page is served, for example /guise, or leave it unset."
        )
    return path


def _log(how: str) -> str:
    if how not in LOGS:
        raise SettingsError(f"GUISE_LOG is {how[:80]!r}, but must be {' or '.join(LOGS)}. Choose one of them.")
    return how


def _paths(listed: str) -> tuple[Path, ...]:
    """Folders, and addresses "hf:...", which are separated like those in PATH."""
    between = re.escape(os.pathsep)
    return tuple(Path(path) for path in re.split(f"(?<!^hf)(?<!{between}hf){between}", listed) if path)
