"""Stable Diffusion with an IP-Adapter as it is released, a few channels wide, at random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

from retrieval.artifacts.prior import ENCODER, IP_ADAPTER, READER
from retrieval.diffusion.clip_reader import Reader
from retrieval.diffusion.ip_adapter import IPAdapter, IPAdapterConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.diffusion.stable import FullSize

FULL = FullSize(  # the architecture of Stable Diffusion 1.5, a few channels wide
    unet={
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": [32, 64, 64, 64],
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
        "layers_per_block": 2,
        "attention_head_dim": 8,
        "cross_attention_dim": 32,
    },
    vae={
        "block_out_channels": [32, 32, 32, 32],
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
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
RELEASED = ReaderConfig(width=32, layers=2, heads=4, context_length=77, positions=77, quick=True)


ENCODES = IPAdapterConfig(size=32, patch=8, width=32, layers=2, heads=2, inner=64, dim=24)


def as_released(reader: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A reader's weights under the names that OpenAI's tower has on the Hub."""
    found = {
        "text_model.embeddings.token_embedding.weight": reader["token_embedding.weight"],
        "text_model.embeddings.position_embedding.weight": reader["positional_embedding"],
    }
    for kind in ("weight", "bias"):
        found[f"text_model.final_layer_norm.{kind}"] = reader[f"ln_final.{kind}"]
    return found | _layers_as_released(reader)


def _layers_as_released(tower: Mapping[str, Tensor]) -> dict[str, Tensor]:
    found = {}
    for kind in ("weight", "bias"):
        for layer in range(2):
            ours, theirs = f"transformer.resblocks.{layer}", f"text_model.encoder.layers.{layer}"
            q, k, v = tower[f"{ours}.attn.in_proj_{kind}"].chunk(3)
            for name, part in (("q", q), ("k", k), ("v", v)):
                found[f"{theirs}.self_attn.{name}_proj.{kind}"] = part.contiguous()
            found[f"{theirs}.self_attn.out_proj.{kind}"] = tower[f"{ours}.attn.out_proj.{kind}"]
            found[f"{theirs}.layer_norm1.{kind}"] = tower[f"{ours}.ln_1.{kind}"]
            found[f"{theirs}.layer_norm2.{kind}"] = tower[f"{ours}.ln_2.{kind}"]
            found[f"{theirs}.mlp.fc1.{kind}"] = tower[f"{ours}.mlp.c_fc.{kind}"]
            found[f"{theirs}.mlp.fc2.{kind}"] = tower[f"{ours}.mlp.c_proj.{kind}"]
    return found


def tower_as_released(tower: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A picture tower's weights under the names that CLIP's has on the Hub."""
    found = {
        "vision_model.embeddings.class_embedding": tower["class_embedding"],
        "vision_model.embeddings.patch_embedding.weight": tower["conv1.weight"],
        "vision_model.embeddings.position_embedding.weight": tower["positional_embedding"],
        "visual_projection.weight": tower["proj"].T.contiguous(),
    }
    layers = {name: t for name, t in tower.items() if name.startswith("transformer.")}
    for kind in ("weight", "bias"):
        found[f"vision_model.pre_layrnorm.{kind}"] = tower[f"ln_pre.{kind}"]
        found[f"vision_model.post_layernorm.{kind}"] = tower[f"ln_post.{kind}"]
    return found | {name.replace("text_model.", "vision_model."): t for name, t in _layers_as_released(layers).items()}


def ip_weights(unet: UNet2DConditionModel, dim: int) -> dict[str, Tensor]:
    """An IP-Adapter for that U-Net at random weights, under the names of a release."""
    torch.manual_seed(5)
    words = int(unet.config.cross_attention_dim)
    weights = {
        "image_proj.proj.weight": torch.randn(4 * words, dim),
        "image_proj.proj.bias": torch.zeros(4 * words),
        "image_proj.norm.weight": torch.ones(words),
        "image_proj.norm.bias": torch.zeros(words),
    }
    number = 1
    for name in unet.attn_processors:
        if name.endswith("attn2.processor"):
            attention = unet.get_submodule(name.removesuffix(".processor"))
            for kind in "kv":
                weights[f"ip_adapter.{number}.to_{kind}_ip.weight"] = torch.randn(attention.inner_dim, words) * 0.5
            number += 2
    return weights


def write_released(folder: Path) -> Path:
    """The folder in diffusers' layout, configs and all."""
    torch.manual_seed(0)
    unet = UNet2DConditionModel(**FULL.unet)
    unet.save_pretrained(folder / "unet")
    AutoencoderKL(**FULL.vae).save_pretrained(folder / "vae")
    DDPMScheduler.from_config(dict(FULL.schedule)).save_pretrained(folder / "scheduler")
    reader, adapter = Reader(RELEASED), IPAdapter(ENCODES)
    configs = {
        READER: {
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 77,
            "vocab_size": 49408, "hidden_act": "quick_gelu",
        },
        ENCODER: {
            "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
            "image_size": 32, "patch_size": 8, "projection_dim": 24, "hidden_act": "gelu",
        },
    }  # fmt: skip
    weights = {
        READER: as_released(reader.state_dict()),
        ENCODER: tower_as_released(adapter.tower.state_dict()),
        IP_ADAPTER: ip_weights(unet, ENCODES.dim),
    }
    for path, tensors in weights.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        save_file({name: t.contiguous() for name, t in tensors.items()}, folder / path)
    for path, config in configs.items():
        (folder / path).with_name("config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder
