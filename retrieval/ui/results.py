"""Where hits are shown and examples offered: the line above them, the grid of cards, the sheet with one hit's details,
rows of choices.

Their HTML is made by `views`. Only ids leave the browser, and the engine decides what an id means. What tells an id is
listened to with `multiple`: gradio's `once` loses a second click that comes before the first is answered, and its
`always_last` answers the first one twice.
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
  const change = event.target.closest("[data-changed]");
  if (change) trigger("change_sentence", { ...change.dataset });
  const phrase = event.target.closest("[data-phrase]");
  if (phrase) light(phrase, phrase.getAttribute("aria-pressed") !== "true");
});

// A phrase that is chosen stays lit; one that is pointed at is lit in its place meanwhile.
const told = (phrase) => phrase.closest(".told");
function show(section, number) {
  section.toggleAttribute("data-lit", number !== undefined);
  for (const spot of section.querySelectorAll(".spot")) spot.toggleAttribute("data-on", spot.dataset.of === number);
}
function light(phrase, on) {
  for (const other of told(phrase).querySelectorAll("[data-phrase]")) other.setAttribute("aria-pressed", "false");
  phrase.setAttribute("aria-pressed", String(on));
  show(told(phrase), on ? phrase.dataset.phrase : undefined);
}
for (const [name, enters] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
  element.addEventListener(name, (event) => {
    const phrase = event.target.closest("[data-phrase]");
    if (!phrase) return;
    const kept = told(phrase).querySelector("[aria-pressed=true]");
    show(told(phrase), enters ? phrase.dataset.phrase : kept?.dataset.phrase);
  });
}
"""

CHOICES_JS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choice]");
  if (!button) return;
  props.value = button.dataset.choice;
  trigger("choose");
});
"""

# What is read to those who do not see it stays in the page while the line is rewritten. An error is an alert by itself.
STATUS_JS = """
const said = document.createElement("p");
said.className = "unseen";
said.setAttribute("role", "status");
element.after(said);
watch("value", () => {
  const come = document.createElement("template");
  come.innerHTML = props.value ?? "";
  said.textContent = come.content.querySelector(".status")?.textContent ?? "";
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


def status_line(value: str = "", **options: Any) -> gr.HTML:
    """What was asked and how much was found. Value: HTML of `views`."""
    return gr.HTML(value=value, js_on_load=STATUS_JS, apply_default_css=False, **options)


def hit_grid(value: str, **options: Any) -> gr.HTML:
    """The cards. Value: HTML of `views`. Events: `open`, with the id, rank and score of a card;
    `change_sentence`, with both sentences.
    """
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
