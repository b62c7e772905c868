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


class HitGrid(gr.HTML):
    """The cards. Value: HTML of `views`. Event: `open`, with the id, rank and score of a card."""

    def __init__(self, value: str, **options: Any) -> None:
        super().__init__(value=value, js_on_load=GRID_JS, apply_default_css=False, **options)


class HitSheet(gr.HTML):
    """The details. Value: HTML of `views`, "" when closed. Events: `open` (a neighbour), `search` (with id and domain)."""

    def __init__(self, **options: Any) -> None:
        script = Path(__file__).with_name("sheet.js").read_text(encoding="utf-8")
        super().__init__(value="", html_template=SHEET, js_on_load=script, apply_default_css=False, **options)


class Choices(gr.HTML):
    """A row of buttons. `markup` is HTML of `views`; the value is what the chosen button says. Event: `choose`."""

    def __init__(self, markup: str = "", **options: Any) -> None:
        super().__init__(
            value="",
            html_template="${markup}",
            markup=markup,
            js_on_load=CHOICES_JS,
            apply_default_css=False,
            **options,
        )
