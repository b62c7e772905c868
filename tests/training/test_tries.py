"""Short tunings of a prior: what they change, and the plan of what is drawn to judge them."""

from __future__ import annotations

import torch
from torch import nn

from retrieval.training.adapted.held_out import plan
from retrieval.training.adapted.tries import pooled, turned


def test_a_turned_gradient_leads_the_other_way() -> None:
    torch.manual_seed(0)
    maps, critic = torch.randn(3, 4, 8, 8, requires_grad=True), nn.Linear(4 * 18, 2)
    seen = pooled(maps)
    there = torch.autograd.grad(critic(seen).square().sum(), maps, retain_graph=True)[0]
    back = torch.autograd.grad(critic(turned(seen)).square().sum(), maps)[0]
    assert torch.equal(turned(seen), seen)
    assert torch.allclose(back, -there)


def test_every_object_is_drawn_in_other_styles_and_every_doodle_once() -> None:
    styles = ["photo", "painting", "sketch"]
    domains, instances = [*styles, *styles, "doodle"], ["a"] * 3 + ["b"] * 3 + ["doodle-0"]
    rows, asked = plan(domains, instances, 4)
    assert [instances[row] for row in rows] == ["a"] * 4 + ["b"] * 4 + ["doodle-0"]
    assert all(domains[row] != style for row, style in zip(rows, asked, strict=True))
    assert "doodle" not in asked
    assert asked[-1] != "sketch"
