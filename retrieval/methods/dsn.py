"""DSN: one trunk for sketches and photos, smoothed across the gap between them.

Wang, Wang, Yan, Wu, Deng, "Domain-Smoothing Network for Zero-Shot Sketch-Based Image Retrieval" (IJCAI 2021), on top of
Liu et al., "Semantic-Aware Knowledge Preservation for Zero-Shot Sketch-Based Image Retrieval" (ICCV 2019). Sketches and
photos go through one ResNet that is told, in every squeeze-excitation, which of the two it sees, and end in one short
code. The code must name the class, and for photos also repeat what a frozen classifier of photos says, whose answer is
first shifted towards classes of similar meaning. Two more views of every picture are contrasted with all others: those
of one class attract each other, within and across the modalities. A memory keeps a few sketches of each class, those
that are most like its photos, and photos are pulled to the mean of theirs. Codes are compared by cosine; neither a
label nor a word is needed to make one.

    paper symbol -> attribute
    t                tags()                  0 for a sketch, 1 for a photo
    f                trunk(x, t)             features (B, F), which the memory works on
    h                code(f)                 (B, D), which is searched
    C, D             classify(h), repeat(h)  logits (B, classes) and (B, teacher_classes)
    T                PhotoTeacher            logits (P, teacher_classes)
    m                similarity              (classes, teacher_classes), in [0, 1]
    u                project(h)              (2 B, D), normalised in (4)
    M, n, mu         memory.rows, .counts, .prototypes(); the album's are those under the final weights
    K, tau, lambda_* Config.memory_slots, .temperature, .*_weight

    (1)  L = lambda_cls L_cls + lambda_kd L_kd + lambda_con L_con + lambda_mem L_mem
    (2)  L_cls = mean_i  -log softmax(C_i)[y_i]                                          every picture, plain view
    (3)  L_kd  = mean_i  -sum_k q_ik log softmax(D_i)[k],  q_i = softmax(T_i + 0.3 m[y_i])          photos, plain view
    (4)  L_con = mean_a  -1/|P(a)| sum_{p in P(a)} log( exp(u_a u_p / tau) / sum_{b != a} exp(u_a u_b / tau) )
    (5)  L_mem = 1 - mean_i  cos(f_i, mu[y_i])                               photos whose class is in memory, plain view

The equations follow the released code and are numbered here; the numbers are not the paper's.

Where we differ, and why:
- The paper's trunk is a ResNet-50 of ImageNet, all of which learns, with a tag in each of its 16 blocks. So is ours at
  full size, but for timm's strides: in 3x3 convolutions, where the release's are in the first 1x1 ones. The small
  recipes have an EfficientNet that stays as it is (`frozen`), and one bottleneck behind its pooled last map, with the
  one place for the tag; only it, code and heads learn. Their trunk is that of a foundation that has learnt drawings
  already, and has seen no unseen class: frozen, it finds more than ImageNet's own, as which the paper begins. (5) moves
  the bottleneck alone.
- The teacher is ImageNet's classifier, as the paper's. In the small recipes it answers for those of its classes alone
  that may be named, so it says nothing of classes that are to stay unseen; and it is another network than the student.
- The paper's student starts as its teacher: the same trunk, and the first singular triplets of its classifier. So does
  ours at full size. In the small recipes code and heads are fitted on top of the trunk first (`linear_start`).
- `similarity` is one of embedded names, where the release has WordNet's.
- A batch has groups of one class over both modalities, so that (4) has pairs across them in every step; the release
  shuffles sketches and photos apart. Of some classes ours sees sketches alone, or photos alone.
- The release makes one plain view and two others that share its geometry. At full size so do we, by flip, colour and
  grey. The small recipes keep two views of each picture, each with a geometry of its own, and (4) contrasts these two.
- Weight decay is decoupled and spares biases; the rate falls with every step, along a cosine; Adam has the betas (.9,
  .98); gradients are clipped at 5; the weights that are kept are averages over steps (EMA); gates may learn at a rate
  of their own (`gate_rate`).
- The memory is filled once more after training, with the pictures, into an `Album` that people can look at.
- Whatever is no sketch is a photo: paintings, cartoons, mosaics, and engravings too, which shade surfaces as photos do.
- The release differs from the paper's figure and idea in what three options can bring back: there, photos got no
  gradient from (5) (`memory_grad`), a replaced sketch overwrote another class (`memory_index`), and (4) worked on the
  code itself (`proj_head`). What the release selects on, fits its hashing on and measures is the business of the
  recipe, of `stores` and of `evaluation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

from retrieval.backbones.conditional_efficientnet import PREFIX, ConditionalEfficientNet
from retrieval.backbones.conditional_resnet import TRUNKS, ConditionalExcitation, ConditionalResNet
from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.methods.base import Batch, Method, Phase, Shown, Trainable
from retrieval.methods.parts import dsn_panels
from retrieval.methods.parts.dsn_losses import cross_modal_contrast, distillation, mean_cross_entropy, memory_loss
from retrieval.methods.parts.early_batch import EarlyBatch
from retrieval.methods.parts.sketch_memory import RULES, WRITES, Album, SketchMemory
from retrieval.types import SKETCH, Domain, Panel


@dataclass(frozen=True)
class Config:
    """The release's settings for Sketchy with 100 seen classes; it feeds 32 sketches and 64 photos in a step."""

    classes: int = 100  # C: labels that a batch may carry
    teacher_classes: int = 1000  # K_t: what the teacher tells apart
    trunk: str = "resnet50"  # a name in TRUNKS or timm's of an EfficientNet, of the student and of its teacher
    dim: int = 64  # D: length of a code
    sketches: tuple[str, ...] = (SKETCH.name,)  # domains with the tag 0; all others have 1
    tagged: bool = True  # False: everything has the tag 0, and nothing is conditional
    shuffled_tags: bool = False  # a control: in training the batch's tags are dealt anew, so they say nothing
    class_weight: float = 1.0  # lambda_cls
    teacher_weight: float = 1.0  # lambda_kd
    semantic_weight: float = 0.3  # of m beside the teacher's logits
    contrast_weight: float = 0.1  # lambda_con; 0 also spares the two views
    temperature: float = 0.07  # tau
    proj_head: bool = True  # False, as released: the contrast works on the code itself
    memory_weight: float = 1.0  # lambda_mem
    memory_slots: int = 10  # K: sketches kept of a class
    memory_grad: bool = True  # False, as released: (5) is a number without a gradient
    memory_index: str = "own"  # where a replaced sketch goes: "own" class; "released": slot k over the whole class k
    memory_rule: str = "anchored"  # what a full memory keeps: most like the photos; "random", a control
    trunk_rate: float = 1.0  # factor on lr for the trunk but for its gates
    gate_rate: float = 1.0  # factor on lr for the gates, the tag's weights among them
    settled: bool = False  # True: the trunk's normalisations keep the statistics that they begin with
    frozen: bool = False  # True: so does all of the trunk that no tag reaches
    every_view: bool = False  # a control: True: (2) looks at every view, not at the plain one alone
    epochs: int = 20
    lr: float = 1e-4
    weight_decay: float = 5e-4
    teacher_epochs: int = 20  # the paper's teacher comes ready: these three are ours
    teacher_lr: float = 1.5e-3
    teacher_weight_decay: float = 0.05

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS and not self.trunk.startswith(PREFIX):
            raise ValueError(f"trunk is {self.trunk!r}, not one of {', '.join(TRUNKS)} or {PREFIX}_...")
        if self.memory_index not in WRITES:
            raise ValueError(f"memory_index is {self.memory_index!r}, not one of {', '.join(WRITES)}")
        if self.memory_rule not in RULES:
            raise ValueError(f"memory_rule is {self.memory_rule!r}, not one of {', '.join(RULES)}")
        if self.memory_index == "released" and self.classes < self.memory_slots:
            raise ValueError(f"memory_index 'released' needs at least {self.memory_slots} classes, not {self.classes}")


# ---------------------------------------------------------------- parts


def conditional_trunk(name: str) -> ConditionalResNet | ConditionalEfficientNet:
    """The trunk of that name at random weights."""
    return ConditionalEfficientNet(name) if name.startswith(PREFIX) else ConditionalResNet(name)


class PhotoTeacher(Trainable):
    """A classifier of photos, trained before the student. Its tags are always 0, so its excitation stays plain."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.trunk = conditional_trunk(config.trunk)
        self.classify = nn.Linear(self.trunk.num_features, config.teacher_classes)
        self.to(memory_format=torch.channels_last)

    def phases(self) -> Sequence[Phase]:
        config = self.config
        return (Phase("teacher", config.teacher_epochs, config.teacher_lr, config.teacher_weight_decay),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Cross-entropy on the batch's photos; its labels count the teacher's classes."""
        assert batch.labels is not None, "the teacher is supervised: its batches carry labels"
        photos = are_photos(batch.domains, self.config.sketches, batch.images.device)
        return {"classify": mean_cross_entropy(self(batch.images[photos]), batch.labels[photos])}

    def forward(self, images: Tensor) -> Tensor:
        """(P, 3, H, W) -> logits (P, K_t)"""
        return self.classify(self.trunk(images, images.new_zeros(len(images))))


class ContrastiveView:
    """Another view of each picture: mirrored, recoloured and grey by chance, with the same geometry."""

    def __init__(self, preprocess: Preprocess) -> None:
        self._mean, self._std = preprocess.mean, preprocess.std
        jitter = v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8)
        self._change = v2.Compose([v2.RandomHorizontalFlip(), jitter, v2.RandomGrayscale(0.2)])

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same, normalised before and after. Random from torch's generator."""
        mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (self._mean, self._std))
        pictures = (images * std + mean).clamp(0, 1)
        return (torch.stack([self._change(picture) for picture in pictures]) - mean) / std


def are_photos(domains: Sequence[Domain], sketches: Sequence[str], device: torch.device) -> Tensor:
    """Which pictures are of no domain called a sketch.   -> (B,) bool"""
    return torch.tensor([domain.name not in sketches for domain in domains], dtype=torch.bool, device=device)


# ---------------------------------------------------------------- the method


class DSN(Method):
    """Trunk, code, two answers, two views, one memory. `learn_from` comes before training."""

    config_type = Config

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        self.trunk = conditional_trunk(config.trunk)
        for part in self.trunk.early_parts() if config.frozen else ():
            part.requires_grad_(False)
        width = self.trunk.num_features
        self.code = nn.Linear(width, config.dim)
        self.classify = nn.Linear(config.dim, config.classes)
        self.repeat = nn.Linear(config.dim, config.teacher_classes)
        layers = (nn.Linear(config.dim, config.dim), nn.ReLU(), nn.Linear(config.dim, config.dim))
        self.project = nn.Sequential(*layers) if config.proj_head else nn.Identity()
        self.memory = SketchMemory(config.classes, config.memory_slots, width, config.memory_index, config.memory_rule)
        self.album = Album(
            config.classes, config.memory_slots, width, config.memory_index, config.memory_rule, preprocess=preprocess
        )
        self._another_view = ContrastiveView(preprocess)
        self._lesson: tuple[PhotoTeacher, Tensor] | None = None  # in a tuple: the teacher is no part of the weights
        self.to(memory_format=torch.channels_last)

    @property
    def dim(self) -> int:
        return int(self.config.dim)

    def phases(self) -> Sequence[Phase]:
        config = self.config
        gates = {
            name: config.gate_rate for name, part in self.named_modules() if isinstance(part, ConditionalExcitation)
        }
        rates = {"trunk": config.trunk_rate, **gates}
        return (Phase("smooth", config.epochs, config.lr, config.weight_decay, warmup=0.0, rates=rates),)

    def train(self, mode: bool = True) -> Self:
        """As every module, but for normalisations that are settled."""
        super().train(mode)
        if self.config.settled:
            for part in self.trunk.modules():
                if isinstance(part, nn.BatchNorm2d):
                    part.eval()
        return self

    @torch.no_grad()
    def learn_from(self, teacher: PhotoTeacher, similarity: Tensor) -> None:
        """Freeze the teacher and start as its best approximation by a narrow code: with its trunk, and with the first
        D singular triplets of its classifier W = U S V^T, of which `code` becomes S V^T and `repeat` becomes U.

        similarity: m (C, K_t), in [0, 1]. Raises SettingsError where it is not.
        """
        wanted = (self.config.classes, self.config.teacher_classes)
        if similarity.shape != wanted or not ((similarity >= 0) & (similarity <= 1)).all():
            raise SettingsError(
                f"The similarity of classes has the shape {tuple(similarity.shape)} and values from "
                f"{similarity.min():g} to {similarity.max():g}; {wanted} and 0 to 1 are needed."
            )
        device = self.code.weight.device
        self._lesson = (teacher.to(device).eval().requires_grad_(False), similarity.to(device))
        self.trunk.load_state_dict(teacher.trunk.state_dict())
        left, values, right = torch.linalg.svd(teacher.classify.weight, full_matrices=False)
        rank = min(self.dim, len(values))
        self.code.weight[:rank] = values[:rank, None] * right[:rank]  # (D, F)
        self.repeat.weight[:, :rank] = left[:, :rank]  # (K_t, D)

    def begin_epoch(self) -> None:
        """Empty the memory."""
        self.memory.empty()

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1), term by term. One pass sees all views, so normalisation mixes modalities and views."""
        assert batch.labels is not None, "DSN is supervised: its batches carry labels"
        config, labels, count = self.config, batch.labels, len(batch.labels)
        photos = are_photos(batch.domains, config.sketches, labels.device)
        maps = self._views(batch)  # (V, B, C, h, w)
        tags = self.tags(batch.domains)  # (B,)
        if config.shuffled_tags:
            tags = tags[torch.randperm(count, device=tags.device)]
        features = self.trunk.late(maps.flatten(0, 1), tags.repeat(len(maps)))  # (V B, F)
        codes = self.code(features)  # (V B, D)
        named = codes if config.every_view else codes[:count]
        named_labels = labels.repeat(len(named) // count)
        losses = {"classify": config.class_weight * mean_cross_entropy(self.classify(named), named_labels)}
        if config.teacher_weight:
            bias = config.semantic_weight * self._similarity(labels[photos])
            taught = distillation(self.repeat(codes[:count][photos]), self._taught(batch, photos), bias)
            losses["repeat"] = config.teacher_weight * taught
        if config.contrast_weight:
            two = self.project(codes[-2 * count :])
            contrast = cross_modal_contrast(two, labels.repeat(2), config.temperature)
            losses["contrast"] = config.contrast_weight * contrast
        if config.memory_weight:
            losses["memory"] = config.memory_weight * self._remembered(features[:count], labels, photos)
        return losses

    def _views(self, batch: Batch) -> Tensor:
        """What the early stages make of the plain view, and where they are asked for of others.   -> (V, B, C, h, w)"""
        wanted = bool(self.config.contrast_weight) or self.config.every_view
        if isinstance(batch, EarlyBatch):
            return torch.stack([batch.images, *batch.others[: len(batch.others) * wanted]])
        views = [batch.images, *(self._another_view(batch.images) for _ in range(2 * wanted))]
        return self.trunk.early(torch.cat(views)).unflatten(0, (len(views), -1))

    def _similarity(self, labels: Tensor) -> Tensor:
        """The rows of m for labels (P,)."""
        if self._lesson is None:
            raise SettingsError("DSN has no teacher yet. Call learn_from before training, or set teacher_weight to 0.")
        return self._lesson[1][labels]

    def _taught(self, batch: Batch, photos: Tensor) -> Tensor:
        """What the teacher says of the photos, (B,) bool, of a batch.   -> (P, K_t)"""
        if isinstance(batch, EarlyBatch):
            return batch.answers[photos]
        assert self._lesson is not None, "a student that has classes to compare has a teacher"
        with torch.no_grad():
            answers: Tensor = self._lesson[0](batch.images[photos])
        return answers

    def _remembered(self, features: Tensor, labels: Tensor, photos: Tensor) -> Tensor:
        """Let the memory see the batch's sketches, then (5) of its photos."""
        self.memory.remember(features, labels, photos)
        pulled = features[photos] if self.config.memory_grad else features[photos].detach()
        return memory_loss(pulled, labels[photos], self.memory)

    @torch.no_grad()
    def fill_album(self, batches: Iterable[Batch]) -> None:
        """Fill the album anew from batches like those of an epoch, with the weights as they are: after training."""
        learning, device = self.training, self.code.weight.device
        self.eval()
        self.album.empty()
        for batch in (batch.on(device) for batch in batches):
            assert batch.labels is not None, "the album is kept by class: its batches carry labels"
            photos = are_photos(batch.domains, self.config.sketches, device)
            greys = batch.greys if isinstance(batch, EarlyBatch) else self.album.greys(batch.images)
            self.album.keep(
                self.trunk.late(self.early_of(batch), self.tags(batch.domains)), greys, batch.labels, photos
            )
        self.train(learning)

    def early_of(self, batch: Batch) -> Tensor:
        """What the early stages make of the plain views of a batch.   -> (B, ...)"""
        return batch.images if isinstance(batch, EarlyBatch) else self.trunk.early(batch.images)

    def tags(self, domains: Sequence[Domain]) -> Tensor:
        """t: 0 for sketches, 1 for photos.   -> (B,), float"""
        weight = self.code.weight
        photos = are_photos(domains, self.config.sketches, weight.device)
        return (photos & self.config.tagged).to(weight.dtype)

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        return self.encode_early(self.trunk.early(images), domains)

    def encode_early(self, maps: Tensor, domains: Sequence[Domain]) -> Tensor:
        """What the early stages made of pictures (B, ...) -> (B, D), unit rows."""
        return F.normalize(self.code(self.trunk.late(maps, self.tags(domains))), dim=-1)

    def explain(self, query: Shown, hit: Shown, classes: Sequence[str]) -> tuple[Panel, ...]:
        return dsn_panels.explain(self, query, hit, classes)
