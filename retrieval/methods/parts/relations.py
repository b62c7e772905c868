"""What pairs of pictures and texts are trained by: contrast, hard negatives, and words that are hidden.

Section numbers are those of the paper of `methods.mra`. Nothing here has weights of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

FLOOR = 1e-6  # the least weight of an allowed negative: softmax may leave nothing
HIDDEN, SWAPPED = 0.8, 0.9  # of the chosen words 80 % are hidden, 10 % are another word, 10 % stay


def contrast(similarity: Tensor, same: Tensor, smoothing: float = 0.0) -> Tensor:
    """-1/2 mean_i sum_j q_ij (log P_ij + log P'_ij), where P and P' are softmax over rows and columns of the similarity
    (B, B), already divided by the temperature, and q are the pairs of one identity, `same` (B, B), evenly.

    >>> near = torch.tensor([[4.0, 0.0], [0.0, 4.0]])
    >>> round(contrast(near, torch.eye(2, dtype=torch.bool)).item(), 4)
    0.0181
    """
    targets = same.float() / same.sum(dim=1, keepdim=True)
    targets = (1 - smoothing) * targets + smoothing / len(same)
    by_row, by_column = F.log_softmax(similarity.float(), dim=1), F.log_softmax(similarity.float().T, dim=1)
    return -0.5 * (targets * (by_row + by_column)).sum(dim=1).mean()


def hard_negatives(similarity: Tensor, same: Tensor) -> tuple[Tensor, Tensor]:
    """For each row of the similarity (A, B) a column, drawn by softmax among those that are not the same.

    Returns columns (A,), and which rows have any to draw (A,): in a batch of one phrase there is none.
    """
    weights = (torch.softmax(similarity.float(), dim=1) + FLOOR).masked_fill(same, 0.0)
    usable = ~same.all(dim=1)
    weights = torch.where(usable[:, None], weights, torch.ones_like(weights))
    return (weights / torch.empty_like(weights).exponential_()).argmax(dim=1), usable  # multinomial, without waiting


def hide_words(
    pieces: Tensor, words: Tensor, mask: int, vocabulary: Tensor, share: float, most: int
) -> tuple[Tensor, Tensor]:
    """Texts in which some words are hidden, and what stood there.

    pieces (T, L); words (T, L): the number of the word that each belongs to, from 1, and 0 where none is to be hidden:
    at both ends and in the padding. mask: the piece that hides. vocabulary (V,): pieces that may stand instead.

    Returns pieces (T, L), and the hidden ones (T, L), -1 where nothing is hidden. At least one word of each text is.
    """
    count = int(words.shape[1]) + 1
    chance = torch.rand(len(words), count, device=words.device)
    exists = F.one_hot(words, count).any(dim=1)  # (T, words + 1)
    exists[:, 0] = False
    chance = chance.masked_fill(~exists, 2.0)
    rank = chance.argsort(dim=1).argsort(dim=1)  # (T, words + 1)
    wanted = (exists.sum(dim=1, keepdim=True) * share).round().clamp(1, most)
    chosen = ((rank < wanted) & exists).gather(1, words) & (words > 0)  # (T, L)
    how = torch.rand(len(words), count, device=words.device).gather(1, words)
    other = vocabulary[torch.randint(len(vocabulary), pieces.shape, device=pieces.device)]
    shown = torch.where(how < HIDDEN, mask, torch.where(how < SWAPPED, other, pieces))
    return torch.where(chosen, shown, pieces), torch.where(chosen, pieces, -1)


def scaled(scores: Tensor) -> Tensor:
    """Each row (..., K) from 0 at its lowest to 1 at its highest; 0 where all are equal."""
    low, high = scores.amin(dim=-1, keepdim=True), scores.amax(dim=-1, keepdim=True)
    return (scores - low) / (high - low).clamp(min=1e-9)
