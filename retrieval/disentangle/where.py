"""Where things stand in a picture, as the prior's image adapter tells it: a control, with or without colours.

A drawing in ink has no colours to tell: white would be taken for the colour of the thing. Its control is made with the
colours withheld, as the adapter was trained to be asked, unless somebody has drawn in colours after all.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from PIL import Image

from retrieval.diffusion.prior import Prior
from retrieval.disentangle.coded import Where
from retrieval.types import DOODLE, ENGRAVING, SKETCH

INK = frozenset({SKETCH.name, DOODLE.name, ENGRAVING.name})
VIVID, ENOUGH = 80, 0.02  # of 255, how far a pixel's channels are apart; the share of such pixels that is a colour


def knows_colors(picture: Image.Image, style: str | None) -> bool:
    """Whether the colours of a picture are those of what it shows."""
    return style not in INK or shows_color(picture)


def shows_color(picture: Image.Image) -> bool:
    """Whether there is more in an RGB picture than ink and paper."""
    values = np.asarray(picture.convert("RGB"), np.int16)
    return float((values.max(axis=2) - values.min(axis=2) > VIVID).mean()) > ENOUGH


@torch.no_grad()
def locate(prior: Prior, picture: Image.Image, style: str | None) -> Where | None:
    """The control of a square RGB picture in this style; None for a prior without an adapter."""
    if prior.adapter is None:
        return None
    known = knows_colors(picture, style)
    device = prior.adapter.no_map.device
    values = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].to(device).float() / 127.5 - 1
    control = prior.control(values, torch.tensor([known], device=device))
    assert control is not None
    digest = hashlib.sha256(picture.tobytes() + bytes([known])).hexdigest()
    return Where(digest[:16], control[0], known)
