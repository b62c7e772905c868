"""A folder sealed by checksums: a manifest, and the weights that it vouches for. The only door for weights.

    <folder>/manifest.json     what the folder holds; its format; the SHA-256 of every other file; written last
    <folder>/*.safetensors     tensors, nothing else; or one folder deeper

Nothing is executed and nothing is repaired: a file that is missing, changed or of another kind refuses the whole
folder. A format is "guise-KIND/VERSION", and KIND is what messages call the folder. What the manifest's other entries
mean is known to `manifest`, `bundle`, `prior` and `judge`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from retrieval.artifacts.manifest import MANIFEST, manifest_text, read_payload, verify_files
from retrieval.errors import BundleError
from retrieval.files import write_files
from retrieval.schema import shorten

TENSORS = ".safetensors"
MAX_PARAMETERS = 2_000_000_000  # a config that asks for more is refused before anything is allocated

Weights = Mapping[str, Tensor]
M = TypeVar("M", bound=nn.Module)


def halved(weights: Weights) -> dict[str, Tensor]:
    """The weights in half precision; whole numbers stay as they are."""
    return {name: (t.half() if t.is_floating_point() else t).contiguous() for name, t in weights.items()}


def seal(
    folder: Path, payload: Mapping[str, Any], weights: Mapping[str, Weights], texts: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Write weights, texts and the manifest; return its payload with `files`, their checksums.

    `payload` needs a "format" and becomes JSON. texts: JSON files that belong to the weights, such as a tokenizer. All
    is written before anything takes its place, the manifest last: an error leaves what was there.
    """
    contents = {folder / name: save(dict(tensors)) for name, tensors in weights.items()}
    contents |= {folder / name: text.encode("utf-8") for name, text in (texts or {}).items()}
    digests = {path.relative_to(folder).as_posix(): hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    complete = dict(payload) | {"files": digests}
    for path in contents:
        path.parent.mkdir(parents=True, exist_ok=True)
    write_files(contents | {folder / MANIFEST: manifest_text(complete).encode("utf-8")})
    return complete


def open_sealed(folder: Path, kind: str) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]]:
    """The payload of the manifest of format `kind`, and the verified tensors of each file of weights. Raises
    BundleError with what is wrong and what to do.
    """
    payload = read_payload(folder, kind)
    return payload, verified_weights(folder, payload.get("files"))


def verified_weights(folder: Path, files: Any) -> dict[str, dict[str, Tensor]]:
    """The tensors of every file of weights in `files` (name -> SHA-256). All listed files are verified before any is
    opened.
    """
    if not isinstance(files, Mapping):
        raise BundleError(f"{folder / MANIFEST} lists no files with checksums. Restore it from where it came.")
    verify_files(folder, files)
    return {name: _tensors(folder / name) for name in files if name.endswith(TENSORS)}


def build_module(path: Path, make: Callable[[], M]) -> M:
    """The module that `make` builds from the config in the manifest at `path`. Its size is known before a byte is
    allocated. Raises BundleError for a config that describes no network, or one that is too large.
    """
    try:
        with torch.device("meta"):
            empty = make()
        size = sum(part.numel() for part in (*empty.parameters(), *empty.buffers()))
        if size > MAX_PARAMETERS:
            raise BundleError(f"{path} asks for {size:,} parameters, more than {MAX_PARAMETERS:,}. It is not opened.")
        return make()
    except (ValueError, TypeError, LookupError, RuntimeError, AssertionError, ArithmeticError) as error:
        raise BundleError(
            f"{path} has a config that no network can be built from ({shorten(str(error))}). "
            "Restore it from where it came."
        ) from error


def fit_into(module: nn.Module, weights: Weights, path: Path) -> None:
    """Copy the weights of a file into a module, which keeps its own precision. Raises BundleError where the two do not
    have the same tensors.
    """
    if wrong := misfits(module, weights):
        raise BundleError(
            f"{path} does not fit its config: {len(wrong)} tensors differ, among them {wrong[0]}. "
            "Restore it from where it came."
        )
    module.load_state_dict(dict(weights))


def misfits(module: nn.Module, weights: Weights) -> list[str]:
    """The names of the tensors that only one of the two has, or that have another shape there."""
    expected = module.state_dict()
    return sorted(
        n
        for n in expected.keys() | weights.keys()
        if n not in weights or n not in expected or weights[n].shape != expected[n].shape
    )


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except SafetensorError as error:
        raise BundleError(
            f"{path} is not a safetensors file ({error}). Nothing else is ever loaded; restore it from where it came."
        ) from error
