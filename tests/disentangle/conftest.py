"""A prior at random weights, built once for all panels."""

from __future__ import annotations

import pytest

from retrieval.diffusion.prior import Prior
from tests.diffusion.priors import tiny_prior


@pytest.fixture(scope="session")
def prior() -> Prior:
    return tiny_prior()
