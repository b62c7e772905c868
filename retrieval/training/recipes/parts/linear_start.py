"""Linear starts: what can be learnt on top of a trunk before anything of the method is.

Heads at random weights spoil pretrained features in their first steps, so they are fitted first, on features that are
computed once: Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution" (2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.methods.dsn import DSN

ROUNDS, SMALLNESS = 40, 1e-4  # of a classifier: iterations at most, and the weight of its squares


@dataclass(frozen=True)
class Features:
    """Features (N, F) of pictures under a trunk at its start, labels (N,), which are photos, (N,) bool, and what the
    teacher says of them (N, K_t), which counts for photos alone.
    """

    features: Tensor
    labels: Tensor
    photos: Tensor
    answers: Tensor


def fit_classifier(features: Tensor, targets: Tensor, classes: int) -> nn.Linear:
    """The linear classifier of features (N, F) with the least cross-entropy to targets, labels (N,) or shares (N, C),
    and small weights. There is one best, so nothing is random.
    """
    fitted = nn.Linear(features.shape[1], classes).to(features.device)
    nn.init.zeros_(fitted.weight)
    nn.init.zeros_(fitted.bias)
    optimiser = torch.optim.LBFGS(fitted.parameters(), max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimiser.zero_grad()
        value = F.cross_entropy(fitted(features), targets) + SMALLNESS * fitted.weight.square().sum()
        value.backward()
        return value.item()

    optimiser.step(loss)
    return fitted.requires_grad_(False)


def begin_linearly(method: DSN, seen: Features) -> None:
    """Begin the code as the first principal axes of the features, and fit both heads to what it says: `classify` to the
    labels, `repeat` to the teacher's answers for photos. A code that is fitted to the labels as well finds unseen
    classes less often: its features tell all seen ones apart already.
    """
    with torch.no_grad():
        mean = seen.features.mean(dim=0)
        covariance = torch.cov((seen.features - mean).T)  # (F, F)
        axes = torch.linalg.eigh(covariance).eigenvectors.T.flip(0)[: method.dim]  # (D, F), the first the longest
        method.code.weight[: len(axes)] = axes
        method.code.bias[: len(axes)] = -axes @ mean
        codes = method.code(seen.features)
    method.classify.load_state_dict(fit_classifier(codes, seen.labels, method.config.classes).state_dict())
    shares = seen.answers[seen.photos].softmax(dim=1)
    repeating = fit_classifier(codes[seen.photos], shares, method.config.teacher_classes)
    method.repeat.load_state_dict(repeating.state_dict())
