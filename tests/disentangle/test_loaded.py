"""What stands in folders draws, and what does not fit together is refused."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from retrieval.artifacts.bundle import save_bundle
from retrieval.artifacts.manifest import Manifest, reference_to
from retrieval.artifacts.prior import save_prior
from retrieval.diffusion.prior import Prior
from retrieval.disentangle import ServedDisentangler
from retrieval.errors import BundleError
from retrieval.images import Preprocess
from retrieval.methods.dude import Config, Dude
from tests.diffusion.priors import STYLES, THINGS, WIDTH
from tests.disentangle.halves import THREE, last


def loaded(folder: Path, prior: Prior, **told: object) -> ServedDisentangler:
    """From folders, as the page has them."""
    save_prior(folder / "prior", prior, name="tiny", styles=STYLES, classes=THINGS, trained_on=())
    reference = reference_to(folder / "prior")
    save_prior(
        folder / "student",
        prior,
        name="quick",
        styles=STYLES,
        classes=THINGS,
        trained_on=(),
        refers_to={"teacher": reference},
        **told,
    )
    config = Config(width=WIDTH, styles=STYLES, trunk="test_efficientnet", hidden=16)
    preprocess = Preprocess(32)
    manifest = Manifest(
        "toy", "dude", asdict(config), preprocess, STYLES, (), WIDTH, {}, refers_to={"prior": reference}
    )
    save_bundle(folder / "dude", Dude(config, preprocess), manifest)
    return ServedDisentangler(folder / "dude")


def test_what_stands_in_folders_draws(tmp_path: Path, prior: Prior) -> None:
    served = loaded(tmp_path, prior, steps=2, guidance=3.0)
    assert served.offered
    assert not served.ready
    disentangler = served.wait(60)
    assert served.ready
    assert served.trouble is None
    assert disentangler.is_quick
    assert len(list(disentangler.grid(THREE[:1], ["photo"]))) == 2, "there is no judge, and the student takes 2 steps"


def test_a_prior_that_is_no_student_is_refused_as_one(tmp_path: Path, prior: Prior) -> None:
    with pytest.raises(BundleError, match="is no student"):
        loaded(tmp_path, prior).wait(60)


def test_a_student_of_another_prior_is_left_alone(tmp_path: Path, prior: Prior) -> None:
    served = loaded(tmp_path, prior, steps=2, guidance=3.0)
    payload = json.loads((tmp_path / "student" / "manifest.json").read_text())
    payload["refers_to"]["teacher"]["sha256"] = "0" * 64
    (tmp_path / "student" / "manifest.json").write_text(json.dumps(payload))
    assert not served.wait(60).is_quick


def test_a_student_draws_the_guidance_that_its_manifest_names_and_no_other(tmp_path: Path, prior: Prior) -> None:
    disentangler = loaded(tmp_path, prior, steps=2, guidance=4.0).wait(60)
    steps = {asked: last(disentangler.grid(THREE[:1], ["photo"], guidance=asked)).steps for asked in (None, 4.0, 3.0)}
    assert steps == {None: 2, 4.0: 2, 3.0: 10}


def test_codes_that_refer_to_no_prior_are_refused(tmp_path: Path, prior: Prior) -> None:
    served = loaded(tmp_path, prior)
    payload = json.loads((tmp_path / "dude" / "manifest.json").read_text())
    (tmp_path / "dude" / "manifest.json").write_text(json.dumps(payload | {"refers_to": {}}))
    with pytest.raises(BundleError, match="refers to no prior that could draw its codes"):
        served.wait(60)


def test_nothing_is_offered_where_there_is_no_prior(tmp_path: Path) -> None:
    served = ServedDisentangler(tmp_path / "dude")
    assert not served.offered
    with pytest.raises(BundleError, match="manifest"):
        served.wait(60)
    assert served.trouble
    assert not served.ready
