"""A page on a fake engine, served on loopback, and a Chromium that looks at it."""

from __future__ import annotations

import gc
import json
import os
import shutil
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from retrieval.ui.actions import Actions
from retrieval.ui.object_style_actions import ObjectStyle
from retrieval.ui.object_style_api import ObjectStylePrograms
from tests.ui.fake_disentangler import FakeDisentangler
from tests.ui.fakes import FakeEngine
from tests.ui.sample import write_results

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

expect.set_options(timeout=15_000)  # a busy machine is no failure
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FISH = {"name": "fish", "width": 512, "height": 512, "strokes": [{"points": [[60, 250], [450, 300]], "width": 7}]}


@contextmanager
def served(engine: Any, examples: Path, *, root_path: str | None = None, **options: Any) -> Iterator[str]:
    """The page of this engine on a free port -> its address; `root_path`: where a proxy serves it."""
    from retrieval.ui import build_page, launch_options

    with warnings.catch_warnings():  # gradio makes an event loop for each lock and closes none
        warnings.simplefilter("ignore", ResourceWarning)
        page = build_page(engine, examples, **options)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        address = {"server_name": "127.0.0.1", "server_port": port, "root_path": root_path}
        page.launch(**address, prevent_thread_lock=True, quiet=True, **launch_options(engine))
        gc.collect()
    yield f"http://127.0.0.1:{port}/"
    page.close(verbose=False)


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    (folder / "fish.json").write_text(json.dumps(FISH), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FakeEngine:
    return FakeEngine(tmp_path_factory.mktemp("gallery") / "pictures")


@pytest.fixture
def idle(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn yet; and whatever a test puts in place of what draws is gone after it."""
    monkeypatch.setattr(engine, "disentangler", FakeDisentangler())


@pytest.fixture
def tab(engine: FakeEngine, idle: None) -> ObjectStyle:
    """The tab of object and style, without a page."""
    return ObjectStyle(Actions(cast("Any", engine)))


@pytest.fixture
def programs(engine: FakeEngine, idle: None) -> ObjectStylePrograms:
    """What programs may ask of object and style."""
    return ObjectStylePrograms(Actions(cast("Any", engine)))


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def url(engine: FakeEngine, examples: Path, results: Path) -> Iterator[str]:
    with served(engine, examples, results=results) as address:
        yield address


@pytest.fixture
def late(tmp_path: Path, examples: Path) -> Iterator[tuple[FakeEngine, str]]:
    """An engine that is still loading, and the address of its page. Ask for it before `visit`: it must live longer."""
    engine = FakeEngine(tmp_path / "pictures", "world", "holiday", loading=True)
    with served(engine, examples) as address:
        yield engine, address
        engine.finish()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    assert found, f"no {' or '.join(BROWSERS)} on this machine; `make test` installs one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desk(chromium: Browser) -> BrowserContext:
    """One visitor at a desk, who keeps what was loaded once."""
    return chromium.new_context(viewport={"width": 1280, "height": 900})


@pytest.fixture
def visit(chromium: Browser, desk: BrowserContext) -> Iterator[Callable[..., Page]]:
    """Opens pages; whatever a test does with them, none may log an error or ask another origin for anything."""
    pages: list[Page] = []
    complaints: list[str] = []

    def opened(address: str, **options: Any) -> Page:
        page = (chromium.new_context(**options) if options else desk).new_page()
        pages.append(page)
        page.set_default_timeout(15_000)
        origin = "/".join(address.split("/")[:3])
        page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: _foreign(asked.url, origin, complaints))
        page.goto(address)
        page.locator("#drawing [data-ready]").wait_for()
        return page

    yield opened
    for page in pages:
        page.close()
    assert complaints == []


def _foreign(asked: str, origin: str, complaints: list[str]) -> None:
    if not asked.startswith((origin, "data:", "blob:")):
        complaints.append(f"asked for {asked}")


@pytest.fixture
def page(visit: Callable[..., Page], url: str) -> Page:
    """The page on a desk, ready to search."""
    page = visit(url)
    page.locator(".guises img").first.wait_for()
    return page
