"""The page behind nginx, with the configuration that docs/hosting.md names."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast
from urllib.request import urlopen

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Page

from retrieval.settings import HOME
from tests.ui.conftest import served
from tests.ui.fakes import COLORS, FakeEngine, paint
from tests.ui.visitor import WIDE, choose, draw, expect_hits, expect_picture

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx on this machine: apt-get install nginx-light")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return cast("int", free.getsockname()[1])


def configuration(folder: Path, port: int, app: str) -> str:
    """What the guide names, on these ports, for a user without rights."""
    guide = (HOME / "docs" / "hosting.md").read_text(encoding="utf-8")
    (server,) = re.findall(r"```nginx\n(.*?)```", guide, re.DOTALL)
    server = server.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("http://127.0.0.1:7860/", app)
    # What lies at the server's root is not the page's: here, no icon for browsers, which ask for one.
    server = server.replace(
        "    location = /guise", "    location = /favicon.ico { return 204; }\n    location = /guise", 1
    )
    kept = "".join(
        f"{kind}_temp_path {folder / kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"pid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{kept}{server}}}\n"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Iterator[str]:
    """The address of a page that nginx serves under /guise/."""
    folder, port = tmp_path_factory.mktemp("nginx"), free_port()
    engine = FakeEngine(folder / "pictures")
    with served(engine, examples, root_path="/guise") as app:
        (folder / "nginx.conf").write_text(configuration(folder, port, app), encoding="utf-8")
        command = [str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")]
        subprocess.run(command, check=True)
        yield f"http://127.0.0.1:{port}/guise/"
        subprocess.run([*command, "-s", "stop"], check=True)


def test_the_path_without_its_last_stroke_leads_to_the_page(proxied: str) -> None:
    with urlopen(proxied.removesuffix("/"), timeout=15) as answer:  # noqa: S310
        assert (answer.status, answer.url) == (200, proxied)
    with urlopen(f"{proxied}readyz", timeout=15) as answer:  # noqa: S310
        assert answer.status == 200


def test_a_program_searches_through_it(proxied: str, tmp_path: Path) -> None:
    picture = tmp_path / "tree.png"
    paint("tree", COLORS["tree"], "photo", 0).save(picture)
    client = Client(proxied, verbose=False)
    assert client.predict("a duck", 1, api_name="/search_text")[0]["label"] == "duck"
    assert client.predict(handle_file(picture), 1, api_name="/search_image")[0]["label"] == "tree"
    client.close()


@pytest.mark.browser
def test_a_visitor_draws_uploads_and_sees_pictures_through_it(
    proxied: str, visit: Callable[..., Page], tmp_path: Path
) -> None:
    page = visit(proxied)
    draw(page, WIDE)
    expect_hits(page, "fish")
    expect_picture(page.locator("#results .hit img").first)
    paint("tree", COLORS["tree"], "photo", 0).save(tmp_path / "tree.png")
    choose(page, tmp_path / "tree.png")
    expect_hits(page, "tree")
