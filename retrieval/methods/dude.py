"""DUDE: what a picture shows, said in one word of a text-to-image model, without any label.

Yang, Hu, Li, Peng, "DUDE: Diffusion-Based Unsupervised Cross-Domain Image Retrieval" (2025). One extractor maps a
picture of any domain to one vector in the space of the words of a frozen text-to-image model. The model reads "a
{domain} of a [vector]" and must see the noise in the noised picture; only the extractor learns from how wrong it is.
The domain's word explains the style, so what is left for the vector to say is the object. Two views of a picture are
contrasted with other pictures, and pictures that are among each other's nearest are pulled together, first within each
domain and only later across domains. Retrieval compares the vectors by cosine, and draws nothing.

Of the paper itself, that much is published: template, frozen model, mutual neighbours, their order. Its exact losses,
weights, counts and schedule are not: (1) to (5), (7) and their symbols are our reading of it, (6) and (8) are not the
paper's at all.

    symbol -> attribute
    f_theta, z     tokens(x)                 (B, W), one word; z = s LN(h) keeps it as long as words are
    tau_phi, eps   prior.reader, prior       frozen
    p_d(z)         prior.reader(prompt(d), {THING_AT: z})
    b              study.bank                one code of the momentum copy for every training picture, unit rows
    M_in, M_x      study.within, .across     mutual neighbours, mined anew before every epoch
    z-bar          neutral_thing             the mean of all z, as long as a word
    w, q           Spelling.words, .shares   words that the prior was taught, and z's shares of them: ours
    A              HeatMaps.maps             where the prior looks z up

    (1)  L     = lambda_d L_dis + lambda_i L_inst + a(u) L_in + b(u) L_x         u: share of training that is done
    (2)  L_dis = mean ||eps - eps(x_t, t, tau(p_d(z)))||^2 / alpha_bar_t,  t in [0.5 T, 0.95 T]
    (3)  L_inst = mean_i  -log( exp(z_i b_i / tau) / sum_{k in d(i)} exp(z_i b_k / tau) )      b_i of another view, new
    (4)  l(i, P, Q) = -1/|P| sum_{j in P} log( exp(z_i b_j / tau) / sum_{k in Q} exp(z_i b_k / tau) ),  0 for empty P
    (5)  L_in = mean_i l(i, M_in(i), d(i) without i)      L_x = mean_i mean_{e != d(i)} l(i, M_x(i, e), e)
    (6)  L_read = mean  sum_{k in C} q_k / q(C) ||eps - eps(x_t, t, tau(p_d(w_k)))||^2 / alpha_bar_t,
                  q(C) = sum_{l in C} q_l      ours, see below
    (7)  `concentrate`: the squares in (2) are weighed by M / mean M, M = 0.2 + 0.8 A, from u = `warmup` on
    (8)  `joint`: in (2), a U-Net that begins at random learns along, and reads z alone, without a prompt

Where we differ, and why: no code was released, so what is not published stands as its lineage has it in `Config`. The
trunk of the extractor is an ImageNet classifier's and stays frozen: photographs and their classes taught it, none of
our styles and no picture of ours, where the lineage tunes a trunk that was pretrained without labels. So its features
of every view are computed once, and training turns a small head. DUDE is told no class, but the prior of the recipes
has seen the same renders and drawings with their captions, and knows all their classes by name. Only a share of a batch
goes through the prior, which costs most. Errors are those of velocity, which is what dividing by alpha_bar comes to,
and steps are noisier than usual: there the right class helps a prior most, compared with how much errors vary between
pictures. Neighbours across domains are mined by similarities from which those of hubs are subtracted. Crops cover .3 to
1 of a picture, not .2 to 1; a dropped vector is replaced by the batch's mean, not by a neutral one.

A second phase is ours: (6) takes the place of (2). z says with which shares q it stands for words w that the prior was
taught (see `diffusion.spelling`), a few of them, C, are drawn by these shares, and the prior tells under which of them
the picture is likelier. The shares of those that were drawn are made to sum to 1, so (6) is no unbiased estimate of the
sum over all words: it compares the few. All words see one noised picture, so what is hard to see in it falls out of the
comparison; (2) asks about one vector at a time, and learns little from what remains. No word comes with any picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.images import Preprocess
from retrieval.losses import multi_positive_contrast
from retrieval.methods.base import Batch, Method, Phase
from retrieval.methods.parts.banks import Bank, Extractor, Head
from retrieval.methods.parts.neighbours import NOBODY, chosen, neighbours, without_hubs
from retrieval.schema import Trunk
from retrieval.types import Domain

if TYPE_CHECKING:
    from retrieval.diffusion.prior import Prior
    from retrieval.methods.parts.noise_errors import (
        NoiseErrors,
    )  # it imports diffusers, which who searches does without

READING = "reading"  # the second phase


@dataclass(frozen=True)
class Config:
    """Neighbour counts, schedule and weights are our choice; temperature and momentum those of the lineage."""

    width: int = 384  # W: of a word of the prior, and of a code
    trunk: Trunk = "tf_efficientnet_lite0"  # a timm name; it never trains
    hidden: int = 256  # of the head that stands on it
    styles: tuple[str, ...] = ()  # the words of the domains that it was trained on
    word_length: float = 1.0  # of z at the start: the median length of the prior's words
    temperature: float = 0.2  # tau
    momentum: float = 0.99  # of the copy that fills the bank
    noise_weight: float = 20.0  # lambda_d; 0: contrast alone, and no prior is asked
    noise_share: float = 0.34  # of a batch that goes through the prior
    domain_word: bool = True  # False: the prior reads "a picture of a [z]" of every domain
    concentrate: bool = False  # (7)
    joint: bool = False  # (8)
    dropout: float = 0.1  # how often z-bar stands for z
    instance_weight: float = 1.0  # lambda_i
    within_weight: float = 0.5  # lambda_in
    across_weight: float = 0.5  # lambda_x
    mutual: bool = True  # False: nearest neighbours count, whether or not it is mutual
    progressive: bool = True  # False: both terms have their full weight from the first epoch
    hubs: bool = True  # False: neighbours across domains by plain similarity
    within: tuple[int, int] = (3, 10)  # K, at the beginning and at the end
    across: tuple[int, int] = (1, 5)  # K_x
    warmup: float = 0.1  # until here (4) is silent
    half: float = 0.5  # here neighbours across domains begin
    epochs: int = 20
    lr: float = 1e-3
    weight_decay: float = 5e-4
    read_epochs: int = 0  # of the second phase
    read_lr: float = 5e-4
    read_weight: float = 150.0  # of (6)
    read_share: float = 0.5  # of a batch that is read
    candidates: int = 4  # words in C


# ---------------------------------------------------------------- parts


class Study(Bank):
    """What training holds beside the extractor: the bank, who is whose neighbour, and what learns along."""

    within: Tensor
    across: Tensor

    def __init__(
        self, head: Head, names: Sequence[str], places: Sequence[int], config: Config, denoiser: Prior | None = None
    ) -> None:
        """denoiser: what learns along; see (8)."""
        super().__init__(head, names, places, config.width)
        domains = len(config.styles)
        self.denoiser = denoiser
        self.register_buffer("within", torch.full((len(names), config.within[1]), NOBODY))
        self.register_buffer("across", torch.full((len(names), domains, config.across[1]), NOBODY))


# ---------------------------------------------------------------- losses


def neighbour_contrast(logits: Tensor, positive: Tensor, pool: Tensor) -> Tensor:
    """(5): the mean over rows of (4), logits (B, N) cosines over tau, positive and pool (B, N) bool."""
    share = positive.any(dim=1).float().mean()
    return share * multi_positive_contrast(logits, positive, pool & ~positive)


# ---------------------------------------------------------------- the method


class Dude(Method):
    """One word for what a picture shows. It is trained after `learn_from`, and searched without the prior."""

    config_type = Config
    neutral_thing: Tensor
    study: Study | None

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        self.extractor = Extractor(config.width, config.trunk, config.hidden, config.word_length)
        self.register_buffer("neutral_thing", torch.zeros(config.width))
        self.study = None
        self._errors: NoiseErrors | None = None

    @property
    def dim(self) -> int:
        return int(self.config.width)

    @property
    def styles(self) -> tuple[str, ...]:
        """The words of the domains that it was trained on."""
        return tuple(self.config.styles)

    def tokens(self, images: Tensor) -> Tensor:
        """z: pictures (B, 3, H, W), normalised -> words (B, W)"""
        tokens: Tensor = self.extractor(images)
        return tokens

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """The direction of z; what domain a picture is of does not matter."""
        return F.normalize(self.tokens(images), dim=-1)

    # ------------------------------------------------------------ training

    def learn_from(self, errors: NoiseErrors | None, names: Sequence[str], domains: Sequence[Domain]) -> None:
        """Get ready to be trained on pictures with these names (N,), of these domains (N,), by what a frozen prior says
        of them, in this order.
        """
        places = [self.styles.index(domain.name) for domain in domains]
        denoiser = blank_denoiser(errors.prior) if errors and self.config.joint else None
        self.study = Study(self.extractor.head, names, places, self.config, denoiser)
        self._errors = errors

    def phases(self) -> Sequence[Phase]:
        config = self.config
        contrast = Phase("dude", config.epochs, config.lr, config.weight_decay)
        read = Phase(READING, config.read_epochs, config.read_lr, config.weight_decay)
        return (contrast, read) if config.read_epochs else (contrast,)

    def begin_epoch(self) -> None:
        """Mine the neighbours from the bank."""
        study = self._studying()
        study.epoch += 1
        k, k_across = (self._count(counts) for counts in (self.config.within, self.config.across))
        study.within.fill_(NOBODY)
        study.across.fill_(NOBODY)
        if int(study.epoch) == 1:
            return  # the bank is empty
        for here in range(len(self.styles)):
            rows = (study.places == here).nonzero()[:, 0]
            mine = study.bank[rows]
            alike = (mine @ mine.T).fill_diagonal_(-torch.inf)
            self._keep(study.within, rows, neighbours(alike, alike, k, mutual=self.config.mutual), rows)
            for there in range(len(self.styles)):
                others = (study.places == there).nonzero()[:, 0]
                if there == here or not len(others) or not len(rows):
                    continue
                alike = mine @ study.bank[others].T
                alike = without_hubs(alike) if self.config.hubs else alike
                mined = neighbours(alike, alike.T, k_across, mutual=self.config.mutual)
                self._keep(study.across[:, there], rows, mined, others)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1). A batch's `images` are the features of two views of each picture (B, 2, F), its `instances` their names;
        labels and texts are not looked at.
        """
        config, study = self.config, self._studying()
        rows, (view, other) = study.rows(batch.instances), batch.images.unbind(1)
        z = self.extractor.head(view)  # (B, W)
        study.put(rows, other)
        logits = F.normalize(z, dim=-1) @ study.bank.T.clone() / config.temperature  # (B, N)
        here = study.places[rows]
        own = F.one_hot(rows, len(study.bank)).bool()  # (B, N)
        mates = study.places[None, :] == here[:, None]  # (B, N)
        losses = {"instance": config.instance_weight * multi_positive_contrast(logits, own, mates & ~own)}
        a, b = self._weights()
        if a:
            mined = chosen(study.within[rows], len(study.bank))
            losses["within"] = a * neighbour_contrast(logits, mined, mates & ~own)
        if b:
            losses["across"] = b * self._across(logits, rows, here)
        if phase.name == READING:
            losses["reading"] = config.read_weight * self._reading_error(batch, z, rows)
        elif config.noise_weight:
            losses["noise"] = config.noise_weight * self._noise_error(batch, z, rows)
        return losses

    def _across(self, logits: Tensor, rows: Tensor, here: Tensor) -> Tensor:
        """L_x: the mean over all domains but a picture's own."""
        study, parts = self._studying(), []
        for there in range(len(self.styles)):
            pool = (study.places == there)[None, :] & (here != there)[:, None]  # (B, N)
            mined = chosen(study.across[rows, there], len(study.bank)) & pool
            parts.append(neighbour_contrast(logits, mined, pool))
        return torch.stack(parts).sum() / max(len(self.styles) - 1, 1)

    def _noise_error(self, batch: Batch, z: Tensor, rows: Tensor) -> Tensor:
        """L_dis, of the first pictures of the batch, which come in no order."""
        config, errors = self.config, self._asking()
        count = max(1, round(config.noise_share * len(z)))
        z, rows, styles = z[:count], rows[:count], self._words_of(batch.domains[:count])
        with torch.no_grad():
            mean_word = z.mean(dim=0)
            mean_word = mean_word * z.norm(dim=1).median() / mean_word.norm().clamp(min=1e-6)
        words = torch.where(torch.rand(count, 1, device=z.device) < config.dropout, mean_word, z)
        concentrate = config.concentrate and self._done >= config.warmup
        denoiser = self._studying().denoiser
        return errors.of_vectors(words, rows, styles, concentrate=concentrate, denoiser=denoiser).mean()

    def _reading_error(self, batch: Batch, z: Tensor, rows: Tensor) -> Tensor:
        """L_read, of the first pictures of the batch."""
        config, count = self.config, max(1, round(self.config.read_share * len(z)))
        styles = self._words_of(batch.domains[:count])
        return self._asking().of_words(z[:count], rows[:count], styles, config.candidates).mean()

    def _words_of(self, domains: Sequence[Domain]) -> list[str | None]:
        return [domain.name if self.config.domain_word else None for domain in domains]

    def after_step(self) -> None:
        """The copy follows."""
        self._studying().follow(self.extractor.head, self.config.momentum)

    @torch.no_grad()
    def finish(self, tokens: Tensor) -> None:
        """Keep z-bar of tokens (N, W), and nothing of what training held."""
        mean = tokens.mean(dim=0)
        self.neutral_thing.copy_(mean * tokens.norm(dim=1).median() / mean.norm().clamp(min=1e-6))
        self.study = self._errors = None

    def _studying(self) -> Study:
        assert self.study is not None, "DUDE learns after learn_from"
        return self.study

    def _asking(self) -> NoiseErrors:
        assert self._errors is not None, "who asks the prior is given its errors in learn_from"
        return self._errors

    @property
    def _done(self) -> float:
        """u, at the beginning of the epoch; 1 in the second phase."""
        return min((int(self._studying().epoch) - 1) / max(self.config.epochs, 1), 1.0)

    def _count(self, counts: tuple[int, int]) -> int:
        return round(counts[0] + (counts[1] - counts[0]) * self._done)

    def _weights(self) -> tuple[float, float]:
        """a and b: silent, then rising until `half`; b rises after that, for a tenth of training."""
        config, u = self.config, self._done
        if not config.progressive:
            return config.within_weight, config.across_weight
        rising = (u - config.warmup) / max(config.half - config.warmup, 1e-6)
        later = (u - config.half) / 0.1 + 0.1
        a = min(max(rising, 0.0), 1.0) * config.within_weight if u >= config.warmup else 0.0
        return a, (min(later, 1.0) * config.across_weight if u >= config.half else 0.0)

    @staticmethod
    def _keep(kept: Tensor, rows: Tensor, mined: Tensor, columns: Tensor) -> None:
        """Write neighbours (R, k), counted among `columns`, into the rows of `kept` (N, K)."""
        kept[rows, : mined.shape[1]] = torch.where(mined == NOBODY, NOBODY, columns[mined.clamp(min=0)])


def blank_denoiser(prior: Prior) -> Prior:
    """One of the prior's sizes, whose U-Net begins at random and learns; it reads nothing."""
    from retrieval.diffusion.image_adapter import ImageAdapter
    from retrieval.diffusion.prior import Prior  # it imports diffusers

    trunk = prior.adapter.trunk if isinstance(prior.adapter, ImageAdapter) else None
    denoiser = Prior(prior.config, torch.nn.Identity(), trunk).to(next(prior.parameters()).device)
    denoiser.requires_grad_(False)
    denoiser.unet.requires_grad_(True)
    return denoiser
