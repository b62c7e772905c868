"""Sealed folders that others refer to, and where they lie: beside the one that refers to them, under `checkpoints/`, or
on the Hub, from where they are fetched.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path

from retrieval.artifacts.addresses import Address, address_of, read_list
from retrieval.artifacts.hub import have
from retrieval.artifacts.manifest import CHECKPOINTS, MANIFEST, Reference, is_sealed, read_format, read_references
from retrieval.errors import BundleError
from retrieval.files import sha256

log = logging.getLogger(__name__)


def resolve(folder: Path, role: str, reference: Reference) -> Path:
    """Where the folder lies that the sealed `folder` refers to: beside it, or else under `checkpoints/`, or in the
    repository that a `hub.json` in either place names. Raises BundleError where it is missing, or is not the one that
    is meant.
    """
    homes = (folder.resolve().parent, CHECKPOINTS)
    paths = [home / reference.folder for home in homes if is_sealed(home / reference.folder)]
    digests = [sha256(path / MANIFEST) for path in paths]
    if reference.sha256 in digests:
        return paths[digests.index(reference.sha256)]
    if (address := _published(folder, reference)) is not None:
        return have(address)
    if not paths:
        raise BundleError(
            f"{folder / MANIFEST} refers to the {role} {reference.folder!r}, but neither {homes[0]} nor {homes[1]} "
            "holds it. Put it beside the bundle, from where that came."
        )
    raise BundleError(
        f"{paths[0] / MANIFEST} has the checksum {digests[0][:12]}..., but {folder / MANIFEST} refers to the {role} "
        f"{reference.sha256[:12]}.... Restore both from where they came."
    )


def parts_of(folder: Path) -> list[Path]:
    """Where everything lies that the sealed `folder` refers to, and that this refers to in turn; each once."""
    paths: dict[Path, None] = {}
    for role, reference in read_references(folder).items():
        path = resolve(folder, role, reference)
        paths |= dict.fromkeys([path, *parts_of(path)])
    return list(paths)


def _published(folder: Path, reference: Reference) -> Address | None:
    """The repository that holds what is referred to, as far as anybody says so."""
    for home in (folder, CHECKPOINTS):
        address = read_list(home).get(reference.folder)
        if address is not None and address.manifest == reference.sha256:
            return address
    return None


def sealed_beside(folder: Path, kind: str) -> list[Path]:
    """The sealed folders of format `kind` beside this one, by name; those whose manifest cannot be read are none.

    What is missing beside a folder of `checkpoints/`, or beside one that was pulled, is fetched where it is published.
    """
    paths = []
    for path in sorted(folder.resolve().parent.iterdir()):
        with suppress(BundleError):
            if is_sealed(path) and read_format(path) == kind:
                paths.append(path)
    return paths + _published_beside(folder, kind, {path.name for path in paths})


def _published_beside(folder: Path, kind: str, present: set[str]) -> list[Path]:
    """Those of the published folders of that format that are not present; one that cannot be fetched is none."""
    if folder.resolve().parent != CHECKPOINTS and address_of(folder) is None:
        return []
    paths = []
    for name, address in read_list(CHECKPOINTS).items():
        if address.format != kind or name in present:
            continue
        try:
            paths.append(CHECKPOINTS / name if is_sealed(CHECKPOINTS / name) else have(address))
        except BundleError as error:
            log.warning("%s", error)
    return paths
