"""What a sealed folder says of itself, read and checked for form without torch: the engine and the command line ask a
manifest what a bundle is before any weights are loaded.

    <folder>/manifest.json   its format, "guise-KIND/VERSION"; what it is; the SHA-256 of every other file

A manifest may refer to other sealed folders, by name and by the SHA-256 of their manifests, which vouch for all of
their files in turn; `references` looks for such a folder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field

from retrieval.errors import BundleError
from retrieval.files import sha256, write_text
from retrieval.images import Preprocess
from retrieval.schema import Commit, Count, Digest, Name, Repository, Width, fill

MANIFEST = "manifest.json"
WEIGHTS = "model.safetensors"  # of a bundle and of a judge
PUBLISHED = "published.safetensors"  # weights of others that a bundle stands on, as they published them
FORMAT = "guise-bundle/1"
MAX_BYTES = 8_000_000  # of a manifest
KINDS = {".safetensors", ".json"}  # suffixes of files that a manifest may list
DEPTH = 2  # a file lies in the folder, or in a folder of it
T = TypeVar("T")
CHECKPOINTS = Path(__file__).resolve().parents[2] / "checkpoints"


@dataclass(frozen=True)
class Source:
    """One set of data that the weights have seen, and the licence it came under."""

    data: str
    licence: str
    pictures: Count


@dataclass(frozen=True)
class Stage:
    """One training behind a bundle, or weights that somebody published, and what it was shown and told."""

    name: str
    role: str = ""  # to the bundle: "start", "teacher", "prior", ...; the bundle's own training has none
    classes: tuple[str, ...] = ()  # whose pictures it saw with their labels
    unlabelled: tuple[str, ...] = ()  # whose pictures it saw without labels
    names: tuple[str, ...] = ()  # words that it read, besides those of `classes`
    domains: tuple[str, ...] = ()  # of the pictures
    pretrained: str = ""  # what published weights have seen, in words: "photographs of ImageNet-1k, by the trunk"


@dataclass(frozen=True)
class Reference:
    """Another sealed folder: its name, and the SHA-256 of its manifest."""

    folder: Name
    sha256: Digest


@dataclass(frozen=True)
class Elsewhere:
    """A file of weights that others published: in which commit of which repository on the Hub, and under which path."""

    repository: Repository
    commit: Commit
    path: Annotated[str, Field(pattern=r"^([\w\-]+/)?[\w.\-]+\.safetensors$")]


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself. `files` maps each file name to its SHA-256; `refers_to` maps the role that another
    folder has for this one ("prior", "text tower") to that folder.

    `cutoff` says what a match needs: of "image", the score of the best hit; where `relevance` decides by name, of
    "image held" and "text held" the share of nonsense that it must be surer than, and of "image hit" and "text hit" the
    score from which further hits are sure.
    """

    name: Name
    method: str
    config: Mapping[str, Any]
    preprocess: Preprocess
    domains: tuple[str, ...]
    classes: tuple[str, ...]
    dim: Width
    files: Mapping[str, str]
    seed: int = 0
    trained_on: tuple[Source, ...] = ()
    unseen_classes: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()  # what it knows by drawings and by name: what a gallery may turn out not to hold
    cutoff: Mapping[str, Annotated[float, Field(ge=-1, le=1)]] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    refers_to: Mapping[str, Reference] = field(default_factory=dict)
    provenance: tuple[Stage, ...] = ()  # all stages behind it, and at the end its own: see `provenance`
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)  # files that are fetched from those who made them
    format: str = FORMAT


# ---------------------------------------------------------------- reading and writing


def is_sealed(folder: Path) -> bool:
    """Whether there is a manifest in the folder."""
    return (folder / MANIFEST).is_file()


def read_payload(folder: Path, kind: str) -> dict[str, Any]:
    """The manifest of format `kind` as JSON, not yet checked against the files. Raises BundleError with what is wrong
    and what to do.
    """
    payload = _parse(folder, kind.partition("/")[0].removeprefix("guise-"))
    if not isinstance(payload, dict) or payload.get("format") != kind:
        actual = payload.get("format") if isinstance(payload, dict) else type(payload).__name__
        raise BundleError(
            f"{folder / MANIFEST} has the format {actual!r}, but {kind!r} is read here. Use one made for this version."
        )
    return payload


def read_format(folder: Path) -> str:
    """The format that the folder's manifest names; "" where it names none."""
    payload = _parse(folder, "bundle")
    return str(payload.get("format", "")) if isinstance(payload, dict) else ""


def _parse(folder: Path, noun: str) -> Any:
    """The manifest's JSON, whatever it holds; `noun` is what messages call the folder."""
    path = folder / MANIFEST
    try:
        return json.loads(_read_text(path))
    except FileNotFoundError as error:
        raise BundleError(
            f"There is no {noun} in {folder}: {MANIFEST} is missing. Name a folder under checkpoints/."
        ) from error
    except PermissionError as error:
        raise BundleError(f"{path} may not be read ({error.strerror}). Give yourself the right to read it.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read as JSON. Restore the {noun} from where it came.") from error


def _read_text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise BundleError(
            f"{path} has {path.stat().st_size:,} bytes, more than {MAX_BYTES:,}. Restore it from where it came."
        )
    return path.read_text(encoding="utf-8")


def write_payload(folder: Path, payload: Mapping[str, Any]) -> None:
    """Write or replace the manifest, in one step."""
    write_text(folder / MANIFEST, manifest_text(payload))


def manifest_text(payload: Mapping[str, Any]) -> str:
    """The manifest's JSON; a list of names or numbers is one line."""
    return re.sub(r"\[\n[^\[\]{}]*\]", _on_one_line, json.dumps(payload, indent=2)) + "\n"


def _on_one_line(listed: re.Match[str]) -> str:
    return re.sub(r"\n\s*", " ", listed[0]).replace("[ ", "[").replace(" ]", "]")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle, every entry of it checked, but not yet against the files."""
    payload = read_payload(folder, FORMAT)
    if payload.get("refers_to", {}) is None:  # as written before there were roles
        payload["refers_to"] = {}
    return fill(Manifest, payload, folder / MANIFEST)


def read_files(folder: Path) -> Mapping[str, str]:
    """The SHA-256 of each file that the folder's manifest lists, of whatever format."""
    payload = _parse(folder, "bundle")
    files = payload.get("files") if isinstance(payload, dict) else None
    if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
        raise BundleError(f"{folder / MANIFEST} lists no files with checksums. Restore it from where it came.")
    return files


def check_name(folder: Path, name: str) -> None:
    """Raises BundleError where the folder's manifest lists a name that leads elsewhere, or that must not be opened."""
    path = Path(name)
    is_within = len(path.parts) <= DEPTH and ".." not in path.parts and not path.is_absolute()
    if not is_within or path.suffix not in KINDS or not name.isprintable():
        raise BundleError(
            f"{folder / MANIFEST} lists {name!r}, but only .safetensors and .json files of its own folder are loaded."
        )


def verify_file(folder: Path, name: str, digest: str) -> None:
    """Raises BundleError where the file is missing, is not the one that is meant, or must not be opened."""
    check_name(folder, name)
    path = folder / name
    if not path.is_file():
        raise BundleError(f"{path} is missing. Restore it from where it came.")
    actual = sha256(path)
    if actual != digest:
        raise BundleError(
            f"{path} has the checksum {actual[:12]}..., but the manifest says {str(digest)[:12]}.... "
            "Restore it from where it came."
        )


def verify_files(folder: Path, files: Mapping[str, str]) -> None:
    """Likewise for all of them: name -> SHA-256."""
    for name, digest in files.items():
        verify_file(folder, name, digest)


def read_references(folder: Path) -> dict[str, Reference]:
    """The folders that the sealed folder refers to, of whatever format it is: role -> folder."""
    return _filled(folder, "refers_to", Reference)


def read_elsewhere(folder: Path) -> dict[str, Elsewhere]:
    """The files of the sealed folder that others publish, of whatever format it is: name -> where."""
    return _filled(folder, "elsewhere", Elsewhere)


def _filled(folder: Path, entry: str, kind: type[T]) -> dict[str, T]:
    payload = _parse(folder, "bundle")
    listed = payload.get(entry) if isinstance(payload, dict) else None
    if not isinstance(listed, dict) or not all(isinstance(fields, dict) for fields in listed.values()):
        return {}
    return {name: fill(kind, fields, folder / MANIFEST) for name, fields in listed.items()}


def reference_to(folder: Path) -> Reference:
    """The reference that a manifest holds to a sealed folder as it is now."""
    return Reference(folder.resolve().name, sha256(folder / MANIFEST))
