"""MRA: a sentence finds a person, by the whole and by the parts that its phrases name.

Yang, Wang, Li, Zhu, Zheng, "Minimizing the Pretraining Gap: Domain-aligned Text-Based Person Retrieval" (2025). A
picture and a sentence get codes in one space, as in any dual encoder; besides, a fusion encoder lets the words look at
the places of the picture and says whether the two belong together. Pre-training also knows boxes with phrases: what
stands in a box is found by its phrase, both as codes and by fusion. Search is by cosine, and the best are ranked anew
by fusion. Here people are rendered figures, and nothing else is.

    symbol        attribute
    E_V, E_T      picture_reader on the frozen trunk, text_reader on the frozen sentence encoder
    E_F           fusion
    f_I, f_T      picture_codes, text_codes      (B, D), unit rows; contrast ITC (4.1)
    f_R, f_P      region_codes, phrase_codes     (B, D), unit rows; contrast RPC (4.4)
    ITM, RPM      match_head on fused words      (4.2), (4.5)
    MLM           word_head                      (4.3)
    tau           1 / scale.exp()

We differ: the towers are frozen and small readers stand on them, but for the picture tower at full size; the mean of
places in a box goes through a head of its own, so a region's code sees the region (the released code pools the whole
picture); words are never hidden in padding; codes of texts are means over real pieces; an upright picture is the middle
of the square that it comes on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.backbones.fusion import FusionEncoder, PictureReader, TextReader, masked_mean, places_in, windows
from retrieval.backbones.swin_reader import SwinReader
from retrieval.images import Preprocess
from retrieval.methods.base import Batch, Method, Phase
from retrieval.methods.parts.relations import contrast, hard_negatives, hide_words
from retrieval.types import Domain

TEXT, TRUNK = "text", "trunk"  # roles of the frozen towers
STRIDE, SWIN_STRIDE = 16, 32  # pixels of a place
SHRINK = 2  # pixels of a place are read at this fraction: more than the figures' own resolution is never there
HEIGHTS, WIDTHS = (2, 4, 6), (2, 3, 4, 6)  # of the windows in which a phrase is sought, in places
SHARPNESS = 15  # 1 / temperature of the windows' votes
SCALES = (math.log(1 / 0.5), math.log(1 / 0.01))  # of log(1 / tau)


@dataclass(frozen=True)
class Config:
    """The embedded size. `FULL` has the published picture tower, picture size and depth of fusion; its text tower is
    one layer on a frozen sentence encoder, where six of BERT's learn in the published one.
    """

    dim: int = 256  # D, length of a code
    width: int = 256  # of tokens
    heads: int = 4
    picture_layers: int = 2
    text_layers: int = 1
    fusion_layers: int = 2
    features: int = 152  # that the trunk has at strides 8 and 16, together
    sentence: int = 384  # length of the sentence encoder's states
    bands: int = 4  # horizontal stripes of a picture whose means make its code
    beta: float = 0.8  # weight of both region losses
    hidden: float = 0.25  # share of words that are hidden; 0: none, and nothing is learnt by them
    most_hidden: int = 10
    matches: bool = True  # whether matching is learnt; without it search has its first stage alone
    smoothing: float = 0.2  # of ITC's targets in fine-tuning
    swin: str = ""  # timm's name of a picture tower that learns, in place of the reader on the shared trunk
    wide: int = 0  # pixels of an upright picture from side to side; 0: half its height


FULL = Config(
    width=768, heads=12, text_layers=1, fusion_layers=6, sentence=768, swin="swin_base_patch4_window12_384", wide=256
)  # as published: Swin-B, pictures of 384 x 256, six layers of fusion


@dataclass(frozen=True)
class Sentences:
    """Texts as a frozen sentence encoder reads them: pieces, which are no padding, the words that they belong to (0:
    none), and states.
    """

    pieces: Tensor  # (T, L) int64
    real: Tensor  # (T, L) bool
    words: Tensor  # (T, L) int64
    states: Tensor  # (T, L, S)

    def at(self, rows: Tensor) -> Sentences:
        """Some of them."""
        return Sentences(self.pieces[rows], self.real[rows], self.words[rows], self.states[rows])


@dataclass(frozen=True)
class RelationBatch(Batch):
    """Pairs of a picture and a caption, with one box and its phrase of each; equal phrases have one number. `images`
    are stems (B, P, C), `labels` identities.
    """

    captions: Sentences | None = None
    boxes: Tensor | None = None  # (B, 4)
    phrases: Sentences | None = None
    phrase_numbers: Tensor | None = None  # (B,)


class MRA(Method):
    """Two readers on frozen towers, and a fusion encoder."""

    config_type = Config
    roles: tuple[str, ...] = (TEXT, TRUNK)

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        c = config
        size, self.wide = preprocess.size, c.wide or preprocess.size // 2
        self.rows, self.columns = (side // (SWIN_STRIDE if c.swin else STRIDE) for side in (size, self.wide))
        if c.swin:
            self.roles = (TEXT,)
            self.picture_reader: nn.Module = SwinReader(c.swin, size, self.wide, c.width)
        else:
            pixels = 3 * (STRIDE // SHRINK) ** 2
            places = self.rows * self.columns
            self.picture_reader = PictureReader(c.features, pixels, places, c.width, c.picture_layers, c.heads)
        self.text_reader = TextReader(c.sentence, c.width, c.text_layers, c.heads)
        self.fusion = FusionEncoder(c.width, c.fusion_layers, c.heads)
        self.picture_head = _head((c.bands + 1) * c.width, c.dim)
        self.text_head, self.phrase_head = _head(2 * c.width, c.dim), _head(2 * c.width, c.dim)
        self.region_head = _head(c.width, c.dim)
        self.match_head = nn.Sequential(nn.Linear(2 * c.width, c.width), nn.GELU(), nn.Linear(c.width, 1))
        self.word_head = nn.Sequential(nn.Linear(c.width, c.sentence), nn.GELU(), nn.LayerNorm(c.sentence))
        self.scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
        self.vocabulary: Tensor | None = None  # (V,) pieces that may be hidden; only training hides any

    @property
    def dim(self) -> int:
        return int(self.config.dim)

    # ------------------------------------------------------------ encoding

    def stem(self, images: Tensor) -> Tensor:
        """What no training changes of pictures: what the frozen trunk makes of them, and their pixels, place by place,
        (B, 3, S, S) -> (B, P, C); with a tower that learns, the upright pictures, (B, 3, S, wide).
        """
        side = images.shape[-1]
        wide = side * self.wide // self.preprocess.size
        left = (side - wide) // 2
        return self.upright_stem(images[..., left : left + wide].contiguous())

    def upright_stem(self, upright: Tensor) -> Tensor:
        """Likewise of upright pictures (B, 3, S, wide)."""
        if self.config.swin:
            return upright
        fine, coarse = self.parts[TRUNK](upright)[:2]  # strides 8 and 16
        small = F.avg_pool2d(upright, SHRINK)
        parts = [F.avg_pool2d(fine, 2), coarse, F.pixel_unshuffle(small, STRIDE // SHRINK)]
        return torch.cat(parts, dim=1).flatten(2).transpose(1, 2)

    def read(self, texts: Sequence[str]) -> Sentences:
        """Texts through the frozen sentence encoder."""
        encoder = self.parts[TEXT]
        pieces, real = encoder.tokens(texts)
        return Sentences(pieces, real, encoder.words_of(pieces, real), encoder.states(encoder.words(pieces), real))

    def picture_codes(self, places: Tensor) -> Tensor:
        """f_I: (B, P, W) -> (B, D), unit rows, from the means of all places and of those in each band."""
        grid = places.unflatten(1, (self.rows, self.columns)).mean(dim=2).transpose(1, 2)  # (B, W, rows)
        bands = F.adaptive_avg_pool1d(grid, self.config.bands).flatten(1)  # (B, W bands)
        return F.normalize(self.picture_head(torch.cat([bands, places.mean(dim=1)], dim=1)).float(), dim=-1)

    def text_codes(self, tokens: Tensor, real: Tensor) -> Tensor:
        """f_T: (T, L, W), (T, L) -> (T, D), unit rows."""
        return F.normalize(self.text_head(_pooled(tokens, real)).float(), dim=-1)

    def phrase_codes(self, tokens: Tensor, real: Tensor) -> Tensor:
        """f_P: (T, L, W), (T, L) -> (T, D), unit rows."""
        return F.normalize(self.phrase_head(_pooled(tokens, real)).float(), dim=-1)

    def region_codes(self, places: Tensor, inside: Tensor) -> Tensor:
        """f_R: places (B, P, W), which of them lie in the region (B, P) -> (B, D), unit rows."""
        return F.normalize(self.region_head(masked_mean(places, inside)).float(), dim=-1)

    def inside(self, boxes: Tensor) -> Tensor:
        """The places that boxes (..., 4) touch.   -> (..., P) bool"""
        return places_in(boxes, self.rows, self.columns)

    def match(self, tokens: Tensor, real: Tensor, places: Tensor, seen: Tensor | None = None) -> Tensor:
        """How well texts (B, L, W) fit pictures (B, P, W), or what is seen of them (B, P): logits (B,)."""
        fused = self.fusion(tokens, real, places, seen)
        logits: Tensor = self.match_head(_pooled(fused, real))[:, 0]
        return logits

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """The mean of the codes of a picture and of its mirror image, at unit length."""
        return self.codes_of(self.picture_places(images))

    def codes_of(self, places: tuple[Tensor, ...]) -> Tensor:
        """Likewise of pictures whose `picture_places` (B, P, W) these are.   -> (B, D), unit rows"""
        return F.normalize(torch.stack([self.picture_codes(view) for view in places]).sum(dim=0), dim=-1)

    def picture_places(self, images: Tensor) -> tuple[Tensor, ...]:
        """The tokens of pictures (B, 3, S, S), and of their mirror images.   -> (B, P, W) each"""
        return tuple(self.picture_reader(self.stem(view)) for view in (images, images.flip(-1)))

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        sentences = self.read(texts)
        return self.text_codes(self.text_reader(sentences.states, sentences.real), sentences.real)

    def rerank(self, text: str, places: tuple[Tensor, ...]) -> Tensor:
        """How well the text fits pictures, whose `picture_places` these are, the mean over both views: logits (K,)."""
        sentence = self.read([text])
        tokens, real = self.text_reader(sentence.states, sentence.real), sentence.real
        count = len(places[0])
        texts = tokens.expand(count, -1, -1), real.expand(count, -1)
        return torch.stack([self.match(*texts, view) for view in places]).mean(dim=0)

    def votes(self, phrases: Sequence[str], places: Tensor) -> Tensor:
        """Where each phrase is in each picture: windows of many sizes vote by the cosine of their f_R to the phrase's
        f_P for the places that they hold. Places (B, P, W) -> shares of the strongest (B, phrases, P), in [0, 1].
        """
        texts = self.read(phrases)
        asked = self.phrase_codes(self.text_reader(texts.states, texts.real), texts.real)  # (T, D)
        held = windows(self.rows, self.columns, HEIGHTS, WIDTHS).to(places)  # (K, P)
        means = held / held.sum(dim=1, keepdim=True)
        seen = F.normalize(self.region_head(means @ places).float(), dim=-1)  # (B, K, D)
        strength = torch.softmax(SHARPNESS * asked @ seen.transpose(1, 2), dim=-1) @ held.float()  # (B, T, P)
        return strength / strength.amax(dim=-1, keepdim=True)

    # ------------------------------------------------------------ training

    def phases(self) -> Sequence[Phase]:
        return ()

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(4.6); a batch without boxes has no losses of regions. In the phase "fine-tuning" targets are smoothed."""
        assert isinstance(batch, RelationBatch)
        assert batch.captions is not None
        assert batch.labels is not None
        places, captions = self.picture_reader(batch.images), batch.captions
        tokens = self.text_reader(captions.states, captions.real)
        same = batch.labels[:, None] == batch.labels[None]
        similarity = _cosines(self.picture_codes(places), self.text_codes(tokens, captions.real)) * self.scale.exp()
        smoothing = self.config.smoothing if phase.name == "fine-tuning" else 0.0
        losses = {"contrast": contrast(similarity, same, smoothing)}
        if self.config.matches:
            losses["matching"] = self.matching(similarity, same, tokens, captions.real, places)
        if self.config.hidden:
            losses["words"] = self.hidden_words(captions, places)
        return losses | (self.region_losses(batch, places) if batch.boxes is not None else {})

    def matching(
        self,
        similarity: Tensor,
        same: Tensor,
        tokens: Tensor,
        real: Tensor,
        places: Tensor,
        seen: Tensor | None = None,
    ) -> Tensor:
        """(4.2), (4.5): pairs (B), then each picture with a hard text, then each text with a hard picture."""
        hard_text, usable = hard_negatives(similarity.detach(), same)
        hard_picture, usable_too = hard_negatives(similarity.detach().T, same.T)
        own = torch.arange(len(tokens), device=tokens.device)
        which_text, which_picture = torch.cat([own, hard_text, own]), torch.cat([own, own, hard_picture])
        logits = self.match(
            tokens[which_text],
            real[which_text],
            places[which_picture],
            None if seen is None else seen[which_picture],
        )
        truth = (torch.arange(len(logits), device=logits.device) < len(own)).float()
        counted = torch.cat([torch.ones_like(usable), usable, usable_too]).float()
        each = F.binary_cross_entropy_with_logits(logits.float(), truth, reduction="none")
        return (each * counted).sum() / counted.sum()

    def hidden_words(self, captions: Sentences, places: Tensor) -> Tensor:
        """(4.3): what stood where words are hidden, from the other words and the picture."""
        encoder, vocabulary = self.parts[TEXT], self.vocabulary
        assert vocabulary is not None, "training sets the vocabulary"
        pieces, hidden = hide_words(
            captions.pieces, captions.words, encoder.mask_piece, vocabulary, self.config.hidden, self.config.most_hidden
        )
        with torch.no_grad():
            states = encoder.states(encoder.words(pieces), captions.real)
        fused = self.fusion(self.text_reader(states, captions.real), captions.real, places)
        logits = self.word_head(fused) @ encoder.words(vocabulary).T  # (T, L, V)
        place = torch.searchsorted(vocabulary, hidden.clamp(min=0)).clamp(max=len(vocabulary) - 1)
        targets = torch.where((hidden >= 0) & (vocabulary[place] == hidden), place, -100)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())

    def region_losses(self, batch: RelationBatch, places: Tensor) -> dict[str, Tensor]:
        """(4.4), (4.5): of one box and its phrase of each picture; pictures whose boxes say the same are all right."""
        assert batch.boxes is not None
        assert batch.phrases is not None
        assert batch.phrase_numbers is not None
        phrases, inside = batch.phrases, self.inside(batch.boxes)
        tokens = self.text_reader(phrases.states, phrases.real)
        same = batch.phrase_numbers[:, None] == batch.phrase_numbers[None]
        regions, words = self.region_codes(places, inside), self.phrase_codes(tokens, phrases.real)
        similarity = _cosines(regions, words) * self.scale.exp()
        losses = {"region contrast": self.config.beta * contrast(similarity, same)}
        if self.config.matches:
            matching = self.matching(similarity, same, tokens, phrases.real, places, inside)
            losses["region matching"] = self.config.beta * matching
        return losses

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep the temperature within [0.01, 0.5]."""
        self.scale.clamp_(*SCALES)


def _cosines(left: Tensor, right: Tensor) -> Tensor:
    """Of unit rows (A, D) and (B, D) -> (A, B), in full precision wherever the rest is computed in half."""
    with torch.autocast(left.device.type, enabled=False):
        return left @ right.T


def _head(width: int, dim: int) -> nn.Module:
    return nn.Sequential(nn.Linear(width, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))


def _pooled(tokens: Tensor, real: Tensor) -> Tensor:
    """The first token, and the mean of all that are real: (B, L, W), (B, L) -> (B, 2 W)"""
    return torch.cat([tokens[:, 0], masked_mean(tokens, real)], dim=1)
