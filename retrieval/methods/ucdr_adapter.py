"""UCDR-Adapter: prompts that adapt a frozen dual encoder to domains and classes that it was not trained on.

Jiang, Cheng, Moreira, Zhu, Sun, Ren, He, Dai, Hua, "UCDR-Adapter: Exploring Adaptation of Pre-Trained Vision-Language
Models for Universal Cross-Domain Retrieval" (WACV 2025). Two banks hold a prompt for every domain and every class that
is seen in training. In the first phase a picture is encoded with the prompts of its own domain and class, towards a
sentence with learned tokens about its class. In the second a generator composes a picture's prompts from the banks by
attention, from which its own domain and class are hidden: so it learns to describe a picture by others, which is all
that it has for a domain and a class that nobody has seen. To encode a picture, no label and no word is needed.

    paper symbol   attribute
    v              template.tokens                   learned tokens of the sentence (Section 3.1 there: TST)
    U, V           banks.domains, banks.classes      source prompts
    W_I, W_P, W_o  generator.ask, .offer, .out       target prompt generation (TPG)
    I              _summary                          what the frozen tower says of the picture, without prompts
    T              study.texts                       the sentences of all classes, (C, D) unit rows
    z              _code                             the picture, (B, D) unit rows
    Q              study.queues                      the last codes of the momentum encoder, by class

    (1)  L_ITC = -mean_i log( exp(z_i T_y(i) / tau) / sum_c exp(z_i T_c / tau) )
    (2)  L_tri = mean_i mean_j max(0, |z_i - p_j| - |z_i - n_j| + margin)      p_j from Q_y(i), n_j from the others
    (3)  L_x   = mean_i -log( exp(z_i z_p / .1) / sum_k exp(z_i z_k / .1) )   p: i's class, another domain; ours
    phase "source": (1) + (2), trains v, U, V
    phase "target": (1) + (3), trains the generator, the class token and the projection

Where we differ. The encoder is this project's foundation, a frozen sentence encoder included, at its embedded size or
with `trunk="ViT-B-32"`. The code is read from the class token, and the summary is the class token of the tower as it
was at the start; released: the first prompt's place, and the first patch's, of a pass without class token (`readout`,
`image_query`). Own rows of the banks get no weight at all; in the released code the mask is empty, and the paper writes
zeros (`mask`). The momentum encoder begins as a copy, and an anchor's own momentum code is not its positive
(`momentum_start`, `own_positive`). A bank has p rows for each entry, where the released one has one and cannot slice
more. Of the tower only U and V move in the first phase, so a momentum encoder is their running average and shares all
else; with `enter="code"` that is `leave`, too, which trains in the first phase as well. Codes are compared by cosine,
which is what training shapes; the released code ranks by the distance of unnormalised ones. The rate falls as a cosine
in both phases. The sentences are made anew in every `text_every`-th step, from which v learns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.backbones.map_towers import SHARED, SharedTrunkTower
from retrieval.backbones.prompted import ClassTokenTower, PromptedSigLIP
from retrieval.errors import DataError, SettingsError
from retrieval.images import Preprocess
from retrieval.losses import multi_positive_contrast
from retrieval.methods import foundation
from retrieval.methods.base import Batch, Method, Phase, Shown
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.methods.parts import ucdr_panels
from retrieval.methods.parts.class_queues import ClassQueues, queue_triplet
from retrieval.methods.parts.prompt_banks import Mask, PromptBanks, PromptGenerator, SentenceTemplate
from retrieval.types import Domain, Panel

SOURCE, TARGET = "source", "target"
TRUNK = "trunk"  # the role of the shared trunk, of a tower that has none of its own
ACROSS_TEMPERATURE = 0.1
Known = Tensor | None  # what may be known of pictures


@dataclass(frozen=True)
class Config(foundation.Config):
    """The paper's numbers on the embedded foundation; `trunk="ViT-B-32"`, `dim=512` is the published size."""

    domains: tuple[str, ...] = ()  # those of the rows of U
    classes: tuple[str, ...] = ()  # those of the rows of V
    tokens: int = 1  # p, prompts for each domain and class: 1 on DomainNet, 4 on Sketchy and TU-Berlin
    template: int = 16  # n, learned tokens in the sentence: 16 on DomainNet, else 8; 0: a fixed sentence
    prompts: Literal["generated", "mean", "none"] = "generated"  # in the second phase; the others are to compare with
    banks: Literal["both", "domains", "classes"] = "both"  # which are used
    enter: Literal["sequence", "token", "code"] = "sequence"  # beside the class token, or added to it or to the code
    learns: Literal["ends", "tower"] = "ends"  # in the second phase: the class token and the projection, or all
    mask: Mask = "inf"  # as released: none
    prompt_temperature: float = 0.75  # of the generator's attention
    text_temperature: float = 0.07  # tau
    readout: Literal["class", "prompt"] = "class"  # as released: prompt
    image_query: Literal["class", "patch"] = "class"  # as released: patch
    momentum: float = 0.999
    momentum_start: Literal["copy", "random"] = "copy"  # as released: random
    queue: int = 20  # codes kept of each class
    margin: float = 0.2
    pairs: int = 2  # triplets of each anchor
    own_positive: bool = False  # as released: True
    triplet_weight: float = 1.0  # of (2)
    across: float = 0.0  # weight of (3), in the second phase: ours
    text_every: int = 1  # steps of the first phase between two looks at the sentences
    thumbnail: int = 0  # pixels on a side of the pictures that stand for domains and classes in panels; 0: none
    source_epochs: int = 1
    target_epochs: int = 10
    source_lr: float = 1e-4
    target_lr: float = 1e-4


class Study(nn.Module):
    """What training holds beside the method: the momentum encoder's prompts, its codes by class, and the sentences."""

    texts: Tensor
    steps: Tensor

    def __init__(self, banks: PromptBanks, config: Config, width: int) -> None:
        super().__init__()
        others = PromptBanks(len(config.domains), len(config.classes), config.tokens, width)
        self.momentum = deepcopy(banks) if config.momentum_start == "copy" else others
        self.momentum.requires_grad_(False)
        self.queues = ClassQueues(len(config.classes), config.queue, config.dim)
        self.register_buffer("texts", torch.zeros(len(config.classes), config.dim))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))  # of the first phase; -1 in the second

    @torch.no_grad()
    def follow(self, banks: PromptBanks, kept: float) -> None:
        """Move the momentum encoder's prompts a little towards the banks'."""
        for slow, fast in zip(self.momentum.parameters(), banks.parameters(), strict=True):
            slow.lerp_(fast, 1 - kept)


class UCDRAdapter(Method):
    """A foundation with generated prompts. It is trained after `learn_from`."""

    config_type = Config
    roles: tuple[str, ...] = (TEXT,)
    study: Study | None
    album: Tensor  # (domains + classes, thumbnail, thumbnail, 3) uint8

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        self.foundation = Foundation(config, preprocess)
        self.first_token = self.tower.copied_class_token()  # of the tower as it was at the start
        self.template = SentenceTemplate(config.template, config.sentence)
        self.banks = PromptBanks(len(config.domains), len(config.classes), config.tokens, self.tower.width)
        self.generator = PromptGenerator(self.tower.width, config.prompt_temperature, config.mask)
        if config.enter == "code":
            self.leave = nn.Linear(self.tower.width, config.dim, bias=False)
            nn.init.zeros_(self.leave.weight)
        if rows := (len(config.domains) + len(config.classes)) * bool(config.thumbnail):
            self.register_buffer("album", torch.zeros(rows, *(config.thumbnail,) * 2, 3, dtype=torch.uint8))
        if config.trunk == SHARED:
            self.roles = (TEXT, TRUNK)
        self.study = None

    def attach(self, parts: Mapping[str, Any]) -> None:
        super().attach(parts)
        self.foundation.attach(parts)
        if isinstance(self.tower, SharedTrunkTower) and TRUNK in parts:
            self.tower.lend(lambda images: parts[TRUNK](images)[-1])

    @property
    def dim(self) -> int:
        return int(self.config.dim)

    @property
    def tower(self) -> ClassTokenTower:
        """The foundation's picture tower. Raises SettingsError for one without a class token."""
        tower = self.foundation.tower
        if isinstance(tower, PromptedSigLIP):
            raise SettingsError(f"UCDR-Adapter reads a class token, which {self.config.trunk} has not. Take ViT-B-32.")
        return tower

    # ------------------------------------------------------------ encoding

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """What domain a picture is of does not matter."""
        stem = self._stem(images)
        return self._code(stem, self._prompts(stem))

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """Words in the learned sentence. The paper searches with pictures alone."""
        return self._sentences(list(texts))

    def _stem(self, images: Tensor) -> Tensor:
        """What no prompt reaches. Pictures have three channels; whatever has more was computed before."""
        return self.tower.stem(images) if images.ndim == 4 and images.shape[1] == 3 else images

    def _code(self, stem: Tensor, prompts: Tensor | None) -> Tensor:
        """The stem of pictures, and their prompts (B, P, W) -> z (B, D), unit rows."""
        if self.config.enter == "token" and prompts is not None:
            first = self.tower.class_token(stem) + prompts.sum(dim=1, keepdim=True)
            attended = self.tower.attend(stem, first=first)
        elif self.config.enter == "code" and prompts is not None:
            code = self.tower.finish(stem, self.tower.attend(stem)) + self.leave(prompts.sum(dim=1))
            return F.normalize(code.float(), dim=-1)
        else:
            read = 1 if self.config.readout == "prompt" and prompts is not None else 0
            attended = self.tower.attend(stem, prompts, read=read)
        return F.normalize(self.tower.finish(stem, attended).float(), dim=-1)

    @torch.no_grad()
    def _summary(self, stem: Tensor) -> Tensor:
        """I, which nothing that is trained reaches: (B, W)."""
        first = self.first_token(stem)  # (B, 1, W)
        return self.tower.attend(stem, first=first if self.config.image_query == "class" else first[:, :0])

    def _prompts(self, stem: Tensor, domains: Known = None, classes: Known = None, summary: Known = None) -> Known:
        """Prompts composed for pictures, (B, 2, W), of I, which may be known. Training hides rows of their own."""
        if self.config.prompts == "none":
            return None
        if self.config.prompts == "mean":
            means = torch.stack([bank.mean(dim=0) for bank, _ in self._used_banks()])
            return means.expand(len(stem), -1, -1)
        summary = self._summary(stem) if summary is None else summary
        return torch.cat([prompt for prompt, _ in self._composed(summary, domains, classes)], dim=1)

    def _composed(
        self, summary: Tensor, domains: Known = None, classes: Known = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The prompt (B, 1, W) and the weights (B, N p) from each bank: U, then V."""
        for bank, numbers in self._used_banks(domains, classes):
            own = None if numbers is None else self.banks.rows_of(numbers, bank)
            yield self.generator(summary, bank, own)

    def _used_banks(self, domains: Known = None, classes: Known = None) -> tuple[tuple[Tensor, Tensor | None], ...]:
        """U and V, or that of them which is used, each with pictures' own places in it."""
        both = (self.banks.domains, domains), (self.banks.classes, classes)
        return {"both": both, "domains": both[:1], "classes": both[1:]}[self.config.banks]

    def _own_prompts(self, banks: PromptBanks, domains: Tensor, classes: Tensor) -> Tensor:
        """The prompts of pictures' own domains and classes, (B, P, W)."""
        prompts: Tensor = banks(domains, classes)  # (B, 2 p, W)
        first, last = prompts.chunk(2, dim=1)
        return {"both": prompts, "domains": first, "classes": last}[self.config.banks]

    def _sentences(self, names: list[str]) -> Tensor:
        """The sentences about these names, (T, D), unit rows."""
        if not self.config.template:
            return self.foundation.encode_texts([f"a photo of {name}" for name in names])
        return self.foundation.encode_sentences(self.template(self.parts[TEXT], names))

    # ------------------------------------------------------------ training

    @torch.no_grad()
    def learn_from(self, start: Foundation, stem: Tensor) -> None:
        """Get ready to be trained: take the weights of a foundation, and some pictures' stem (B, ...) as a measure."""
        self.foundation.load_state_dict(start.state_dict())
        self.attach(start.parts)
        self.first_token = self.tower.copied_class_token()
        self.study = Study(self.banks, self.config, self.tower.width)
        summary = self._summary(stem)
        self.generator.measure_divisor(summary, self.banks.classes, self.first_token(stem))

    def finish(self) -> None:
        """Drop what only training needs."""
        self.study = None

    def phases(self) -> Sequence[Phase]:
        """Two; without prompts there is nothing to learn in the first, whose steps the second gets."""
        config = self.config
        ends = (*self.tower.opening, *self.tower.closing)
        above = tuple(name for name, _ in self.tower.named_children() if name != "trunk")
        tower = tuple(f"foundation.tower.{name}" for name in (above if config.learns == "tower" else ends))
        if config.prompts == "none":
            return (Phase(TARGET, config.source_epochs + config.target_epochs, config.target_lr, trains=tower),)
        leave = ("leave",) if config.enter == "code" else ()
        source = ("banks", *leave, "template") if config.template else ("banks", *leave)
        tower = (*leave, *tower)
        target = ("generator", *tower) if config.prompts == "generated" else tower
        phases = (
            Phase(SOURCE, config.source_epochs, config.source_lr, trains=source),
            Phase(TARGET, config.target_epochs, config.target_lr, trains=target),
        )
        return phases if config.source_epochs else phases[1:]

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Those of the phase. Labels are places in `config.classes`."""
        if batch.labels is None:
            raise DataError("UCDR-Adapter is trained with labels, and this batch has none.")
        with torch.no_grad():
            stem = self._stem(batch.images)
        domains = self._numbers(batch.domains).to(stem.device)
        if phase.name == SOURCE:
            return self._source(stem, domains, batch.labels)
        return self._target(stem, domains, batch.labels, batch.summaries)

    def _source(self, stem: Tensor, domains: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """(1) + (2), with the prompts of a picture's own domain and class."""
        config, study = self.config, self._studying()
        study.follow(self.banks, config.momentum)
        z = self._code(stem, self._own_prompts(self.banks, domains, labels))
        losses = {"image_text": self._image_text(z, labels, self._moving_texts())}
        if config.triplet_weight:
            with torch.no_grad():
                slow = self._code(stem, self._own_prompts(study.momentum, domains, labels))
            own = study.queues.push(slow, labels)
            drawn = study.queues.pairs(labels, config.pairs, None if config.own_positive else own)
            triplet, _ = queue_triplet(z, *drawn, config.margin)
            losses["triplet"] = config.triplet_weight * triplet
        return losses

    def _target(self, stem: Tensor, domains: Tensor, labels: Tensor, summary: Known) -> dict[str, Tensor]:
        """(1), with prompts that are composed of others' domains and classes."""
        study = self._studying()
        if not self.is_composing:  # from here on v stays
            study.steps.fill_(-1)
            with torch.no_grad():
                study.texts.copy_(self._sentences(list(self.config.classes)))
        z = self._code(stem, self._prompts(stem, domains, labels, summary))
        losses = {"image_text": self._image_text(z, labels, study.texts)}
        if self.config.across:
            same, apart = labels[:, None] == labels, domains[:, None] != domains
            contrast = multi_positive_contrast(z @ z.T / ACROSS_TEMPERATURE, same & apart, ~same)
            losses["across"] = self.config.across * contrast
        return losses

    @property
    def is_composing(self) -> bool:
        """Whether the second phase has begun."""
        return int(self._studying().steps) < 0

    def _image_text(self, z: Tensor, labels: Tensor, texts: Tensor) -> Tensor:
        return F.cross_entropy(z @ texts.T / self.config.text_temperature, labels)  # (1)

    def _moving_texts(self) -> Tensor:
        """T, through which v learns in every `text_every`-th step.   -> (C, D)"""
        study = self._studying()
        due = int(study.steps) % self.config.text_every == 0
        study.steps += 1
        if not due:
            return study.texts
        texts = self._sentences(list(self.config.classes))
        study.texts.copy_(texts.detach())
        return texts

    def _numbers(self, domains: Sequence[Domain]) -> Tensor:
        known = {name: number for number, name in enumerate(self.config.domains)}
        if unknown := sorted({domain.name for domain in domains} - {*known}):
            raise DataError(f"There is no prompt for the domain {unknown[0]!r}, only for {', '.join(known)}.")
        return torch.tensor([known[domain.name] for domain in domains])

    def _studying(self) -> Study:
        if self.study is None:
            raise SettingsError("UCDR-Adapter is not ready to be trained. Call learn_from first.")
        return self.study

    # ------------------------------------------------------------ explaining

    @torch.inference_mode()
    def weights(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What pictures borrow from each domain and class that was trained on.   -> (B, domains), (B, classes)"""
        summary = self._summary(self._stem(images))
        shares = [self.generator(summary, bank)[1] for bank in (self.banks.domains, self.banks.classes)]
        domains, classes = (share.unflatten(1, (-1, self.config.tokens)).sum(dim=2) for share in shares)
        return domains, classes

    def explain(self, query: Shown, hit: Shown, classes: Sequence[str]) -> tuple[Panel, ...]:
        """From which domains and classes the query's prompts are composed, and what exchanging prompts changes."""
        return ucdr_panels.explain(self, query, hit) if self.config.prompts == "generated" else ()
