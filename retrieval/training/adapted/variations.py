"""What the adapter may be shown instead of a picture: its contours, its contours as somebody might redraw them, grey.

All on the device, for a whole batch at once. Colours belong to the object:
they change in both pictures of a pair or in none.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
EDGE = 0.3  # of a picture's strongest contours: where ink begins
STRONGEST = 0.98  # quantile of a picture's gradients that counts as its strongest contours
MOVED, ZOOM, SHIFT = 0.7, (0.85, 1.35), 0.06  # share of the pictures; sizes; most, as a share of a side
STRETCH, TURN = 0.12, 0.15  # most, of one side against the other, and in radians
FIELD = 5  # numbers along a side of a field of displacements
BEND, WOBBLE = 0.04, 0.05  # most, as a share of a side: of both pictures alike, and of a redrawing alone


def place_both(first: Tensor, second: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Two pictures of each object (B, 3, S, S), mirrored, enlarged, turned, bent and moved alike: few objects become
    more shapes.
    """
    count, device, size = len(first), first.device, first.shape[-1]
    spread = torch.rand(7, count, device=device, generator=generator)
    mirror = torch.where(spread[0] < 0.5, -1.0, 1.0)
    moved = (spread[1] < MOVED).float()
    zoom = 1 / (1 + moved * (ZOOM[0] - 1 + (ZOOM[1] - ZOOM[0]) * spread[2]))
    wide = 1 + moved * STRETCH * (2 * spread[3] - 1)
    angle = moved * TURN * (2 * spread[4] - 1)
    shift = moved * (spread[5:] * 2 - 1) * 2 * SHIFT  # (2, B)
    rows = [zoom * mirror * wide * angle.cos(), -zoom * wide * angle.sin(), shift[0]]
    rows += [zoom * mirror * angle.sin(), zoom * angle.cos(), shift[1]]
    grid = F.affine_grid(torch.stack(rows, 1).view(count, 2, 3), list(first.shape), align_corners=False)
    grid = grid + bend(count, size, BEND * moved, generator)
    both = F.grid_sample(
        torch.cat([first, second], 1), grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )
    return both[:, :3], both[:, 3:]


def bend(count: int, size: int, most: Tensor, generator: Generator) -> Tensor:
    """Smooth displacements of up to about a share `most` (B,) of a side.   -> (B, size, size, 2)"""
    amount = 2 * most * torch.rand(count, device=most.device, generator=generator)
    coarse = torch.randn(count, 2, FIELD, FIELD, device=most.device, generator=generator) / 2
    field = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
    return (field * amount[:, None, None, None]).permute(0, 2, 3, 1)


def turn_hues(first: Tensor, second: Tensor, turned: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
    """Two pictures of each object (B, 3, S, S) with all hues turned by the same angle where `turned` (B,): an object of
    another colour, in both. Greys stay.
    """
    angle = turned * torch.rand(len(first), device=first.device, generator=generator) * 2 * math.pi
    cos, sin = angle.cos(), angle.sin()
    same, up, down = (1 + 2 * cos) / 3, (1 - cos) / 3 - sin / 3**0.5, (1 - cos) / 3 + sin / 3**0.5
    turn = torch.stack([same, up, down, down, same, up, up, down, same], 1).view(-1, 3, 3)  # (B, 3, 3)
    both = (torch.einsum("bij,bjhw->bihw", turn, pictures).clamp(-1, 1) for pictures in (first, second))
    return next(both), next(both)


def grey(images: Tensor) -> Tensor:
    """(B, 3, S, S) -> the same, without colours"""
    luma = torch.tensor(LUMA, device=images.device, dtype=images.dtype)[:, None, None]
    return (images * luma).sum(1, keepdim=True).expand(-1, 3, -1, -1)


def outline(images: Tensor, generator: Generator) -> Tensor:
    """Contours of pictures (B, 3, S, S) in [-1, 1], black on white, thin or bold."""
    light = F.avg_pool2d(grey(images)[:, :1], 3, 1, 1, count_include_pad=False)
    across = F.pad(light[..., 2:] - light[..., :-2], (1, 1))
    down = F.pad(light[..., 2:, :] - light[..., :-2, :], (0, 0, 1, 1))
    strength = (across.square() + down.square()).sqrt()  # (B, 1, S, S)
    strongest = (
        strength[..., ::2, ::2].flatten(1).float().quantile(STRONGEST, dim=1).clamp(min=0.05)[:, None, None, None]
    )
    ink = ((strength / strongest - EDGE) * 4).clamp(0, 1)
    return on_white(thickened(ink, generator))


def redraw(sketches: Tensor, generator: Generator) -> Tensor:
    """Line drawings (B, 3, S, S) in [-1, 1], redrawn by an unsteady hand with another pen."""
    count, _, size, _ = sketches.shape
    ink = ((1 - grey(sketches)[:, :1]) * 0.9).clamp(0, 1)
    still = F.affine_grid(torch.eye(2, 3, device=ink.device).expand(count, 2, 3), [count, 1, size, size], False)
    most = torch.full((count,), WOBBLE, device=ink.device)
    grid = still + bend(count, size, most, generator)
    moved = F.grid_sample(ink, grid, padding_mode="zeros", align_corners=False)
    return on_white(thickened(moved, generator))


def thickened(ink: Tensor, generator: Generator) -> Tensor:
    """Ink (B, 1, S, S) in [0, 1] as a third of the pens draw it: as it is, wider by one pixel, or by two."""
    pens = torch.stack([ink, F.max_pool2d(ink, 2, 1, 1)[..., 1:, 1:], F.max_pool2d(ink, 3, 1, 1)])  # (3, B, 1, S, S)
    pen = torch.randint(3, (len(ink),), device=ink.device, generator=generator)
    return pens[pen, torch.arange(len(ink), device=ink.device)]


def on_white(ink: Tensor) -> Tensor:
    """Ink (B, 1, S, S) in [0, 1] -> pictures (B, 3, S, S) in [-1, 1]"""
    return (1 - 2 * ink).expand(-1, 3, -1, -1)
