"""A released Stable Diffusion with an IP-Adapter, full size at random weights in a local folder: memory and time of one
picture -> results/hub.json.

python -m benchmarks.adopted      needs 4 GB of disk and 12 GB of memory
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks import ROOT
from benchmarks.hub import CLIP_L, MEASURE, STABLE, note
from retrieval.artifacts.adopted import adopt
from retrieval.artifacts.prior import ENCODER, IP_ADAPTER, READER, UNET, VAE
from retrieval.diffusion.ip_adapter import IPAdapterConfig
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.evaluation.measurement import Measurement

TITLE = "Stable Diffusion 1.5 with IP-Adapter, a local folder"
STEPS = 4
DRAW = f"""{MEASURE}
from pathlib import Path
import torch
from retrieval.artifacts.prior import load_prior
from retrieval.diffusion.prompts import prompt
from retrieval.diffusion.samplers import Sampler, denoise, noise, plain
prior = load_prior(Path(sys.argv[1])).prior
opened = time.perf_counter()
with torch.inference_mode():
    control = prior.control(torch.rand(1, 3, 512, 512) * 2 - 1)
    states = prior.reader([prompt("photo", "duck")])
    for picture in denoise(prior, plain(prior, states, control), noise(prior, 0), Sampler({STEPS}, 1.0, student=True)):
        pass
parameters = sum(p.numel() for p in prior.parameters())
done(opening=opened - begun, drawing=time.perf_counter() - opened, parameters=parameters, size=picture.shape[-1])
"""


def main() -> None:
    """Write the folder, draw one picture with it in a process of its own, and note what that took."""
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "stable"
        write(folder)
        adopt(folder, ["photo"], steps=STEPS)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", DRAW, str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    taken = json.loads(done.stdout.splitlines()[-1])
    how = f"random weights, on two busy cores in single precision: {STEPS} steps at {taken['size']} px without guidance"
    note(
        [
            Measurement("parameters", round(taken["parameters"] / 1e6, 1), how, TITLE, unit="million"),
            Measurement("opening", round(taken["opening"], 1), how, TITLE, unit="s"),
            Measurement("drawing a picture", round(taken["drawing"], 1), how, TITLE, unit="s"),
            Measurement("peak memory of drawing", round(taken["MB"]), how, TITLE, unit="MB"),
        ]
    )


def write(folder: Path) -> None:
    """The folder in diffusers' layout, in half precision."""
    config = PriorConfig(size=512, reader=CLIP_L, adapter=IPAdapterConfig(), full=STABLE)
    with torch.device("meta"):
        parts = Prior(config)
    tower: Any = getattr(parts.adapter, "tower")  # noqa: B009
    weights: dict[str, Mapping[str, Tensor]] = {
        UNET: parts.unet.state_dict(),
        VAE: parts.latents.vae.state_dict(),
        READER: parts.reader.state_dict(),
        ENCODER: tower.state_dict(),
        IP_ADAPTER: _ip_shapes(parts),
    }
    for path, shapes in weights.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        drawn = {n: (0.02 * torch.randn(t.shape)).half() for n, t in shapes.items() if t.is_floating_point()}
        save_file(drawn, folder / path)
    text = dataclasses.asdict(CLIP_L)
    configs = {
        UNET: STABLE.unet,
        VAE: STABLE.vae,
        READER: {
            "hidden_size": text["width"], "num_hidden_layers": text["layers"], "num_attention_heads": text["heads"],
            "max_position_embeddings": text["positions"], "vocab_size": text["vocabulary_size"],
            "hidden_act": "quick_gelu",
        },
        ENCODER: {
            "hidden_size": 1280, "num_hidden_layers": 32, "num_attention_heads": 16, "intermediate_size": 5120,
            "image_size": 224, "patch_size": 14, "projection_dim": 1024, "hidden_act": "gelu",
        },
    }  # fmt: skip
    for path, entries in configs.items():
        (folder / path).with_name("config.json").write_text(json.dumps(dict(entries)), encoding="utf-8")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(dict(STABLE.schedule)), encoding="utf-8")


def _ip_shapes(prior: Prior) -> dict[str, Tensor]:
    """An IP-Adapter of four words for this U-Net, on no device."""
    words = int(STABLE.unet["cross_attention_dim"])
    shapes = {"image_proj.proj.weight": (4 * words, IPAdapterConfig.dim), "image_proj.proj.bias": (4 * words,)}
    shapes |= {"image_proj.norm.weight": (words,), "image_proj.norm.bias": (words,)}
    for number, name in enumerate(prior.unet.attn_processors):
        if name.endswith("attn2.processor"):
            inner = prior.unet.get_submodule(name.removesuffix(".processor")).inner_dim
            shapes |= {f"ip_adapter.{number}.to_{kind}_ip.weight": (inner, words) for kind in "kv"}
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


if __name__ == "__main__":
    main()
