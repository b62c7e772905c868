"""What UCDR-Adapter adds to an explanation: which seen domains and classes a query's prompts are composed of, and what
exchanging prompts with the hit changes. Each stands beside a check that the numbers mean something for this query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from retrieval.methods.base import Shown
from retrieval.types import Bar, Bars, Note, Panel, Thumbnail, Thumbnails

if TYPE_CHECKING:
    from retrieval.methods.ucdr_adapter import UCDRAdapter

NAMED = 5  # domains and classes that a panel names


@torch.inference_mode()
def explain(method: UCDRAdapter, query: Shown, hit: Shown) -> tuple[Panel, ...]:
    """A panel for each bank that is used, and where both are, one of the exchange."""
    device = method.banks.domains.device
    pictures = [shown.pixels[None].to(device) for shown in (query, hit)]
    stems = [method._stem(picture) for picture in pictures]
    composed = [list(method._composed(method._summary(stem))) for stem in stems]
    panels = []
    kinds = {"both": ("styles", "classes"), "domains": ("styles",), "classes": ("classes",)}[method.config.banks]
    for place, what in enumerate(kinds):
        shares = [parts[place][1].unflatten(1, (-1, method.config.tokens)).sum(dim=2)[0] for parts in composed]
        panels.append(borrowed(method, what, shares[0], shares[1], _checks(method, stems[0], composed[0], place)))
    if len(kinds) > 1:
        panels.append(exchanged(method, stems, composed, hit.code.to(device)))
    return tuple(panels)


def borrowed(method: UCDRAdapter, what: str, query: Tensor, hit: Tensor, checks: tuple[Bar, ...]) -> Panel:
    """The largest shares (N,) of a query, beside those of the hit, with their pictures where the bundle has some."""
    names: Sequence[str] = method.config.domains if what == "styles" else method.config.classes
    order = query.argsort(descending=True).tolist()[:NAMED]
    bars = tuple(Bar(names[at], float(query[at]), f"{query[at]:.1%}", f"the hit {hit[at]:.1%}") for at in order)
    first = 0 if what == "styles" else len(method.config.domains)
    pictures: tuple[Thumbnails, ...] = ()
    if method.config.thumbnail:
        drawn = ((names[at], Image.fromarray(method.album[first + at].cpu().numpy())) for at in order)
        pictures = (Thumbnails(tuple(Thumbnail(image, name, f"A trained picture: {name}") for name, image in drawn)),)
    note = Note(f"Check. If the picture did not matter, each would give {1 / len(names):.1%}.")
    causal = (Note("Check. How like itself the query stays when one is taken away, 1 being the same:"), Bars(checks))
    return Panel(
        f"Seen {what} that it borrows from",
        f"Its prompt is a mixture of the prompts of {len(names)} {what} that were trained on. "
        "A share says what was mixed, not what the picture shows.",
        (Bars(bars), *pictures, note, *(causal if checks else ())),
    )


def _checks(method: UCDRAdapter, stem: Tensor, composed: list[tuple[Tensor, Tensor]], place: int) -> tuple[Bar, ...]:
    """The cosine of the query's code to itself without the row it borrows most from, and without that of the least."""
    if method.config.mask != "inf":
        return ()
    prompts = [prompt for prompt, _ in composed]
    whole = method._code(stem, torch.cat(prompts, dim=1))
    bank, _ = method._used_banks()[place]
    weights = composed[place][1]
    bars = []
    for name, row in (("without the first", weights.argmax(dim=1)), ("without the last", weights.argmin(dim=1))):
        taken = torch.zeros_like(weights, dtype=torch.bool).scatter_(1, row[:, None], True)
        prompt, _ = method.generator(method._summary(stem), bank, taken)
        code = method._code(stem, torch.cat([*prompts[:place], prompt, *prompts[place + 1 :]], dim=1))
        cosine = float((code * whole).sum())
        bars.append(Bar(name, cosine, f"{cosine:.4f}"))
    return tuple(bars)


def exchanged(
    method: UCDRAdapter, stems: list[Tensor], composed: list[list[tuple[Tensor, Tensor]]], target: Tensor
) -> Panel:
    """The query's similarity to the hit, `target` (D,), when it is encoded with the hit's prompts."""
    (style, kind), (its_style, its_kind) = ([prompt for prompt, _ in parts] for parts in composed)
    mean = [bank.mean(dim=0)[None, None] for bank, _ in method._used_banks()]
    used = {
        "with its own prompts": (style, kind),
        "with the hit's style prompt": (its_style, kind),
        "with the hit's class prompt": (style, its_kind),
        "with both of the hit's": (its_style, its_kind),
        "check: with the mean of all prompts": (mean[0], mean[1]),
    }
    codes = {name: method._code(stems[0], torch.cat(both, dim=1))[0] for name, both in used.items()}
    bars = tuple(Bar(name, float(code @ target), f"{code @ target:.4f}") for name, code in codes.items())
    own = codes["with its own prompts"]
    least = min(float(code @ own) for code in codes.values())
    return Panel(
        "The query with the hit's prompts",
        "Similarity to the hit when the query is encoded with prompts that were composed for the hit. Both come from "
        "one generator: nothing but the banks makes one of them style and the other class.",
        (Bars(bars), Note(f"Check. Of all these the least like the query itself has a cosine of {least:.4f} to it.")),
    )
