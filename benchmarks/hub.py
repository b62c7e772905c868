"""Rehearsals with a Hub on 127.0.0.1 and the real client -> results/hub.json.

python -m benchmarks.hub embedded     the shipped bundles: published; a clone without them searches and draws, and
                                      once more when the Hub is gone
python -m benchmarks.hub full         bundles on real architectures at random weights: memory and time to open; or one
                                      of them: vit, siglip, stable
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

from benchmarks import ROOT
from retrieval.artifacts.checksummed import halved, seal
from retrieval.artifacts.manifest import PUBLISHED, WEIGHTS, Elsewhere, Manifest, reference_to, write_payload
from retrieval.artifacts.prior import ADAPTER, FORMAT, INPUT, READER, TRUNK, UNET, VAE, PriorManifest
from retrieval.diffusion.image_adapter import AdapterConfig, ImageAdapter
from retrieval.diffusion.latents import FACTOR
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.diffusion.stable import FullSize
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.report import write_results
from retrieval.images import Preprocess
from retrieval.methods.foundation import Config, Foundation
from tests.loopback_hub import TOKEN, LoopbackHub, serving

RESULTS = ROOT / "benchmarks" / "results" / "hub.json"
Make = Callable[[LoopbackHub, Path], tuple[str, str]]  # publishes such a bundle: what it is, and its address
OWNER, LAB = "someone", "lab"
MEASURE = """
import json, resource, sys, time
begun = time.perf_counter()
def done(**more):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": time.perf_counter() - begun, "MB": peak} | more))
"""
CLONE = f"""{MEASURE}
from retrieval.engine import Engine, Settings
from retrieval.disentangle.panel_values import Original
from retrieval.images import open_image
from retrieval.types import TextQuery
engine = Engine(Settings())
engine.warm()
hits = engine.search(TextQuery("a red apple"), k=3).hits
searched = time.perf_counter() - begun
item = hits[0].item
cards = list(engine.disentangler.wait().card(Original(open_image(item.path), item.domain.name, item.label)))
done(hits=[hit.item.id for hit in hits], searched=searched, cards=len(cards))
"""
OPEN_BUNDLE = f"""{MEASURE}
from retrieval.artifacts.hub import at_hand
folder = at_hand(sys.argv[1])
before = time.process_time()
from retrieval.artifacts.parts import open_part
opened = open_part(folder)
modules = [opened.method] if hasattr(opened, "method") else [opened.prior]
done(processor=time.process_time() - before, parameters=sum(p.numel() for m in modules for p in m.parameters()))
"""
STABLE = FullSize(  # the architecture of Stable Diffusion 1.5 and of what is distilled from it
    unet={
        "sample_size": 64,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": [320, 640, 1280, 1280],
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        "layers_per_block": 2,
        "attention_head_dim": 8,
        "cross_attention_dim": 768,
    },
    vae={
        "block_out_channels": [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        "layers_per_block": 2,
        "latent_channels": 4,
        "scaling_factor": 0.18215,
    },
    schedule={
        "num_train_timesteps": 1000,
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "beta_schedule": "scaled_linear",
        "prediction_type": "epsilon",
        "clip_sample": False,
    },
)
CLIP_L = ReaderConfig(width=768, layers=12, heads=12, context_length=77, positions=77, quick=True)


def main() -> None:
    """Rehearse, print, and write what was measured beside what the other rehearsals measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rehearsals", nargs="+", choices=("embedded", *FULL_SIZE, "full"))
    chosen = parser.parse_args().rehearsals
    for name in ("embedded", *FULL_SIZE):
        if name in chosen or (name in FULL_SIZE and "full" in chosen):
            with tempfile.TemporaryDirectory() as folder:
                home = Path(folder) / name
                note(embedded(home) if name == "embedded" else full_size(FULL_SIZE[name], home))


def note(measured: list[Measurement]) -> None:
    """Print the rows, and write them in place of those about the same."""
    rows = [row.as_row() for row in measured]
    about = [_about(row) for row in rows]
    earlier = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.is_file() else []
    write_results(RESULTS, [row for row in earlier if _about(row) not in about] + rows)
    for row in rows:
        sys.stdout.write(f"{' · '.join(filter(None, _about(row)))}: {row['value']:g} {row['unit']}\n")
    sys.stdout.flush()


def _about(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["measure"], row.get("code", ""), row.get("control", "")


# ---------------------------------------------------------------- the shipped bundles


def embedded(home: Path) -> list[Measurement]:
    """A clone with checkpoints publishes them; one without starts from there, and again from its cache."""
    clones = {name: home / name for name in ("full", "bare")}
    for clone in clones.values():
        shutil.copytree(ROOT / "retrieval", clone / "retrieval", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(ROOT / "assets" / "gallery", clone / "assets" / "gallery")
    shutil.copytree(ROOT / "checkpoints", clones["full"] / "checkpoints")
    (clones["bare"] / "checkpoints").mkdir()
    with serving() as hub:
        run(clones["full"], hub, "-m", "retrieval", "bundle", "push", "--all", OWNER, HF_TOKEN=TOKEN)
        shutil.copy(clones["full"] / "checkpoints" / "hub.json", clones["bare"] / "checkpoints")
        hub.requests.clear()
        first = answer(run(clones["bare"], hub, "-c", CLONE))
        pulled = sum(path.stat().st_size for path in (clones["bare"] / "cache" / "guise").rglob("*") if path.is_file())
        asked = len(hub.requests)
        hub.gone = True
        again = answer(run(clones["bare"], hub, "-c", CLONE))
    if len(hub.requests) != asked or again["hits"] != first["hits"]:
        raise SystemExit("The second start asked the network, or found something else.")
    how = "a clone without checkpoints, from a Hub on 127.0.0.1; two cores, other work beside it"
    return [
        Measurement("pulled to search and draw", round(pulled / 1e6, 1), how, unit="MB"),
        Measurement("start to first hits", round(first["searched"], 1), how, control="pulling", unit="s"),
        Measurement("start to first hits", round(again["searched"], 1), how, control="the Hub gone", unit="s"),
    ]


# ---------------------------------------------------------------- real architectures


def full_size(make: Make, home: Path) -> list[Measurement]:
    """What it takes to open such a bundle of ours, which stands on a repository of others."""
    home.mkdir()
    with serving() as hub:
        title, address = make(hub, home)
        run(ROOT, hub, "-c", OPEN_BUNDLE, address, cache=home / "cache")
        hub.gone = True
        opened = answer(run(ROOT, hub, "-c", OPEN_BUNDLE, address, cache=home / "cache"))
    how = "random weights in half precision, on a CPU, from the cache; libraries, checksums and all"
    return [
        Measurement("parameters", round(opened["parameters"] / 1e6, 1), how, title, unit="million"),
        Measurement("processor time of opening", round(opened["processor"], 1), how, title, unit="s"),
        Measurement("peak memory of opening", round(opened["MB"]), how, title, unit="MB"),
    ]


def on_vit(hub: LoopbackHub, home: Path) -> tuple[str, str]:
    """The foundation on open_clip's ViT-B-16."""
    return _foundation(hub, home, "ViT-B-16", 512)


def on_siglip(hub: LoopbackHub, home: Path) -> tuple[str, str]:
    """The foundation on open_clip's SigLIP2."""
    return _foundation(hub, home, "ViT-B-16-SigLIP2", 768)


def _foundation(hub: LoopbackHub, home: Path, name: str, dim: int) -> tuple[str, str]:
    """The picture tower is published as open_clip names it, inside its whole model."""
    released = open_clip.create_model(name, pretrained=None, force_custom_text=False).state_dict()
    there = _publish(hub, home, f"{LAB}/{name}", {"open_clip_model.safetensors": halved(released)})
    method = Foundation(Config(dim=dim, trunk=name), Preprocess(224))
    own = {n: weight for n, weight in method.state_dict().items() if not n.startswith("tower.trunk.")}
    text = reference_to(ROOT / "checkpoints" / "text-minilm")
    manifest = Manifest(
        f"on-{name}", "foundation", dataclasses.asdict(method.config), method.preprocess, (), (), dim, {},
        refers_to={"text": text}, elsewhere={PUBLISHED: there["open_clip_model.safetensors"][0]},
    )  # fmt: skip
    digests = {PUBLISHED: there["open_clip_model.safetensors"][1]}
    return f"foundation on {name}", _seal(hub, home, dataclasses.asdict(manifest), {WEIGHTS: halved(own)}, digests)


def on_stable(hub: LoopbackHub, home: Path) -> tuple[str, str]:
    """A prior of four steps on Stable Diffusion, with our image adapter."""
    config = PriorConfig(size=512, reader=CLIP_L, adapter=AdapterConfig(), full=STABLE)
    with torch.device("meta"):
        parts = Prior(dataclasses.replace(config, adapter=None))
    whole = {UNET: parts.unet.state_dict(), VAE: parts.latents.vae.state_dict(), READER: parts.reader.state_dict()}
    there = _publish(hub, home, f"{LAB}/stable", {path: _random(shapes) for path, shapes in whole.items()})
    adapter = ImageAdapter(AdapterConfig(), config.size // FACTOR, None)
    manifest = PriorManifest(
        FORMAT, "on-stable", config, (), (), (), 4, 1.0, {},
        refers_to={TRUNK: reference_to(ROOT / "checkpoints" / "trunk-lite0")},
        elsewhere={path: where for path, (where, _) in there.items()},
    )  # fmt: skip
    digests = {path: digest for path, (_, digest) in there.items()}
    reads = torch.zeros(320, adapter.config.control_channels, 3, 3)
    own = {ADAPTER: halved(adapter.learned() | {INPUT: reads})}
    return "prior on Stable Diffusion 1.5", _seal(hub, home, dataclasses.asdict(manifest), own, digests)


def _random(shapes: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name: torch.randn(empty.shape, dtype=torch.float16) * 0.02 if empty.is_floating_point() else torch.zeros(
            empty.shape, dtype=empty.dtype
        )
        for name, empty in shapes.items()
    }  # fmt: skip


def _publish(
    hub: LoopbackHub, home: Path, repository: str, files: Mapping[str, Mapping[str, torch.Tensor]]
) -> dict[str, tuple[Elsewhere, str]]:
    """A commit of others with these weights, served from the disk: path -> where, and its SHA-256."""
    contents, digests = {}, {}
    for path, weights in files.items():
        file = home / "there" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(dict(weights), file)
        with file.open("rb") as opened:
            contents[path] = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            digests[path] = hashlib.file_digest(opened, "sha256").hexdigest()
    commit = hub.publish(repository, contents)  # type: ignore[arg-type]
    return {path: (Elsewhere(repository, commit, path), digest) for path, digest in digests.items()}


def _seal(hub: LoopbackHub, home: Path, payload: Mapping[str, Any], own: Any, digests: Mapping[str, str]) -> str:
    """Our part, sealed and published; its address."""
    folder = home / payload["name"]
    complete = seal(folder, {key: value for key, value in payload.items() if key != "files"}, own)
    write_payload(folder, complete | {"files": complete["files"] | dict(digests)})
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    return f"hf:{OWNER}/{folder.name}@{hub.publish(f'{OWNER}/{folder.name}', files)}"


FULL_SIZE: dict[str, Make] = {"vit": on_vit, "siglip": on_siglip, "stable": on_stable}


def run(home: Path, hub: LoopbackHub, *arguments: str, cache: Path | None = None, **environment: str) -> str:
    """What a program prints that runs in the clone and knows this Hub."""
    settings = {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(cache or home / "cache"),
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "GUISE_HUB_OWNERS": OWNER,
        "PYTHONPATH": str(home),
    }
    environment = os.environ | settings | environment
    done = subprocess.run([sys.executable, *arguments], cwd=home, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout


def answer(printed: str) -> dict[str, Any]:
    """The JSON of the last line."""
    last: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return last


if __name__ == "__main__":
    main()
