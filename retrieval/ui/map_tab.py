"""The tab of maps: of the gallery that is searched (`gallery_map`), and where DUDE's codes are, epoch by epoch.

The map of codes is made offline (`evaluation.mapping`) and sent to the browser once, when the tab is opened; moving
through the epochs, choosing what is seen and looking at a picture ask the server nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from retrieval.artifacts.addresses import locate
from retrieval.artifacts.manifest import MANIFEST
from retrieval.engine import WORLD
from retrieval.errors import DataError, RetrievalError
from retrieval.evaluation.embedding_map_file import AGAIN, MAP, NoMap, open_atlas
from retrieval.items import ITEMS, read_items
from retrieval.ui import map_views, views
from retrieval.ui.actions import Actions
from retrieval.ui.errors import sentence
from retrieval.ui.gallery_map import GalleryMapBoxes, gallery_map_boxes

CODES = "".join(
    f'<label><input type="radio" name="map-code" value="{code}"{" checked" if code == "object" else ""}>'
    f"<span>{title}</span></label>"
    for code, title in map_views.CODES.items()
)
TEMPLATE = f"""
<div class="atlas" data-part="atlas" hidden>
  {map_views.INTRO}
  <div class="choose">
    <fieldset class="switches" aria-label="What is mapped">{CODES}</fieldset>
    <label class="pick"><span>Show</span><select data-part="label"></select></label>
    <label class="switch"><input type="checkbox" data-part="within" checked><span>Lines within styles</span></label>
    <label class="switch"><input type="checkbox" data-part="across" checked><span>Lines across</span></label>
    <label class="switch"><input type="checkbox" data-part="fill"><span>Fill the frame</span></label>
  </div>
  <div class="ground">
    <div class="sea">
      <svg data-part="svg" role="group" aria-label="Map of codes" aria-describedby="map-keys"></svg>
      <ul class="legend-row" data-part="styles" aria-label="Styles"></ul>
      <div class="looked" data-part="card" aria-live="polite"></div>
    </div>
    <dl class="tiles" data-part="tiles"></dl>
  </div>
  <p id="map-keys" class="unseen">Tab enters the map, arrow keys go to the next picture in that direction, Enter opens
    it, Page Up and Page Down go through the epochs.</p>
  <div class="time">
    <button type="button" data-part="play" aria-label="Play"></button>
    <input type="range" min="0" step="1" data-part="epoch" aria-label="Epoch">
    <ol data-part="stops" aria-hidden="true"></ol>
  </div>
  <div data-part="caption" aria-live="polite"></div>
  <p class="print" data-part="small"></p>
</div>
"""


@dataclass(frozen=True)
class MapTab:
    """What of the tab is read and written by events."""

    tab: gr.Tab
    said: gr.HTML
    chart: gr.HTML  # value: `map_views.drawn`; events: `apart`, `open`
    seen: gr.State  # which map the browser has
    gallery: gr.State  # of whose pictures it is
    whole: GalleryMapBoxes  # of any method and gallery


def map_tab() -> MapTab:
    """The tab, empty until it is opened."""
    here = Path(__file__)
    with gr.Tab("Map", id="map", elem_id="map-page") as tab:
        whole = gallery_map_boxes()
        said = gr.HTML(map_views.OPENING, elem_id="map-said", apply_default_css=False)
        chart = gr.HTML(
            "",
            html_template=TEMPLATE,
            css_template=here.with_name("map.css").read_text(encoding="utf-8"),
            js_on_load=here.with_name("map.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            elem_id="map",
        )
        # In the tab: among tabs, whatever is no tab makes gradio count them wrongly and show some twice.
        seen, gallery = gr.State(""), gr.State(WORLD)
    return MapTab(tab, said, chart, seen, gallery, whole)


def wire_map(actions: Actions, tab: MapTab, status: gr.HTML, sheet: gr.HTML) -> None:
    """What opening the tab does, and a picture where it cannot be taken apart."""
    light: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shown = Charts(actions).shown
    tab.tab.select(shown, tab.seen, [tab.said, tab.chart, tab.seen], api_name="show_map", **light)
    tab.chart.open(
        actions.open_hit,
        [tab.seen, tab.gallery],
        [status, sheet],
        api_name="open_point",
        trigger_mode="multiple",
        **light,
    )


class Charts:
    """The map of the page's engine, read again when a file that it stands on has changed."""

    def __init__(self, actions: Actions) -> None:
        self.engine = actions.engine
        self._stamp, self._told = "", ""

    def shown(self, seen: str) -> tuple[Any, Any, Any]:
        """Which map the browser has -> what is said above it, the map, which one it is."""
        try:
            stamp = self._read()
        except NoMap:
            return gr.update(value=map_views.NOT_SHIPPED, visible=True), "", ""
        except Exception as error:
            return gr.update(value=views.notice(sentence(error)), visible=True), "", ""
        return gr.update(visible=False), gr.skip() if stamp == seen else self._told, stamp

    def _read(self) -> str:
        """Read what has changed -> a mark of what was read."""
        folder, home = locate(self.engine.settings.codes), self.engine.settings.gallery
        stamp = _stamp(folder / MAP, folder / MANIFEST, home / ITEMS)
        if stamp != self._stamp:
            atlas = open_atlas(folder, home)
            items = {item.id: item for item in read_items(home)}
            if missing := [one for one, _, _ in atlas.pictures if one not in items]:
                raise DataError(f"{folder / MAP} names {missing[0][:80]!r}, which is no picture of {home}. {AGAIN}")
            self._told = map_views.drawn(atlas, items, apart=self.engine.disentangler.offered)
            self._stamp = stamp
        return stamp


def _stamp(*files: Path) -> str:
    try:
        return " ".join(f"{stat.st_mtime_ns}:{stat.st_size}" for stat in (file.stat() for file in files))
    except FileNotFoundError as error:
        raise NoMap("There is no map yet.") from error
    except OSError as error:
        raise RetrievalError(f"The map cannot be read ({error.strerror}).") from error
