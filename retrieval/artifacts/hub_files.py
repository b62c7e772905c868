"""Files of one commit on the Hub: which there are, and how one is brought here, from where an earlier attempt ended."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from retrieval.artifacts.addresses import Address
from retrieval.errors import BundleError
from retrieval.files import sha256

TRIES, PAUSE = 3, 0.5  # how often a lost connection is made again, after how many seconds
TIMEOUT = 10.0  # seconds that the Hub may be silent
T = TypeVar("T")


@dataclass(frozen=True)
class Remote:
    """A file of a commit: its path there, its size, and its SHA-256, or else git's own checksum of it."""

    address: Address
    path: str
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


def listed(address: Address) -> dict[str, Remote]:
    """The files of the commit: path -> file. Raises BundleError where the Hub speaks of another repository, or of
    another commit.
    """
    info = _persist(lambda: _describe(address))
    if info.id != address.repository:
        raise BundleError(f"{address} has another name now. If you trust it, write hf:{info.id}@{address.commit}.")
    if info.sha != address.commit:
        raise BundleError(f"{address} is pinned, but the Hub answers with the commit {info.sha}. It is not opened.")
    return {
        file.rfilename: Remote(
            address,
            file.rfilename,
            file.size or 0,
            sha256=file.lfs.sha256 if file.lfs else "",
            git="" if file.lfs else file.blob_id or "",
        )
        for file in info.siblings or ()
    }


def _describe(address: Address) -> Any:
    """What the Hub says of the commit. Raises ValueError where the answer is not in its form."""
    from huggingface_hub import HfApi

    api = HfApi(library_name="guise")
    try:
        return api.model_info(address.repository, revision=address.commit, files_metadata=True, timeout=TIMEOUT)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def fetch_file(remote: Remote, path: Path, show: Callable[[int], None]) -> None:
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
        _download(remote, begun, show)
        if remote.is_copied_by(begun):
            os.replace(begun, path)
            return
        begun.unlink()
        if not resumed:
            raise BundleError(
                f"{remote.path} of {remote.address} arrived with another checksum than the commit has. "
                "Try again; if that does not help, something between you and the Hub changes files."
            )


def _download(remote: Remote, begun: Path, show: Callable[[int], None]) -> None:
    """Go on with the file where it ends, several times where the connection is lost."""

    def go_on() -> None:
        had = begun.stat().st_size if begun.exists() else 0
        if had < remote.size or not begun.exists():
            _stream(remote, begun, had, show)

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


def _stream(remote: Remote, begun: Path, had: int, show: Callable[[int], None]) -> None:
    """One request for what is missing of the file after its first `had` bytes."""
    from huggingface_hub import get_session, hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    url = hf_hub_url(remote.address.repository, remote.path, revision=remote.address.commit)
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
