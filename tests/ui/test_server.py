"""The served page as programs see it: endpoints, files, and what is refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from gradio.utils import get_upload_folder
from gradio_client import Client, handle_file
from PIL import Image

from retrieval.ui import upload
from retrieval.ui.pictures import Pictures, Shown, picture, picture_id
from tests.ui.conftest import FISH
from tests.ui.fakes import COLORS, FakeEngine, paint

HOME = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    client = Client(url, verbose=False)
    yield client
    client.close()


def ask(address: str, body: Any = None) -> tuple[int, Any]:
    """Status and headers of an answer."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(address, data, {"Content-Type": "application/json"}), timeout=15) as answer:  # noqa: S310
            return answer.status, answer.headers
    except HTTPError as error:
        return error.code, error.headers


# ---------------------------------------------------------------- endpoints


def test_all_four_searches_can_be_called(client: Client, tmp_path: Path) -> None:
    picture = tmp_path / "tree.png"
    paint("tree", COLORS["tree"], "photo", 0).save(picture)
    for endpoint, query, label in (
        ("/search_text", "a duck", "duck"),
        ("/search_drawing", json.dumps(FISH), "fish"),
        ("/search_drawing", FISH, "fish"),
        ("/search_image", handle_file(picture), "tree"),
        ("/search_item", "duck-sketch-1", "duck"),
    ):
        hits = client.predict(query, 3, api_name=endpoint)
        assert [hit["rank"] for hit in hits] == [1, 2, 3]
        assert {hit["label"] for hit in hits} == {label}
        assert set(hits[0]) == {"id", "label", "domain", "score", "rank"}


def test_options_have_names(client: Client) -> None:
    hits = client.predict("a duck", k=2, domains=["sketch"], cutoff=0.5, gallery="world", api_name="/search_text")
    assert [hit["id"] for hit in hits] == ["duck-sketch-0", "duck-sketch-1"]


def test_reasons_for_a_hit_can_be_called(client: Client, tmp_path: Path) -> None:
    picture = tmp_path / "tree.png"
    paint("tree", COLORS["tree"], "photo", 0).save(picture)
    for endpoint, query in (
        ("/why_drawing", FISH),
        ("/why_image", handle_file(picture)),
        ("/why_item", "duck-sketch-1"),
    ):
        told = client.predict(query, "duck-photo-0", api_name=endpoint)
        assert told["similarity"] == 0.9
        assert [len(row) for row in told["hit"]["falls"]] == [4] * 4
        assert "picture" not in told["query"]


def test_only_searches_their_reasons_and_panels_are_offered_to_programs(client: Client) -> None:
    offered = client.view_api(return_format="dict", print_info=False)
    searches = {"/search_text", "/search_drawing", "/search_image", "/search_item", "/search_people"}
    reasons = {"/why_drawing", "/why_image", "/why_item"}
    panels = {name for name in offered["named_endpoints"] if name.startswith("/object_style_")}
    assert len(panels) == 10
    assert set(offered["named_endpoints"]) == searches | reasons | panels


def test_panels_of_object_and_style_can_be_called(client: Client, tmp_path: Path) -> None:
    picture = tmp_path / "tree.png"
    paint("tree", COLORS["tree"], "photo", 0).save(picture)
    query = {"kind": "picture", "value": handle_file(picture)}
    card = client.predict(query, "mosaic", 3, api_name="/object_style_card")
    assert card["drawn"]["intended_class"] == "tree"
    assert card["difference"].startswith("data:image/png;base64,")
    hits = client.predict({"kind": "drawing", "value": FISH}, "both", "cartoon", api_name="/object_style_search")
    assert {hit["domain"] for hit in hits} == {"cartoon"}


def test_an_error_reaches_the_program_as_its_sentence(client: Client, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    with pytest.raises(Exception, match="is not a picture"):
        client.predict(handle_file(tmp_path / "words.png"), api_name="/search_image")


# ---------------------------------------------------------------- files and addresses


def test_pictures_are_served_by_their_ids_as_what_they_are(url: str, engine: FakeEngine) -> None:
    shown = engine.pictures[0].path
    status, headers = ask(url + picture(shown))
    assert (status, headers["Content-Type"], headers["X-Content-Type-Options"]) == (200, "image/webp", "nosniff")
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert ask(f"{url}picture/{'0' * 32}")[0] == 404
    assert ask(f"{url}picture/../{picture(shown)}")[0] in (200, 404)


@pytest.mark.parametrize("name", [".env", ".git/config", "notes.txt", "page.html", "drawn.svg", "items.jsonl", "x.png"])
def test_no_file_is_served_because_it_lies_in_a_gallery(url: str, engine: FakeEngine, name: str) -> None:
    path = engine.pictures[0].path.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("<script>alert(1)</script>")
    try:
        for asked in (f"gradio_api/file={path}", f"file={path}", picture(path), f"picture/{path}"):
            assert ask(url + asked)[0] in (403, 404)
    finally:
        path.unlink()


def test_no_file_of_the_machine_is_served(url: str, engine: FakeEngine) -> None:
    upload = Path(get_upload_folder()) / "page.html"
    upload.parent.mkdir(parents=True, exist_ok=True)
    upload.write_text("<script>alert(1)</script>")
    for path in ("/etc/passwd", HOME / "app.py", "app.py", "../etc/passwd", engine.pictures[0].path, upload):
        assert ask(f"{url}gradio_api/file={path}")[0] == 403


def test_a_listed_file_that_is_no_picture_or_leads_elsewhere_is_not_served(tmp_path: Path) -> None:
    fake = SimpleNamespace(stamp=lambda: (1,), picture_files=lambda: iter(listed))
    (tmp_path / "page.png").write_text("<html>")
    (tmp_path / "link.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "away.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    listed = [tmp_path / "page.png", tmp_path / "link.png"]
    shown = Shown(cast("Any", fake))
    served = Pictures(cast("Any", None), shown.find)
    assert served._answer(picture_id(listed[0])).status_code == 404
    assert served._answer(picture_id(listed[1])).status_code == 200
    listed[1].unlink()
    listed[1].symlink_to(tmp_path / "away.png")
    assert served._answer(picture_id(listed[1])).status_code == 404


@pytest.mark.parametrize(("suffix", "kind"), [("tif", "image/jpeg"), ("heic", "image/jpeg"), ("avif", "image/avif")])
def test_what_a_browser_does_not_show_goes_out_as_jpeg(tmp_path: Path, suffix: str, kind: str) -> None:
    if suffix == "heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = tmp_path / f"own.{suffix}"
    Image.new("RGB", (40, 30), "red").save(path)
    answer = Pictures(cast("Any", None), lambda asked: path)._answer("")
    assert (answer.status_code, answer.media_type) == (200, kind)
    if kind == "image/jpeg":
        assert Image.open(io.BytesIO(bytes(answer.body))).size == (40, 30)
    path.write_bytes(path.read_bytes()[:24])
    assert Pictures(cast("Any", None), lambda asked: path)._answer("").status_code == (404 if suffix != "avif" else 200)


def test_the_file_picker_offers_what_is_opened() -> None:
    for kind in ("image/tiff", "image/avif", "image/heic", ".heic"):
        assert kind in upload.TEMPLATE


def test_no_address_is_fetched_for_a_visitor(url: str) -> None:
    assert ask(f"{url}gradio_api/file=http://127.0.0.1:9/x.png")[0] == 403
    assert ask(f"{url}gradio_api/proxy=https://127.0.0.1/x.png")[0] == 403
    for path in ("http://127.0.0.1:9/x.png", "HTTPS://127.0.0.1/x.png", "//127.0.0.1/x.png", "file:///etc/passwd"):
        body = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}], "fn_index": 0, "session_hash": "x"}
        assert ask(f"{url}gradio_api/queue/join", body)[0] == 400


def test_half_a_character_reaches_no_handler_and_a_whole_one_does(url: str) -> None:
    for data, status in (["\ud83e"], 400), ([{"\udd86": 1}], 400), (["🦆"], 200):
        assert ask(f"{url}gradio_api/call/search_text", {"data": data})[0] == status


def test_an_event_has_a_size(url: str) -> None:
    assert ask(f"{url}gradio_api/queue/join", {"data": ["x" * 2_100_000]})[0] == 413


def test_the_page_is_confined_to_its_origin(url: str) -> None:
    status, headers = ask(url)
    assert status == 200
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_the_dashboard_is_closed(url: str) -> None:
    assert ask(f"{url}monitoring/summary")[0] == 403


# ---------------------------------------------------------------- whoever runs it


def test_a_served_page_is_up_and_ready(url: str, late: tuple[FakeEngine, str]) -> None:
    assert ask(f"{url}healthz")[0] == 200
    status, headers = ask(f"{url}readyz")
    assert (status, headers["X-Content-Type-Options"], headers["Cache-Control"]) == (200, "nosniff", "no-store")
    _, loading = late
    assert ask(f"{loading}healthz")[0] == 200
    assert ask(f"{loading}readyz")[0] == 503


def test_what_cannot_be_read_leaves_no_trace_of_it_in_the_log(
    url: str, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    call = f"{url}gradio_api/call/search_text"
    data = json.dumps({"data": ["kept to oneself"]}).encode()  # the other arguments are missing
    with urlopen(Request(call, data, {"Content-Type": "application/json"}), timeout=15) as answer:  # noqa: S310
        event = json.load(answer)["event_id"]
    with urlopen(f"{call}/{event}", timeout=15) as answer:  # noqa: S310
        assert b"event: error" in answer.read()
    assert any("ValueError in an event, at" in message for message in caplog.messages)
    written = "".join(capfd.readouterr()) + caplog.text
    assert "kept to oneself" not in written


# ---------------------------------------------------------------- start


def test_the_page_is_built_without_the_model_s_libraries() -> None:
    code = (
        "import sys, retrieval.ui\n"
        "heavy = {'torch', 'faiss', 'open_clip', 'diffusers'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=HOME, check=True, timeout=60)


@pytest.mark.parametrize("name", ["GRADIO_VIBE_MODE", "GRADIO_ALLOWED_PATHS"])
def test_the_app_does_not_start_with_an_open_door(name: str) -> None:
    started = subprocess.run(
        [sys.executable, "app.py"], cwd=HOME, env={name: "1"}, capture_output=True, text=True, timeout=60, check=False
    )
    assert started.returncode == 2
    assert f"{name} must not be set" in started.stderr
