"""Prompts of domains and classes, and how a picture composes its own from those of others.

Jiang et al., "UCDR-Adapter" (WACV 2025): see `methods.ucdr_adapter`, whose symbols are used here.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from retrieval.backbones.sentence_encoder import SentenceEncoder

Mask = Literal["inf", "zero", "none"]


class PromptBanks(nn.Module):
    """U and V: `tokens` prompts for each domain and for each class, one below the other."""

    def __init__(self, domains: int, classes: int, tokens: int, width: int) -> None:
        super().__init__()
        self.tokens = tokens  # p
        spread = math.sqrt(6 / (3 * 32 * 32 + width))
        self.domains = nn.Parameter(torch.empty(domains * tokens, width).uniform_(-spread, spread))  # U
        self.classes = nn.Parameter(torch.empty(classes * tokens, width).uniform_(-spread, spread))  # V

    def forward(self, domains: Tensor, classes: Tensor) -> Tensor:
        """The prompts of these domains (B,) and classes (B,).   -> (B, 2 p, W)"""
        picked = (
            bank.unflatten(0, (-1, self.tokens))[numbers]
            for bank, numbers in ((self.domains, domains), (self.classes, classes))
        )
        return torch.cat(tuple(picked), dim=1)

    def rows_of(self, numbers: Tensor, bank: Tensor) -> Tensor:
        """Which rows of a bank (N p, W) belong to these of its domains or classes (B,).   -> (B, N p) bool"""
        owners = torch.arange(len(bank), device=bank.device) // self.tokens
        return owners[None] == numbers[:, None]


class PromptGenerator(nn.Module):
    """A prompt from a bank, by attention that the picture's summary asks; the same weights for both banks.

        q = W_I I + b_I,   k_n = W_P Z_n + b_P,   w = softmax(k_n q / tau),   s = sum_n w_n k_n
        P = (s + LN(W_o s + b_o)) / divisor

    mask: what happens to a picture's own rows. "inf": they get no weight at all; "zero": Z_n becomes 0, so that the
    row still takes part with the key b_P, as the paper writes; "none": nothing, as in the released code.
    """

    divisor: Tensor

    def __init__(self, width: int, temperature: float, mask: Mask) -> None:
        super().__init__()
        self.temperature, self.mask = temperature, mask
        self.ask = nn.Linear(width, width)  # W_I
        self.offer = nn.Linear(width, width)  # W_P
        self.out = nn.Linear(width, width)  # W_o
        self.norm = nn.LayerNorm(width)
        self.register_buffer("divisor", torch.tensor(33.0))

    def forward(self, summary: Tensor, bank: Tensor, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """I (B, W), Z (N, W), the rows that are the picture's own (B, N) -> P (B, 1, W), w (B, N), which sums to 1."""
        asked, keys = self.ask(summary), self.offer(bank)  # (B, W), (N, W)
        logits = asked @ keys.T / self.temperature  # (B, N)
        if own is None or self.mask == "none":
            weights = logits.softmax(dim=1)
            mixed = weights @ keys  # (B, W)
        elif self.mask == "inf":
            weights = logits.masked_fill(own, -torch.inf).softmax(dim=1)
            mixed = weights @ keys
        else:
            blank = self.offer.bias  # the key of a row of zeros
            weights = torch.where(own, (asked @ blank)[:, None] / self.temperature, logits).softmax(dim=1)
            mixed = (weights * ~own) @ keys + (weights * own).sum(dim=1, keepdim=True) * blank
        return self._finish(mixed)[:, None], weights

    def _finish(self, mixed: Tensor) -> Tensor:
        prompt: Tensor = (mixed + self.norm(self.out(mixed))) / self.divisor
        return prompt

    @torch.no_grad()
    def measure_divisor(self, summary: Tensor, bank: Tensor, tokens: Tensor) -> None:
        """Let prompts be as long as the tokens (..., W) beside which they stand. The paper's 33 is that of ViT-B/32."""
        self.divisor.fill_(1.0)
        prompts, _ = self(summary, bank)
        self.divisor.copy_(prompts.norm(dim=-1).mean() / tokens.norm(dim=-1).mean())


class SentenceTemplate(nn.Module):
    """ "a photo of {class} from [v_1 ... v_n] domain.": learned tokens that all classes and all domains share."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.randn(count, width) * 0.02)  # v

    def forward(self, encoder: SentenceEncoder, names: list[str]) -> Tensor:
        """What the frozen encoder says of the sentences.   names (T,) -> (T, sentence), unit rows"""
        fixed, slots, real = self.layout(encoder, names)
        return encoder.sentences(fixed + slots @ self.tokens, real)

    @torch.no_grad()
    def layout(self, encoder: SentenceEncoder, names: list[str]) -> tuple[Tensor, Tensor, Tensor]:
        """The sentences without v: embeddings (T, L, W), zero where v stands; which token stands where (T, L, n); and
        which places are real (T, L).
        """
        count = len(self.tokens)
        begun, kept = encoder.tokens([f"a photo of {name} from" for name in names])  # (T, L)
        end = encoder.words(encoder.tokens(["domain."])[0][0, 1:])  # without the token that begins a text
        heads = [encoder.words(pieces[real][:-1]) for pieces, real in zip(begun, kept, strict=True)]
        gap = end.new_zeros(count, end.shape[1])
        fixed = pad_sequence([torch.cat([head, gap, end]) for head in heads], batch_first=True)  # (T, L, W)
        places = torch.arange(fixed.shape[1], device=fixed.device)
        first = torch.tensor([len(head) for head in heads], device=fixed.device)[:, None]
        slots = places[None, :, None] == (first + torch.arange(count, device=fixed.device))[:, None]  # (T, L, n)
        return fixed, slots.to(fixed), places[None] < first + count + len(end)
