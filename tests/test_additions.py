"""What CONTRIBUTING promises of "adding things": a toy style, a toy task and a toy pack work, and touch as many files
as it says.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.additions import Copy
from tests.evaluation.fakes import small_duplicates, small_pack

STYLES = "retrieval/world/styles"
NEGATIVE = '''"""A toy: the photo, inverted."""

import numpy as np
from PIL import ImageOps

from retrieval.world.render import Buffers
from retrieval.world.styles import photo
from retrieval.world.styles.drawing import Drawing


def draw(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """The photo, inverted."""
    return Drawing(ImageOps.invert(photo.draw(buffers, rng).image), {})
'''
RENDER = """
import sys
from pathlib import Path
from retrieval.data.readers.world import read_rendered
from retrieval.items import domains_of, read_items
from retrieval.types import Domain
from retrieval.world.sets import render_set

folder = Path(sys.argv[1])
render_set(folder, purpose="training", seed=1, per_class=1, size=16, classes=["duck"], workers=1)
table = read_rendered(folder)
photo, negative = (table.where(domain=Domain(name)).pictures[0].pixels() for name in ("photo", "negative"))
print(*domains_of(read_items(folder)))  # what the page offers as a filter
print(int(photo.mean()) + int(negative.mean()))
"""
TASKS, WORDS = "retrieval/evaluation/tasks/packs.py", "retrieval/evaluation/task_words.py"
TOY_TASK = '''

def toy(name: str, catalog: Catalog) -> Task:
    """Sketches -> photos of the toy pack."""
    table = read_pack(catalog.pack("toy", name))
    queries, photos = table.where(domain=SKETCH), table.where(domain=PHOTO)
    return picture_task(name, queries, photos, same_class(queries, photos))


TASKS["toy/all@1"] = toy
'''
TOY_WORDS = """        r"toy/all@1": Words("From a toy sketch, find toy photos.", "sketches -> photos; same class"),
"""
ASK = "from retrieval.evaluation.task_words import words_of; print(words_of('toy/all@1')[2].asks)"


def test_a_style_is_one_file_and_one_registry(tmp_path: Path) -> None:
    pytest.importorskip("mitsuba")
    copy = Copy(tmp_path)
    copy.write(f"{STYLES}/negative.py", NEGATIVE)
    registry = f"{STYLES}/__init__.py"
    copy.replace(registry, "import cartoon, engraving, mosaic,", "import cartoon, engraving, mosaic, negative,")
    copy.replace(
        registry, "    SKETCH.name: sketch.draw,\n", '    SKETCH.name: sketch.draw,\n    "negative": negative.draw,\n'
    )
    domains, brightness = copy.run("-c", RENDER, str(tmp_path / "set")).splitlines()
    assert domains.split() == ["photo", "painting", "cartoon", "mosaic", "engraving", "sketch", "negative"]
    assert int(brightness) == pytest.approx(255, abs=4)
    assert copy.touched == [registry, f"{STYLES}/negative.py"]


def test_a_task_on_a_new_pack_is_a_function_and_its_words_and_the_pack_is_no_file(tmp_path: Path) -> None:
    shown = [(kind, label) for label in ("duck", "owl") for kind in ("sketch", "photo")]
    packs = tmp_path / "packs"
    small_pack(packs / "toy", [(kind, label, label, "seen", "test", "") for kind, label in shown])
    small_duplicates(packs, [])
    copy = Copy(tmp_path)
    copy.write(TASKS, (tmp_path / TASKS).read_text(encoding="utf-8") + TOY_TASK)
    copy.replace(WORDS, '    "From style to style": {\n', f'    "From style to style": {{\n{TOY_WORDS}')
    asked = ("-m", "retrieval", "evaluate", "--bundle", "floor:raw-pixels", "--task", "toy/all@1")
    report = json.loads(copy.run(*asked, environment={"GUISE_DATA": str(packs)}))
    assert (report["task"], report["queries"], report["gallery"]) == ("toy/all@1", 2, 2)
    assert set(report["metrics"]) == set(report["interval"]) == set(report["class_interval"])
    assert copy.run("-c", ASK).strip() == "From a toy sketch, find toy photos."
    assert copy.touched == [WORDS, TASKS]
