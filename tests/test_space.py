"""The Space is the project, laid out as Spaces want it."""

from __future__ import annotations

import re
from pathlib import Path

from spaces_config.assemble import ROOT, assemble


def test_an_assembled_space_holds_what_the_app_needs(tmp_path: Path) -> None:
    space = assemble(tmp_path / "space")
    told = (space / "README.md").read_text(encoding="utf-8")
    front = dict(re.findall(r"^(\w+): (.*)$", told.split("---")[1], re.MULTILINE))
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert front["sdk_version"] == pinned["gradio"]
    assert front["python_version"].strip('"') >= "3.11"
    assert len(front["short_description"]) <= 60
    assert "gradio==" not in (space / "requirements.txt").read_text()
    links = re.findall(r"\]\(([^)#]+)\)", (space / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if not (space / link).exists()] == []
    for name in ("app.py", "retrieval/engine.py", "assets/style.css"):
        assert (space / name).is_file(), name
