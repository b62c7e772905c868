"""A drawing and a hit, as the page hands them to the tab of object and style, and a panel's last value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.ui.conftest import FISH

DRAWING = json.dumps({"kind": "drawing", "value": FISH})
HIT = json.dumps({"kind": "item", "value": {"id": "duck-mosaic-0", "gallery": "world"}}).replace("mosaic", "cartoon")


def last(values: Iterator[Any]) -> Any:
    return list(values)[-1]
