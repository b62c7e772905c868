"""What the tests of the Hub run in a process of its own: the real client, which reads HF_ENDPOINT when it is imported.

Nothing here may import `tests.conftest`, which keeps every other test from asking the network.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

OWNER = "someone"


class Client:
    """Calls functions in the process, with their own environment each time."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, function: Callable[..., Any], *arguments: Any, **environment: str) -> Any:
        return self._pool.submit(_call, function, arguments, environment).result(timeout=60)


@contextmanager
def client_of(url: str, cache: Path, **environment: str) -> Iterator[Client]:
    """A process whose client asks the Hub at `url`, and that pulls into `cache`."""
    settings = {
        "HF_ENDPOINT": url,
        "HF_HOME": str(cache / "client"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "GUISE_CACHE": str(cache / "guise"),
        "GUISE_HUB_OWNERS": OWNER,
    }
    with patch.dict(os.environ, settings | environment):
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        client = Client(pool)
        client(os.getpid)  # it starts while the environment is this one
    with pool:
        yield client


def _call(function: Callable[..., Any], arguments: Sequence[Any], environment: dict[str, str]) -> Any:
    with patch.dict(os.environ, environment):
        return function(*arguments)


# ---------------------------------------------------------------- what is called


def pull(text: str) -> Path:
    from retrieval.artifacts import addresses, hub

    return hub.pull(addresses.Address.parse(text))


def pull_pinned(text: str, manifest: str) -> Path:
    from dataclasses import replace

    from retrieval.artifacts import addresses, hub

    return hub.pull(replace(addresses.Address.parse(text), manifest=manifest))


def pull_all(texts: Sequence[str]) -> list[str]:
    """Pull them side by side; for each "" or the sentence that refused it."""
    with ThreadPoolExecutor(len(texts)) as threads:
        return list(threads.map(_sentence, texts))


def _sentence(text: str) -> str:
    from retrieval.errors import BundleError

    try:
        pull(text)
    except BundleError as error:
        return str(error)
    return ""


def have(text: str) -> Path:
    from retrieval.artifacts import hub

    return hub.at_hand(text)


def progress_of(text: str) -> list[tuple[str, int, int]]:
    from retrieval.artifacts import hub

    shown: list[tuple[str, int, int]] = []
    with hub.showing(lambda *progress: shown.append(progress)):
        hub.at_hand(text)
    return shown


def preload(repository: str, commit: str) -> str:
    """What a Space's build does: the client's own cache, not ours."""
    from huggingface_hub import snapshot_download

    return snapshot_download(repository, revision=commit)


def push(folder: Path, owner: str) -> dict[str, str]:
    from retrieval.artifacts import hub_push

    return {name: str(address) for name, address in hub_push.push([folder], owner).items()}


def pull_with_little_room(text: str, most: int) -> Path:
    """As on a disk that takes no file larger than `most` bytes."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        return pull(text)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def command(*arguments: str) -> tuple[int, str, str]:
    """`python -m retrieval`: its exit status, what it says on stdout and on stderr."""
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "retrieval", *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def part_of(folder: Path, role: str) -> Path:
    """Where what the folder refers to lies."""
    from retrieval.artifacts import manifest, references

    return references.resolve(folder, role, manifest.read_references(folder)[role])


def push_everything(home: Path, owner: str) -> dict[str, str]:
    """As where `home` is the folder of checkpoints."""
    from retrieval.artifacts import hub_push

    with patch.object(hub_push, "CHECKPOINTS", home):
        return {name: str(address) for name, address in hub_push.push_all(owner).items()}


def beside(home: Path, name: str, kind: str) -> list[Path]:
    """Likewise: the sealed folders of format `kind` beside that one."""
    from retrieval.artifacts import addresses, references

    with patch.object(references, "CHECKPOINTS", home), patch.object(addresses, "CHECKPOINTS", home):
        return references.sealed_beside(home / name, kind)


def opened_where_it_lies(home: Path, name: str) -> Path:
    """Likewise: the folder of a checkpoint that is not here, as the app has it."""
    from retrieval.artifacts import addresses, hub

    with patch.object(addresses, "CHECKPOINTS", home):
        return hub.at_hand(addresses.locate(home / name))
