"""Bundles from the Hub: fetched file by file, checked, and in the cache whole or not at all.

    <cache>/OWNER/COMMIT/NAME/         a bundle, whole; from now on the network is not asked for it
    <cache>/OWNER/COMMIT/NAME.part/    one that is on its way: whatever has arrived of it is kept, and the next attempt
                                       goes on from there

Every file is checked against the SHA-256 of the bundle's manifest; the manifest, the card and what is there for other
programs against the checksums of the commit; and where somebody refers to the bundle, the manifest against the SHA-256
that stands there. Only JSON, safetensors and the card are fetched. What the Hub's client has in its own cache already,
as a Space has it that preloads a repository, is taken from there.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from retrieval.artifacts.addresses import Address, address_of, check_owner
from retrieval.artifacts.hub_errors import in_words
from retrieval.artifacts.manifest import DEPTH, KINDS, MANIFEST, is_sealed, read_files, verify_file
from retrieval.errors import BundleError
from retrieval.files import sha256

os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # the client reads it when it is imported
CARD = "README.md"
MAX_FILES = 100
TRIES, PAUSE = 3, 0.5  # how often a lost connection is made again, after how many seconds
TIMEOUT = 10.0  # seconds that the Hub may be silent
ROOM = 1 << 24  # bytes that stay free on the disk

Show = Callable[[str, int, int], None]  # called with a bundle's name, the bytes of it that are here, and all of them
T = TypeVar("T")
_show: ContextVar[Show] = ContextVar("show", default=lambda name, done, total: None)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Remote:
    """A file of a commit: its size, and its SHA-256, or else git's own checksum of it."""

    name: str
    size: int
    sha256: str
    git: str

    def is_copied_by(self, path: Path) -> bool:
        """Whether the file at `path` is this one."""
        return path.stat().st_size == self.size and self._digest(path) == (self.sha256 or self.git)

    def _digest(self, path: Path) -> str:
        if self.sha256:
            return sha256(path)
        return hashlib.sha1(b"blob %d\0" % self.size + path.read_bytes(), usedforsecurity=False).hexdigest()


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
    """The folder of the address, fetched first where it is not here yet."""
    check_owner(address)
    return address.folder if is_sealed(address.folder) else pull(address)


def pull(address: Address) -> Path:
    """Fetch the bundle, or make whole again what is here of it; its folder. Raises BundleError with what is wrong and
    what to do; nothing is in the folder then.
    """
    check_owner(address)
    folder = address.folder
    part = folder.with_name(f"{folder.name}.part")
    with in_words(f"{address} could not be fetched"), _alone(folder):
        if is_sealed(folder):
            if _is_whole(folder, address):
                return folder
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
    for name, digest in files.items():
        verify_file(folder, name, digest)
    return files


def _expected(folder: Path, address: Address) -> Mapping[str, str]:
    """The checksums in the manifest, which is the one that is meant."""
    actual = sha256(folder / MANIFEST)
    if address.manifest and actual != address.manifest:
        raise BundleError(
            f"{address} holds a {MANIFEST} with the checksum {actual[:12]}..., but {address.manifest[:12]}... is "
            "referred to. Name the commit that holds it."
        )
    return read_files(folder)


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
    remotes = _listed(address)
    total = sum(remote.size for remote in remotes.values())
    _check_room(part, total)
    here = 0
    for name, remote in sorted(remotes.items(), key=lambda named: named[0] != MANIFEST):
        before = here

        def show(done: int, before: int = before) -> None:
            _show.get()(address.name, before + done, total)

        _fetch_file(address, remote, part / name, show)
        here += remote.size
        if name == MANIFEST and (missing := [n for n in _expected(part, address) if n not in remotes]):
            raise BundleError(
                f"{address} is not whole: its {MANIFEST} lists {missing[0]}, which the repository does not hold. "
                "Name another commit."
            )
    _verify(part, address)


def _listed(address: Address) -> dict[str, Remote]:
    """The files of the commit that are wanted. Raises BundleError where the Hub speaks of another repository, of
    another commit, or of no bundle.
    """
    from huggingface_hub import HfApi

    api = HfApi(library_name="guise")
    info = _persist(
        lambda: api.model_info(address.repository, revision=address.commit, files_metadata=True, timeout=TIMEOUT)
    )
    if info.id != address.repository:
        raise BundleError(f"{address} has another name now. If you trust it, write hf:{info.id}@{address.commit}.")
    if info.sha != address.commit:
        raise BundleError(f"{address} is pinned, but the Hub answers with the commit {info.sha}. It is not opened.")
    remotes = {
        file.rfilename: Remote(
            file.rfilename, file.size or 0, file.lfs.sha256 if file.lfs else "", "" if file.lfs else file.blob_id or ""
        )
        for file in info.siblings or ()
        if is_wanted(file.rfilename)
    }
    if MANIFEST not in remotes or len(remotes) > MAX_FILES:
        raise BundleError(f"{address} holds no bundle: {len(remotes)} files, {MANIFEST} must be one of at most 100.")
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


def _fetch_file(address: Address, remote: Remote, path: Path, show: Callable[[int], None]) -> None:
    """Bring one file, unless it is there. What is there of it from an earlier attempt is gone on with; if that makes
    another file, it is brought anew.
    """
    if path.is_file() and remote.is_copied_by(path):
        show(remote.size)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f"{path.name}.part")
    while True:
        resumed = begun.exists()
        _download(address, remote, begun, show)
        if remote.is_copied_by(begun):
            os.replace(begun, path)
            return
        begun.unlink()
        if not resumed:
            raise BundleError(
                f"{remote.name} of {address} arrived with another checksum than the commit has. "
                "Try again; if that does not help, something between you and the Hub changes files."
            )


def _download(address: Address, remote: Remote, begun: Path, show: Callable[[int], None]) -> None:
    """Go on with the file where it ends, several times where the connection is lost."""

    def go_on() -> None:
        had = begun.stat().st_size if begun.exists() else 0
        if had < remote.size or not begun.exists():
            _stream(address, remote, begun, had, show)

    _persist(go_on)


def _persist(ask: Callable[[], T]) -> T:
    """What the Hub answers, asked several times where the connection is lost."""
    from httpx2 import TransportError

    for attempt in range(1, TRIES + 1):
        try:
            return ask()
        except TransportError:
            if attempt == TRIES:
                raise
            time.sleep(PAUSE)
    raise AssertionError("the last attempt returns or raises")


def _stream(address: Address, remote: Remote, begun: Path, had: int, show: Callable[[int], None]) -> None:
    """One request for what is missing of the file after its first `had` bytes."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    url = hf_hub_url(address.repository, remote.name, revision=address.commit)
    headers = build_hf_headers(library_name="guise") | {"Accept-Encoding": "identity"}
    if had:
        headers["Range"] = f"bytes={had}-"
    with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT) as response, begun.open("ab") as file:
        hf_raise_for_status(response)
        if response.status_code != 206:  # all of it comes, whatever was asked for
            had = 0
            file.truncate(0)
        for chunk in response.iter_raw():
            file.write(chunk)
            had += len(chunk)
            show(min(had, remote.size))
            if had > remote.size:
                break
        file.flush()
        os.fsync(file.fileno())
