"""Every claim about speed -> results/speed.json: search against its bare parts, pictures that are drawn, the app's
start, the browser, memory.

python -m benchmarks.speed              wants an idle machine and a Chromium
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from playwright.sync_api import sync_playwright

from benchmarks import ROOT
from retrieval.artifacts.bundle import load_bundle
from retrieval.disentangle.panel_values import Original
from retrieval.encoder import embed_images
from retrieval.engine import Engine, Settings
from retrieval.evaluation.measurement import Measurement, Target
from retrieval.evaluation.report import write_measurements
from retrieval.images import open_image, pixels
from retrieval.indexing import build
from retrieval.items import PRIVATE, read_items
from retrieval.types import ImageQuery, TextQuery

ROUNDS = 60
K = 24
STROKES = 12
STARTS = 3
CARDS, GRIDS = 7, 3
SIDE = 4  # rows and styles of a grid
BATCH = 64
INDEXED = 1024  # pictures that are indexed
TURNS = 3
STROKE_TIME = """() => new Promise((done, fail) => {
    setTimeout(() => fail(new Error('no hits within 20 s')), 20000);
    const shown = () => [...document.querySelectorAll('#results .hit')].map((hit) => hit.outerHTML).join();
    const before = shown();  // another stroke, other scores
    let lifted = 0;
    addEventListener('pointerup', () => { lifted = performance.now(); }, { capture: true, once: true });
    new MutationObserver((_, watch) => {
        if (!lifted || !shown() || shown() === before) return;
        watch.disconnect();
        requestAnimationFrame(() => done(performance.now() - lifted));
    }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true });
})"""


def main() -> None:
    """Measure, print, write the file."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    rows = [*search_rows(), *index_rows(), *drawn_rows(), *app_rows()]
    write_measurements(ROOT / "benchmarks" / "results" / "speed.json", rows)
    for row in rows:
        sys.stdout.write(f"{row.name:28} {row.value:>10} {row.unit:6} target {row.target}\n")


def row(measure: str, value: float, unit: str, target: Target | None, how: str) -> Measurement:
    """One line of speed.json."""
    return Measurement(measure, round(value, 3), how, unit=unit, target=target)


# ---------------------------------------------------------------- search against its bare parts


def search_rows() -> list[Measurement]:
    """The app's search and its bare parts, taken in turns in one process."""
    engine = Engine(Settings())
    engine.wait()
    gallery = engine.served().gallery()
    queries = [ImageQuery(open_image(item.path)) for item in gallery.items[:: max(1, len(gallery) // ROUNDS)]][:ROUNDS]
    vectors = gallery.store._index.index.reconstruct_n(0, len(gallery))  # type: ignore[attr-defined]
    bare_index = faiss.IndexFlatIP(engine.bundle.dim)
    bare_index.add(vectors)

    @torch.inference_mode()
    def bare(query: ImageQuery) -> None:
        values = torch.from_numpy(pixels(query.image, engine.bundle.preprocess))[None]
        bare_index.search(engine.bundle.method.encode_images(values, [query.domain]).numpy(), K)

    def whole(query: ImageQuery) -> None:
        engine.search(query, k=K)

    times: dict[str, list[float]] = {"bare": [], "whole": []}
    for turn, query in enumerate(queries[:5] + queries):  # five to warm up
        order = [("bare", bare), ("whole", whole)][:: 1 if turn % 2 else -1]
        for name, run in order:
            times[name].append(timed(run, query))
    bare_times, whole_times = times["bare"][5:], times["whole"][5:]
    ratios = [w / b for w, b in zip(whole_times, bare_times, strict=True)]
    how = f"{len(ratios)} gallery pictures, taken in turns in one process; median"
    return [
        row("search over bare", statistics.median(ratios), "ratio", Target("<=", 1.15), f"paired ratio to {how}"),
        row("search by a picture", 1000 * statistics.median(whole_times), "ms", Target("<=", 60), how),
        text_row(engine),
        row("bare encode and faiss", 1000 * statistics.median(bare_times), "ms", None, how),
    ]


def text_row(engine: Engine) -> Measurement:
    """The names of the gallery's classes, each searched once."""
    names = engine.labels()
    engine.search(TextQuery(names[0]), k=K)  # to warm up
    typed = statistics.median(timed(lambda query: engine.search(query, k=K), TextQuery(name)) for name in names)
    return row("search by words", 1000 * typed, "ms", Target("<=", 20), f"names of {len(names)} classes; median")


# ---------------------------------------------------------------- indexing against bare encoding


def index_rows() -> list[Measurement]:
    """Building a gallery from its files, against encoding the same pixels from memory, taken in turns."""
    bundle = load_bundle(Settings().bundle)
    items = read_items(Settings().gallery)[: BATCH * (INDEXED // BATCH)]
    domains = [item.domain for item in items]
    opened = (pixels(open_image(item.path), bundle.preprocess) for item in items)
    stacked = torch.from_numpy(np.stack(list(opened)))  # (INDEXED, 3, H, W)

    @torch.inference_mode()
    def bare() -> None:
        for at in range(0, len(items), BATCH):
            bundle.encode_images(stacked[at : at + BATCH], domains[at : at + BATCH])

    def decoding() -> None:
        embed_images(bundle, ((open_image(item.path), item.domain) for item in items), BATCH)

    def indexing() -> None:
        with tempfile.TemporaryDirectory(dir=ROOT / "assets") as home:  # paths in an index stay below its root
            build(Path(home) / PRIVATE, [replace(i, path=link(i.path, Path(home))) for i in items], bundle)

    times: dict[str, list[float]] = {"bare": [], "decoding": [], "indexing": []}
    for _ in range(1 + TURNS):  # one to warm up
        for name, run in (("bare", bare), ("indexing", indexing), ("decoding", decoding)):
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    middle = {name: statistics.median(seconds[1:]) for name, seconds in times.items()}
    how = f"{len(items)} gallery pictures, files read and decoded; median of {TURNS} turns"
    return [
        row(
            "index over bare",
            middle["bare"] / middle["indexing"],
            "ratio",
            Target(">=", 0.85),
            f"throughput of {how}, against encoding their pixels from memory in batches of {BATCH}",
        ),
        row(
            "index over loop",
            middle["decoding"] / middle["indexing"],
            "ratio",
            None,
            "the same, against a loop that opens the files one after the other and encodes them in the same batches",
        ),
        row("index", len(items) / middle["indexing"], "images/s", None, how),
        row("bare encode", len(items) / middle["bare"], "images/s", None, f"from memory, batches of {BATCH}"),
    ]


def link(path: Path, home: Path) -> Path:
    """Another name for the file, in this folder."""
    other = home / path.name
    other.hardlink_to(path)
    return other


def timed(run: Callable[[Any], object], query: ImageQuery | TextQuery) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    run(query)
    return time.perf_counter() - start


# ---------------------------------------------------------------- pictures that are drawn


def drawn_rows() -> list[Measurement]:
    """Cards and grids of gallery pictures, as the page asks for them; the first of each warms up."""
    engine = Engine(Settings())
    engine.wait()
    disentangler = engine.disentangler.wait()
    items = engine.served().gallery().items
    count = max(CARDS + 1, (GRIDS + 1) * SIDE)
    chosen = items[:: len(items) // count]
    originals = [Original(open_image(item.path), item.domain.name, item.label) for item in chosen]
    cards = [steps_timed(disentangler.card(original)) for original in originals[: CARDS + 1]][1:]
    styles = disentangler.styles[:SIDE]
    rows = [originals[at * SIDE : (at + 1) * SIDE] for at in range(GRIDS + 1)]  # no two alike: what is drawn is kept
    grids = [steps_timed(disentangler.grid(row, styles)) for row in rows][1:]
    by = "the student" if disentangler.is_quick else "the prior itself"
    first = statistics.median(times[0] for times in cards + grids)
    how = f"{len(cards)} gallery pictures, drawn by {by}; median"
    return [
        row("decomposition card", statistics.median(times[-1] for times in cards), "s", Target("<=", 2), how),
        row(
            "swap grid 4x4",
            statistics.median(times[-1] for times in grids),
            "s",
            Target("<=", 6),
            f"drawn by {by}; median of {len(grids)}",
        ),
        row(
            "first preview", first, "s", Target("<=", 0.7), "of those cards and grids, until something is seen; median"
        ),
    ]


def steps_timed(panel: Iterator[object]) -> list[float]:
    """Seconds after which each value of a panel came."""
    start = time.perf_counter()
    return [time.perf_counter() - start for _ in panel]


# ---------------------------------------------------------------- the app as a process


def app_rows() -> list[Measurement]:
    """Start, browser and memory of `python app.py`."""
    bytes_, searches = [], []
    for _ in range(STARTS - 1):
        with app() as (_, address, start):
            bytes_.append(until(address, start))
            searches.append(until_searched(address, start))
    with app() as (process, address, start):
        bytes_.append(until(address, start))
        searches.append(until_searched(address, start))
        stroke = statistics.median(stroke_times(address))
        memory = peak_memory(process.pid)
        use_object_style(address)
        drawing = peak_memory(process.pid)
    first_byte, first_search = statistics.median(bytes_), statistics.median(searches)
    return [
        row(
            "start to first byte", first_byte, "s", Target("<=", 5), f"to the first 200 of /, median of {STARTS} starts"
        ),
        row(
            "start to first search",
            first_search,
            "s",
            Target("<=", 15),
            f"to the first answer, median of {STARTS} starts",
        ),
        row(
            "stroke to results",
            stroke,
            "ms",
            Target("<=", 400),
            f"pointer up to painted hits, median of {STROKES} strokes",
        ),
        row("peak memory", memory, "MB", Target("<=", 1500), "VmHWM of the app after the browser's searches"),
        row(
            "peak memory, object and style", drawing, "MB", Target("<=", 1800), "likewise, after a card and a grid too"
        ),
    ]


@contextmanager
def app() -> Iterator[tuple[subprocess.Popen[bytes], str, float]]:
    """A running app on a free port: its process, its address and when it was started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GUISE_PORT": str(port), "GUISE_GALLERY": ""}
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield process, f"http://127.0.0.1:{port}", start
    finally:
        process.terminate()
        process.wait(20)


def until(address: str, start: float) -> float:
    """Seconds from start until the page answers."""
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310  (loopback)
                answer.read(1)
            return time.perf_counter() - start
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.02)
            if time.perf_counter() - start > 120:
                raise


def until_searched(address: str, start: float) -> float:
    """Seconds from start until a search, asked as soon as the page answers, is answered."""
    call(address, "search_text", ["a duck", 8, None, None, None, None, None])
    return time.perf_counter() - start


def use_object_style(address: str) -> None:
    """Take a picture of the gallery apart, and draw a grid of it and three others."""
    item = read_items(ROOT / "assets" / "gallery")[0]
    query = {"kind": "item", "value": {"id": item.id, "gallery": None}}
    call(address, "object_style_card", [query, "", 0, None])
    call(address, "object_style_grid", [query, None, "things", None, False, True, None, 0, None])


def call(address: str, name: str, values: list[Any]) -> str:
    """Ask an endpoint of the app and wait for what it answers."""
    body, kind = json.dumps({"data": values}).encode(), {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{address}/gradio_api/call/{name}", body, kind)  # noqa: S310
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{asked.full_url}/{event}", timeout=240) as answer:  # noqa: S310
        text = answer.read().decode()
    if "event: complete" not in text:
        sys.exit(f"{name} failed: {text}")
    return str(text)


def stroke_times(address: str) -> list[float]:
    """Milliseconds from the end of a stroke to the painted hits, stroke by stroke, as the browser sees them."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.locator(".guises img").first.wait_for()
        box = page.locator("#drawing canvas").bounding_box()
        if box is None:
            sys.exit("The canvas is not on the page.")
        taken = []
        for stroke in range(STROKES + 1):
            page.evaluate(f"() => {{ window.measured = ({STROKE_TIME})(); }}")  # not awaited: the stroke comes next
            y = box["y"] + 40 + 20 * stroke
            page.mouse.move(box["x"] + 60, y)
            page.mouse.down()
            page.mouse.move(box["x"] + 300, y + 30, steps=6)
            page.mouse.up()
            taken.append(float(page.evaluate("window.measured")))
        browser.close()
    return taken[1:]


def find_chromium() -> str:
    """The browser that is there."""
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next((path for name in names if (path := shutil.which(name))), None)
    return chromium or sys.exit("No Chromium on this machine: make browser installs one.")


def peak_memory(pid: int) -> float:
    """The most memory the process has held, in MB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(kilobytes) / 1024


if __name__ == "__main__":
    main()
