"""A text-to-image prior: a latent diffusion model whose parts are those of diffusers.

Rombach et al., "High-Resolution Image Synthesis with Latent Diffusion Models" (2022), small: a little auto-encoder,
a U-Net of ten million parameters, and the frozen text tower of our dual encoder. It predicts
velocities (Salimans and Ho, "Progressive Distillation", 2022), at noise steps that are mostly in the middle and above
(Esser et al., "Scaling Rectified Flow Transformers", 2024), where it is decided what stands in a picture.

    paper symbol -> attribute
    x_t          noised(x, eps, t)
    alpha_bar_t  signal(t)                 on a cosine schedule that ends in pure noise
    v            sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x
    C            states of the prompt (B, L, W), from `reader`

    (1)  L = mean_i  ||v - v_hat(x_t, t, C)||^2,   t = T sigmoid(0.5 + n),  n ~ N(0, 1)
    (2)  ||eps - eps_hat||^2 = alpha_bar_t ||v - v_hat||^2
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor, nn

from retrieval.diffusion.latents import FACTOR, PatchAutoencoder
from retrieval.diffusion.prompts import Reader, ReaderConfig
from retrieval.diffusion.stable import FullSize, KLLatents

MIDDLE = 0.5  # of the noise steps that are trained, before the sigmoid


@dataclass(frozen=True)
class PriorConfig:
    """Sizes that two cores can train."""

    size: int = 64  # pixels on a side
    channels: int = 16  # of the latents, an eighth of the size
    widths: tuple[int, ...] = (96, 192)  # channels of the U-Net at each resolution, from the finest
    heads: int = 4
    noise_steps: int = 1000  # T
    reader: ReaderConfig = field(default_factory=ReaderConfig)
    full: FullSize | None = None  # a released Stable Diffusion instead; of the other fields, size and reader hold


class Prior(nn.Module):
    """Latents, U-Net, text tower and noise schedule."""

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.config = config
        self.latents: PatchAutoencoder | KLLatents
        if config.full is None:
            self.latents = PatchAutoencoder(config.channels)
            self.unet = UNet2DConditionModel(**unet_sizes(config)).to(memory_format=torch.channels_last)
            self.schedule = cosine_schedule(config.noise_steps)
        else:
            self.latents = KLLatents(config.full.vae)
            self.unet = UNet2DConditionModel(**config.full.unet)
            self.schedule = DDPMScheduler.from_config(dict(config.full.schedule))
        self.reader = Reader(config.reader)
        self.reader.requires_grad_(False)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(C, h, w)"""
        side = self.config.size // FACTOR
        return int(self.unet.config.in_channels), side, side

    @property
    def steps(self) -> int:
        """T"""
        return int(self.schedule.config["num_train_timesteps"])

    def signal(self, t: Tensor) -> Tensor:
        """alpha_bar at noise steps t (B,), in [0, 1].   -> (B, 1, 1, 1)"""
        return self.schedule.alphas_cumprod.to(t.device)[t][:, None, None, None]

    def noised(self, latents: Tensor, noise: Tensor, t: Tensor) -> Tensor:
        """x_t: latents and noise (B, C, h, w), t (B,)."""
        signal = self.signal(t)
        return signal.sqrt() * latents + (1 - signal).sqrt() * noise

    def velocity(self, noisy: Tensor, t: Tensor, states: Tensor) -> Tensor:
        """v_hat: noisy latents (B, C, h, w), t (B,), states (B, L, W) -> (B, C, h, w), whatever the U-Net predicts."""
        found: Tensor = self.unet(noisy, t, states).sample
        if self.schedule.config["prediction_type"] == "v_prediction":
            return found
        signal = self.signal(t)
        return (found - (1 - signal).sqrt() * noisy) / signal.sqrt()

    def velocity_error(self, latents: Tensor, noise: Tensor, t: Tensor, states: Tensor) -> Tensor:
        """||v - v_hat||^2, mean over a latent's numbers.   -> (B,)"""
        signal = self.signal(t)
        v = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        found = self.velocity(self.noised(latents, noise, t), t, states)
        return (found - v).square().mean(dim=(1, 2, 3))

    def training_steps(self, count: int) -> Tensor:
        """The noise steps of (1), one from each of `count` equally likely stretches, in no order.   -> (count,)"""
        shares = (torch.randperm(count) + torch.rand(count)) / count  # in [0, 1)
        drawn = torch.special.ndtri(shares.clamp(1e-4, 1 - 1e-4)) + MIDDLE
        return (drawn.sigmoid() * self.steps).long()

    def noise_error(self, latents: Tensor, noise: Tensor, t: Tensor, states: Tensor) -> Tensor:
        """(2): how wrong the noise is that the prior sees, under a prompt.   -> (B,)"""
        return self.signal(t).flatten() * self.velocity_error(latents, noise, t, states)


def cosine_schedule(steps: int) -> DDPMScheduler:
    """A cosine schedule whose last step is pure noise (Lin et al., "Common Diffusion Noise Schedules and Sample Steps
    are Flawed", 2024).
    """
    return DDPMScheduler(
        num_train_timesteps=steps,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )


def unet_sizes(config: PriorConfig) -> dict[str, Any]:
    """What diffusers' U-Net is told. The prompt reaches it twice: through cross-attention, word by word, and pooled,
    with the noise step. `attention_head_dim` is the number of heads there.
    """
    levels = len(config.widths)
    return {
        "sample_size": config.size // FACTOR,
        "in_channels": config.channels,
        "out_channels": config.channels,
        "block_out_channels": config.widths,
        "down_block_types": ("CrossAttnDownBlock2D",) * levels,
        "up_block_types": ("CrossAttnUpBlock2D",) * levels,
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "attention_head_dim": config.heads,
        "cross_attention_dim": config.reader.width,
        "addition_embed_type": "text",
        "addition_embed_type_num_heads": config.heads,
        "encoder_hid_dim": config.reader.width,
        "encoder_hid_dim_type": "text_proj",
        "resnet_time_scale_shift": "scale_shift",
    }
