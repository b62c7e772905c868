"""The catalog names every method without loading any."""

from __future__ import annotations

import subprocess
import sys

import pytest

from retrieval.methods.base import Method
from retrieval.methods.catalog import METHODS, entry, load_class, name_of


@pytest.mark.parametrize("name", METHODS)
def test_every_entry_leads_to_a_method_and_back(name: str) -> None:
    kind = load_class(name)
    assert issubclass(kind, Method)
    assert name_of(kind) == name


def test_a_method_that_nobody_knows_is_called_by_its_name() -> None:
    assert (entry("magic").title, entry("magic").hint) == ("magic", "")


def test_a_class_of_no_method_says_where_a_line_is_missing() -> None:
    with pytest.raises(LookupError, match="stands in no line of METHODS"):
        name_of(Method)


def test_catalog_and_manifests_are_read_without_torch() -> None:
    script = (
        "import sys; import retrieval.methods.catalog; from retrieval.artifacts.manifest import CHECKPOINTS, "
        "read_manifest; read_manifest(CHECKPOINTS / 'guise-base'); print([m for m in ('torch',) if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
