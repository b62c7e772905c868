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
    m            control (B, M, h, w): where things stand, from `adapter`; joined to the channels of x_t

    (1)  L = mean_i  ||v - v_hat(x_t, t, C, m)||^2,   t = T sigmoid(0.5 + n),  n ~ N(0, 1)
    (2)  ||eps - eps_hat||^2 = alpha_bar_t ||v - v_hat||^2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from torch import Tensor, nn

from retrieval.diffusion.adapt import DomainBranch
from retrieval.diffusion.image_adapter import AdapterConfig, ImageAdapter, Trunk
from retrieval.diffusion.ip_adapter import IPAdapter, IPAdapterConfig, attach
from retrieval.diffusion.latents import FACTOR, PatchAutoencoder
from retrieval.diffusion.prompts import ReaderConfig, SentenceReaderConfig
from retrieval.diffusion.stable import FullSize, KLLatents

MIDDLE = 0.5  # of the noise steps that are trained, before the sigmoid
NOISIEST = 0.85  # where tone and place are decided, as a share of T


@dataclass(frozen=True)
class PriorConfig:
    """Sizes that two cores can train."""

    size: int = 64  # pixels on a side; of upright pictures, from top to bottom
    channels: int = 16  # of the latents, an eighth of the size
    widths: tuple[int, ...] = (96, 192)  # channels of the U-Net at each resolution, from the finest
    heads: int = 4
    noise_steps: int = 1000  # T
    reader: ReaderConfig | SentenceReaderConfig = field(default_factory=ReaderConfig)
    text_channels: int = 0  # what states are projected to before attention; 0: as wide as they are
    adapter: AdapterConfig | IPAdapterConfig | None = None  # None: it draws from words alone
    upright: bool = False  # pictures half as wide as high
    domain: str = ""  # that its branch draws in ("": it has none); see `adapt`
    full: FullSize | None = None  # a released Stable Diffusion instead; of the other fields, size and reader hold


class Prior(nn.Module):
    """Latents, U-Net, text tower, noise schedule and, where there is one, the image adapter."""

    def __init__(self, config: PriorConfig, reader: nn.Module | None = None, trunk: Trunk | None = None) -> None:
        """reader: the text tower, where it is not a CLIP tower of the config's sizes: (B,) prompts -> (B, L, W).
        trunk: the adapter's, where it is shared.
        """
        super().__init__()
        self.config = config
        self.adapter = _adapter(config, trunk)
        self.latents: PatchAutoencoder | KLLatents
        if config.full is None:
            self.latents = PatchAutoencoder(config.channels)
            self.unet = UNet2DConditionModel(**unet_sizes(config)).to(memory_format=torch.channels_last)
            self.schedule = cosine_schedule(config.noise_steps)
        else:
            self.latents = KLLatents(config.full.vae)
            self.unet = UNet2DConditionModel(**_with_controls(config.full.unet, config.adapter))
            self.schedule = DDPMScheduler.from_config(dict(config.full.schedule))
        self.branch = DomainBranch(self.unet) if config.domain else None
        self.reader: Any = _clip_reader(config.reader) if reader is None else reader
        self.reader.requires_grad_(False)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(C, h, w)"""
        side = self.config.size // FACTOR
        return int(self.unet.config.out_channels), side, side // 2 if self.config.upright else side

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

    def control(self, images: Tensor, colors_known: Tensor | None = None) -> Tensor | None:
        """m of pictures (B, 3, H, W) in [-1, 1]; None for a prior that has no adapter.   -> (B, M, h, w)"""
        return None if self.adapter is None else self.adapter(images, colors_known)

    def velocity(
        self, noisy: Tensor, t: Tensor, states: Tensor, control: Tensor | None = None, strength: float = 0.0
    ) -> Tensor:
        """v_hat: noisy latents (B, C, h, w), t (B,), states (B, L, W), control (B, M, h, w) -> (B, C, h, w), whatever
        the U-Net predicts. Without a control, a prior with an adapter draws from words alone. strength: of the branch,
        in [0, 1].
        """
        joined, more = noisy, {}
        if isinstance(self.adapter, IPAdapter):
            more = {"added_cond_kwargs": {"image_embeds": [self._control(control, len(noisy))[:, None]]}}
        elif self.adapter is not None:
            joined = torch.cat([noisy, self._control(control, len(noisy))], 1)
        if self.branch is not None and strength:
            more |= self.branch(self.unet, joined, t, states, strength)
        predicted: Tensor = self.unet(joined, t, states, **more).sample
        if self.schedule.config["prediction_type"] == "v_prediction":
            return predicted
        signal = self.signal(t)
        return (predicted - (1 - signal).sqrt() * noisy) / signal.sqrt()

    def look_at_pictures(self, weights: Mapping[str, Tensor]) -> None:
        """Give the U-Net the weights of a released IP-Adapter, whose pictures its own `adapter` reads. Raises KeyError,
        RuntimeError or ValueError where they do not fit.
        """
        assert isinstance(self.adapter, IPAdapter), "only a prior with an IP-Adapter has such weights"
        attach(self.unet, weights, self.adapter.config.scale)

    def _control(self, control: Tensor | None, count: int) -> Tensor:
        assert self.adapter is not None, "only a prior with an adapter has controls"
        return self.adapter.without(count) if control is None else control

    def velocity_error(
        self,
        latents: Tensor,
        noise: Tensor,
        t: Tensor,
        states: Tensor,
        control: Tensor | None = None,
        strength: float = 0.0,
    ) -> Tensor:
        """||v - v_hat||^2, mean over a latent's numbers.   -> (B,)"""
        signal = self.signal(t)
        v = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        predicted = self.velocity(self.noised(latents, noise, t), t, states, control, strength)
        return (predicted - v).square().mean(dim=(1, 2, 3))

    def training_steps(self, count: int, noisiest: float = 0.0, device: torch.device | None = None) -> Tensor:
        """The noise steps of (1), one from each of `count` equally likely stretches, in no order; a share of them
        evenly from the noisiest instead.   -> (count,)
        """
        shares = (torch.randperm(count, device=device) + torch.rand(count, device=device)) / count  # in [0, 1)
        normal = torch.special.ndtri(shares.clamp(1e-4, 1 - 1e-4)) + MIDDLE
        t = normal.sigmoid()
        if noisiest:
            late = torch.arange(count, device=device) < round(noisiest * count)
            t = torch.where(late, NOISIEST + (1 - NOISIEST) * shares, t)
        return (t * self.steps).long().clamp(max=self.steps - 1)  # a share this near 1 is rounded up to it

    def noise_error(self, latents: Tensor, noise: Tensor, t: Tensor, states: Tensor) -> Tensor:
        """(2): how wrong the noise is that the prior sees, under a prompt.   -> (B,)"""
        return self.signal(t).flatten() * self.velocity_error(latents, noise, t, states)


def _adapter(config: PriorConfig, trunk: Trunk | None) -> ImageAdapter | IPAdapter | None:
    """The image adapter, where there is one."""
    if isinstance(config.adapter, IPAdapterConfig):
        return IPAdapter(config.adapter)
    return ImageAdapter(config.adapter, config.size // FACTOR, trunk) if config.adapter else None


def _clip_reader(config: ReaderConfig | SentenceReaderConfig) -> nn.Module:
    """A CLIP tower at random weights."""
    assert isinstance(config, ReaderConfig), "a sentence encoder is shared, so it is handed in"
    from retrieval.diffusion.clip_reader import Reader  # open_clip is needed by this kind of tower only

    return Reader(config)


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


def _with_controls(unet: Mapping[str, Any], adapter: AdapterConfig | IPAdapterConfig | None) -> dict[str, Any]:
    """A released U-Net's config, with input channels for the controls of an adapter of ours after its own."""
    return {**unet, "in_channels": int(unet["in_channels"]) + _joined(adapter)}


def _joined(adapter: AdapterConfig | IPAdapterConfig | None) -> int:
    """How many channels an adapter joins to the noisy latents."""
    return adapter.control_channels if isinstance(adapter, AdapterConfig) else 0


def unet_sizes(config: PriorConfig) -> dict[str, Any]:
    """The config of diffusers' U-Net. The prompt reaches it twice: through cross-attention, word by word, and pooled,
    with the noise step. `attention_head_dim` is the number of heads there.
    """
    levels = len(config.widths)
    return {
        "sample_size": config.size // FACTOR,
        "in_channels": config.channels + _joined(config.adapter),
        "out_channels": config.channels,
        "block_out_channels": config.widths,
        "down_block_types": ("CrossAttnDownBlock2D",) * levels,
        "up_block_types": ("CrossAttnUpBlock2D",) * levels,
        "layers_per_block": 1,
        "norm_num_groups": 8,
        "attention_head_dim": config.heads,
        "cross_attention_dim": config.text_channels or config.reader.width,
        "addition_embed_type": "text",
        "addition_embed_type_num_heads": config.heads,
        "encoder_hid_dim": config.reader.width,
        "encoder_hid_dim_type": "text_proj",
        "resnet_time_scale_shift": "scale_shift",
    }
