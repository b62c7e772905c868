"""Bundles from the Hub: fetched file by file, checked, and in the cache whole or not at all.

    <cache>/OWNER/COMMIT/NAME/         a bundle, whole; from now on the network is not asked for it
    <cache>/OWNER/COMMIT/NAME.part/    one that is on its way: whatever has arrived of it is kept, and the next attempt
                                       goes on from there

Every file is checked against the SHA-256 of the bundle's manifest; the manifest, the card and what is there for other
programs against the checksums of the commit; weights that others publish come from their repositories, at the commit
and with the SHA-256 that the manifest names; and where somebody refers to the bundle, the manifest against the SHA-256
that stands there. Only JSON, safetensors and the card are fetched. What the Hub's client has in its own cache already,
as a Space has it that preloads a repository, is taken from there.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path, PurePosixPath

from retrieval.artifacts.addresses import Address, address_of, check_owner
from retrieval.artifacts.hub_errors import in_words
from retrieval.artifacts.hub_files import Remote, fetch_file, listed
from retrieval.artifacts.manifest import (
    DEPTH,
    KINDS,
    MANIFEST,
    check_name,
    is_sealed,
    read_elsewhere,
    read_files,
    verify_files,
)
from retrieval.errors import BundleError
from retrieval.files import sha256

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # the client reads it when it is imported
CARD = "README.md"
MAX_FILES = 100
ROOM = 1 << 24  # bytes that stay free on the disk

Show = Callable[[str, int, int], None]  # called with a bundle's name, the bytes of it that are here, and all of them
_show: ContextVar[Show] = ContextVar("show", default=lambda name, done, total: None)
log = logging.getLogger(__name__)


# ---------------------------------------------------------------- having it


@contextmanager
def showing(show: Show) -> Iterator[None]:
    """Within it, `show` is called with the progress of whatever is pulled by this thread."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)


def at_hand(place: Path | str) -> Path:
    """The folder that is meant, fetched from the Hub first where it is an address and is not here yet. Raises
    BundleError with what is wrong and what to do.
    """
    address = address_of(Path(place))
    return Path(place) if address is None else have(address)


def have(address: Address) -> Path:
    """The folder of the address, fetched first where it is not here yet, or has another manifest than is meant."""
    check_owner(address)
    return address.folder if is_sealed(address.folder) and _is_meant(address.folder, address) else pull(address)


def pull(address: Address) -> Path:
    """Fetch the bundle, or make whole again what is here of it; its folder. Raises BundleError with what is wrong and
    what to do; nothing is in the folder then.
    """
    check_owner(address)
    folder = address.folder
    part = folder.with_name(f"{folder.name}.part")
    with in_words(f"{address} could not be fetched"), _alone(folder):
        if is_sealed(folder) and _is_whole(folder, address):
            return folder
        if folder.exists():  # damaged: what is sound of it is kept
            shutil.rmtree(part, ignore_errors=True)
            folder.rename(part)
        part.mkdir(parents=True, exist_ok=True)
        if not _preloaded(address, part):
            _fetch(address, part)
        part.rename(folder)
    log.info("%s is in %s", address, folder)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else fetches into the same folder at the same time."""
    from huggingface_hub.utils import WeakFileLock

    folder.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(folder.with_name(f"{folder.name}.lock")):
        yield


def _is_whole(folder: Path, address: Address) -> bool:
    try:
        _verify(folder, address)
    except BundleError as error:
        log.warning("%s", error)
        return False
    return True


def _verify(folder: Path, address: Address) -> Mapping[str, str]:
    """The checksums in the manifest, which is the one that is meant, once every file has its own."""
    files = _expected(folder, address)
    verify_files(folder, files)
    return files


def _is_meant(folder: Path, address: Address) -> bool:
    """Whether the folder's manifest is the one that the address names; any, where it names none."""
    return not address.manifest or sha256(folder / MANIFEST) == address.manifest


def _expected(folder: Path, address: Address) -> Mapping[str, str]:
    """The checksums in the manifest, which is the one that is meant; every name is one of its own folder."""
    if not _is_meant(folder, address):
        raise BundleError(
            f"{address} holds a {MANIFEST} with the checksum {sha256(folder / MANIFEST)[:12]}..., but "
            f"{address.manifest[:12]}... is referred to. Name the commit that holds it."
        )
    files = read_files(folder)
    for name in files:
        check_name(folder, name)
    return files


# ---------------------------------------------------------------- from the client's own cache


def _preloaded(address: Address, part: Path) -> bool:
    """Whether the client's own cache held all of it; then it is in `part`, and verified."""
    from huggingface_hub import try_to_load_from_cache

    manifest = try_to_load_from_cache(address.repository, MANIFEST, revision=address.commit)
    if not isinstance(manifest, str):
        return False
    snapshot = Path(manifest).parent
    try:
        _verify(snapshot, address)
    except BundleError as error:
        log.info("%s", error)
        return False
    for path in snapshot.rglob("*"):
        name = path.relative_to(snapshot).as_posix()
        if path.is_file() and is_wanted(name):
            _take(path.resolve(), part / name)
    return True


def _take(source: Path, target: Path) -> None:
    """The same file under another name, without its bytes twice where the disk can do that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


# ---------------------------------------------------------------- over the network


def _fetch(address: Address, part: Path) -> None:
    """Bring everything into `part`, the manifest first, and verify it."""
    remotes = _of_bundle(address)
    fetch_file(remotes[MANIFEST], part / MANIFEST, lambda done: None)
    files = _expected(part, address)
    remotes |= _of_others(part, files)
    if missing := [name for name in files if name not in remotes]:
        raise BundleError(
            f"{address} is not whole: its {MANIFEST} lists {missing[0]}, which the repository does not hold. "
            "Name another commit."
        )
    total = sum(remote.size for remote in remotes.values())
    _check_room(part, total)
    here = 0
    for name, remote in remotes.items():
        fetch_file(remote, part / name, partial(_tell, address.name, here, total))
        here += remote.size
    _verify(part, address)


def _tell(name: str, before: int, total: int, done: int) -> None:
    _show.get()(name, before + done, total)


def _of_bundle(address: Address) -> dict[str, Remote]:
    """The files of a bundle that are wanted: name -> file. Raises BundleError where there is no bundle."""
    remotes = {path: remote for path, remote in listed(address).items() if is_wanted(path)}
    if MANIFEST not in remotes or len(remotes) > MAX_FILES:
        raise BundleError(
            f"{address} holds no bundle: {len(remotes)} files, {MANIFEST} must be one of at most {MAX_FILES}."
        )
    return remotes


def _of_others(part: Path, files: Mapping[str, str]) -> dict[str, Remote]:
    """The files of the bundle in `part` that others publish: name here -> file there, with the SHA-256 meant."""
    remotes = {}
    for name, there in read_elsewhere(part).items():
        owner, _, repository = there.repository.partition("/")
        address = Address(owner, repository, there.commit)
        remote = listed(address).get(there.path)
        if remote is None or remote.sha256 != files.get(name):
            raise BundleError(
                f"{address} holds no {there.path} with the checksum {files.get(name, '')[:12]}..., which {part.stem} "
                "stands on. Name another commit of that."
            )
        remotes[name] = remote
    return remotes


def is_wanted(name: str) -> bool:
    """JSON and safetensors of the folder and one below, and the card."""
    path = PurePosixPath(name)
    safe = not path.is_absolute() and len(path.parts) <= DEPTH and not any(p.startswith(".") for p in path.parts)
    return safe and (path.suffix in KINDS or name == CARD)


def _check_room(part: Path, total: int) -> None:
    here = sum(path.stat().st_size for path in part.rglob("*") if path.is_file())
    needed, free = total - here + ROOM, shutil.disk_usage(part).free
    if needed > free:
        raise BundleError(
            f"{part} needs {needed / 1e6:,.0f} MB, but its disk has {free / 1e6:,.0f} MB left. "
            "Make room, or set GUISE_CACHE to a folder on another disk."
        )
