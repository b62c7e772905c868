"""Short tunings of a shipped prior for what it misses, each judged on objects of validation.

What a tuning changes is one `Try`; the same training without a change is one of them, for everything else to be
compared with. All begin from the prior of a pack of `training.unlabelled`.

    reversed  a network names the style of a picture from its map; the adapter climbs where that descends (Ganin et al.,
              "Domain-Adversarial Training of Neural Networks", 2016)
    unet      False: the adapter alone is tuned
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.image_adapter import ImageAdapter
from retrieval.diffusion.prior import Prior
from retrieval.training.adapted.clock import Stage, train_by_clock
from retrieval.training.adapted.held_out import Swap, judge_swaps, open_held_out, pack_held_out
from retrieval.training.adapted.packed_pairs import open_pairs, pack_labels
from retrieval.training.adapted.pairs import PairSampler
from retrieval.training.adapted.stages import NOISIEST, control_of
from retrieval.training.unlabelled.packing import open_prior, packed_files
from retrieval.types import DOODLE, PAINTING
from retrieval.world.split import ALL

CELLS = 4  # on a side, in which the network that names styles sees the map
OBJECTS, DRAWINGS = 1, 2  # of a class, held out
STYLED = 128  # pictures whose style it names in a step
RESERVE = 8.0  # seconds for judging and writing


@dataclass(frozen=True)
class Try:
    """What is changed."""

    name: str
    reversed: float = 0.0
    unet: bool = True


TRIES = (
    Try("as before"),
    Try("reversed, adapter alone", reversed=0.3, unet=False),
)


@dataclass(frozen=True)
class Settings:
    """What a run is told."""

    pack: Annotated[Path, "a packed folder of training.unlabelled, with labels and what is held out in it"]
    out: Annotated[Path, "where results are written"]
    numbers: Annotated[str, "of tries, separated by commas; empty: all"] = ""
    device: Annotated[str, "what trains, for example cuda"] = "cpu"
    deadline: Annotated[float, "when all must have ended, as time.time() says it"] = 0
    steps: Annotated[int, "of each try; 0: as many as there is time for"] = 0
    batch: Annotated[int, "pairs in a step"] = 256
    lr: Annotated[float, "the highest learning rate"] = 2e-4
    swaps: Annotated[int, "drawn of every held-out object"] = 3
    every: Annotated[int, "which of those swaps are drawn: every one, every second, and so on"] = 1


def pack_tries(folder: Path, renders: Path, held_out: Path, packs: Path, judge: Path) -> None:
    """Add to the pack in the folder what its pictures show, what is held out, and the judge."""
    domains = packed_files(folder)[1]
    count, drawn = domains.count(PAINTING.name), domains.count(DOODLE.name)
    table = read_rendered(renders)
    shown = list(dict.fromkeys(zip(table.instances, table.labels, strict=True)))
    drawings = [label for label in ALL for _ in range(drawn // len(ALL))]
    pack_labels(folder, [label for _, label in shown[:count]], drawings)
    pack_held_out(folder, held_out, packs, judge, OBJECTS, DRAWINGS)


def run(settings: Settings) -> None:
    """Judge the prior as it is, then every try."""
    torch.set_float32_matmul_precision("high")
    settings.out.mkdir(parents=True, exist_ok=True)
    prior = open_prior(settings.pack, settings.device)
    table = open_pairs(settings.pack, prior)
    sampler = PairSampler(table, settings.device)
    held = open_held_out(settings.pack, settings.swaps, settings.every, settings.device)
    tries = [TRIES[int(number)] for number in settings.numbers.split(",") if number] or list(TRIES)
    if TRIES[0] in tries:
        _note(settings, {"try": "the shipped prior, packed", **judge_swaps(prior, held, Swap())})
        _note(settings, {"try": "the same, in 40 steps", **judge_swaps(prior, held, Swap(steps=40))})
    for number, one in enumerate(tries):
        seconds = max((settings.deadline - time.time()) / (len(tries) - number) - RESERVE, 5.0)
        begun = time.time()
        tuned, steps = tune(settings, one, sampler, table.styles, seconds)
        about = {"try": one.name, **asdict(one), "seconds": round(time.time() - begun), "steps": steps}
        _note(settings, about | judge_swaps(tuned, held, Swap()))


def tune(
    settings: Settings, one: Try, sampler: PairSampler, styles: Sequence[str], seconds: float
) -> tuple[Prior, int]:
    """The prior after the try, and how many steps that took."""
    torch.manual_seed(0)
    prior = open_prior(settings.pack, settings.device)
    assert isinstance(prior.adapter, ImageAdapter)
    stage = TryStage(prior, sampler, one, len(styles)).to(settings.device)
    plan = Stage("try", seconds, settings.steps, settings.batch, settings.lr, warmup=50, averaging=0.995, saves=1e9)
    state = settings.out / f"state-{TRIES.index(one)}"
    state.mkdir(exist_ok=True)
    (state / "try.pt").unlink(missing_ok=True)
    stage.load_state_dict(train_by_clock(stage, stage.loss, plan, state), strict=False)
    (state / "try.pt").unlink(missing_ok=True)
    return prior.eval().requires_grad_(False), stage.steps


class TryStage(nn.Module):
    """The prior's training with what a try changes."""

    def __init__(self, prior: Prior, sampler: PairSampler, one: Try, styles: int) -> None:
        super().__init__()
        assert isinstance(prior.adapter, ImageAdapter)
        self.adapter = prior.adapter
        for part in (prior.adapter.project, prior.adapter.mix):
            part.requires_grad_(True)
        prior.adapter.no_map.requires_grad_(one.unet)
        if one.unet:
            self.unet = prior.unet.requires_grad_(True)
        channels = prior.adapter.config.channels
        if one.reversed:
            self.critic = nn.Sequential(
                nn.Linear(channels * (2 + CELLS**2), 256),
                nn.GELU(),
                nn.Linear(256, 128),
                nn.GELU(),
                nn.Linear(128, styles),
            )
        self.steps = 0
        self._held = (prior, sampler, one)

    def loss(self, step: int, count: int) -> Tensor:
        """The loss of one step."""
        prior, sampler, one = self._held
        self.steps = step + 1
        pairs = sampler.batch(step, count)
        with torch.no_grad():
            latents = prior.latents.encode(pairs.target).float()
        t, noise = prior.training_steps(count, NOISIEST).to(latents.device), torch.randn_like(latents)
        signal = prior.signal(t)
        v = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        states, control = sampler.states[pairs.prompts], control_of(prior, pairs)
        error = prior.velocity(prior.noised(latents, noise, t), t, states, control).float() - v
        loss = error.square().mean()
        return loss + one.reversed * self._named(step) if one.reversed else loss

    def _named(self, step: int) -> Tensor:
        """The cross-entropy of the styles that are read from maps; the adapter gets its gradient reversed."""
        _, sampler, _ = self._held
        pictures, styles = sampler.styled_pictures(step + 500_000, STYLED)
        seen = pooled(self.adapter.map(self.adapter.resize(pictures)))
        return F.cross_entropy(self.critic(turned(seen)).float(), styles)


def turned(x: Tensor) -> Tensor:
    """The same, whose gradient is turned round."""
    return 2 * x.detach() - x


def pooled(maps: Tensor) -> Tensor:
    """Mean, spread and coarse cells of maps (B, C, h, w).   -> (B, (2 + CELLS^2) C)"""
    cells = F.adaptive_avg_pool2d(maps, CELLS).flatten(1)
    return torch.cat([maps.mean((2, 3)), maps.std((2, 3)), cells], 1)


def _note(settings: Settings, line: Mapping[str, Any]) -> None:
    """A line of the results, which is shown, too."""
    text = json.dumps(line)
    with (settings.out / "tries.jsonl").open("a", encoding="utf-8") as log:
        log.write(text + "\n")
    print(text, flush=True)  # noqa: T201
