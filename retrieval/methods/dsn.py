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
- The teacher is not an ImageNet classifier but one of photos that the same recipe may see, so it knows no unseen class
  either (`training.recipes.parts.photo_teacher` has the other one, too). The student starts as its best approximation
  with a narrow code, as in the release: the same trunk, and the first singular triplets of its classifier.
- The paper's trunk begins as one of ImageNet. Ours can begin as that of a plain encoder (`dsn_student` beside it): its
  blocks have no excitation, so all gates start half open; the teacher is a linear classifier of photos on top, and code
  and heads are fitted on top before the trunk learns (`linear_start`). It then learns slower than its gates
  (`trunk_rate`) and keeps its statistics (`settled`).
- `similarity` comes from any source: WordNet as in the release (`wordnet_similarity`), or embeddings of the names.
- The ResNet-50 is timm's: it strides in its 3x3 convolutions, where the release's does in its first 1x1 ones.
- Weight decay is decoupled and spares biases; the rate falls with every step, along a cosine; Adam has the betas (.9,
  .98); gradients are clipped at 5; the weights that are kept are averages over steps (EMA).
- The plain view is the batch's own; the other two are that view mirrored, recoloured and greyed by chance.
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

from retrieval.backbones.conditional_resnet import TRUNKS, ConditionalExcitation, ConditionalResNet
from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.losses import multi_positive_contrast
from retrieval.methods.base import Batch, Method, Phase, Shown, Trainable
from retrieval.methods.parts import dsn_panels
from retrieval.methods.parts.sketch_memory import RULES, WRITES, Album, SketchMemory
from retrieval.types import SKETCH, Domain, Panel


@dataclass(frozen=True)
class Config:
    """The release's settings for Sketchy with 100 seen classes; it feeds 32 sketches and 64 photos in a step."""

    classes: int = 100  # C: labels that a batch may carry
    teacher_classes: int = 1000  # K_t: what the teacher tells apart
    trunk: str = "resnet50"  # a name in TRUNKS, of the student and of its teacher
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
    trunk_rate: float = 1.0  # factor on lr for the trunk, whose gates learn at the full rate all the same
    settled: bool = False  # True: the trunk's normalisations keep the statistics that they begin with
    epochs: int = 20
    lr: float = 1e-4
    weight_decay: float = 5e-4
    teacher_epochs: int = 20  # the paper's teacher comes ready: these three are ours
    teacher_lr: float = 1.5e-3
    teacher_weight_decay: float = 0.05

    def __post_init__(self) -> None:
        if self.trunk not in TRUNKS:
            raise ValueError(f"trunk is {self.trunk!r}, not one of {', '.join(TRUNKS)}")
        if self.memory_index not in WRITES:
            raise ValueError(f"memory_index is {self.memory_index!r}, not one of {', '.join(WRITES)}")
        if self.memory_rule not in RULES:
            raise ValueError(f"memory_rule is {self.memory_rule!r}, not one of {', '.join(RULES)}")
        if self.memory_index == "released" and self.classes < self.memory_slots:
            raise ValueError(f"memory_index 'released' needs at least {self.memory_slots} classes, not {self.classes}")


# ---------------------------------------------------------------- parts


class PhotoTeacher(Trainable):
    """A classifier of photos, trained before the student. Its tags are always 0, so its excitation stays plain."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.trunk = ConditionalResNet(config.trunk)
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


def wordnet_similarity(path: Tensor, kin: Tensor, least: float = 0.2) -> Tensor:
    """m: one between kin (C, K_t) bool, that is equals, ancestors and descendants; otherwise the path similarity
    (C, K_t) where it exceeds `least`; otherwise zero.   -> (C, K_t), in [0, 1]
    """
    return torch.where(kin, 1.0, torch.where(path > least, path, 0.0))


def embedded_similarity(seen: Tensor, taught: Tensor) -> Tensor:
    """m: the cosine between embeddings of names, (C, E) and (K_t, E), never below zero.   -> (C, K_t), in [0, 1]"""
    return (F.normalize(seen, dim=-1) @ F.normalize(taught, dim=-1).T).clamp(0, 1)


# ---------------------------------------------------------------- losses


def mean_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """(2): logits (B, C), targets (B,) labels or (B, C) shares; zero without rows."""
    return F.cross_entropy(logits, targets) if len(logits) else logits.sum()


def distillation(logits: Tensor, teacher: Tensor, bias: Tensor) -> Tensor:
    """(3): logits and teacher (P, K_t); bias (P, K_t), added to the teacher's logits."""
    return mean_cross_entropy(logits, (teacher + bias).softmax(dim=1))


def cross_modal_contrast(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """(4): embeddings (A, D) of both views of both modalities, labels (A,)."""
    unit = F.normalize(embeddings, dim=-1)
    alike = labels[:, None] == labels[None, :]  # (A, A)
    others = ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    return multi_positive_contrast(unit @ unit.T / temperature, alike & others, ~alike)


def memory_loss(features: Tensor, labels: Tensor, memory: SketchMemory) -> Tensor:
    """(5): features (P, F) and labels (P,) of photos; zero while none of their classes is in memory."""
    known = memory.counts[labels] > 0
    if not known.any():
        return features.sum() * 0.0
    return 1 - F.cosine_similarity(features[known], memory.prototypes()[labels[known]], dim=1).mean()


# ---------------------------------------------------------------- the method


class DSN(Method):
    """Trunk, code, two answers, two views, one memory. `learn_from` comes before training."""

    config_type = Config

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        self.trunk = ConditionalResNet(config.trunk)
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
        gates = {name: 1.0 for name, part in self.named_modules() if isinstance(part, ConditionalExcitation)}
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
        config, images, labels = self.config, batch.images, batch.labels
        photos = are_photos(batch.domains, config.sketches, images.device)
        views = [images, *(self._another_view(images) for _ in range(2 if config.contrast_weight else 0))]
        tags = self.tags(batch.domains)  # (B,)
        if config.shuffled_tags:
            tags = tags[torch.randperm(len(tags), device=tags.device)]
        features = self.trunk(torch.cat(views), tags.repeat(len(views)))  # (3 B, F)
        codes = self.code(features)  # (3 B, D)
        plain, contrasted = codes[: len(images)], codes[len(images) :]
        losses = {"classify": config.class_weight * mean_cross_entropy(self.classify(plain), labels)}
        if config.teacher_weight:
            taught, bias = self._taught(images[photos], labels[photos])
            losses["repeat"] = config.teacher_weight * distillation(self.repeat(plain[photos]), taught, bias)
        if config.contrast_weight:
            contrast = cross_modal_contrast(self.project(contrasted), labels.repeat(2), config.temperature)
            losses["contrast"] = config.contrast_weight * contrast
        if config.memory_weight:
            losses["memory"] = config.memory_weight * self._remembered(features[: len(images)], labels, photos)
        return losses

    def _taught(self, photos: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What the teacher says of photos (P, 3, H, W), and the bias towards similar classes.   -> twice (P, K_t)"""
        if self._lesson is None:
            raise SettingsError("DSN has no teacher yet. Call learn_from before training, or set teacher_weight to 0.")
        teacher, similarity = self._lesson
        with torch.no_grad():
            return teacher(photos), self.config.semantic_weight * similarity[labels]

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
        for batch in batches:
            assert batch.labels is not None, "the album is kept by class: its batches carry labels"
            images, labels = batch.images.to(device), batch.labels.to(device)
            features = self.trunk(images, self.tags(batch.domains))  # (B, F)
            self.album.keep(features, images, labels, are_photos(batch.domains, self.config.sketches, device))
        self.train(learning)

    def tags(self, domains: Sequence[Domain]) -> Tensor:
        """t: 0 for sketches, 1 for photos.   -> (B,), float"""
        weight = self.code.weight
        photos = are_photos(domains, self.config.sketches, weight.device)
        return (photos & self.config.tagged).to(weight.dtype)

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        return F.normalize(self.code(self.trunk(images, self.tags(domains))), dim=-1)

    def explain(self, query: Shown, hit: Shown, classes: Sequence[str]) -> tuple[Panel, ...]:
        return dsn_panels.explain(self, query, hit, classes)
