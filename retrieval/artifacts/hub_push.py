"""Bundles to the Hub: each sealed folder in a repository of its own name, together with what it refers to.

What is published is what is vouched for, the JSON that other programs read, a card that is made from the manifest, and
a `hub.json` that says which commits hold what the bundle refers to. What others publish is left where it is. Publishing
again what has not changed makes no new commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from retrieval.artifacts.addresses import LIST, Address, list_text, read_list, write_list
from retrieval.artifacts.card import CARD, card_of
from retrieval.artifacts.hub import is_wanted
from retrieval.artifacts.hub_errors import in_words
from retrieval.artifacts.manifest import (
    CHECKPOINTS,
    MANIFEST,
    is_sealed,
    read_elsewhere,
    read_files,
    read_format,
    read_references,
    verify_files,
)
from retrieval.artifacts.references import resolve
from retrieval.errors import BundleError
from retrieval.files import sha256

GIT = ".gitattributes"  # is the Hub's own


def push(folders: Iterable[Path], owner: str, *, private: bool = False) -> dict[str, Address]:
    """Publish the sealed folders, and before each what it refers to; the address of every one. Raises BundleError with
    what is wrong and what to do; what was published until then stays.
    """
    published: dict[str, Address] = {}
    for folder in folders:
        _publish(folder.resolve(), owner, private, published)
    return published


def push_all(owner: str, *, private: bool = False) -> dict[str, Address]:
    """Publish all checkpoints, and write down in their `hub.json` which commits hold them."""
    published = push((path for path in sorted(CHECKPOINTS.iterdir()) if is_sealed(path)), owner, private=private)
    if published:
        write_list(CHECKPOINTS, read_list(CHECKPOINTS) | published)
    return published


def _publish(folder: Path, owner: str, private: bool, published: dict[str, Address]) -> None:
    references = read_references(folder)
    for role, reference in references.items():
        if reference.folder not in published:
            _publish(resolve(folder, role, reference), owner, private, published)
        if published[reference.folder].manifest != reference.sha256:
            raise BundleError(
                f"{folder / MANIFEST} refers to another {reference.folder} than was published before it. "
                "Publish it alone, with what it refers to beside it."
            )
    if folder.name in published:
        return
    parts = {reference.folder: published[reference.folder] for reference in references.values()}
    commit = _commit(folder, f"{owner}/{folder.name}", _contents(folder, parts), private)
    digest, kind = sha256(folder / MANIFEST), read_format(folder)
    published[folder.name] = Address(owner, folder.name, commit, digest, kind)


def _contents(folder: Path, parts: Mapping[str, Address]) -> dict[str, Path | bytes]:
    """What is published: name -> the file, or what is in it."""
    verify_files(folder, read_files(folder))
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    others = read_elsewhere(folder)
    ours = (name for name in names if is_wanted(name) and name != LIST and name not in others)
    contents: dict[str, Path | bytes] = {name: folder / name for name in ours}
    contents[CARD] = card_of(folder).encode("utf-8")
    return contents | ({LIST: list_text(parts).encode("utf-8")} if parts else {})


def _commit(folder: Path, repository: str, contents: Mapping[str, Path | bytes], private: bool) -> str:
    """Make the repository hold just that; the commit that does."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(library_name="guise")
    with in_words(f"{folder} could not be published as {repository}"):
        api.create_repo(repository, private=private or None, exist_ok=True)
        stale = {*api.list_repo_files(repository)} - {*contents, GIT}
        operations: list[Any] = [CommitOperationDelete(name) for name in sorted(stale)]
        operations += [CommitOperationAdd(name, content) for name, content in contents.items()]
        return str(api.create_commit(repository, operations, commit_message=f"Publish {folder.name}").oid)
