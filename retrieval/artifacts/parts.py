"""Folders that several bundles share, opened once: another bundle, a prior, a trunk, a text tower, a judge.

`LOADERS` maps a manifest's format to what opens such a folder, as "module:function"; the function takes the folder and
a device and verifies what it reads.
"""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from retrieval.artifacts.manifest import MANIFEST, Reference, read_format
from retrieval.artifacts.references import resolve
from retrieval.errors import BundleError

LOADERS = {
    "guise-bundle/1": "retrieval.artifacts.bundle:load_bundle",
    "guise-prior/1": "retrieval.artifacts.prior:load_prior",
    "guise-trunk/1": "retrieval.artifacts.trunk:load_trunk",
    "guise-text/1": "retrieval.artifacts.text_tower:load_text_tower",
    "guise-judge/1": "retrieval.artifacts.judge:load_judge",
}
_open: WeakValueDictionary[tuple[str, str], Any] = WeakValueDictionary()  # (checksum, device) -> what is in use
_lock = threading.RLock()  # reentrant: a part may refer to another


def load_part(folder: Path, role: str, reference: Reference, device: Any = "cpu") -> Any:
    """What the sealed `folder` refers to in this role, ready to use on `device`: the same object for all who hold it.
    Raises BundleError with what is wrong and what to do.
    """
    path = resolve(folder, role, reference)
    key = reference.sha256, str(device)
    with _lock:
        part = _open.get(key)
        if part is None:
            part = _open[key] = open_part(path, device)
    return part


def open_part(path: Path, device: Any = "cpu") -> Any:
    """What is sealed in the folder, of whatever format, verified and ready to use on `device`."""
    kind = read_format(path)
    if kind not in LOADERS:
        raise BundleError(
            f"{path / MANIFEST} has the format {kind!r}, but {', '.join(LOADERS)} are known. Update Guise."
        )
    module, _, name = LOADERS[kind].partition(":")
    return getattr(import_module(module), name)(path, device)
