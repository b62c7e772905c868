"""Where a bundle lies: a folder here, or a repository on the Hub, by the one commit that is meant. Without the network.

    hf:OWNER/NAME@COMMIT           of the bundle NAME; COMMIT are 40 hexadecimal digits, as a branch can move
    <cache>/OWNER/COMMIT/NAME/     where it lies once it is here: this path says the address, and the address this path
    <folder>/hub.json              which commit of which repository holds what: beside the checkpoints, of all that were
                                   published; in a published bundle, of what that bundle refers to

A clone without checkpoints finds them by `checkpoints/hub.json`; whatever lies in its folder is never looked for
elsewhere. Only repositories of owners that are trusted are opened: those of `checkpoints/hub.json`, and those that
GUISE_HUB_OWNERS names.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval.artifacts.manifest import CHECKPOINTS, is_sealed
from retrieval.errors import BundleError
from retrieval.files import write_text
from retrieval.schema import COMMIT, REPOSITORY, Commit, Digest, Repository, fill, shorten

SCHEME = "hf:"
LIST = "hub.json"
OWNERS, CACHE = "GUISE_HUB_OWNERS", "GUISE_CACHE"  # what the environment may set


@dataclass(frozen=True)
class Address:
    """One commit of a repository on the Hub. `manifest` is the SHA-256 that its manifest must have, where that is
    known; `format` is that manifest's, likewise.
    """

    owner: str
    name: str
    commit: str
    manifest: str = ""
    format: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address in "hf:OWNER/NAME@COMMIT". Raises BundleError with what is wrong with it."""
        where, _, commit = text.removeprefix(SCHEME).partition("@")
        names = re.fullmatch(REPOSITORY, where)
        if not text.startswith(SCHEME) or not names or ".." in where or "--" in where:
            raise BundleError(f"{shorten(text)} is no address on the Hub. Write {SCHEME}OWNER/NAME@COMMIT.")
        if not re.fullmatch(COMMIT, commit):
            raise BundleError(
                f"{shorten(text, 160)} names no commit: branches and tags can move. Write the 40 hexadecimal digits of "
                f"a commit behind {SCHEME}{where}@, as the repository's history shows them."
            )
        owner, _, name = where.partition("/")
        return cls(owner, name, commit)

    @property
    def repository(self) -> str:
        """What the Hub calls it: "OWNER/NAME"."""
        return f"{self.owner}/{self.name}"

    @property
    def folder(self) -> Path:
        """Where it lies once it is here; a folder there is whole."""
        return cache() / self.owner / self.commit / self.name

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}@{self.commit}"


@dataclass(frozen=True)
class Published:
    """What `hub.json` says of one folder."""

    repository: Repository
    commit: Commit
    manifest: Digest
    format: str


def cache() -> Path:
    """The folder for what was pulled: GUISE_CACHE, or else "guise" in the Hub's own cache folder."""
    above = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "huggingface")
    return Path(os.environ.get(CACHE) or Path(above, "guise")).expanduser().absolute()


# ---------------------------------------------------------------- whom to trust


def trusted_owners() -> list[str]:
    """Whose repositories are opened, sorted."""
    named = re.split(r"[\s,;:]+", os.environ.get(OWNERS, ""))
    return sorted({address.owner for address in read_list(CHECKPOINTS).values()} | {name for name in named if name})


def check_owner(address: Address) -> None:
    """Raises BundleError where the owner of the repository is not trusted."""
    trusted = trusted_owners()
    if address.owner not in trusted:
        raise BundleError(
            f"{address} is not opened: bundles are taken from {' and '.join(trusted) or 'nobody'} so far. "
            f"To trust {address.owner} as well, add the name to {OWNERS}."
        )


# ---------------------------------------------------------------- what lies where


def read_list(folder: Path) -> dict[str, Address]:
    """What the folder's `hub.json` lists: the name of each bundle -> its address. Empty where there is no list."""
    path = folder / LIST
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read as JSON. Restore it from where it came.") from error
    if not isinstance(payload, Mapping) or not all(isinstance(entry, Mapping) for entry in payload.values()):
        raise BundleError(f"{path} does not map names to repositories. Restore it from where it came.")
    return {name: _address(name, fill(Published, entry, path), path) for name, entry in payload.items()}


def write_list(folder: Path, addresses: Mapping[str, Address]) -> None:
    """Write or replace the folder's `hub.json`."""
    write_text(folder / LIST, list_text(addresses))


def list_text(addresses: Mapping[str, Address]) -> str:
    """The JSON of `hub.json`."""
    entries = {
        name: asdict(Published(address.repository, address.commit, address.manifest, address.format))
        for name, address in sorted(addresses.items())
    }
    return json.dumps(entries, indent=2) + "\n"


def _address(name: str, entry: Published, path: Path) -> Address:
    owner, _, repository = entry.repository.partition("/")
    if repository != name:
        raise BundleError(
            f"{path} lists {entry.repository} for {shorten(name)}, but a repository has the name of what it holds. "
            "Restore it from where it came."
        )
    return Address(owner, name, entry.commit, entry.manifest, entry.format)


def address_of(place: Path) -> Address | None:
    """Which repository holds the folder that is meant; None for one that lies here, or that nobody published."""
    if str(place).startswith(SCHEME):
        return _pinned(Address.parse(str(place)))
    if place.is_relative_to(cache()):
        parts = place.relative_to(cache()).parts
        return _pinned(Address(parts[0], parts[2], parts[1])) if len(parts) == 3 else None
    if is_sealed(place) or place.absolute().parent != CHECKPOINTS:
        return None
    return read_list(CHECKPOINTS).get(place.name)


def _pinned(address: Address) -> Address:
    """The same address; with the manifest that is meant, where it is a checkpoint's."""
    listed = read_list(CHECKPOINTS).get(address.name)
    return listed if listed is not None and listed.folder == address.folder else address


def locate(place: Path | str) -> Path:
    """The folder that is meant, whether it is here yet or not; that of a bundle on the Hub is in the cache."""
    address = address_of(Path(place))
    return Path(place) if address is None else address.folder


def is_known(folder: Path) -> bool:
    """Whether the folder is here, or can be had from the Hub."""
    return is_sealed(folder) or address_of(folder) is not None
