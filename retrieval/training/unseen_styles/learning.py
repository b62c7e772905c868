"""What runs learn: starts, and UCDR-Adapter on them. The losses are those of `recipes.parts.ucdr_training` and of
`methods.ucdr_adapter`, of every run at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.backbones.map_towers import COMPONENTS, POOLED, MapTower
from retrieval.images import Preprocess
from retrieval.methods.base import Phase
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.methods.parts.class_queues import ClassQueues, queue_triplet
from retrieval.methods.parts.prompt_banks import PromptBanks
from retrieval.methods.ucdr_adapter import ACROSS_TEMPERATURE, SOURCE, TARGET, Config, UCDRAdapter
from retrieval.training.recipes.parts.ucdr_training import ANCHOR, CONTRAST, IMAGE_TEMPERATURE, TEXT_TEMPERATURE
from retrieval.training.unseen_styles.batches import Drawn, Sampler, without
from retrieval.training.unseen_styles.fleet import Fleet
from retrieval.training.unseen_styles.packing import Pack
from retrieval.types import PHOTO

SIZE: dict[str, Any] = {"trunk": COMPONENTS, "dim": POOLED, "width": 96, "layers": 1, "heads": 4, "hidden": 128}
PREPROCESS = Preprocess(160, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
MEASURED = 64  # pictures that the length of prompts is measured on


# ---------------------------------------------------------------- starts


def new_start(seed: int) -> Foundation:
    """A foundation whose straight path is the components themselves."""
    torch.manual_seed(seed)
    start = Foundation(_foundation_config(), PREPROCESS)
    assert isinstance(start.tower, MapTower), "components have a tower of their own"
    start.tower.begin_at(torch.zeros(POOLED), torch.eye(POOLED))
    return start


def _foundation_config() -> Any:
    return Foundation.config_type(**SIZE)


def start_phase(probe: bool) -> Phase:
    """A start learns all that stands on the components; a linear probe the straight path alone."""
    return Phase("start", 1, 1e-3, weight_decay=0.05, trains=("read", "tower.straight" if probe else "tower"))


def start_codes(method: Any, rows: Tensor) -> Tensor:
    """(B, F) -> (B, D), unit rows"""
    return F.normalize(method.tower.code(rows).float(), dim=-1)


class StartLosses:
    """text + domains + anchor of every run: see `StartTraining`."""

    def __init__(self, fleet: Fleet, sampler: Sampler, wordings: Tensor, styles: Sequence[str]) -> None:
        """styles: the one that each run does without."""
        self._fleet, self._sampler, self._wordings = fleet, sampler, wordings.to(fleet.device)
        photos = [without(style).index(PHOTO.name) for style in styles]
        self._photos = torch.tensor(photos, device=fleet.device)[:, None]  # (R, 1)

    def __call__(self) -> Tensor:
        batch = self._sampler.draw()
        z = self._fleet.call(start_codes, batch.rows)  # (R, B, D)
        count, many = self._wordings.shape[:2]
        chosen = torch.randint(many, (len(z), count), device=z.device)
        said = self._wordings[torch.arange(count, device=z.device), chosen]  # (R, C, sentence)
        texts = self._fleet.call(lambda method, part: method.encode_sentences(part), said)
        z0 = F.normalize(batch.rows[..., :POOLED], dim=-1)
        photos = (batch.domains == self._photos).float()  # (R, B)
        anchor = ((1 - (z * z0).sum(dim=-1)) * photos).sum(dim=1) / photos.sum(dim=1).clamp(min=1)
        text = image_text(z, texts, batch.labels, TEXT_TEMPERATURE)
        return text + CONTRAST * contrast(z @ z.mT / IMAGE_TEMPERATURE, batch) + ANCHOR * anchor


def image_text(z: Tensor, texts: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of pictures (R, B, D) over texts (R, C, D) of each run.   -> (R,)"""
    logits = z @ texts.mT / temperature  # (R, B, C)
    return F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape).mean(dim=1)


def contrast(logits: Tensor, batch: Drawn) -> Tensor:
    """`losses.multi_positive_contrast` with `cross_domain_masks`, of each run: (R, B, B) -> (R,)"""
    alike = batch.labels[:, :, None] == batch.labels[:, None]
    across = alike & (batch.domains[:, :, None] != batch.domains[:, None])
    seen = across | ~alike
    log_share = logits - torch.logsumexp(logits.masked_fill(~seen, -torch.inf), dim=2, keepdim=True)
    counts = across.sum(dim=2)  # (R, B)
    rows = -log_share.masked_fill(~across, 0.0).sum(dim=2) / counts.clamp(min=1)
    return (rows * (counts > 0)).sum(dim=1) / (counts > 0).sum(dim=1).clamp(min=1)


# ---------------------------------------------------------------- the method


def new_adapter(
    pack: Pack, start: Foundation, style: str, options: Mapping[str, Any], seed: int, rows: Tensor
) -> UCDRAdapter:
    """UCDR-Adapter on a start. rows: of some pictures, on which the length of prompts is measured."""
    config = Config(**(SIZE | dict(options) | {"domains": without(style), "classes": pack.classes}))
    torch.manual_seed(1000 + seed)
    method = UCDRAdapter(config, PREPROCESS)
    start.attach({TEXT: pack.encoder})
    method.learn_from(start, rows)
    method.study = None  # the fleet holds what training needs
    return method


def composed_codes(method: Any, rows: Tensor, domains: Tensor, labels: Tensor) -> Tensor:
    """z with prompts composed of others' domains and classes."""
    return method._code(rows, method._prompts(rows, domains, labels))


def own_codes(method: Any, rows: Tensor, domains: Tensor, labels: Tensor) -> Tensor:
    """z with the prompts of a picture's own domain and class."""
    return method._code(rows, method._own_prompts(method.banks, domains, labels))


def codes(method: Any, rows: Tensor) -> Tensor:
    """z of pictures of which nothing is known."""
    return method._code(rows, method._prompts(rows))


class AdapterLosses:
    """Both phases' losses of every run."""

    def __init__(self, fleet: Fleet, sampler: Sampler, pack: Pack, methods: Sequence[UCDRAdapter]) -> None:
        self._fleet, self._sampler, self._pack = fleet, sampler, pack
        self.config = config = methods[0].config
        device = fleet.device
        self._layout: tuple[Tensor, ...] = ()
        if config.template:
            self._layout = tuple(part.to(device) for part in methods[0].template.layout(pack.encoder, [*pack.classes]))
        self._encoder = pack.encoder.to(device)
        self._queues = [ClassQueues(len(pack.classes), config.queue, config.dim).to(device) for _ in methods]
        self._slow = {name: fleet.weights[name].clone() for name in ("banks.domains", "banks.classes")}
        if config.momentum_start == "random":
            self._slow = self._random_banks(methods)
        self._steps, self._texts = 0, torch.empty(0)

    def _random_banks(self, methods: Sequence[UCDRAdapter]) -> dict[str, Tensor]:
        sizes = len(self.config.domains), len(self.config.classes), self.config.tokens, methods[0].tower.width
        banks = [PromptBanks(*sizes) for _ in methods]
        parts: dict[str, list[Tensor]] = {
            "banks.domains": [bank.domains for bank in banks],
            "banks.classes": [bank.classes for bank in banks],
        }
        return {name: torch.stack(rows).detach().to(self._fleet.device) for name, rows in parts.items()}

    def of(self, phase: Phase) -> Callable[[], Tensor]:
        """The losses of a phase."""
        if phase.name == TARGET:
            with torch.no_grad():
                self._texts = self._sentences()
        return {SOURCE: self._source, TARGET: self._target}[phase.name]

    def _source(self) -> Tensor:
        batch, fleet, config = self._sampler.draw(), self._fleet, self.config
        drawn = batch.rows, batch.domains, batch.labels
        for name, slow in self._slow.items():
            slow.lerp_(fleet.weights[name].detach(), 1 - config.momentum)
        z = fleet.call(own_codes, *drawn)
        due = self._steps % config.text_every == 0
        self._steps += 1
        if due:
            texts = self._sentences()
            self._texts = texts.detach()
        loss = image_text(z, texts if due else self._texts, batch.labels, config.text_temperature)
        if not config.triplet_weight:
            return loss
        with torch.no_grad():
            slow_codes = fleet.call(own_codes, *drawn, weights=fleet.weights | self._slow)
        triplets = [self._triplet(*each) for each in zip(self._queues, z, slow_codes, batch.labels, strict=True)]
        return loss + config.triplet_weight * torch.stack(triplets)

    def _triplet(self, queues: ClassQueues, z: Tensor, slow: Tensor, labels: Tensor) -> Tensor:
        """(2) of one run."""
        own = queues.push(slow, labels)
        drawn = queues.pairs(labels, self.config.pairs, None if self.config.own_positive else own)
        return queue_triplet(z, *drawn, self.config.margin)[0]

    def _target(self) -> Tensor:
        batch = self._sampler.draw()
        z = self._fleet.call(composed_codes, batch.rows, batch.domains, batch.labels)
        loss = image_text(z, self._texts, batch.labels, self.config.text_temperature)
        if self.config.across:
            loss = loss + self.config.across * contrast(z @ z.mT / ACROSS_TEMPERATURE, batch)
        return loss

    def _sentences(self) -> Tensor:
        """T of every run, (R, C, D)."""
        runs = len(self._fleet)
        if self._layout:
            fixed, slots, real = self._layout
            embeddings = fixed + torch.einsum("cln,rnw->rclw", slots, self._fleet.weights["template.tokens"])
            said = self._encoder.sentences(embeddings.flatten(0, 1), real.repeat(runs, 1)).unflatten(0, (runs, -1))
        else:
            said = self._encoder([f"a photo of {name}" for name in self._pack.classes]).expand(runs, -1, -1)
        return self._fleet.call(lambda method, part: method.foundation.encode_sentences(part), said)
