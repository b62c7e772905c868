"""The events of the tab of object and style: what runs when something in it is chosen, and for programs.

Whatever draws waits in a line of its own ("drawing"), so no search ever stands behind it, and a new query ends it. The
tab itself is laid out by `object_style`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from retrieval.ui import object_style_views as panels
from retrieval.ui.actions import Actions
from retrieval.ui.map_tab import MapTab
from retrieval.ui.object_style import MOST_SEED, Panel, Tab
from retrieval.ui.object_style_actions import ObjectStyle
from retrieval.ui.object_style_api import ObjectStylePrograms

STOP = (
    "document.querySelectorAll('#object-style [data-busy]').forEach((panel) => panel.removeAttribute('data-busy'));"
    "document.querySelectorAll('#object-style .waits').forEach((cell) => cell.textContent = 'not drawn');"
)
TO_TOP = "() => window.scrollTo({ top: 0 })"
# A visit's turn is over: the next one begins, and panels are kept as they are or emptied.
VISIT = "(turn) => turn || Math.random().toString(36).slice(2) + Math.random().toString(36).slice(2) + ':0:keep'"
NEXT = "const [visit, number] = turn.split(':'); const next = turn && `${visit}:${Number(number) + 1}:"
# A query that comes late, like a drawing whose last line was just lifted, is shown to a visitor who is here already.
IF_HERE = "(entered) => document.getElementById('object-style')?.checkVisibility() ? String(Date.now()) : entered"
ANY_SEED = f"() => Math.floor(Math.random() * {MOST_SEED + 1})"


def wire_object_style(
    actions: Actions,
    tab: Tab | None,
    query: gr.Textbox,
    gallery: gr.Dropdown,
    status: gr.HTML,
    sheet: gr.HTML,
    pages: gr.Tabs,
    mapped: MapTab,
    example: str = "",
) -> None:
    """All events of the tab, and its endpoints for programs; `example`: the query that it opens with."""
    for endpoint in ObjectStylePrograms(actions).endpoints:
        gr.api(endpoint, concurrency_id="drawing", concurrency_limit=1)
    if tab is None:
        return
    handlers = ObjectStyle(actions, example)
    light: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    heavy = light | {"concurrency_id": "drawing", "concurrency_limit": 1}
    subject, entered, turn = tab.boxes.subject, tab.boxes.entered, tab.boxes.turn
    whom = [query, subject]
    fresh = [tab.card, tab.nearest, tab.code_hits, *(panel.shown for panel in tab.panels)]
    empty = ", ".join(["''"] * len(fresh))
    over = f"(turn) => {{ {NEXT}clear`; return [next, '', {empty}]; }}"  # and what was shown goes
    elsewhere = over.replace("next, '',", "next,")
    enter: dict[str, Any] = light | {"js": "() => String(Date.now())"}
    chosen = ((sheet.apart, gallery, "take_apart_hit"), (mapped.chart.apart, mapped.gallery, "take_apart_point"))
    for chooses, home, name in chosen:
        apart = chooses(actions.take_apart_hit, home, [status, pages, subject], api_name=name, queue=False, **light)
        apart.then(None, turn, [turn, *fresh], js=elsewhere, **light).then(None, None, entered, **enter)
    tab.back.click(None, turn, [turn, subject, *fresh], js=over, **light).then(None, None, entered, **enter)
    tab.tab.select(None, turn, turn, js=VISIT, **light).then(None, None, entered, **enter)
    turn.change(handlers.turns.begin, turn, None, api_name="begin_turn", queue=False, **light)
    about = [tab.about, tab.others, tab.boxes.second]
    entered.change(handlers.begin, [*whom, gallery], about, api_name="begin_object_style", **light)
    gr.on(
        [entered.change, tab.style.input, tab.parts.input, tab.seed.change],
        handlers.card,
        [turn, *whom, tab.style, tab.seed, tab.parts],
        tab.card,
        api_name="draw_card",
        trigger_mode="always_last",
        **heavy,
    )
    entered.change(
        handlers.nearest,
        [turn, *whom, gallery],
        tab.nearest,
        api_name="nearest_by_code",
        trigger_mode="always_last",
        concurrency_id="codes",
        concurrency_limit=1,
        **light,
    )
    for panel in tab.panels:
        _wire_panel(panel, getattr(handlers, panel.name), tab, whom, gallery, light)
    tab.others.choose(None, tab.others, tab.boxes.second, js="(id) => id", **light)
    tab.other_seed.click(None, None, tab.seed, js=ANY_SEED, **light)
    tab.cancel.click(None, turn, turn, js=f"(turn) => {{ {STOP} {NEXT}keep`; return next; }}", **light)
    gallery.input(None, turn, [turn, *fresh], js=elsewhere, **light)
    asked = query.change(None, turn, [turn, subject, *fresh], js=over, **light)
    asked.then(None, entered, entered, js=IF_HERE, **light)
    for made in (tab.card, *(panel.shown for panel in tab.panels if panel.name != "find")):
        asks = made.ask(actions.ask_generated, None, [status, pages, query], api_name="ask_generated", **light)
        asks.then(None, None, None, js=TO_TOP, **light)
    sheet.search(_to_search, None, pages, api_name="to_search", queue=False, **light)
    for opened in (tab.nearest.open, tab.code_hits.open):
        opened(
            actions.open_hit,
            [query, gallery],
            [status, sheet],
            api_name="open_coded",
            trigger_mode="multiple",
            **light,
        )


def _wire_panel(
    panel: Panel,
    handler: Callable[..., Any],
    tab: Tab,
    whom: list[gr.Textbox],
    gallery: gr.Dropdown,
    light: dict[str, Any],
) -> None:
    """A panel's button and sliders start its handler, which is told what it asks for."""
    asked = {
        "grid": [gallery, *panel.choices, tab.seed, tab.parts],
        "slide_objects": [gallery, tab.boxes.second, *panel.choices, tab.seed, tab.parts],
        "film": [gallery, tab.boxes.second, *panel.choices, tab.seed, tab.parts],
        "find": [gallery, *panel.choices],
    }.get(panel.name, [*panel.choices, tab.seed, tab.parts])
    finds = panel.name == "find"
    if not finds:
        waiting = f"() => {json.dumps(panels.WAITING)}"
        panel.start.click(None, None, panel.shown, js=waiting, **light)
    gr.on(
        [panel.start.click, *(slider.release for slider in panel.sliders)],
        handler,
        [tab.boxes.turn, *whom, *asked],
        [panel.shown, tab.code_hits] if finds else panel.shown,
        api_name=f"draw_{panel.name}",
        trigger_mode="always_last",
        concurrency_id="codes" if finds else "drawing",
        concurrency_limit=1,
        **light,
    )


def _to_search() -> Any:
    return gr.Tabs(selected="search")
