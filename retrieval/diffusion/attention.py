"""Where in the picture the prior looks for each word: the cross-attention of all heads, layers and steps, as a map.

Tang et al., "What the DAAM: Interpreting Stable Diffusion Using Cross Attention" (2023). A map says where a word was
looked up, not what it caused: for that, draw the same noise without the word, and take the difference.

    paper symbol -> here
    D_k(u)       maps()[:, k]: the mean over heads, layers and steps, where the paper has the sum
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.diffusion.prior import Prior
from retrieval.diffusion.samplers import Velocity

SKIPPED = 0.1  # of the noisiest steps: nothing is to be seen there yet
COARSEST = 2  # a layer may have this many times fewer positions along a side than the latents
_one_at_a_time = threading.Lock()  # a U-Net has one set of processors


class HeatMaps:
    """What the last `count` rows of every call look at, summed up while pictures are drawn."""

    def __init__(self, prior: Prior, count: int) -> None:
        self._prior = prior
        self._count = count
        self._side = prior.latent_shape[-1]
        self._sum: Tensor | None = None
        self._layers = 0  # that were added to the sum

    def watch(self, velocity: Velocity) -> Velocity:
        """The same velocity, watched while it is computed."""
        latest = (1 - SKIPPED) * self._prior.steps

        def watched(x: Tensor, t: Tensor) -> Tensor:
            if int(t[0]) >= latest:
                return velocity(x, t)
            with _recorded(self._prior.unet, self._add):
                return velocity(x, t)

        return watched

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Whatever the U-Net computes meanwhile, in this thread, is summed up."""
        with _recorded(self._prior.unet, self._add):
            yield

    def maps(self) -> Tensor:
        """How much each position looks at each place of the prompt: of one position, they sum to 1.

        -> (count, L, h, w), in [0, 1]
        """
        assert self._sum is not None, "nothing was drawn yet"
        return self._sum / self._layers

    def _add(self, shares: Tensor, heads: int) -> None:
        """shares (B heads, positions, L): what one layer looks at."""
        side = math.isqrt(shares.shape[1])
        if side * COARSEST < self._side:
            return
        mean = shares.unflatten(0, (-1, heads))[-self._count :].mean(dim=1)  # (count, positions, L)
        map_ = mean.transpose(1, 2).unflatten(2, (side, side)).float()  # (count, L, side, side)
        large = F.interpolate(map_, size=(self._side, self._side), mode="bilinear", align_corners=False)
        self._sum = large if self._sum is None else self._sum + large
        self._layers += 1


class _Recorder:
    """diffusers' attention with the softmax written out, so that its shares can be handed on; other threads that use
    the same U-Net are not recorded.
    """

    def __init__(self, add: Any, before: Any) -> None:
        """before: the processor that it stands for, which may look at pictures, too."""
        self._add, self._before = add, before
        self._thread = threading.get_ident()

    def __call__(
        self, attn: Any, hidden_states: Tensor, encoder_hidden_states: Any, attention_mask: Tensor | None = None
    ) -> Tensor:
        pictures: list[Tensor] = []
        if isinstance(encoder_hidden_states, tuple):  # with what an IP-Adapter says
            encoder_hidden_states, pictures = encoder_hidden_states
        queries, keys, values = (
            attn.head_to_batch_dim(of(seen))  # (B heads, positions, D)
            for of, seen in (
                (attn.to_q, hidden_states),
                (attn.to_k, encoder_hidden_states),
                (attn.to_v, encoder_hidden_states),
            )
        )
        shares = attn.get_attention_scores(queries, keys, attention_mask)  # (B heads, positions, L)
        if threading.get_ident() == self._thread:
            self._add(shares, attn.heads)
        seen = torch.bmm(shares, values)
        for number, tokens in enumerate(pictures):
            by_picture = self._seen_in(attn, queries, tokens.flatten(1, -2), number)
            seen = seen + self._before.scale[number] * by_picture
        output: Tensor = attn.to_out[0](attn.batch_to_head_dim(seen))
        return output

    def _seen_in(self, attn: Any, queries: Tensor, tokens: Tensor, number: int) -> Tensor:
        """What is looked up in the words (B, n, W) of an IP-Adapter's picture.   -> (B heads, positions, D)"""
        keys, values = (
            attn.head_to_batch_dim(of[number](tokens)) for of in (self._before.to_k_ip, self._before.to_v_ip)
        )
        return torch.bmm(attn.get_attention_scores(queries, keys), values)


@contextmanager
def _recorded(unet: nn.Module, add: Any) -> Iterator[None]:
    """Every cross-attention of the U-Net calls `add` with its shares, until the end of the block."""
    layers: list[Any] = [one for one in unet.modules() if getattr(one, "is_cross_attention", False)]
    with _one_at_a_time:
        before = [layer.processor for layer in layers]
        try:
            for layer, processor in zip(layers, before, strict=True):
                layer.set_processor(_Recorder(add, processor))
            yield
        finally:
            for layer, processor in zip(layers, before, strict=True):
                layer.set_processor(processor)


def entropy(map_: Tensor) -> float:
    """How evenly a map (h, w), not negative, is spread: 0 in one position alone, 1 flat.

    >>> entropy(torch.ones(4, 4)), entropy(torch.eye(16)[0].reshape(4, 4))
    (1.0, 0.0)
    """
    shares = map_.double().flatten() / map_.double().sum().clamp(min=1e-12)
    bits = -torch.special.xlogy(shares, shares).sum() / math.log(len(shares))
    return abs(round(float(bits), 12))


def difference(one: Tensor, other: Tensor) -> Tensor:
    """How far the pixels of two pictures (3, H, W) in [-1, 1] are apart: (H, W), in [0, 1]."""
    return (one - other).abs().mean(dim=0) / 2
