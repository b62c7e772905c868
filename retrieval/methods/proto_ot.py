"""ProtoOT: prototypes that pictures are transported to, within each domain and across: what DUDE has to beat.

Li, Shi, Yu, Wang, "Unsupervised Cross-Domain Image Retrieval via Prototypical Optimal Transport" (AAAI 2024). Each
domain has K prototypes. All its pictures are assigned to them at once, by optimal transport whose marginal is how large
the clusters of k-means are, so that no prototype takes everything. A picture is pulled to another view of itself, to
its nearest in its domain and to its prototype, away from the domain's other prototypes; in the second half of training
also to the prototype of every other domain that it is transported to.

    paper symbol -> attribute
    f              extractor(x)            (B, W); rows are compared by cosine, and z is the direction
    b              study.bank              one code of the slow copy for every training picture, unit rows
    c, beta        study.prototypes, .proportions    (D, K, W) unit rows, and (D, K): how many pictures each takes
    k(i)           study.assigned          the prototype of each training picture in its own domain

    (1)  L   = L_in + [u >= across_from] lambda_x L_x                            u: share of training that is done
    (2)  Q   = argmax_Q  sum_ik Q_ik S_ik + epsilon H(Q),   sum_k Q_ik = 1/N,   sum_i Q_ik = beta_k
         S_ik = b_i c_k;   k(i) = argmax_k Q_ik
    (3)  L_in = mean_i  -log( exp(p_i / tau) / (exp(p_i / tau) + sum_{k != k(i)} exp(z_i c_k / tau)) )
         p_i  = z_i b_i + lambda_n z_i n_i + lambda_c z_i c_k(i)     b_i of another view, new; n_i nearest in the bank
    (4)  c_k <- sum_i Q_ik b_i, as a unit row, after every step
    (5)  L_x  = mean_i mean_{e != d(i)}  -log( exp(z_i c^e_m / tau) / sum_k exp(z_i c^e_k / tau) ),
         m    = argmax_k Q^e_ik, where Q^e transports the pictures of d(i) to the prototypes of e

How many classes there are is told to the released code, which makes it an oracle. Here K is estimated from the codes of
the start, unless it is given: of many K the one whose clusters by k-means have the best Bayesian information criterion,
summed over domains.

Where we do what the release means and not what it does: the marginal of Q^e is the beta of the prototypes that it
transports to, not that of the domain that asks. beta is counted by k-means that goes on from the running prototypes, so
that the k-th share is the k-th prototype's; the release counts by a k-means of its own, in another order, and breaks
where a cluster is empty. n_i is looked up in the bank that it was found in; the release is one row off behind i. In (5)
all logits are cosines; the release scales those of the wrong prototypes to a unit row, and leaves the right one. It
makes the rows of S unit rows, too, whose entries shrink as K grows: with 64 prototypes nearly all pictures end at a few
of them. `unit_rows` asks for it.

Where we differ: there are more than two domains, so (5) is a mean over all others, and losses are means over pictures
where the release sums over two domains. Views are DUDE's, and so is the start, a frozen trunk that
ImageNet's photographs taught, where the paper trains a ResNet-50 by MoCo-v2. Nothing is selected by labels.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.errors import DataError
from retrieval.images import Preprocess
from retrieval.methods.base import Batch, Method, Phase
from retrieval.methods.parts.banks import Bank, Extractor, Head
from retrieval.schema import Trunk
from retrieval.types import Domain

ROUNDS, STARTS = 50, 20  # of k-means: as released
TRIED = 3  # starts of k-means for each K that is tried in an estimate
STEP = 1.25  # from one K that is tried to the next
FEWEST, MEMBERS = 4, 8  # the least K that is tried; the greatest leaves so many pictures to a cluster, on average


@dataclass(frozen=True)
class Config:
    """The release's numbers; its prototypes are as many as there are classes."""

    width: int = 128  # W
    trunk: Trunk = "tf_efficientnet_lite0"  # a timm name; it never trains
    hidden: int = 256  # of the head that stands on it
    styles: tuple[str, ...] = ()  # the words of the domains that it was trained on
    prototypes: int = 0  # K; 0: estimated from the codes of the start
    temperature: float = 0.2  # tau
    momentum: float = 0.999  # of the copy that fills the bank
    epsilon: float = 0.05
    rounds: int = 3  # of Sinkhorn
    unit_rows: bool = False  # True: the rows of S are unit rows, as released
    nearest_weight: float = 0.5  # lambda_n
    prototype_weight: float = 0.05  # lambda_c
    across_weight: float = 0.01  # lambda_x
    across_from: float = 0.5  # u
    epochs: int = 200
    lr: float = 2.5e-4
    weight_decay: float = 5e-4


class Study(Bank):
    """What training holds beside the extractor: the bank, and the prototypes of every domain."""

    prototypes: Tensor
    proportions: Tensor
    assigned: Tensor

    def __init__(self, head: Head, names: Sequence[str], places: Sequence[int], config: Config) -> None:
        super().__init__(head, names, places, config.width)
        domains = len(config.styles)
        self.register_buffer("prototypes", torch.zeros(domains, config.prototypes, config.width))
        self.register_buffer("proportions", torch.zeros(domains, config.prototypes))
        self.register_buffer("assigned", torch.zeros(len(names), dtype=torch.int64))

    def of(self, domain: int) -> Tensor:
        """The rows of the pictures of a domain.   -> (M,)"""
        return (self.places == domain).nonzero()[:, 0]


# ---------------------------------------------------------------- transport


def transported(similarity: Tensor, proportions: Tensor, epsilon: float, rounds: int) -> Tensor:
    """N times (2): similarity (N, K) in [-1, 1], proportions (K,) -> (N, K), rows sum to 1.

    Sinkhorn's rounds as released: few, and the last word is the pictures', so that proportions are met nearly.
    """
    plan = torch.exp((similarity - 1) / epsilon)
    for _ in range(rounds):
        plan = plan / plan.sum(dim=0) * proportions
        plan = plan / plan.sum(dim=1, keepdim=True)
    return plan


def pulled(z: Tensor, positive: Tensor, prototypes: Tensor, own: Tensor, temperature: float) -> Tensor:
    """(3) of unit rows z (B, W), p (B,), the prototypes of each one's domain (B, K, W), and k(i), (B,).   -> ()"""
    others = torch.einsum("bw,bkw->bk", z, prototypes).scatter(1, own[:, None], -torch.inf)  # (B, K)
    logits = torch.cat([positive[:, None], others], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros_like(own))


# ---------------------------------------------------------------- clusters


def gathered(rows: Tensor, centres: Tensor, rounds: int = ROUNDS) -> tuple[Tensor, Tensor]:
    """Lloyd's k-means from given centres (K, W): rows (N, W) -> centres (K, W), which of them is nearest (N,).

    A centre that has no row stays where it is.
    """
    nearest = torch.cdist(rows, centres).argmin(dim=1)
    for _ in range(rounds):
        counts = torch.bincount(nearest, minlength=len(centres))
        sums = torch.zeros_like(centres).index_add_(0, nearest, rows)
        centres = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centres)
        before, nearest = nearest, torch.cdist(rows, centres).argmin(dim=1)
        if torch.equal(before, nearest):
            break
    return centres, nearest


def clustered(rows: Tensor, count: int, starts: int = STARTS) -> Tensor:
    """The centres (K, W) of the best of some k-means of rows (N, W). Random from torch's generator."""
    if len(rows) < count:
        raise DataError(f"{len(rows)} pictures of a domain cannot have {count} prototypes. Ask for fewer.")
    best, least = rows[:count], torch.inf
    for _ in range(starts):
        centres, nearest = gathered(rows, _apart(rows, count))
        spread = float((rows - centres[nearest]).square().sum())
        if spread < least:
            best, least = centres, spread
    return best


def _apart(rows: Tensor, count: int) -> Tensor:
    """K of the rows, each drawn by its squared distance to those before: k-means++.   (N, W) -> (K, W)"""
    chosen = [int(torch.randint(len(rows), ()))]
    far = torch.full((len(rows),), torch.inf, device=rows.device)
    while len(chosen) < count:
        far = torch.minimum(far, (rows - rows[chosen[-1]]).square().sum(dim=1))
        chosen.append(int(torch.multinomial(far + 1e-12, 1)))
    return rows[chosen]


def worth(rows: Tensor, centres: Tensor) -> float:
    """How well clusters with centres (K, W) explain rows (N, W) for how many they are: the Bayesian information
    criterion of round clusters of one width, in which a row belongs to the nearest.

        sum_k N_k log(N_k / N) - NW/2 log(2 pi v) - W(N - K)/2 - K(W + 1)/2 log N
        v = sum_i |x_i - c_i|^2 / (W(N - K))

    Pelleg and Moore, "X-means: Extending K-means with Efficient Estimation of the Number of Clusters" (2000).

    >>> rows = torch.tensor([[0.0], [2.0], [10.0], [12.0]])
    >>> one, two = torch.tensor([[6.0]]), torch.tensor([[1.0], [11.0]])
    >>> round(worth(rows, one), 4), round(worth(rows, two), 4)
    (-13.6536, -11.6072)
    """
    (count, width), many = rows.shape, len(centres)
    centres, nearest = gathered(rows.double(), centres.double(), 0)
    variance = (rows - centres[nearest]).square().sum().clamp(min=1e-12) / (width * (count - many))
    sizes = torch.bincount(nearest, minlength=many).double()
    likelihood = torch.xlogy(sizes, sizes / count).sum() - count * width / 2 * torch.log(2 * torch.pi * variance)
    return float(likelihood - width * (count - many) / 2 - many * (width + 1) / 2 * math.log(count))


def estimated(domains: Sequence[Tensor]) -> int:
    """K, from the codes (N, W) of each domain alone: the one whose clusters are worth most, summed over domains; of
    numbers that grow by a quarter each time. Random from torch's generator.
    """
    most = max(min(len(rows) for rows in domains) // MEMBERS, 1)
    tried = [min(FEWEST, most)]
    while (more := max(round(tried[-1] * STEP), tried[-1] + 1)) <= most:
        tried.append(more)
    values = [sum(worth(rows, clustered(rows, count, TRIED)) for rows in domains) for count in tried]
    return tried[values.index(max(values))]


# ---------------------------------------------------------------- the method


class ProtoOT(Method):
    """A code for what a picture shows. It is trained after `learn_from`."""

    config_type = Config
    study: Study | None

    def __init__(self, config: Config, preprocess: Preprocess) -> None:
        super().__init__(config, preprocess)
        self.extractor = Extractor(config.width, config.trunk, config.hidden)
        self.study = None

    @property
    def dim(self) -> int:
        return int(self.config.width)

    @property
    def styles(self) -> tuple[str, ...]:
        """The words of the domains that it was trained on."""
        return tuple(self.config.styles)

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """What domain a picture is of does not matter."""
        return F.normalize(self.extractor(images), dim=-1)

    # ------------------------------------------------------------ training

    @torch.no_grad()
    def learn_from(self, features: Tensor, names: Sequence[str], domains: Sequence[Domain], seed: int = 0) -> None:
        """Get ready to be trained on pictures with these features (N, F), names (N,) and domains (N,): their codes fill
        the bank, and say how many prototypes there are where the config does not.
        """
        places = torch.tensor([self.styles.index(domain.name) for domain in domains])
        codes = F.normalize(self.extractor.head(features), dim=-1)  # (N, W)
        if not self.config.prototypes:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                prototypes = estimated([codes[places == domain] for domain in range(len(self.styles))])
            self.config = dataclasses.replace(self.config, prototypes=prototypes)
        self.study = Study(self.extractor.head, names, places.tolist(), self.config)
        self.study.bank.copy_(codes)

    def phases(self) -> Sequence[Phase]:
        return (Phase("proto-ot", self.config.epochs, self.config.lr, self.config.weight_decay),)

    @torch.no_grad()
    def begin_epoch(self) -> None:
        """Find the first prototypes; in every epoch, how many pictures each is to take."""
        study = self._studying()
        study.epoch += 1
        count = self.config.prototypes
        for domain in range(len(self.styles)):
            mine = study.bank[study.of(domain)]
            if int(study.epoch) == 1:
                study.prototypes[domain] = F.normalize(clustered(mine, count), dim=1)
            _, nearest = gathered(mine, study.prototypes[domain])
            study.proportions[domain] = (torch.bincount(nearest, minlength=count) + 1) / (len(mine) + count)  # never 0

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1). A batch's `images` are the features of two views of each picture (B, 2, F), its `instances` their names;
        labels and texts are not looked at.
        """
        config, study = self.config, self._studying()
        rows, (view, other) = study.rows(batch.instances), batch.images.unbind(1)
        z = F.normalize(self.extractor.head(view), dim=-1)  # (B, W)
        study.put(rows, other)
        losses = {"within": self._within(z, rows)}
        if self._done >= config.across_from and len(self.styles) > 1:
            losses["across"] = config.across_weight * self._across(z, rows)
        return losses

    def _within(self, z: Tensor, rows: Tensor) -> Tensor:
        """(3), after which the prototypes move: (4)."""
        config, study = self.config, self._studying()
        here = study.places[rows]
        moved = torch.empty_like(study.prototypes)
        for domain in range(len(self.styles)):
            of = study.of(domain)
            plan = self._plan(of, domain)
            study.assigned[of] = plan.argmax(dim=1)
            moved[domain] = F.normalize(plan.T @ study.bank[of], dim=1)
        prototypes, own = study.prototypes[here], study.assigned[rows]  # (B, K, W), (B,)
        matched = prototypes[torch.arange(len(z), device=z.device), own]  # (B, W)
        nearest = study.bank[nearest_rows(z, study.bank, rows, study.places)]  # (B, W)
        towards = study.bank[rows] + config.nearest_weight * nearest + config.prototype_weight * matched
        study.prototypes.copy_(moved)
        return pulled(z, (z * towards).sum(dim=1), prototypes, own, config.temperature)

    def _across(self, z: Tensor, rows: Tensor) -> Tensor:
        """(5)."""
        study, here = self._studying(), self._studying().places[rows]
        target = torch.zeros_like(study.assigned)  # (N,)
        total = z.new_zeros(len(z))
        for there in range(len(self.styles)):
            for domain in {int(place) for place in here if place != there}:
                of = study.of(domain)
                target[of] = self._plan(of, there).argmax(dim=1)
            logits = z @ study.prototypes[there].T.clone() / self.config.temperature  # (B, K)
            each = F.cross_entropy(logits, target[rows], reduction="none")  # (B,)
            total = total + each.masked_fill(here == there, 0.0)
        return total.mean() / (len(self.styles) - 1)

    def _plan(self, of: Tensor, there: int) -> Tensor:
        """The pictures in rows `of` (M,) transported to the prototypes of a domain.   -> (M, K)"""
        config, study = self.config, self._studying()
        with torch.autocast(study.bank.device.type, enabled=False):  # epsilon magnifies what bfloat16 would round off
            similarity = study.bank[of] @ study.prototypes[there].T  # (M, K)
        if config.unit_rows:
            similarity = F.normalize(similarity, dim=1)
        return transported(similarity, study.proportions[there], config.epsilon, config.rounds)

    def after_step(self) -> None:
        """The copy follows."""
        self._studying().follow(self.extractor.head, self.config.momentum)

    def finish(self) -> None:
        """Keep nothing of what training held."""
        self.study = None

    def _studying(self) -> Study:
        assert self.study is not None, "ProtoOT learns after learn_from"
        return self.study

    @property
    def _done(self) -> float:
        """u, at the beginning of the epoch."""
        return (int(self._studying().epoch) - 1) / max(self.config.epochs, 1)


@torch.no_grad()
def nearest_rows(z: Tensor, bank: Tensor, rows: Tensor, places: Tensor) -> Tensor:
    """The rows of the bank (N, W) that are nearest to z (B, W), each of its own domain and not the picture itself.
    rows (B,) of z in the bank, places (N,) which domain each row is of.   -> (B,)
    """
    mates = places[None, :] == places[rows][:, None]  # (B, N)
    mates = mates.scatter(1, rows[:, None], False)
    return (z @ bank.T).masked_fill(~mates, -torch.inf).argmax(dim=1)
