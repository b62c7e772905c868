"""The plain dual encoder: the row that every method must beat.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021), small and trained from
scratch, with supervised contrast between domains: Khosla et al., "Supervised Contrastive Learning" (2020). Pictures
and texts go through two towers into one space. A text is pulled to every picture that it is true of, a picture to the
pictures of its class in *other* domains and, more closely, to those of the very same object. One set of weights serves
all domains, and nothing tells it which one it sees.

    paper symbol -> attribute
    tau          1 / model.logit_scale.exp()   learned temperature between pictures and texts
    tau_img      Config.image_temperature      temperature between pictures

Where we differ: CLIP takes only a picture's own caption as its positive. Our captions repeat ("a duck" is true of every
duck), so every text that is true of a picture is one, with equal weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.backbones.clip import dual_encoder, tokenizer
from retrieval.images import Preprocess
from retrieval.losses import multi_positive_contrast
from retrieval.methods.base import Batch, Method, Phase
from retrieval.schema import Layers, Trunk, Width
from retrieval.types import Domain


@dataclass(frozen=True)
class Config:
    """Our own small sizes; CLIP's smallest released model has 151 M parameters, this one about 10 M."""

    dim: Width = 192  # length of a code
    trunk: Trunk = "resnet10t"  # a timm name; built at random weights
    text_width: Width = 96  # width of the text transformer
    text_layers: Layers = 2
    text_heads: int = 4
    context_length: Width = 24  # tokens a text is cut to
    image_temperature: float = 0.1  # tau_img
    image_weight: float = 1.0  # weight of the contrast between domains
    text_weight: float = 1.0  # weight of the contrast between pictures and texts
    thing_weight: float = 0.5  # weight of the contrast between pictures of one object
    epochs: int = 40
    lr: float = 1.5e-3
    weight_decay: float = 0.05


class ClipBaseline(Method):
    """Two towers, two contrasts."""

    config_type = Config

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        vision = {
            "timm_model_name": config.trunk,
            "timm_model_pretrained": False,
            "timm_pool": "",  # the trunk's own pooling
            "timm_proj": "linear",
            "image_size": preprocess.size,
        }
        text = {
            "context_length": config.context_length,
            "width": config.text_width,
            "heads": config.text_heads,
            "layers": config.text_layers,
        }
        self.model = dual_encoder(config.dim, vision, text)

    @property
    def dim(self) -> int:
        return int(self.config.dim)

    @property
    def trunk(self) -> nn.Module:
        """The picture tower without its last layer: (B, 3, H, W) -> (B, F)."""
        trunk: nn.Module = self.model.visual.trunk
        return trunk

    def phases(self) -> Sequence[Phase]:
        return (Phase("contrast", self.config.epochs, self.config.lr, self.config.weight_decay),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """The two contrasts; labels and true texts come from the batch."""
        assert batch.labels is not None, "the plain dual encoder is supervised: its batches carry labels"
        images = self.encode_images(batch.images, batch.domains)  # (B, dim)
        texts = self.encode_texts(batch.texts)  # (T, dim)
        pairs = self.model.logit_scale.exp() * images @ texts.T  # (B, T)
        text = (multi_positive_contrast(pairs, batch.holds) + multi_positive_contrast(pairs.T, batch.holds.T)) / 2
        across, apart = cross_domain_masks(batch.labels, batch.domains)
        image = multi_positive_contrast(images @ images.T / self.config.image_temperature, across, apart)
        losses = {"image_text": self.config.text_weight * text, "image_image": self.config.image_weight * image}
        if batch.instances:
            twins = twin_mask(batch.instances, images.device)
            apart = ~torch.eye(len(images), dtype=torch.bool, device=images.device) & ~twins
            contrast = multi_positive_contrast(images @ images.T / self.config.image_temperature, twins, apart)
            losses["thing"] = self.config.thing_weight * contrast
        return losses

    def after_step(self) -> None:
        """Keep tau at 0.01 or above, as CLIP does."""
        with torch.no_grad():
            self.model.logit_scale.clamp_(0.0, math.log(100.0))

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        return F.normalize(self.model.encode_image(images), dim=-1)

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        tokens = tokenizer(self.config.context_length)(list(texts))  # (T, context_length)
        return F.normalize(self.model.encode_text(tokens.to(self.model.logit_scale.device)), dim=-1)


def twin_mask(instances: Sequence[str], device: torch.device) -> Tensor:
    """Which pairs of a batch show the very same object.   -> (B, B) bool"""
    index = {name: i for i, name in enumerate(sorted(set(instances)))}
    which = torch.tensor([index[name] if name else -1 - i for i, name in enumerate(instances)], device=device)
    return (which[:, None] == which[None, :]) & ~torch.eye(len(instances), dtype=torch.bool, device=device)


def cross_domain_masks(labels: Tensor, domains: Sequence[Domain]) -> tuple[Tensor, Tensor]:
    """Which pairs of a batch attract (same class, other domain) and which repel (other class).   -> (B, B) bool, (B,
    B) bool

    Pairs of one class within one domain do neither: they may be as alike as they are.
    """
    index = {name: i for i, name in enumerate(sorted({d.name for d in domains}))}
    where = torch.tensor([index[d.name] for d in domains], device=labels.device)
    same_class = labels[:, None] == labels[None, :]
    same_domain = where[:, None] == where[None, :]
    return same_class & ~same_domain, ~same_class
