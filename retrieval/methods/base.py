"""What a method declares so that one loop can train it, one harness measure it and one bundle hold it.

The loop sums the named losses and steps; it never knows a method's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from torch import Tensor, nn

from retrieval.data.batch import Batch as Batch
from retrieval.errors import BundleError, QueryError
from retrieval.images import Preprocess
from retrieval.schema import fill
from retrieval.types import Domain, Panel


@dataclass(frozen=True)
class Shown:
    """A picture that was encoded: pixels (3, S, S), normalised, and code (D,), a unit row."""

    pixels: Tensor
    domain: Domain
    code: Tensor


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own trainable parameters and learning rate."""

    name: str
    epochs: int
    lr: float
    weight_decay: float = 0.0
    warmup: float = 0.05  # share of the phase's steps over which the rate rises from zero
    schedule: str = "cosine"  # what the rate does after that: cosine, linear or constant
    rates: Mapping[str, float] = field(default_factory=dict)  # module name -> factor on lr, for its parameters
    trains: tuple[str, ...] = ()  # names of modules and parameters: no others move; (): whatever asks for gradients


class Trainable(nn.Module, ABC):
    """What the loop can train: a module that knows its phases and its losses."""

    @abstractmethod
    def phases(self) -> Sequence[Phase]:
        """The stretches of training, in order."""

    @abstractmethod
    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Named scalars, already weighted; the loop minimises their sum."""

    def begin_epoch(self) -> None:
        """Called before the first step of every epoch: memories that live for one."""
        return

    def after_step(self) -> None:
        """Called after every optimiser step: clamps, memories, momentum copies."""
        return


class Method(Trainable):
    """One published system: its parts, its losses, and how it encodes."""

    config_type: ClassVar[type[Any]]
    roles: tuple[str, ...] = ()  # of `Manifest.refers_to`: the shared folders that it computes with

    def __init__(self, config: Any, preprocess: Preprocess) -> None:
        super().__init__()
        self.config = config
        self.preprocess = preprocess
        self.parts: dict[str, Any] = {}  # role -> what is shared; no module of this one, so not saved with it

    def attach(self, parts: Mapping[str, Any]) -> None:
        """Take what the folders of `roles` hold, once, before anything is encoded."""
        self.parts = dict(parts)

    def adopt(self, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What of weights that others published is this method's, under its own names."""
        if published:
            raise BundleError(f"{type(self).__name__} adopts no weights of others. Restore the bundle from its origin.")
        return {}

    @property
    @abstractmethod
    def dim(self) -> int:
        """Length of an encoded row."""

    @abstractmethod
    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, H, W) -> (B, dim), unit rows. No label can reach this."""

    def encode_with_saliency(self, images: Tensor, domains: Sequence[Domain]) -> tuple[Tensor, Tensor | None]:
        """What `encode_images` answers, and how much each place counts (B, h, w); None where there is no map."""
        return self.encode_images(images, domains), None

    def explain(self, query: Shown, hit: Shown, classes: Sequence[str]) -> tuple[Panel, ...]:
        """What this method can say of a query and a hit besides which parts count; `classes` are the names of its
        labels, in order.
        """
        return ()

    @property
    def reads_texts(self) -> bool:
        """Whether words have a place in the space of the pictures."""
        return type(self).encode_texts is not Method.encode_texts

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, dim), unit rows. Raises QueryError where the method reads no words."""
        raise QueryError(f"{type(self).__name__} reads no words. Ask with a drawing or a picture.")

    @property
    def reranks(self) -> bool:
        """Whether it can look at the best hits of a text once more."""
        return type(self).rerank is not Method.rerank

    def picture_places(self, images: Tensor) -> tuple[Tensor, ...]:
        """What `rerank` needs of pictures (B, 3, H, W): tensors (B, ...)."""
        raise QueryError(f"{type(self).__name__} ranks in one stage. Search with its codes alone.")

    def rerank(self, text: str, places: tuple[Tensor, ...]) -> Tensor:
        """How well the text fits K pictures, whose `picture_places` these are: logits (K,)."""
        raise QueryError(f"{type(self).__name__} ranks in one stage. Search with its codes alone.")

    def encode_meanings(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, S), unit rows by which texts are compared with texts: in the space of the pictures, where the
        method has no better one.
        """
        return self.encode_texts(texts)

    def encode_words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """What `encode_texts` and `encode_meanings` answer, in one pass where that is faster.   -> (T, dim), (T, S)"""
        return self.encode_texts(texts), self.encode_meanings(texts)


C = TypeVar("C")


def config_from(kind: type[C], payload: Mapping[str, Any], where: Path | str) -> C:
    """The config dataclass filled from a mapping; an unknown key is an error that names the nearest valid one."""
    return fill(kind, payload, where)
