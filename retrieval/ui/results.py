"""Where hits are shown and examples offered: the grid of cards, the sheet with one hit's details, rows of choices.

Their HTML is made by `views`. Only ids leave the browser, and the engine decides what an id means.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

GRID_JS = """
// One listener for all cards: the grid is rewritten at each search.
element.addEventListener("click", (event) => {
  const card = event.target.closest("[data-id]");
  if (card) trigger("open", { ...card.dataset });
});
"""

CHOICES_JS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choice]");
  if (!button) return;
  props.value = button.dataset.choice;
  trigger("choose");
});
"""

SHEET = """
<dialog class="sheet" aria-label="Details of the picture">
  <div class="sheet-bar">
    <button type="button" data-step="-1" aria-label="Previous picture">&#8592;</button>
    <button type="button" data-step="1" aria-label="Next picture">&#8594;</button>
    <button type="button" data-close aria-label="Close">&#10005;</button>
  </div>
  <div class="sheet-body"></div>
</dialog>
"""


def hit_grid(value: str, **options: Any) -> gr.HTML:
    """The cards. Value: HTML of `views`. Event: `open`, with the id, rank and score of a card."""
    return gr.HTML(value=value, js_on_load=GRID_JS, apply_default_css=False, **options)


def hit_sheet(**options: Any) -> gr.HTML:
    """The details. Value: HTML of `views`, "" when closed. Events: `open` (a neighbour), `search` (with it), `why`,
    `apart` (its object and style).
    """
    script = Path(__file__).with_name("sheet.js").read_text(encoding="utf-8")
    return gr.HTML(value="", html_template=SHEET, js_on_load=script, apply_default_css=False, **options)


def choices(markup: str = "", **options: Any) -> gr.HTML:
    """A row of buttons. `markup` is HTML of `views`; the value is what the chosen button says. Event: `choose`."""
    template = "${markup}"
    return gr.HTML(
        value="", html_template=template, markup=markup, js_on_load=CHOICES_JS, apply_default_css=False, **options
    )
