"""A branch that teaches a frozen prior another domain, and that can be turned up and down.

Yang et al., "Minimizing the Pretraining Gap: Domain-aligned Text-Based Person Retrieval" (2025), section on
domain-aware diffusion, after Zhang et al., "Adding Conditional Control to Text-to-Image Diffusion Models" (2023): a
trainable copy of the U-Net's encoder and middle block, whose outputs pass through convolutions that begin at zero and
are added to the skip connections and to the middle. The control says nothing, always, so all that the branch can learn
is the domain. The paper's control is a white picture; ours is a zero, so there is no embedder for it.

    symbol      here
    psi         DomainBranch: copy and zero convolutions
    s           strength: what the added maps are multiplied by, in [0, 1]; 0 is the frozen prior
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from torch import Tensor, nn


class DomainBranch(nn.Module):
    """The copy of the encoder and the middle of a U-Net of diffusers, which it does not keep."""

    def __init__(self, unet: Any) -> None:
        super().__init__()
        self.conv_in = deepcopy(unet.conv_in)
        self.down_blocks = deepcopy(unet.down_blocks)
        self.mid_block = deepcopy(unet.mid_block)
        widths = skip_widths(unet)
        self.zeros = nn.ModuleList([_zero(width) for width in widths])
        self.zero_middle = _zero(int(unet.config.block_out_channels[-1]))

    def begin(self, unet: Any) -> None:
        """Copy the U-Net's weights anew: it has learnt since."""
        for name in ("conv_in", "down_blocks", "mid_block"):
            getattr(self, name).load_state_dict(getattr(unet, name).state_dict())

    def forward(self, unet: Any, noisy: Tensor, t: Tensor, states: Tensor, strength: float) -> dict[str, Any]:
        """What is added within the U-Net at noisy latents (B, C, h, w), noise steps (B,), states (B, L, W): the
        keywords of its call. Noise step and prompt are embedded by the frozen U-Net.
        """
        step = unet.time_embedding(unet.get_time_embed(noisy, t))
        step = step + unet.get_aug_embed(emb=step, encoder_hidden_states=states, added_cond_kwargs={})
        words = unet.process_encoder_hidden_states(encoder_hidden_states=states, added_cond_kwargs={})
        x = self.conv_in(noisy)
        skips = [x]
        for block in self.down_blocks:
            x, more = block(hidden_states=x, temb=step, encoder_hidden_states=words)
            skips += more
        x = self.mid_block(x, step, encoder_hidden_states=words)
        added = [strength * zero(skip) for zero, skip in zip(self.zeros, skips, strict=True)]
        return {
            "down_block_additional_residuals": added,
            "mid_block_additional_residual": strength * self.zero_middle(x),
        }


def skip_widths(unet: Any) -> list[int]:
    """Channels of each skip connection, from the finest: after the first convolution, each layer, each halving."""
    widths = [int(width) for width in unet.config.block_out_channels]
    layers = int(unet.config.layers_per_block)
    found = [widths[0]]
    for place, width in enumerate(widths):
        found += [width] * (layers + (place < len(widths) - 1))
    return found


def _zero(width: int) -> nn.Conv2d:
    convolution = nn.Conv2d(width, width, 1)
    for parameter in convolution.parameters():
        nn.init.zeros_(parameter)
    return convolution
