"""The page: three ways into one search, one place for the hits. `build_page` can be called without launching anything.

What is searched with lives in one hidden box. Drawing, choosing, typing and clicking only write it, in the browser; a
change of it, or of a filter, runs the one search event, which is always about the newest state (`always_last`), so a
slow answer can never cover a newer one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.hardware import is_lent
from retrieval.images import Strokes, parse_strokes
from retrieval.types import STYLES
from retrieval.ui import about_html, views
from retrieval.ui.actions import Actions
from retrieval.ui.canvas import drawing_canvas
from retrieval.ui.errors import keep_content_out_of_the_log
from retrieval.ui.figures import PeopleBoxes, people_boxes, wire_people
from retrieval.ui.figures_drawn import DrawnBoxes, drawn_boxes, wire_drawn
from retrieval.ui.gallery_map import wire_gallery_map
from retrieval.ui.map_tab import map_tab, wire_map
from retrieval.ui.object_style import object_style_boxes, object_style_tab
from retrieval.ui.object_style_events import wire_object_style
from retrieval.ui.programs import Programs
from retrieval.ui.results import choices, hit_grid, hit_sheet, status_line
from retrieval.ui.results_html import RESULTS, show_results
from retrieval.ui.showcase import PHRASES
from retrieval.ui.upload import picture_upload

if TYPE_CHECKING:
    from retrieval.engine import Choice, Engine

EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples"
POLL = 0.5  # seconds between two looks at a model that is loading


@dataclass(frozen=True)
class Query:
    """The three ways in, their examples, and the box that holds what is searched with."""

    box: gr.Textbox
    loaded: gr.Textbox  # the method that was loaded last: a change of it searches again
    canvas: gr.HTML
    drawings: gr.HTML
    upload: gr.HTML
    pictures: gr.HTML
    text: gr.Textbox
    phrases: gr.HTML
    people: PeopleBoxes
    drawn: DrawnBoxes


@dataclass(frozen=True)
class Filters:
    """What narrows a search, in the order in which `Actions.search` takes it."""

    k: gr.Slider
    domains: gr.CheckboxGroup
    labels: gr.Dropdown
    automatic: gr.Checkbox
    cutoff: gr.Slider
    gallery: gr.Dropdown
    method: gr.Radio

    def all(self) -> list[gr.components.Component]:
        """Every filter."""
        return [self.k, self.domains, self.labels, self.automatic, self.cutoff, self.gallery, self.method]


@dataclass(frozen=True)
class Shown:
    """Where answers appear."""

    banner: gr.HTML
    status: gr.HTML
    grid: gr.HTML
    sheet: gr.HTML
    about: gr.HTML


def build_page(engine: Engine, examples: Path = EXAMPLES, results: Path = RESULTS) -> gr.Blocks:
    """The page over this engine, with its queue. `launch_options` has what `launch` needs."""
    with gr.Blocks(title="Guise", fill_width=True, analytics_enabled=False, delete_cache=(300, 900)) as page:
        gr.HTML(views.HEADER, apply_default_css=False)
        with gr.Tabs(elem_id="pages", overflow_behavior="wrap") as pages:
            with gr.Tab("Search", id="search"), gr.Row(elem_id="studio"):
                with gr.Column(elem_id="asking", min_width=280):
                    drawings = read_examples(examples)
                    query = _query(drawings, engine.figures.offered)
                    boxes = object_style_boxes()
                with gr.Column(elem_id="finding", min_width=280):
                    banner = gr.HTML(views.loading(""), elem_id="banner", apply_default_css=False)
                    styles = engine.domains() or [style.name for style in STYLES]
                    filters = _filters(engine.galleries, engine.methods, styles)
                    status = status_line(views.WAITING, elem_id="status")
                    grid = hit_grid(views.welcome(), elem_id="results")
            coded = object_style_tab(boxes, offered=engine.disentangler.offered)
            mapped = map_tab()
            with gr.Tab("Evaluate"):
                gr.HTML(show_results(results), elem_id="measured", apply_default_css=False)
            with gr.Tab("About"):
                about = gr.HTML(about_html.about({}), elem_id="about", apply_default_css=False)
        sheet = hit_sheet(elem_id="sheet")  # outside of the tabs: several open it
        shown = Shown(banner, status, grid, sheet, about)
        actions = Actions(engine)
        _wire_query(query, filters.gallery)
        _wire_search(actions, query, filters, shown)
        _wire_start(page, actions, query, filters, shown)
        also = query.drawn.seen() if engine.figure_slider.offered else ()
        wire_people(actions.people, query.people, [query.text, query.phrases], (query.box, query.loaded), grid, also)
        wire_drawn(engine, query.drawn, query.people.text)
        wire_map(actions, mapped, status, sheet)
        wire_gallery_map(actions, mapped.tab, mapped.whole, [query.box, filters.gallery, filters.method], sheet)
        example = _example(drawings)
        wire_object_style(actions, coded, query.box, filters.gallery, status, sheet, pages, mapped, example)
        programs = Programs(engine)
        for endpoint in (programs.search_drawing, programs.search_image, programs.search_text, programs.search_item):
            gr.api(endpoint, concurrency_id="programs")
        gr.api(actions.people.search_people, concurrency_id="programs")
        for reasons in (programs.why_drawing, programs.why_image, programs.why_item):
            gr.api(reasons, concurrency_id="why")
    # Else gradio sums up all past events with pandas after each event, for a dashboard that is closed here.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(sys.maxsize))
    keep_content_out_of_the_log()
    if not is_lent():  # a lent GPU is asked for in the name of the Space
        page.space_id = None  # else gradio adds a header whose fonts and pictures come from elsewhere
    return page.queue(max_size=32, default_concurrency_limit=2, api_open=False)


def read_examples(folder: Path) -> dict[str, tuple[str, Strokes]]:
    """The drawings in the folder: name -> (JSON for the canvas, strokes)."""
    drawings = {}
    for file in sorted(folder.glob("*.json")):
        drawing = json.loads(file.read_text(encoding="utf-8"))
        drawings[drawing.pop("name", file.stem)] = json.dumps(drawing), parse_strokes(drawing)
    return drawings


def _example(drawings: Mapping[str, tuple[str, Strokes]]) -> str:
    """The drawing that is taken apart until somebody asks for another: the duck, or the first."""
    if not drawings:
        return ""
    strokes, _ = drawings.get("duck") or next(iter(drawings.values()))
    return json.dumps({"kind": "drawing", "value": json.loads(strokes)})


# ---------------------------------------------------------------- layout


def _query(examples: Mapping[str, tuple[str, Strokes]], people_offered: bool) -> Query:
    box = gr.Textbox(elem_id="query", visible="hidden", label="Query")
    loaded = gr.Textbox(elem_id="loaded", visible="hidden", label="Loaded")
    with gr.Tabs(elem_id="ways"):
        with gr.Tab("Draw"):
            canvas = drawing_canvas(elem_id="drawing")
            drawings = choices(views.drawings(examples), elem_id="example-drawings")
        with gr.Tab("Upload"):
            upload = picture_upload(elem_id="picture", elem_classes="upload")
            pictures = choices(elem_id="example-pictures")
        with gr.Tab("Text"):
            people = people_boxes(people_offered)
            drawn = drawn_boxes()
            text = gr.Textbox(
                label="What are you looking for?",
                placeholder="a red apple",
                max_lines=1,
                max_length=512,
                submit_btn="Search",
                elem_id="words",
            )
            phrases = choices(views.phrases(PHRASES), elem_id="example-phrases")
    return Query(box, loaded, canvas, drawings, upload, pictures, text, phrases, people, drawn)


def _filters(galleries: tuple[str, ...], methods: tuple[Choice, ...], styles: Sequence[str]) -> Filters:
    domains = gr.CheckboxGroup(list(styles), label="Styles", show_label=False, elem_id="styles")
    with gr.Accordion("Refine", open=False, elem_id="refine"):
        k = gr.Slider(4, 96, 24, step=4, label="How many")
        labels = gr.Dropdown([], multiselect=True, label="Classes", info="None chosen means all", elem_id="classes")
        automatic = gr.Checkbox(
            True, label="Automatic cut-off", info="What the model calls a match, by name", elem_id="automatic"
        )
        cutoff = gr.Slider(
            0, 1, 0.5, step=0.01, label="Cut-off", info="Lowest score that is shown", visible=False, elem_id="cutoff"
        )
        gallery = gr.Dropdown(
            list(galleries), value=galleries[0], label="Gallery", visible=len(galleries) > 1, elem_id="gallery"
        )
    hints = " · ".join(f"{choice.title.split(' ·')[0]}: {choice.hint}" for choice in methods if choice.hint)
    method = gr.Radio(
        [(choice.title, choice.name) for choice in methods],
        value=methods[0].name,
        label="Method",
        info=hints or None,
        visible=len(methods) > 1,
        elem_id="method",
    )
    automatic.input(
        None, automatic, cutoff, js="(on) => ({ visible: !on, __type__: 'update' })", api_visibility="private"
    )
    return Filters(k, domains, labels, automatic, cutoff, gallery, method)


# ---------------------------------------------------------------- events

# All of these run in the browser. `at` makes each query new, so the same words can be searched for twice.
ASK = "(value) => JSON.stringify({{ kind: '{}', value, at: Date.now() }})"
ASK_IF_ANY = "(value) => value ? JSON.stringify({ kind: 'drawing', value, at: Date.now() }) : ''"
SHOW_AND_ASK = "(value) => [value, JSON.stringify({{ kind: '{}', value, at: Date.now() }})]"
# While the cut-off is automatic, one's own is that of the last answer: whoever lowers it begins there.
FOLLOW = """(automatic, own) => {
    const answer = document.querySelector("[data-cutoff]");
    return automatic && answer ? Number(answer.dataset.cutoff) : own;
}"""
ASK_ITEM = "(id, gallery) => JSON.stringify({ kind: 'item', value: { id, gallery }, at: Date.now() })"


def _wire_query(query: Query, gallery: gr.Dropdown) -> None:
    """Whatever is drawn, chosen or typed is written into the box."""
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    query.canvas.input(None, query.canvas, query.box, js=ASK_IF_ANY, **quiet)
    query.canvas.submit(None, query.canvas, query.box, js=ASK.format("drawing"), **quiet)
    query.drawings.choose(None, query.drawings, [query.canvas, query.box], js=SHOW_AND_ASK.format("drawing"), **quiet)
    query.upload.input(None, query.upload, query.box, js=ASK.format("picture"), **quiet)
    query.pictures.choose(None, [query.pictures, gallery], query.box, js=ASK_ITEM, **quiet)
    query.text.submit(None, query.text, query.box, js=ASK.format("text"), **quiet)
    query.phrases.choose(None, query.phrases, [query.text, query.box], js=SHOW_AND_ASK.format("text"), **quiet)


def _wire_search(actions: Actions, query: Query, filters: Filters, shown: Shown) -> None:
    """A new query or filter searches; a card opens its details, which can be searched with and asked why."""
    # Filters by `input`, which only a person can cause: `change` also comes when gradio shows them for the first time.
    touched = [part.input for part in filters.all() if part is not filters.gallery]
    searched = gr.on(
        [query.box.change, query.loaded.change, *touched],
        actions.search,
        [query.box, *filters.all()],
        [shown.status, shown.grid],
        api_name="search",
        api_visibility="undocumented",
        trigger_mode="always_last",
        show_progress="hidden",
        concurrency_limit=16,  # one visitor's picture never holds up another's; `always_last` keeps each one's order
    )
    light: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    searched.then(None, [filters.automatic, filters.cutoff], filters.cutoff, js=FOLLOW, **light)
    for opened, name in ((shown.grid.open, "open_hit"), (shown.sheet.open, "open_neighbour")):
        opened(
            actions.open_hit,
            [query.box, filters.gallery],
            [shown.status, shown.sheet],
            api_name=name,
            trigger_mode="multiple",
            **light,
        )
    shown.sheet.why(
        actions.why_hit,
        [query.box, filters.gallery, filters.method],
        [shown.status, shown.sheet],
        api_name="why_hit",
        trigger_mode="multiple",
        concurrency_id="why",
        concurrency_limit=1,
        **light,
    )
    shown.sheet.search(
        actions.ask_hit, filters.gallery, [shown.status, filters.domains, query.box], api_name="ask_hit", **light
    )


def _wire_start(page: gr.Blocks, actions: Actions, query: Query, filters: Filters, shown: Shown) -> None:
    """The page says what is being loaded until it is; then the gallery's styles, classes and pictures are offered."""
    timer = gr.Timer(POLL)
    offered = [filters.domains, filters.labels, query.pictures, shown.about, query.phrases]
    # Not queued: a search that waits for the model must not hold back the line that says so.
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    gr.on(
        [page.load, timer.tick],
        actions.look,
        filters.gallery,
        [shown.banner, timer, query.loaded, *offered],
        api_name="look",
        **quiet,
    )
    other = filters.gallery.input(
        actions.choose_gallery,
        filters.gallery,
        [shown.banner, *offered],
        api_name="offer",
        trigger_mode="always_last",
        **quiet,
    )
    _wire_loading(other, actions, query, filters, shown)


def _wire_loading(
    gallery_chosen: gr.events.Dependency, actions: Actions, query: Query, filters: Filters, shown: Shown
) -> None:
    """A method or a gallery that was not used yet is loaded when it is chosen; the page says so, and searches once it
    is there.
    """
    timer = gr.Timer(POLL, active=False)
    # Not queued, as in `_wire_start`.
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    chosen, outputs = [filters.method, filters.gallery], [shown.banner, timer, query.loaded]
    gr.on(
        [filters.method.input, timer.tick],
        actions.load,
        chosen,
        outputs,
        api_name="load",
        trigger_mode="always_last",  # a choice that comes while the timer asks is asked for next
        **quiet,
    )
    gallery_chosen.then(actions.load, chosen, outputs, api_name="load_gallery", **quiet)
    query.loaded.change(actions.samples, filters.gallery, query.pictures, api_name="samples", **quiet)
