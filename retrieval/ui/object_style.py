"""The tab of object and style, as it is laid out: what stands in it, and what of it events read and write.

It speaks about the page's query or, after "Show object & style", about a hit. Panels are made by `object_style_views`,
and what runs when something is chosen is in `object_style_events`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from retrieval.diffusion.guidance import MOST_GUIDANCE
from retrieval.types import STYLES
from retrieval.ui import object_style_views as panels
from retrieval.ui.actions import OBJECT_STYLE
from retrieval.ui.object_style_card import COMPARE_JS, PARTS
from retrieval.ui.results import hit_grid, status_line
from retrieval.ui.slide import SLIDE_JS
from retrieval.ui.upload import picture_upload

MOST_SEED = 999_999
WORDS = [style.name for style in STYLES]
OWN = ("its own", "")
BY = [("Object only", "object"), ("Style only", "style"), ("This object in that style", "both")]

# In the browser: which picture is chosen, whether maps show their cells.
PICK_JS = """
element.addEventListener("change", (event) => {
  props.value = event.target.value;
  trigger("choose");
});
"""


# A generated picture is searched with.
ASK_JS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-ask]");
  if (!button) return;
  const image = button.closest("figure").querySelector("img");
  trigger("ask", { data: image.src, style: button.dataset.style, thing: button.dataset.thing });
});
"""


@dataclass(frozen=True)
class Boxes:
    """What the page remembers; it stands outside of the tab, which the browser builds when it is first opened."""

    subject: gr.Textbox  # a hit as the page's query, "" when the tab is about the query itself
    entered: gr.Textbox  # when the tab was last entered: a change of it shows whom it is about
    second: gr.Textbox  # the id of the second picture
    turn: gr.Textbox  # this visit's turn, as `Turns` reads it


@dataclass(frozen=True)
class Tab:
    """What of the tab is read and written by events."""

    tab: gr.Tab
    boxes: Boxes
    about: gr.HTML
    back: gr.Button
    cancel: gr.Button
    style: gr.Radio
    parts: gr.CheckboxGroup  # which of what, where and style pictures are drawn from
    seed: gr.Number
    other_seed: gr.Button
    card: gr.HTML
    others: gr.HTML
    nearest: gr.HTML
    code_hits: gr.HTML
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Panel:
    """Where something is drawn on demand: its name, what is chosen, the button, where it appears."""

    name: str
    choices: tuple[gr.components.Component, ...]
    start: gr.Button
    shown: gr.HTML
    sliders: tuple[gr.Slider, ...] = ()  # whose release starts it too


def object_style_boxes() -> Boxes:
    """The hidden boxes of the tab."""
    return Boxes(
        gr.Textbox(elem_id="subject", visible="hidden", label="Subject"),
        gr.Textbox(elem_id="entered", visible="hidden", label="Entered"),
        gr.Textbox(elem_id="second", visible="hidden", label="Second picture"),
        gr.Textbox(elem_id="turn", visible="hidden", label="Turn"),
    )


def object_style_tab(boxes: Boxes, *, offered: bool) -> Tab | None:
    """The tab; None, and a sentence in it, where nothing can be drawn."""
    with gr.Tab("Object & style", id=OBJECT_STYLE, elem_id="object-style") as tab:
        if not offered:
            gr.HTML(panels.NOT_SHIPPED, apply_default_css=False)
            return None
        _html(panels.INTRO)
        with gr.Row(elem_id="subject-bar"):
            about = _html(elem_id="subject-line")
            back = gr.Button("Back to your query", size="sm", elem_id="back", elem_classes="quiet")
            cancel = gr.Button("Cancel", size="sm", elem_id="cancel", elem_classes="quiet")
        with gr.Row(elem_id="drawn-how"):
            style = gr.Radio([OWN, *WORDS], value="", label="Draw it in", elem_id="drawn-style", elem_classes="pills")
            parts = gr.CheckboxGroup(
                [(part.capitalize(), part) for part in PARTS],
                value=list(PARTS),
                label="Drawn from",
                elem_id="drawn-from",
                elem_classes="pills",
            )
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=MOST_SEED, elem_id="seed")
            other_seed = gr.Button("Another seed", size="sm", elem_id="other-seed", elem_classes="quiet")
        card = _shown("card", COMPARE_JS)
        others = gr.HTML("", js_on_load=PICK_JS, apply_default_css=False, elem_id="others")
        with gr.Tabs(elem_id="panels", overflow_behavior="wrap"):
            with gr.Tab("Neighbours"):
                nearest = hit_grid("", elem_id="nearest")
            with gr.Tab("Swap grid"):
                grid = _grid()
            with gr.Tab("Sliders"):
                sliders = _sliders()
            with gr.Tab("Attention"):
                heat = _heat()
            with gr.Tab("Film"):
                film = _film()
            with gr.Tab("Find by code"):
                find, code_hits = _find()
    drawn = (grid, *sliders, heat, film, find)
    return Tab(tab, boxes, about, back, cancel, style, parts, seed, other_seed, card, others, nearest, code_hits, drawn)


# ---------------------------------------------------------------- layout


def _html(value: str = "", **options: Any) -> gr.HTML:
    return gr.HTML(value, apply_default_css=False, **options)


def _shown(name: str, script: str = "") -> gr.HTML:
    """Where generated pictures appear. Event: `ask`, with one of them."""
    return gr.HTML("", js_on_load=ASK_JS + script, apply_default_css=False, elem_id=name)


def _note(words: str) -> None:
    _html(f'<p class="told">{words}</p>')


def _grid() -> Panel:
    _note(
        "Rows are objects, columns are styles; a row should keep its object, a column its style. Shuffled parts are "
        "the control: with the word and the map of another row, the classes of all rows must break. A click on "
        "“Search with this” looks for the gallery’s pictures of this object in that style."
    )
    with gr.Row(elem_classes="choices"):
        rows = gr.Radio(
            [("three other things", "things"), ("its three best hits", "hits")],
            value="things",
            label="Beside the query",
            elem_classes="pills",
        )
        styles = gr.CheckboxGroup(WORDS, value=WORDS, label="Styles", elem_classes="pills", elem_id="grid-styles")
        shuffled = gr.Checkbox(False, label="Shuffled parts (control)", elem_id="shuffled")
        locked = gr.Checkbox(True, label="Seed lock: same noise in all cells", elem_id="locked")
        guidance = gr.Slider(
            0,
            MOST_GUIDANCE,
            0,
            step=0.5,
            label="Guidance",
            info="0: the quick student, guided by itself; else the whole network, which takes longer",
            elem_id="guidance",
        )
    start = gr.Button("Draw the grid", variant="primary", elem_id="draw-grid")
    return Panel("grid", (rows, styles, shuffled, locked, guidance), start, _shown("grid"))


def _sliders() -> tuple[Panel, ...]:
    with gr.Row(elem_classes="pair"):
        with gr.Column(elem_classes="box"):
            _html("<h3>From object to object</h3>")
            _note(
                "From the object of the query to that of the second picture, seven stops, in one style: the word and "
                "the map go over into the other’s. The ends are the two objects themselves."
            )
            style = gr.Dropdown([OWN, *WORDS], value="", label="In the style")
            start = gr.Button("Draw the stops", variant="primary", elem_id="draw-objects")
            objects = Panel("slide_objects", (style,), start, _shown("objects", SLIDE_JS))
        with gr.Column(elem_classes="box"):
            _html("<h3>From style to style</h3>")
            _note("The object of the query stays, its style changes; the ends are cells of the swap grid.")
            with gr.Row():
                one = gr.Dropdown(WORDS, value=WORDS[0], label="From")
                other = gr.Dropdown(WORDS, value=WORDS[-1], label="To")
            start = gr.Button("Draw the stops", variant="primary", elem_id="draw-styles")
            styles = Panel("slide_styles", (one, other), start, _shown("styles-between", SLIDE_JS))
    with gr.Row(elem_classes="pair"):
        with gr.Column(elem_classes="box"):
            _html("<h3>Two weights</h3>")
            _note(
                "How strongly the map and the words are insisted upon, each by itself. At 0 a part is not listened to; "
                "high weights saturate the colours."
            )
            style = gr.Dropdown([OWN, *WORDS], value=WORDS[3], label="In the style")
            thing = gr.Slider(0, MOST_GUIDANCE, 1.5, step=0.5, label="Weight of where: the map")
            weight = gr.Slider(0, MOST_GUIDANCE, 2.5, step=0.5, label="Weight of what and style: the words")
            start = gr.Button("Draw", variant="primary", elem_id="draw-knobs")
            knobs = Panel("knobs", (style, thing, weight), start, _shown("knobs"), (thing, weight))
        with gr.Column(elem_classes="box"):
            _html("<h3>In time</h3>")
            _note("The style is told for a part of the steps only: layout comes early, style late.")
            style = gr.Dropdown([OWN, *WORDS], value=WORDS[3], label="In the style")
            below = gr.Slider(0, 1000, 500, step=100, label="Noise step at which it changes", info="1000: pure noise")
            first = gr.Checkbox(False, label="Style first, then none")
            start = gr.Button("Draw", variant="primary", elem_id="draw-switch")
            switch = Panel("switch", (style, below, first), start, _shown("switch"), (below,))
    return objects, styles, knobs, switch


def _heat() -> Panel:
    _note(
        "Where the network looks up the word for the object and the word for the style, and what each part causes. A "
        "map says where it looks, a difference what that part changed."
    )
    style = gr.Dropdown([OWN, *WORDS], value="", label="In the style", elem_classes="narrow")
    start = gr.Button("Look inside", variant="primary", elem_id="draw-heat")
    return Panel("heat", (style,), start, _shown("heat"))


def _film() -> Panel:
    _note(
        "Three pictures out of the same noise, while they come out of it: the query, its object in another style, and "
        "the object of the second picture in its style. Marked: where they first look different."
    )
    style = gr.Dropdown(WORDS, value=WORDS[3], label="Other style", elem_classes="narrow")
    start = gr.Button("Develop", variant="primary", elem_id="draw-film")
    return Panel("film", (style,), start, _shown("film"))


def _find() -> tuple[Panel, gr.HTML]:
    _note(
        "Search the gallery with one code instead of the whole picture. The object is that of the first picture, or of "
        "whom this tab is about; the style is chosen, or read from the second picture."
    )
    with gr.Row(elem_classes="slots"):
        with gr.Column(min_width=150):
            _html('<p class="eyebrow">Object of</p>')
            object_of = picture_upload(elem_id="picture-object", elem_classes="upload")
        with gr.Column(min_width=150):
            _html('<p class="eyebrow">Style of</p>')
            style_of = picture_upload(elem_id="picture-style", elem_classes="upload", pastes=False)
        with gr.Column(min_width=260, elem_id="by-code"):
            by = gr.Radio(BY, value="object", label="Search by", elem_classes="pills")
            style = gr.Dropdown([("that of the second picture", ""), *WORDS], value=WORDS[0], label="That style")
            strictness = gr.Slider(
                0, 1, 1, step=0.05, label="Only that style", info="1: no other; 0: any", elem_id="strictness"
            )
            start = gr.Button("Find", variant="primary", elem_id="find")
    status = status_line(elem_id="code-status")
    hits = hit_grid("", elem_id="code-hits")
    return Panel("find", (by, object_of, style_of, style, strictness), start, status), hits
