"""A picture from outside as an encoder is shown it: whole and, where that is another picture, cropped to its object.

Where there is a sheet or an even ground the object is what stands on it; elsewhere it is where the encoder looks, as
far as it tells. Which view is searched with is decided against a gallery, in `match`.
"""

from __future__ import annotations

import numpy as np
import torch
from PIL.Image import Image

from retrieval.crops import crop, ground_of, object_box, salient_box
from retrieval.encoder import SalientEncoder, embed_images
from retrieval.images import pixels
from retrieval.types import ImageQuery, View


def views_of(encoder: SalientEncoder, query: ImageQuery) -> tuple[View, ...]:
    """The views of the query's picture, the whole first. Two that are of a ground are encoded as one batch; where the
    encoder looks is known only after it has seen the whole.
    """
    ground = ground_of(query.image)
    if ground is None:
        return _looked_at(encoder, query)
    box = object_box(ground)
    part = None if box is None else crop(query.image, box, ground)
    pictures = [query.image] if part is None else [query.image, part]
    whole, *others = embed_images(encoder, ((picture, query.domain) for picture in pictures))
    return View(whole), *(View(row, part) for row in others)


@torch.inference_mode()
def _looked_at(encoder: SalientEncoder, query: ImageQuery) -> tuple[View, ...]:
    whole = torch.from_numpy(pixels(query.image, encoder.preprocess))[None]  # (1, 3, S, S)
    rows, saliency = encoder.encode_with_saliency(whole, [query.domain])  # (1, dim), (1, h, w)
    view = View(rows[0].cpu().numpy())
    if saliency is None:
        return (view,)
    box = salient_box(saliency[0].cpu().numpy().astype(np.float32), query.image.size)
    part: Image | None = crop(query.image, box)
    if part is None:
        return (view,)
    return view, View(embed_images(encoder, [(part, query.domain)])[0], part)
