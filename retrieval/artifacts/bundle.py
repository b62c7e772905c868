"""A bundle: a trained encoder in a sealed folder, with what it is and what it saw.

    <bundle>/manifest.json        what it is, what it saw, the SHA-256 of every other file; written last
    <bundle>/model.safetensors    the weights, half precision
    <bundle>/published.safetensors weights of others that the method adopts, as they published them, where there are any
    <bundle>/rotation.safetensors how its codes become bits, where that was fitted: see `rotation`
    <bundle>/names.safetensors    what it makes of the names that it knows, once it is calibrated: see `relevance`
    <bundle>/README.md            the model card, made from the manifest; never read

How a folder is sealed and why one is refused stands in `checksummed`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from retrieval.artifacts.card import CARD, card
from retrieval.artifacts.checksummed import build_module, fit_into, halved, seal, verified_weights
from retrieval.artifacts.hub import at_hand
from retrieval.artifacts.manifest import MANIFEST, PUBLISHED, WEIGHTS, Manifest, manifest_text, read_manifest
from retrieval.artifacts.parts import load_part
from retrieval.artifacts.rotation import Rotation
from retrieval.errors import BundleError
from retrieval.files import write_files, write_text
from retrieval.images import Preprocess
from retrieval.methods import Method, config_from
from retrieval.methods.catalog import METHODS, load_class
from retrieval.types import Domain

ROTATION = "rotation.safetensors"
NAMES = "names.safetensors"  # what the encoder makes of the names that it knows: made of the rest, so not vouched for


@dataclass(frozen=True)
class Bundle:
    """A method with its trained weights: an `Encoder`, and a `TextEncoder` where it `reads_texts`."""

    manifest: Manifest
    method: Method
    rotation: Rotation | None = None
    names: Mapping[str, Tensor] | None = None  # as `relevance.Names` was saved, where it was

    @property
    def fingerprint(self) -> str:
        """`name·digest`, where the digest covers the weights, the config, the preprocessing and the
        parts that the method computes with."""
        vouched: dict[str, Any] = {
            "files": {name: digest for name, digest in self.manifest.files.items() if name != NAMES},
            "config": dict(self.manifest.config),
            "preprocess": dataclasses.asdict(self.manifest.preprocess),
        }
        if self.method.roles:
            vouched["parts"] = {role: self.manifest.refers_to[role].sha256 for role in self.method.roles}
        return f"{self.manifest.name}·{hashlib.sha256(json.dumps(vouched, sort_keys=True).encode()).hexdigest()[:8]}"

    @property
    def dim(self) -> int:
        return self.manifest.dim

    @property
    def preprocess(self) -> Preprocess:
        return self.manifest.preprocess

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, H, W) on any device -> (B, dim), unit rows on the bundle's."""
        return self.method.encode_images(images.to(next(self.method.parameters()).device), domains)

    def encode_with_saliency(self, images: Tensor, domains: Sequence[Domain]) -> tuple[Tensor, Tensor | None]:
        """Likewise, and how much each place counts (B, h, w), where the method tells that."""
        return self.method.encode_with_saliency(images.to(next(self.method.parameters()).device), domains)

    @property
    def reads_texts(self) -> bool:
        """Whether it can be asked with words."""
        return self.method.reads_texts

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, dim), unit rows. Raises QueryError where the method reads no words."""
        return self.method.encode_texts(texts)

    @property
    def reranks(self) -> bool:
        """Whether it can look at the best hits of a text once more."""
        return self.method.reranks

    def picture_places(self, images: Tensor) -> tuple[Tensor, ...]:
        """What `rerank` needs of pictures (B, 3, H, W) on any device."""
        return self.method.picture_places(images.to(next(self.method.parameters()).device))

    def rerank(self, text: str, places: tuple[Tensor, ...]) -> Tensor:
        """How well the text fits K pictures, whose `picture_places` these are: logits (K,)."""
        return self.method.rerank(text, places)

    def encode_meanings(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, S), unit rows by which texts are compared with texts."""
        return self.method.encode_meanings(texts)

    def encode_words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Both in one pass.   -> (T, dim), (T, S)"""
        return self.method.encode_words(texts)


def save_bundle(folder: Path, method: Method, manifest: Manifest, rotation: Rotation | None = None) -> Manifest:
    """Write weights, the rotation if there is one, and the manifest into the folder; return the manifest with its
    checksums. The manifest comes last: without it there is no bundle.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / CARD, card(manifest))
    weights = {WEIGHTS: halved(method.state_dict())}
    if rotation:
        weights[ROTATION] = {name: torch.from_numpy(part) for name, part in dataclasses.asdict(rotation).items()}
    payload = seal(folder, dataclasses.asdict(manifest), weights)
    return dataclasses.replace(manifest, files=payload["files"])


def write_manifest(folder: Path, manifest: Manifest, names: Mapping[str, Tensor] | None = None) -> Manifest:
    """Write or replace the manifest, and the names where there are some, in one step; return it with its checksums."""
    contents, files = {}, {name: digest for name, digest in manifest.files.items() if name != NAMES}
    if names:
        contents[folder / NAMES] = save(halved(names))
        files[NAMES] = hashlib.sha256(contents[folder / NAMES]).hexdigest()
    manifest = dataclasses.replace(manifest, files=files)
    write_files(contents | {folder / MANIFEST: manifest_text(dataclasses.asdict(manifest)).encode("utf-8")})
    return manifest


def load_bundle(place: Path | str, device: str | torch.device = "cpu") -> Bundle:
    """The verified bundle in the folder or at the address "hf:OWNER/NAME@COMMIT", ready to encode on `device`. Raises
    BundleError with what is wrong and what to do.
    """
    folder = at_hand(place)
    manifest = read_manifest(folder)
    weights = verified_weights(folder, manifest.files)
    if WEIGHTS not in weights:
        raise BundleError(f"{folder / MANIFEST} lists no {WEIGHTS}. Restore the bundle from where it came.")
    method = _empty_method(folder, manifest)
    fit_into(method, weights[WEIGHTS] | method.adopt(weights.get(PUBLISHED, {})), folder / WEIGHTS)
    method.attach(_parts(folder, manifest, method, device))
    return Bundle(
        manifest,
        method.to(device).eval().requires_grad_(False),
        _rotation(folder, manifest, weights),
        weights.get(NAMES),
    )


def _parts(folder: Path, manifest: Manifest, method: Method, device: str | torch.device) -> dict[str, Any]:
    """What the method computes with besides its own weights: role -> what lies in the folder that is referred to."""
    missing = [role for role in method.roles if role not in manifest.refers_to]
    if missing:
        raise BundleError(
            f"{folder / MANIFEST} refers to no {missing[0]}, which {manifest.method} computes with. "
            "Restore the bundle from where it came."
        )
    return {role: load_part(folder, role, manifest.refers_to[role], device) for role in method.roles}


def _rotation(folder: Path, manifest: Manifest, weights: Mapping[str, Mapping[str, Tensor]]) -> Rotation | None:
    """The rotation in the folder, if the manifest lists one."""
    if ROTATION not in weights:
        return None
    try:
        rotation = Rotation(**{name: part.numpy() for name, part in weights[ROTATION].items()})
    except TypeError as error:
        raise BundleError(f"{folder / ROTATION} holds no rotation ({error}). Restore the bundle.") from error
    shapes = rotation.mean.shape, rotation.matrix.shape, rotation.offset.shape
    if shapes != ((manifest.dim,), (rotation.bits, manifest.dim), (rotation.bits,)):
        raise BundleError(f"{folder / ROTATION} has the shapes {shapes}, not those for {manifest.dim} numbers.")
    return rotation


def _empty_method(folder: Path, manifest: Manifest) -> Method:
    """The method with weights that are not there yet."""
    if manifest.method not in METHODS:
        raise BundleError(
            f"{folder} needs the method {manifest.method!r}, but {', '.join(METHODS)} are known. Update Guise."
        )
    kind = load_class(manifest.method)
    config = config_from(kind.config_type, manifest.config, folder / MANIFEST)
    method = build_module(folder / MANIFEST, lambda: kind(config, manifest.preprocess))
    if method.dim != manifest.dim:
        raise BundleError(
            f"{folder / MANIFEST} says that codes have {manifest.dim} numbers, but its config makes {method.dim}. "
            "Restore the bundle from where it came."
        )
    return method
