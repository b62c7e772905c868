"""The foundation: a dual encoder on pretrained pictures and pretrained sentences, tuned across domains.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021), begun from an ImageNet
classifier and a frozen sentence encoder instead of from scratch; Zhai et al., "LiT: Zero-Shot Transfer with
Locked-image Text Tuning" (2022), lock the other tower. Pictures go through a tower that accepts prompts
(`backbones.prompted`), texts through all-MiniLM-L6-v2 and two layers of ours, and both end in one space. One set of
weights serves all domains, and nothing tells it which one it sees.

    symbol   attribute
    z        encode_images      (B, D), unit rows
    t        encode_texts       (T, D), unit rows
    tau      1 / scale.exp()    learned temperature of pictures and texts

How it is trained is the business of `training.recipes.guise_base`: what it keeps of the classifier needs the
classifier.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.backbones.map_towers import Prompts
from retrieval.backbones.prompted import PromptedEfficientNet, picture_tower
from retrieval.images import Preprocess
from retrieval.methods.base import Batch, Method, Phase
from retrieval.types import Domain

TEXT = "text"  # the role of the sentence encoder that a bundle refers to
KIND = "a kind of {}"  # as texts are compared with names; on validation synonyms better than bare words


@dataclass(frozen=True)
class Config:
    """The embedded size; `trunk="ViT-B-32"` with `dim=512` is the published one."""

    dim: int = 256  # D, length of a code
    trunk: str = "tf_efficientnet_lite0"  # timm's or open_clip's name
    width: int = 256  # of the small tower's transformer
    layers: int = 2
    heads: int = 4
    sentence: int = 384  # length of what the sentence encoder says
    hidden: int = 512  # between the two layers that a sentence passes


class Foundation(Method):
    """Two towers, of which the one for texts is shared and stays as it is."""

    config_type = Config
    roles = (TEXT,)

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        self.tower = picture_tower(
            config.trunk, config.dim, size=preprocess.size, width=config.width, layers=config.layers, heads=config.heads
        )
        self.read = nn.Sequential(
            nn.Linear(config.sentence, config.hidden), nn.GELU(), nn.Linear(config.hidden, config.dim)
        )
        self.scale = nn.Parameter(torch.tensor(math.log(20.0)))  # log(1 / tau)

    @property
    def dim(self) -> int:
        return int(self.config.dim)

    def adopt(self, published: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The trunk, out of a whole open_clip model; what else that holds is left out."""
        theirs = {name: f"{self.tower.published}{name}" for name in self.tower.trunk.state_dict()}
        return {f"tower.trunk.{name}": published[there] for name, there in theirs.items() if there in published}

    def phases(self) -> Sequence[Phase]:
        return ()

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        raise NotImplementedError("the recipe of the foundation holds its losses")

    def encode_images(self, images: Tensor, domains: Sequence[Domain], prompts: Prompts = None) -> Tensor:
        return F.normalize(self.tower(images, prompts).float(), dim=-1)

    def encode_with_saliency(self, images: Tensor, domains: Sequence[Domain]) -> tuple[Tensor, Tensor | None]:
        """A place counts as much as its features are large; a tower without a map of them does not tell."""
        if not isinstance(self.tower, PromptedEfficientNet):
            return self.encode_images(images, domains), None
        features = self.tower.features(images)  # (B, F, h, w)
        return F.normalize(self.tower.code(features).float(), dim=-1), features.float().norm(dim=1)

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        sentences: Tensor = self.parts[TEXT](texts)  # (T, sentence)
        return self.encode_sentences(sentences)

    def encode_meanings(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, sentence), unit rows: what the sentence encoder, which has read far more than we have pictures
        of, makes of the kinds of things that they name.
        """
        meanings: Tensor = self.parts[TEXT]([KIND.format(text) for text in texts])
        return meanings

    def encode_words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        both: Tensor = self.parts[TEXT]([*texts, *(KIND.format(text) for text in texts)])
        sentences, meanings = both.split(len(texts))
        return self.encode_sentences(sentences), meanings

    def encode_sentences(self, sentences: Tensor) -> Tensor:
        """What the sentence encoder said (T, sentence) -> (T, dim), unit rows."""
        return F.normalize(self.read(sentences).float(), dim=-1)
