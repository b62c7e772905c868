"""Linear starts: what can be learnt on top of a trunk before anything reaches the trunk itself.

Heads at random weights spoil pretrained features in their first steps, so they are fitted first, on features that are
computed once: Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution" (2022).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.methods import Batch
from retrieval.methods.dsn import DSN, PhotoTeacher, are_photos

STEPS, BATCH, LR, DECAY = 800, 144, 1e-3, 5e-4  # of a code and its classes, learnt together
ROUNDS, SMALLNESS = 150, 1e-4  # of a classifier: iterations at most, and the weight of its squares


@dataclass(frozen=True)
class Features:
    """Features (N, F) of pictures under a trunk at its start, labels (N,), and which are photos, (N,) bool."""

    features: Tensor
    labels: Tensor
    photos: Tensor


@torch.no_grad()
def extract_features(trunk: nn.Module, batches: Iterable[Batch], sketches: Sequence[str]) -> Features:
    """What the trunk, which does not listen to tags yet, makes of the pictures of all batches."""
    listening = trunk.training
    trunk.eval()
    device = next(trunk.parameters()).device
    rows = []
    for batch in (batch.on(device) for batch in batches):
        assert batch.labels is not None, "classes are learnt: batches carry labels"
        features = trunk(batch.images, batch.images.new_zeros(len(batch.images)))  # (B, F)
        rows.append((features, batch.labels, are_photos(batch.domains, sketches, device)))
    trunk.train(listening)
    return Features(*map(torch.cat, zip(*rows, strict=True)))


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


def begin_linearly(method: DSN, teacher: PhotoTeacher, plain: Tensor, seen: Features, seed: int) -> None:
    """Begin the code as the first principal axes of what the last layer of a plain encoder, (E, F), makes of the
    features; then learn it together with the classes, by (2) alone; then fit `repeat` to what the teacher, whose trunk
    is the method's, says of the photos.
    """
    with torch.no_grad():
        codes = F.normalize(seen.features @ plain.T, dim=-1)  # (N, E)
        axes = torch.linalg.eigh(codes.T @ codes).eigenvectors.T.flip(0)[: method.dim]  # (D, E), the first the longest
        method.code.weight[: len(axes)] = axes @ plain
        for part in (method.code.bias, method.classify.weight, method.classify.bias):
            part.zero_()
    learnt = [*method.code.parameters(), *method.classify.parameters()]
    optimiser = torch.optim.AdamW(learnt, lr=LR, weight_decay=DECAY)
    random = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        at = torch.randint(len(seen.labels), (BATCH,), generator=random).to(seen.labels.device)
        loss = F.cross_entropy(method.classify(method.code(seen.features[at])), seen.labels[at])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    optimiser.zero_grad()
    with torch.no_grad():
        photos = seen.features[seen.photos]
        shares, codes = teacher.classify(photos).softmax(dim=1), method.code(photos)
    repeating = fit_classifier(codes, shares, method.config.teacher_classes)
    method.repeat.load_state_dict(repeating.state_dict())
