"""The assembled Space, started as a Space starts it, with nothing of this project on the path but itself."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

from spaces_config.assemble import copy_project, write_variant
from tests.ui.visitor import WIDE, choose, draw, enter, expect_hits, panel, search_text

pytestmark = pytest.mark.browser
START = 240.0  # seconds, on a machine that does much else
WORDS = "a yellow duck"


class Space:
    """A running copy: its folder, its address, and its log when it has ended."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.folder, self.address = folder, f"http://127.0.0.1:{port}/"
        self.log = folder.parent / "log"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder.parent),
            "PYTHONPATH": sysconfig.get_paths()["purelib"],  # its packages, and by -S none of the ways that they add
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
            "SYSTEM": "spaces",
            "SPACE_ID": "you/guise",
            "GUISE_PORT": str(port),
        }
        with self.log.open("wb") as log:
            command = [sys.executable, "-S", "app.py"]
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)

    def wait(self) -> int:
        """The number of pictures that can be searched, once it is ready."""
        until = time.monotonic() + START
        while time.monotonic() < until and self.process.poll() is None:
            with suppress(URLError, ConnectionError), urlopen(f"{self.address}readyz", timeout=30) as answer:  # noqa: S310
                return int(json.load(answer)["pictures"])
            time.sleep(0.2)
        raise AssertionError(f"not ready: {self.log.read_text()}")

    def stop(self) -> int:
        """Its exit status after a first signal."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("space") / "space"
    copy_project(folder, link=True)
    write_variant(folder, "cpu")
    running = Space(folder)
    yield running
    running.process.kill()
    running.process.wait()


def test_the_space_starts_alone_and_searches_and_draws(space: Space, visit: Callable[..., Page]) -> None:
    assert space.wait() == len((space.folder / "assets/gallery/items.jsonl").read_text().splitlines())
    assert (space.folder / "retrieval" / "__pycache__").is_dir(), "what ran was the copy"
    page = visit(space.address)
    page.locator(".guises img").first.wait_for()
    expect.set_options(timeout=120_000)
    try:
        search_text(page, WORDS)
        expect_hits(page, "duck")
        choose(page, next((space.folder / "assets/gallery").rglob("guitar*photo*.webp")))
        expect_hits(page, "guitar")
        page.get_by_role("tab", name="Draw").click()
        draw(page, WIDE)
        expect(page.locator("#status")).to_contain_text("Your drawing")
        enter(page)
        panel(page, "Swap grid", "draw-grid")
        expect(page.locator("#grid .summary")).to_contain_text("24 of 24 pictures")
    finally:
        expect.set_options(timeout=15_000)
    page.close()
    assert space.stop() == 0
    lines = [json.loads(line) for line in space.log.read_text().splitlines() if line.startswith("{")]
    assert {"text", "picture"} <= {line.get("kind") for line in lines}
    assert WORDS not in space.log.read_text()
    assert lines[-1]["message"].startswith("Stopping")
