"""UCDR-Adapter in published layouts: small here, full size by `python -m benchmarks.ucdr_full`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from benchmarks import ucdr_full
from benchmarks.ucdr_full import SETS, Batches, build, paint, search, seconds_a_step
from retrieval.backbones import prompted
from retrieval.backbones.sentence_encoder import SentenceConfig
from retrieval.methods.base import Phase
from retrieval.methods.ucdr_adapter import SOURCE, TARGET, Config, UCDRAdapter
from tests.backbones.tokenizers import PIECES, toy_tokenizer

SIZES = SentenceConfig(vocabulary=len(PIECES), width=16, layers=1, heads=2, hidden=32, positions=32, longest=24)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Config:
    shape = {"patch_size": 16, "width": 32, "layers": 2, "heads": 2, "mlp_ratio": 2.0}
    monkeypatch.setitem(prompted.VITS, "ViT-B-32", shape)
    return dataclasses.replace(ucdr_full.FULL, dim=16, sentence=16, hidden=16, source_epochs=2, target_epochs=2)


def ready(config: Config, name: str, folder: Path) -> tuple[UCDRAdapter, Batches]:
    published = SETS[name]
    paint(folder, published, (*published.split.seen[:2], *published.split.unseen[:2]), 2)
    classes, domains = published.split.seen[:2], published.domains
    config = dataclasses.replace(
        config, domains=domains, classes=classes, tokens=published.tokens, template=published.template
    )
    method = build(config, SIZES, toy_tokenizer(), 32)
    seen = published.read(folder).where(lambda row: row.label in classes and row.domain.name in domains)
    assert len(seen) == 2 * 2 * len(domains)
    return method, Batches(method, seen, 4, 2)


@pytest.mark.parametrize("name", SETS)
def test_both_phases_learn_and_the_official_layout_is_searched(small: Config, name: str, tmp_path: Path) -> None:
    method, batches = ready(small, name, tmp_path)
    prompts, head = method.banks.classes.detach().clone(), method.tower.trunk.proj.detach().clone()  # type: ignore[union-attr]
    first = method.tower.trunk.conv1.weight.detach().clone()  # type: ignore[union-attr]
    assert seconds_a_step(method, batches).keys() == {SOURCE, TARGET}
    assert not torch.equal(method.banks.classes, prompts)
    assert not torch.equal(method.tower.trunk.proj, head)  # type: ignore[union-attr]
    assert torch.equal(method.tower.trunk.conv1.weight, first)  # type: ignore[union-attr]
    assert 0 < search(method, SETS[name], SETS[name].read(tmp_path)) <= 1


def test_the_left_out_domain_of_domainnet_has_no_prompt() -> None:
    assert "sketch" not in SETS["domainnet"].domains
    assert len(SETS["domainnet"].domains) == 5


def test_a_summary_that_was_computed_before_changes_no_loss(small: Config, tmp_path: Path) -> None:
    method, batches = ready(small, "sketchy-ext", tmp_path)
    for bank in method.banks.parameters():
        torch.nn.init.normal_(bank)
    known = next(batches.epoch(0, 0))
    phase = Phase(TARGET, 1, 0.1)
    computed = method.losses(dataclasses.replace(known, summaries=None), phase)["image_text"]
    assert torch.allclose(method.losses(known, phase)["image_text"], computed, atol=1e-5)
    other = dataclasses.replace(known, summaries=torch.randn_like(batches.summaries[:4]))
    assert not torch.equal(method.losses(other, phase)["image_text"], computed)
