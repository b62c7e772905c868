"""In the tab Map: where the pictures of the gallery that is searched stand for the method that searches it, with the
query among them, and the pictures inside a box or a loop that is drawn there.

The map is made in the background when the tab is first opened with that method and gallery (`evaluation.gallery_map`),
and kept. The browser gets it once; a shape sends the ids that are inside.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import QueryError, RetrievalError
from retrieval.ui import map_views, views
from retrieval.ui.actions import Actions
from retrieval.ui.errors import on_page, sentence
from retrieval.ui.figures import KIND as ABOUT_PEOPLE
from retrieval.ui.queries import UNREADABLE, read_kind, read_query
from retrieval.ui.results import hit_grid

if TYPE_CHECKING:
    from retrieval.evaluation.gallery_map import GalleryMap

POLL = 0.5  # seconds between two looks at a map that is being made
MOST = 96  # pictures in a shape that are shown
# In the browser: what is inside by now, whatever was when the shape was drawn.
ENCLOSED = "(...home) => [...home.slice(0, 2), document.querySelector('#plane [data-part=plane]').dataset.enclosed]"
TEMPLATE = """
<div class="plane" data-part="plane" hidden>
  <h2 data-part="title"></h2>
  <p class="lead" data-part="lead"></p>
  <div class="choose">
    <fieldset class="switches" aria-label="Select with">
      <label><input type="radio" name="plane-shape" checked><span>Box</span></label>
      <label><input type="radio" name="plane-shape" data-part="lasso"><span>Lasso</span></label>
    </fieldset>
    <label class="pick"><span>Light up</span><select data-part="label"></select></label>
  </div>
  <div class="sea">
    <svg data-part="svg" tabindex="0" role="application" aria-label="Map of the gallery"
      aria-describedby="plane-keys"></svg>
    <ul class="legend-row" data-part="styles" aria-label="Styles"></ul>
  </div>
  <div class="choose">
    <p class="counted" data-part="counted" aria-live="polite"></p>
    <button type="button" class="plain" data-part="clear" hidden>Clear the selection</button>
  </div>
  <p id="plane-keys" class="unseen">Arrow keys move a box, or the loop that is drawn, over the map, with Shift they
    change its size, Enter shows the pictures inside below the map, Escape takes it away.</p>
</div>
"""


@dataclass(frozen=True)
class GalleryMapBoxes:
    """What events read and write: what is said, the map, which one the browser has, and the pictures in a shape."""

    said: gr.HTML
    chart: gr.HTML  # value: `map_views.gallery_drawn`; prop `asked`: `map_views.query_drawn`; event: `enclosed`
    enclosed: gr.Textbox  # what is in a shape, as `gallery_map.js` tells it
    seen: gr.State
    timer: gr.Timer
    inside: gr.HTML


def gallery_map_boxes() -> GalleryMapBoxes:
    """The map, empty until its tab is opened."""
    here = Path(__file__)
    style = (here.with_name(name).read_text(encoding="utf-8") for name in ("map.css", "gallery_map.css"))
    said = gr.HTML(map_views.OPENING, elem_id="plane-said", apply_default_css=False)
    chart = gr.HTML(
        "",
        html_template=TEMPLATE,
        css_template="\n".join(style),
        js_on_load=here.with_name("gallery_map.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        asked="",
        elem_id="plane",
    )
    inside = hit_grid("", elem_id="plane-inside")
    enclosed = gr.Textbox(visible="hidden", label="Inside the shape")
    return GalleryMapBoxes(said, chart, enclosed, gr.State(""), gr.Timer(POLL, active=False), inside)


def wire_gallery_map(
    actions: Actions, tab: gr.Tab, boxes: GalleryMapBoxes, asked: list[gr.components.Component], sheet: gr.HTML
) -> None:
    """What opening the tab does, a box or a loop, and a picture inside; `asked`: query, gallery and method."""
    query, gallery, method = asked
    light: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    maps = GalleryMaps(actions)
    shown = [boxes.said, boxes.chart, boxes.seen, boxes.timer, boxes.inside]
    gr.on(
        [tab.select, boxes.timer.tick],
        maps.shown,
        [query, gallery, method, boxes.seen],
        shown,
        api_name="show_gallery_map",
        queue=False,
        **light,
    )
    boxes.chart.enclosed(
        maps.inside,
        [gallery, method, boxes.enclosed],
        [boxes.said, boxes.inside],
        js=ENCLOSED,  # read when asked: `always_last` asks again with the data of the first event
        api_name="map_enclosed",
        trigger_mode="always_last",
        **light,
    )
    boxes.inside.open(
        actions.open_hit,
        [query, gallery],
        [boxes.said, sheet],
        api_name="open_map_picture",
        trigger_mode="multiple",
        **light,
    )


class GalleryMaps:
    """The maps of the page's engine that were asked for, by method and gallery."""

    def __init__(self, actions: Actions) -> None:
        self.engine = actions.engine
        self._maps: dict[tuple[str, str], GalleryMap] = {}
        self._lock = threading.Lock()

    def shown(self, asked: str, gallery: str, method: str, seen: str) -> tuple[Any, ...]:
        """Query, gallery, method, which map the browser has -> what is said, the map, which one it is, whether to ask
        again, the pictures in a shape.
        """
        try:
            return self._shown(asked, gallery, method, seen)
        except Exception as error:
            told = gr.update(value=views.notice(sentence(error)), visible=True)
            return told, "", "", gr.Timer(active=False), ""

    def _shown(self, asked: str, gallery: str, method: str, seen: str) -> tuple[Any, ...]:
        doing, made = self._state(gallery, method)
        if made is None:
            told = gr.update(value=views.working(doing), visible=True)
            return told, gr.skip(), gr.skip(), gr.Timer(active=True), gr.skip()
        which, title = json.dumps([method, gallery]), self._title(method)
        told, point = gr.update(visible=False), ""
        try:
            point = self._point(asked, made)
        except RetrievalError as error:  # a method that reads no words still has a map
            told = gr.update(value=views.notice(sentence(error)), visible=True)
        update: dict[str, Any] = {"asked": point}
        if which != seen:
            update["value"] = map_views.gallery_drawn(made.items, made.points, made.shown, made.total, title, gallery)
        cards = gr.skip() if which == seen else ""
        return told, gr.update(**update), which, gr.Timer(active=False), cards

    def _point(self, asked: str, made: GalleryMap) -> str:
        """Where the page's query stands, as the browser reads it; "" where none is asked that this gallery answers."""
        if not asked or read_kind(asked) == ABOUT_PEOPLE:
            return ""
        query, name = read_query(self.engine, asked)
        return map_views.query_drawn(made.query_point(query), name)

    def _state(self, gallery: str, method: str) -> tuple[str, GalleryMap | None]:
        """What is being done until the map is there, and the map once it is. Raises what went wrong."""
        served = self.engine.served(method)
        if served.trouble:
            raise RetrievalError(served.trouble)
        if not served.ready:
            served.warm()
            return served.progress or f"Loading {self._title(method)}", None
        if opening := served.opening(gallery):
            return opening.progress or f"Opening the gallery {gallery}", None
        served.gallery(gallery)  # a name that may have been forged is refused here
        made = self._map(gallery, method)
        made.warm()
        if not (made.ready or made.trouble):
            return made.progress or f"Making the map of {gallery}", None
        made.wait()
        return "", made

    def _map(self, gallery: str, method: str) -> GalleryMap:
        from retrieval.evaluation.gallery_map import GalleryMap  # here: it imports torch

        with self._lock:
            return self._maps.setdefault((method, gallery), GalleryMap(self.engine.served(method), gallery))

    @on_page(others=1)
    def inside(self, gallery: str, method: str, enclosed: str) -> tuple[Any, Any]:
        """What is in a shape on the map, "" where none is drawn -> what is said (as it was), cards."""
        if not enclosed:
            return gr.skip(), ""
        names, count = _enclosed(enclosed)
        opened = self.engine.served(method).gallery(gallery)
        return gr.skip(), map_views.inside([opened.item(name) for name in names], count)

    def _title(self, method: str) -> str:
        choices = self.engine.methods
        return next((choice.title for choice in choices if choice.name == method), choices[0].title)


def _enclosed(told: str) -> tuple[list[str], int]:
    """The ids of the pictures in a shape, nearest to its middle first, and how many it holds; all may be forged."""
    try:
        match json.loads(told):
            case {"ids": list(ids), "count": int(count)}:
                return [name for name in ids[:MOST] if isinstance(name, str)], count
    except (ValueError, TypeError, RecursionError) as error:
        raise QueryError(UNREADABLE) from error
    raise QueryError(UNREADABLE)
