"""A run: a folder that survives interruption. It holds what was asked, one line per epoch, and the state to go on from.

settings.json   what ran, written before anything runs
log.jsonl       one line per epoch
state.pt        everything after the last finished epoch; replaced in one step
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from retrieval.errors import DataError
from retrieval.files import write_text


class Run:
    """A run folder. Opening one that was begun with other settings is refused, so that a state never meets the wrong
    recipe.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        told = json.dumps(settings, indent=2, sort_keys=True, default=str) + "\n"
        path = folder / "settings.json"
        if path.is_file() and path.read_text(encoding="utf-8") != told:
            raise DataError(f"{folder} was begun with other settings. Name another run folder, or delete this one.")
        write_text(path, told)

    def state(self) -> dict[str, Any] | None:
        """The state after the last finished epoch, if one was finished."""
        path = self.folder / "state.pt"
        if not path.is_file():
            return None
        state: dict[str, Any] = torch.load(path, weights_only=True)
        return state

    def save(self, state: Mapping[str, Any], line: Mapping[str, Any]) -> None:
        """Keep the state and append the line to the log."""
        unfinished = self.folder / "state.pt.part"
        torch.save(dict(state), unfinished)
        unfinished.replace(self.folder / "state.pt")
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
