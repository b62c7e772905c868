"""Caption matching: what a plain encoder of pictures and words does for search across domains without any training.

Iijima, Giakoumoglou, Stathaki, "Caption-Matching: A Multimodal Approach for Cross-Domain Image Retrieval" (2024,
arXiv:2403.15152): words about a picture do not tell its domain, so pictures of two domains are compared through their
captions. There a large model writes the captions. Ours cannot write: it chooses the best few of all the captions that
can be made of the classes it knows, and a picture's code is their mean, weighted by how well each fits.

This is no method without labels. The encoder learnt from pictures with names, and its vocabulary is those names: text
supervision, and more of it than the paper's, since the encoder's own training set holds the classes that it is asked
for. Unseen concepts are not in the vocabulary, neither by name nor by synonym.
"""

from __future__ import annotations

import numpy as np

from retrieval.artifacts.bundle import Bundle
from retrieval.data.concepts import is_unseen
from retrieval.data.picture_table import PictureTable
from retrieval.encoder import Encoder, Vectors, embed_images, embed_texts
from retrieval.errors import DataError
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.probes import Codes, units
from retrieval.world.captions import article

FEW = 5  # captions of a picture
TEMPERATURE = 0.05  # of the weights of its captions: what the plain encoder learnt for itself


def embedded(encoder: Encoder, real: PictureTable) -> Vectors:
    """What an encoder makes of pictures.   -> (N, dim), unit rows"""
    return embed_images(encoder, ((row.picture.open(), row.domain) for row in real))


def captions(bundle: Bundle) -> list[str]:
    """What the encoder can say of a picture: a caption for each class that it knows, and none of an unseen concept.

    Raises DataError for a bundle that reads no words, or that names no classes.
    """
    named = [label for label in bundle.manifest.classes if not is_unseen(label)]
    if not bundle.reads_texts or not named:
        raise DataError(f"{bundle.manifest.name} has no words to match. Take a bundle such as guise-base-zs.")
    return [f"a picture of {article(label)}" for label in named]


def matched(pictures: Codes, said: Codes, few: int = FEW, temperature: float = TEMPERATURE) -> Values:
    """Pictures (N, D) told in captions (T, D): the mean of the best few captions of each, weighted by the softmax of
    their cosines.   -> (N, D), unit rows

    >>> matched(np.array([[3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 2.0]]), few=1).tolist()
    [[0.0, 1.0]]
    """
    words = units(said)
    cosines = units(pictures) @ words.T  # (N, T)
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :few]  # (N, few)
    fit = np.take_along_axis(cosines, best, axis=1) / temperature
    weights = np.exp(fit - fit.max(axis=1, keepdims=True))
    return units(np.einsum("nf,nfd->nd", weights, words[best]))


def told_in_captions(bundle: Bundle, codes: Codes) -> Values:
    """Codes (N, D) that the bundle made of pictures, told in its captions.   -> (N, D), unit rows"""
    return matched(codes, embed_texts(bundle, captions(bundle)))
