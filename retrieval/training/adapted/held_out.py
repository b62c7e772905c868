"""Objects that nothing was trained on, as they travel to a GPU: swaps of them are drawn there, and judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from retrieval.artifacts.judge import Judge, JudgeConfig, load_judge
from retrieval.artifacts.manifest import MANIFEST
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.image_adapter import AdapterConfig, ImageAdapter, Trunk
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import ANY_THING, THING_AT, prompt
from retrieval.diffusion.samplers import Sampler, controlled, denoise, noise
from retrieval.disentangle.generator import LINES, as_images
from retrieval.disentangle.where import knows_colors
from retrieval.evaluation.easel import as_drawn
from retrieval.evaluation.generation_quality import agreement
from retrieval.evaluation.probes import Codes, numbered, right, two_layers
from retrieval.schema import fill
from retrieval.training.adapted.pairs import as_floats
from retrieval.training.adapted.table import decode_picture, encode_picture, map_threads
from retrieval.training.recipes.parts.unlabelled import first_objects
from retrieval.training.unlabelled.fewer_bits import from_few_bits, in_few_bits
from retrieval.training.unlabelled.packing import open_trunk, packed_files
from retrieval.types import DOODLE
from retrieval.world.split import ALL

PICTURES, JUDGE, CONFIG = "held-out.npz", "judge.npz", "judge.json"
QUALITY, JUDGE_BITS = 80, 8
DRAWN = 192  # swaps at once
CELLS = 4  # on a side, of a map that a probe reads


@dataclass(frozen=True)
class Swap:
    """How swaps are drawn."""

    steps: int = 10
    by_text: float = 3.0
    by_map: float = 1.5


@dataclass(frozen=True)
class HeldOut:
    """Pictures, who judges, and which of them is drawn in which style."""

    table: PictureTable  # renders of objects, then people's doodles
    pictures: Tensor  # (N, 3, S, S) in [-1, 1]
    known: Tensor  # (N,): whether their colours say something
    known_pictures: Tensor  # (M, 3, S, S) 8-bit, of objects that were trained on
    known_styles: tuple[str, ...]
    judge: Judge
    rows: tuple[int, ...]  # of each swap
    styles: tuple[str, ...]


def pack_held_out(folder: Path, renders: Path, packs: Path, judge: Path, objects: int, drawings: int) -> None:
    """Write the first objects of each class, some people's drawings of each, and the judge without its trunk."""
    world = first_objects(read_rendered(renders, unfinished=True), objects)
    drawn = quickdraw(packs / "quickdraw345", ALL, "val")
    first = [row for label in ALL for row in drawn.rows_by("labels")[label][:drawings]]
    doodles = drawn.select(first).with_columns(domains=DOODLE.name)
    pixels = [pixels for part in (world, doodles) for pixels in part.pixels(size=128)]
    blobs = map_threads(lambda shown: encode_picture(Image.fromarray(shown), QUALITY), pixels)
    names: dict[str, Any] = {
        name: np.array([*getattr(world, name), *getattr(doodles, name)]) for name in ("labels", "domains")
    }
    names["instances"] = np.array([*world.instances, *(f"doodle-{row}" for row in range(len(doodles)))])
    ends = np.cumsum([len(blob) for blob in blobs])
    np.savez(folder / PICTURES, blob=np.frombuffer(b"".join(blobs), np.uint8), ends=ends, **names)
    loaded = load_judge(judge)
    arrays: dict[str, Any] = {**in_few_bits(loaded.heads.state_dict(), JUDGE_BITS)}
    np.savez_compressed(folder / JUDGE, **arrays)
    config = json.loads((judge / MANIFEST).read_text(encoding="utf-8"))["config"]
    (folder / CONFIG).write_text(json.dumps(config), encoding="utf-8")


def open_held_out(folder: Path, swaps: int, every: int, device: str) -> HeldOut:
    """What was packed, and a plan: each object so many times, each drawing once, in styles drawn by chance."""
    with np.load(folder / PICTURES, allow_pickle=False) as kept:
        blob, ends = kept["blob"].tobytes(), kept["ends"].tolist()
        labels, domains, instances = (kept[name].tolist() for name in ("labels", "domains", "instances"))
    files = [blob[first:last] for first, last in zip([0, *ends[:-1]], ends, strict=True)]
    shown = [decode_picture(file, 128) for file in files]
    table = PictureTable([ArrayPicture(one) for one in shown], domains, labels=labels, instances=instances)
    pictures = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float() / 127.5 - 1
    known = [knows_colors(*pair) for pair in zip(as_images(pictures), domains, strict=True)]
    rows, styles = plan(domains, instances, swaps)
    seen, names = packed_files(folder)
    renders = [row for row, name in enumerate(names) if name != DOODLE.name]
    trained = np.stack([decode_picture(seen[row], 128) for row in renders])
    return HeldOut(
        table,
        pictures.to(device),
        torch.tensor(known, device=device),
        torch.from_numpy(trained).permute(0, 3, 1, 2),
        tuple(names[row] for row in renders),
        _open_judge(folder).to(device),
        rows[::every],
        styles[::every],
    )


def plan(domains: list[str], instances: list[str], swaps: int) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Which picture is drawn in which other style: each object in `swaps` of them, each doodle in one."""
    rng = np.random.default_rng(0)
    wheel = sorted({*domains} - {DOODLE.name})
    rows, styles = [], []
    for one in dict.fromkeys(instances):
        own = [row for row, name in enumerate(instances) if name == one]
        for _ in range(swaps if domains[own[0]] != DOODLE.name else 1):
            row = int(rng.choice(own))
            rows.append(row)
            others = [style for style in wheel if as_drawn(style) != as_drawn(domains[row])]
            styles.append(str(rng.choice([s for s in others if s not in LINES or domains[row] not in LINES])))
    return tuple(rows), tuple(styles)


def _open_judge(folder: Path) -> Judge:
    config: JudgeConfig = fill(JudgeConfig, json.loads((folder / CONFIG).read_text(encoding="utf-8")), folder / CONFIG)
    trunk = Trunk(AdapterConfig(config.trunk, blocks=config.blocks))
    whole = open_trunk(folder, config.trunk).state_dict()
    trunk.load_state_dict({name: whole[name] for name in trunk.state_dict()})
    judge = Judge(config, trunk)
    with np.load(folder / JUDGE, allow_pickle=False) as kept:
        judge.heads.load_state_dict(from_few_bits(dict(kept)))
    return judge.eval().requires_grad_(False)


@torch.no_grad()
def judge_swaps(prior: Prior, held: HeldOut, swap: Swap) -> dict[str, Any]:
    """Shares of swaps that are read as their class and style, of objects and of doodles; what maps leak."""
    assert isinstance(prior.adapter, ImageAdapter)
    parts = [_drawn(prior, held, rows, swap) for rows in torch.arange(len(held.rows)).split(DRAWN)]
    read_as, styled = zip(*(_named(held.judge, part) for part in parts), strict=True)
    classes, styles = [name for part in read_as for name in part], [name for part in styled for name in part]
    own = [held.table.domains[row] for row in held.rows]
    right = agreement(classes, [held.table.labels[row] for row in held.rows])
    asked = [as_drawn(style) for style in held.styles]
    in_style, kept = agreement(styles, asked), agreement(styles, [as_drawn(style) for style in own])
    doodle = np.array([style == DOODLE.name for style in own])
    each = {
        style: round(float(in_style[~doodle & (np.array(held.styles) == style)].mean()), 3) for style in {*held.styles}
    }
    shares = {"class": right[~doodle], "style": in_style[~doodle], "kept": kept[~doodle]}
    shares |= {"doodles, class": right[doodle], "doodles, style": in_style[doodle]}
    rounded = {name: round(float(values.mean()), 3) for name, values in shares.items()}
    return {**rounded, "styles": each, "swaps": int((~doodle).sum()), **_leak(prior, held)}


def _drawn(prior: Prior, held: HeldOut, rows: Tensor, swap: Swap) -> Tensor:
    """Swaps of these numbers, from the map and the word for the style.   -> (B, 3, H, W) in [-1, 1]"""
    at = [held.rows[row] for row in rows.tolist()]
    control = prior.control(held.pictures[at], held.known[at])
    assert control is not None
    thing = prior.reader.word(ANY_THING).expand(len(at), -1)
    states = prior.reader([prompt(held.styles[row]) for row in rows.tolist()], {THING_AT: thing})
    velocity = controlled(prior, states, control, swap.by_text, swap.by_map)
    start = noise(prior, 7 + int(rows[0]), len(at), locked=False)
    *_, last = denoise(prior, velocity, start, Sampler(swap.steps, swap.by_text))
    return last.float()


def _named(judge: Judge, pictures: Tensor) -> tuple[list[str], list[str]]:
    classes, styles = judge.scores(pictures.clamp(-1, 1))
    return (
        [judge.config.classes[place] for place in classes.argmax(1).tolist()],
        [as_drawn(judge.config.styles[place]) for place in styles.argmax(1).tolist()],
    )


def _leak(prior: Prior, held: HeldOut) -> dict[str, float]:
    """How often a probe, taught on maps of training objects, reads the style of held-out ones: from mean and spread of
    every channel, and from these and coarse cells.
    """
    own = [row for row, style in enumerate(held.table.domains) if style != DOODLE.name]
    places, count = numbered([*held.known_styles, *(held.table.domains[row] for row in own)])
    trained = _pooled(prior, held.known_pictures)
    asked = _pooled(prior, ((held.pictures[own] + 1) * 127.5).round().byte())
    shares = {}
    for name, of_train, of_asked in zip(("pooled", "cells"), trained, asked, strict=True):
        with torch.enable_grad():
            scores = two_layers(of_train, places[: len(of_train)], of_asked, count)
        shares[f"style read from the map, {name}"] = round(float(right(scores, places[len(of_train) :]).mean()), 3)
    return shares


def _pooled(prior: Prior, pictures: Tensor) -> tuple[Codes, Codes]:
    """Mean and spread of the maps of pictures (N, 3, S, S), 8-bit; and these with coarse cells."""
    adapter = prior.adapter
    assert isinstance(adapter, ImageAdapter)
    device = adapter.no_map.device
    parts = [adapter.map(adapter.resize(as_floats(part.to(device)))) for part in pictures.split(128)]
    spread = torch.cat([torch.cat([maps.mean((2, 3)), maps.std((2, 3))], 1) for maps in parts])
    cells = torch.cat([F.adaptive_avg_pool2d(maps, CELLS).flatten(1) for maps in parts])
    return spread.float().cpu().numpy(), torch.cat([spread, cells], 1).float().cpu().numpy()
