"""What runs learn: starts, and UCDR-Adapter on them. The losses are those of `recipes.parts.ucdr_training` and of
`methods.ucdr_adapter`, of every run at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.backbones.map_towers import COMPONENTS, PLACE, POOLED, KeptStem, MapTower
from retrieval.images import Preprocess
from retrieval.methods.base import Phase
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.methods.parts.class_queues import ClassQueues, queue_triplet
from retrieval.methods.parts.prompt_banks import PromptBanks
from retrieval.methods.ucdr_adapter import ACROSS_TEMPERATURE, SOURCE, TARGET, Config, UCDRAdapter
from retrieval.training.recipes.parts.ucdr_training import ANCHOR, CONTRAST, IMAGE_TEMPERATURE, TEXT_TEMPERATURE
from retrieval.training.recipes.parts.whitening import whitening
from retrieval.training.unseen_styles.batches import Drawn, Sampler
from retrieval.training.unseen_styles.fleet import Fleet
from retrieval.training.unseen_styles.packing import Pack

SIZE: dict[str, Any] = {"trunk": COMPONENTS, "dim": POOLED, "width": 96, "layers": 1, "heads": 4, "hidden": 128}
PREPROCESS = Preprocess(160, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
KEPT_ROWS = 256  # of which places are kept at once
KEPT_MOST = 4e9  # bytes that are kept at most
SHRUNK = 1.0  # share of the mean spread that is added before it is made even
MEASURED = 64  # pictures that the length of prompts is measured on


# ---------------------------------------------------------------- starts


@dataclass(frozen=True)
class Kind:
    """What a start is before its first step, and what of it learns."""

    about: str
    white: bool = False  # its straight path makes features even within classes
    trains: tuple[str, ...] = ("read", "tower")
    size: Mapping[str, Any] = field(default_factory=dict)  # what differs from SIZE


KINDS = {
    "": Kind("the start: zero-shot foundation"),
    "-white": Kind("a start whose features are made even within seen classes", white=True),
    "-lent": Kind("a start whose pictures stay as the trunk reads them: words alone are learnt", trains=("read",)),
    "-white-lent": Kind("the same on features that are made even within seen classes", white=True, trains=("read",)),
    "-white-large": Kind("as -white, two layers of width 192", white=True, size={"width": 192, "layers": 2}),
}


def new_start(seed: int, kind: Kind, known: tuple[Tensor, Tensor]) -> Foundation:
    """A foundation whose straight path is the components themselves, or these made even.

    known: rows that are trained on (N, F), and the number of the class of each.
    """
    torch.manual_seed(seed)
    start = Foundation(Foundation.config_type(**SIZE | dict(kind.size)), PREPROCESS)
    assert isinstance(start.tower, MapTower), "components have a tower of their own"
    begun = torch.zeros(POOLED), torch.eye(POOLED)
    if kind.white:
        pooled = known[0][:, :POOLED].cpu()
        mean, directions = whitening(pooled, known[1].cpu(), SHRUNK)
        longer = (pooled - mean).norm(dim=1).mean() / ((pooled - mean) @ directions.T).norm(dim=1).mean()
        begun = mean, directions * longer
    start.tower.begin_at(*begun)
    return start


def start_phase(kind: Kind) -> Phase:
    """What a start learns."""
    return Phase("start", 1, 1e-3, weight_decay=0.05, trains=kind.trains)


def start_codes(method: Any, rows: Tensor) -> Tensor:
    """(B, F) -> (B, D), unit rows"""
    return F.normalize(method.tower.code(rows).float(), dim=-1)


class StartLosses:
    """text + domains + anchor of every run: see `StartTraining`."""

    def __init__(self, fleet: Fleet, sampler: Sampler, pack: Pack, left_out: Sequence[str]) -> None:
        """left_out: the domain that each run does without."""
        self._fleet, self._sampler, self._wordings = fleet, sampler, pack.wordings.to(fleet.device)
        domains = [pack.about.without(name) for name in left_out]
        photos = [names.index(pack.about.photo) if pack.about.photo in names else -1 for names in domains]
        self._photos = torch.tensor(photos, device=fleet.device)[:, None]  # (R, 1); -1: there are none
        straight = "tower.straight.weight", "tower.straight.bias"
        self._begun = tuple(fleet.weights[name].clone() for name in straight)

    def __call__(self) -> Tensor:
        batch = self._sampler.draw()
        z = self._fleet.call(start_codes, batch.rows)  # (R, B, D)
        count, many = self._wordings.shape[:2]
        chosen = torch.randint(many, (len(z), count), device=z.device)
        said = self._wordings[torch.arange(count, device=z.device), chosen]  # (R, C, sentence)
        texts = self._fleet.call(lambda method, part: method.encode_sentences(part), said)
        weight, bias = self._begun
        z0 = F.normalize(batch.rows[..., :POOLED] @ weight.mT + bias[:, None], dim=-1)
        photos = ((batch.domains == self._photos) | (self._photos < 0)).float()  # (R, B)
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
    pack: Pack, start: Foundation, left_out: str, options: Mapping[str, Any], seed: int, rows: Tensor
) -> UCDRAdapter:
    """UCDR-Adapter on a start. rows: of some pictures, on which the length of prompts is measured."""
    own = {"domains": pack.about.without(left_out), "classes": pack.classes}
    config = Config(**SIZE | dict(options) | own)
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


def bare_codes(method: Any, rows: Tensor) -> Tensor:
    """z without any prompt."""
    return method._code(rows, None)


def of_kept(encode: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same of stems that are kept: of pooled components, what was made of the places, and what is known."""
    return lambda method, pooled, places, *known: encode(method, KeptStem(pooled, places), *known)


@torch.no_grad()
def kept_places(fleet: Fleet, rows: Tensor, config: Config) -> Tensor | None:
    """What the only layer of each run asks places for, of all views of pictures (V, N, F).   -> (R, V N, h w, 2 W)

    None where training reaches it, or where it would be too much.
    """
    flat = rows.flatten(0, 1).to(fleet.device)
    count = (flat.shape[1] - POOLED) // PLACE * 2 * config.width * len(flat) * len(fleet)
    if config.layers > 1 or config.learns == "tower" or config.image_query == "patch" or count * 4 > KEPT_MOST:
        return None
    parts = (
        fleet.call(lambda method, part: method.tower.kept_places(part), chunk.float().expand(len(fleet), -1, -1))
        for chunk in flat.split(KEPT_ROWS)
    )
    return torch.cat(list(parts), dim=1)


class AdapterLosses:
    """Both phases' losses of every run."""

    def __init__(
        self,
        fleet: Fleet,
        sampler: Sampler,
        pack: Pack,
        methods: Sequence[UCDRAdapter],
        rows: Tensor | None = None,
    ) -> None:
        """rows: those that are drawn from (V, N, F), to make once what no training reaches, where there is such."""
        self._fleet, self._sampler, self._pack = fleet, sampler, pack
        self.config = config = methods[0].config
        device = fleet.device
        self._layout: tuple[Tensor, ...] = ()
        if config.template:
            self._layout = tuple(part.to(device) for part in methods[0].template.layout(pack.encoder, [*pack.classes]))
        self._encoder = pack.encoder.to(device)
        self._queues = ClassQueues(len(methods) * len(pack.classes), config.queue, config.dim).to(device)  # of all runs
        self._slow = {name: fleet.weights[name].clone() for name in ("banks.domains", "banks.classes")}
        if config.momentum_start == "random":
            self._slow = self._random_banks(methods)
        self._steps, self._texts = 0, torch.empty(0)
        self._kept = None if rows is None else kept_places(fleet, rows, config)

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
        for name, slow in self._slow.items():
            slow.lerp_(fleet.weights[name].detach(), 1 - config.momentum)
        z = self._codes(own_codes, batch)
        due = self._steps % config.text_every == 0
        self._steps += 1
        if due:
            texts = self._sentences()
            self._texts = texts.detach()
        loss = image_text(z, texts if due else self._texts, batch.labels, config.text_temperature)
        if not config.triplet_weight:
            return loss
        with torch.no_grad():
            slow_codes = self._codes(own_codes, batch, fleet.weights | self._slow)
        return loss + config.triplet_weight * self._triplet(z, slow_codes, batch.labels)

    def _triplet(self, z: Tensor, slow: Tensor, labels: Tensor) -> Tensor:
        """(2) of every run, whose classes lie one block below the other: codes (R, B, D), labels (R, B) -> (R,)"""
        config, (runs, many) = self.config, labels.shape
        numbers = (labels + len(config.classes) * torch.arange(runs, device=labels.device)[:, None]).flatten()
        own = self._queues.push(slow.flatten(0, 1), numbers)
        drawn = self._queues.pairs(numbers, config.pairs, None if config.own_positive else own, blocks=runs)
        positives, negatives, usable = (part.unflatten(0, (runs, many)) for part in drawn)
        return queue_triplet(z, positives, negatives, usable, config.margin)[0]

    def _target(self) -> Tensor:
        batch = self._sampler.draw()
        z = self._codes(composed_codes, batch)
        loss = image_text(z, self._texts, batch.labels, self.config.text_temperature)
        if self.config.across:
            loss = loss + self.config.across * contrast(z @ z.mT / ACROSS_TEMPERATURE, batch)
        return loss

    def _codes(self, encode: Any, batch: Drawn, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """z of a batch, (R, B, D)."""
        known = batch.domains, batch.labels
        if self._kept is None or batch.places is None:
            return self._fleet.call(encode, batch.rows, *known, weights=weights)
        kept = self._kept[torch.arange(len(self._kept), device=self._kept.device)[:, None], batch.places]
        return self._fleet.call(of_kept(encode), batch.rows[..., :POOLED], kept, *known, weights=weights)

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
