"""A sentence drawn as an invented figure, from the studio's look to the street's: DaD's slider, in the tab of words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import EmptyQuery
from retrieval.ui import views
from retrieval.ui.errors import sentence
from retrieval.ui.object_style_actions import shown
from retrieval.ui.object_style_subjects import loaded
from retrieval.ui.slide import SLIDE_JS, slide

if TYPE_CHECKING:
    from retrieval.engine import Engine

STUDIO, STREET = "studio", "street"
WORDS = (
    "All begin at the same noise. At one end a network draws that learned rendered figures in a studio; a branch that "
    "learned figures on a street is added to it, more with each stop. Both are small and were trained for minutes: "
    "colours are right more often than shapes. No picture that is found was drawn like this."
)
NO_WORDS = "No sentence is typed yet. Describe a figure, then have it drawn."
# In the browser: another figure each time.
SEED = "(text) => [text, Math.floor(Math.random() * 1e6)]"


@dataclass(frozen=True)
class DrawnBoxes:
    """What starts the drawing, and where it is seen."""

    start: gr.Button
    seed: gr.Number
    shown: gr.HTML

    def seen(self) -> tuple[gr.Button, gr.HTML]:
        """What is seen once words are about people."""
        return self.start, self.shown


def drawn_boxes() -> DrawnBoxes:
    """Hidden until words are about people."""
    start = gr.Button("Draw it, from studio to street", visible=False, elem_id="draw-figure")
    seed = gr.Number(0, visible="hidden", label="Seed")
    panel = gr.HTML(
        "",
        js_on_load=SLIDE_JS,
        apply_default_css=False,
        visible=False,
        elem_id="drawn-figure",
        elem_classes="panel",
    )
    return DrawnBoxes(start, seed, panel)


def wire_drawn(engine: Engine, boxes: DrawnBoxes, text: gr.Textbox) -> None:
    """What the button does."""
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    boxes.start.click(
        Drawing(engine).drawn,
        [text, boxes.seed],
        boxes.shown,
        js=SEED,
        api_name="draw_figure",
        concurrency_id="drawing",
        trigger_mode="once",
        **quiet,
    )


class Drawing:
    """The handler, over the engine of the page."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def drawn(self, text: str, seed: float) -> Iterator[str]:
        """A sentence, a seed -> the panel, with each picture that is finished."""
        try:
            if not text.strip():
                raise EmptyQuery(NO_WORDS)
            drawer = yield from loaded(self.engine.figure_slider)
            yield from shown(
                drawer.slide(text.strip(), int(seed)),
                lambda value, busy: slide(value, STUDIO, STREET, busy=busy, words=WORDS, asks=False),
            )
        except Exception as error:
            yield views.notice(sentence(error))
