"""Stable Diffusion's parts in the shape of ours, so that a full-size prior is the same class as the small one.

Rombach et al. (2022), as released: a U-Net and an auto-encoder that diffusers builds from their config.json, and
OpenAI's CLIP text tower, whose weights are renamed to those of our reader. No other library is needed to read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn


@dataclass(frozen=True)
class FullSize:
    """The contents of three files of a released Stable Diffusion, without the keys that begin with "_"."""

    unet: Mapping[str, Any]  # unet/config.json
    vae: Mapping[str, Any]  # vae/config.json
    schedule: Mapping[str, Any]  # scheduler/scheduler_config.json


class KLLatents(nn.Module):
    """Pictures (B, 3, H, W) in [-1, 1] <-> latents (B, C, H / 8, W / 8), by a trained auto-encoder."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.vae = AutoencoderKL(**config)

    def encode(self, pictures: Tensor) -> Tensor:
        """The mean of what the encoder allows, scaled to about unit variance."""
        latents: Tensor = self.vae.encode(pictures).latent_dist.mode() * self.vae.config.scaling_factor
        return latents

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, 8 h, 8 w), in [-1, 1]"""
        pictures: Tensor = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return pictures.clamp(-1, 1)


def widened(unet: Mapping[str, Tensor], ours: Tensor) -> dict[str, Tensor]:
    """A released U-Net's weights whose first convolution reads, after what it was made for, controls: `ours` (F, M, 3,
    3).
    """
    return {**unet, "conv_in.weight": torch.cat([unet["conv_in.weight"], ours.to(unet["conv_in.weight"].dtype)], dim=1)}


def reader_weights(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a released CLIP text tower under the names of our reader's. Weights that are ours already stay.

    The release keeps queries, keys and values apart, which are one matrix here.
    """
    theirs_by_name = {name.removeprefix("text_model."): value for name, value in released.items()}
    if "token_embedding.weight" in theirs_by_name:
        return theirs_by_name
    weights = {
        "token_embedding.weight": theirs_by_name["embeddings.token_embedding.weight"],
        "positional_embedding": theirs_by_name["embeddings.position_embedding.weight"],
    }
    for kind in ("weight", "bias"):
        weights[f"ln_final.{kind}"] = theirs_by_name[f"final_layer_norm.{kind}"]
    return weights | _layers(theirs_by_name)


def tower_weights(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a released CLIP picture tower with its projection under open_clip's names, if they have others."""
    if "conv1.weight" in released:
        return dict(released)
    theirs = {name.removeprefix("vision_model."): value for name, value in released.items()}
    weights = {
        "class_embedding": theirs["embeddings.class_embedding"].flatten(),
        "conv1.weight": theirs["embeddings.patch_embedding.weight"],
        "positional_embedding": theirs["embeddings.position_embedding.weight"],
        "proj": theirs["visual_projection.weight"].T.contiguous(),
    }
    for kind in ("weight", "bias"):
        weights[f"ln_pre.{kind}"] = theirs[f"pre_layrnorm.{kind}"]
        weights[f"ln_post.{kind}"] = theirs[f"post_layernorm.{kind}"]
    return weights | _layers(theirs)


def _layers(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The layers of a released CLIP transformer under open_clip's names."""
    weights = {}
    for layer in range(sum(name.endswith("layer_norm1.weight") for name in released)):
        theirs, ours = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            apart = [released[f"{theirs}.self_attn.{name}_proj.{kind}"] for name in "qkv"]
            weights[f"{ours}.attn.in_proj_{kind}"] = torch.cat(apart)
            weights[f"{ours}.attn.out_proj.{kind}"] = released[f"{theirs}.self_attn.out_proj.{kind}"]
            for our_name, their_name in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2")):
                weights[f"{ours}.{our_name}.{kind}"] = released[f"{theirs}.{their_name}.{kind}"]
            for our_name, their_name in (("c_fc", "fc1"), ("c_proj", "fc2")):
                weights[f"{ours}.mlp.{our_name}.{kind}"] = released[f"{theirs}.mlp.{their_name}.{kind}"]
    return weights
