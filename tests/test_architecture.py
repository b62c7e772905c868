"""The shape of the project: who may import whom, and where each heavy library may be touched."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "retrieval"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__main__.py")

LAYERS = [  # from the top down; a module imports from its own layer and from those below
    {"ui", "cli"},
    {"serving"},
    {"engine"},
    {"training"},
    {"evaluation"},
    {"code_search", "figures", "figures_index", "loaded_encoder", "match", "reranking"},
    {"gallery", "indexing", "stores", "disentangle", "why", "relevance", "readings"},
    {"artifacts"},
    {"methods"},
    {"data", "emoji"},
    {"backbones", "diffusion", "losses", "encoder", "query_views", "world"},
    {"decoder", "items", "images", "crops", "colors", "formats"},
    {
        "types",
        "errors",
        "threads",
        "logs",
        "files",
        "loading",
        "phrases",
        "query_text",
        "schema",
        "settings",
        "startup",
        "hardware",
    },
]
DEPTH = {name: depth for depth, layer in enumerate(LAYERS) for name in layer}
HOMES = {  # where a library may be imported
    "gradio": ("app.py", "retrieval/ui/"),
    "faiss": ("retrieval/stores/",),
    "spaces": ("retrieval/hardware.py",),
    "qdrant_client": ("retrieval/stores/",),
    "mitsuba": ("retrieval/world/",),
    "pillow_heif": ("retrieval/formats.py",),
    "resvg_py": ("retrieval/emoji/",),
    "trimesh": ("retrieval/world/",),
    "skimage": ("retrieval/world/", "retrieval/evaluation/floors.py"),
}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively; write the whole name"
            yield node.module


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def rising(path: Path, package: Path) -> list[str]:
    """The modules above its own layer that a file of the package imports."""
    own = path.relative_to(package).parts[0].removesuffix(".py")
    if own == "__init__":
        return []
    assert own in DEPTH, f"{own} has no layer yet: give it one in LAYERS"
    ours = [module for module in imports(path) if module.startswith("retrieval.")]
    return [module for module in ours if DEPTH[room(module)] < DEPTH[own]]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_only_go_down(path: Path) -> None:
    assert rising(path, PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("evaluation/classifiers.py", "retrieval.training.loop"),
        ("data/sampler.py", "retrieval.methods.base"),
        ("data/sampler.py", "retrieval.evaluation.tasks"),
        ("loaded_encoder.py", "retrieval.training"),
    ],
)
def test_an_arrow_that_goes_up_is_seen_wherever_it_stands(file: str, module: str, tmp_path: Path) -> None:
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"import retrieval.errors\n\n\ndef late() -> None:\n    from {module} import x\n")
    assert rising(path, tmp_path) == [module]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_every_module_imports(path: Path) -> None:
    if path.is_relative_to(PACKAGE / "world"):
        pytest.importorskip("mitsuba")
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    importlib.import_module(name)


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_only_at_home(library: str) -> None:
    strangers = [
        path.relative_to(ROOT).as_posix()
        for path in [ROOT / "app.py", *MODULES]
        if any(module.split(".")[0] == library for module in imports(path))
        and not path.relative_to(ROOT).as_posix().startswith(HOMES[library])
    ]
    assert strangers == []


def test_no_module_is_a_drawer_for_everything() -> None:
    assert [p for p in MODULES if re.search(r"util|helper|misc|common|manager", p.stem)] == []


def test_the_page_is_built_without_torch_or_faiss() -> None:
    """What makes the first byte quick: nothing heavy is imported before the page is up."""
    script = (
        "import sys; from retrieval.engine import Engine, Settings; from retrieval.ui.page import build_page; "
        "build_page(Engine(Settings())); print([m for m in ('torch', 'faiss', 'open_clip') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_readme_shows_the_tree_as_it_is() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## The tree\n+```\n(.*?)```", readme, re.DOTALL)
    assert block, "README.md has no tree"
    named = {line.split()[0].rstrip("/") for line in block[1].splitlines() if line and not line.startswith(" ")}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = {line.split("/")[0] for line in listed.splitlines()}
    assert named == tracked
    within = {f"retrieval/{line.split()[0].rstrip('/')}" for line in block[1].splitlines() if line.startswith("  ")}
    assert {f"retrieval/{m.relative_to(PACKAGE).parts[0]}" for m in MODULES} <= within | {"retrieval/__init__.py"}


def test_the_entry_point_stays_short() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 60
