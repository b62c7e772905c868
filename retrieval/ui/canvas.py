"""The drawing paper: a 2-D canvas of our own, whose value is the drawing's strokes as JSON.

`gr.Sketchpad` ignores every stroke until a tool is chosen, needs WebGL and sends three pictures for each search; this
one draws at once and sends some hundred bytes. The server makes a picture of the strokes in `retrieval.images`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from retrieval.images import MAX_POINTS, MAX_STROKES

SPACE = 512  # width and height of the paper in stroke coordinates
PAUSE = 160  # ms without a pen on the paper before a search starts; a new stroke within it cancels the search
WIDTHS = {"Thin": 4, "Medium": 7, "Thick": 14}


def _icon(path: str) -> str:
    return f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{path}"/></svg>'


def _tool(name: str, label: str, icon: str, state: str = "") -> str:
    return (
        f'<button type="button" data-part="{name}" aria-label="{label}" title="{label}" {state}>{_icon(icon)}</button>'
    )


def _width(label: str, width: int) -> str:
    pressed = "true" if label == "Medium" else "false"
    return (
        f'<button type="button" data-width="{width}" aria-label="{label} pen" title="{label} pen" '
        f'aria-pressed="{pressed}"><i style="width:{width + 2}px;height:{width + 2}px"></i></button>'
    )


TEMPLATE = f"""
<div class="paper">
  <canvas data-part="paper" tabindex="0" role="application" aria-label="Drawing paper"
    aria-describedby="paper-keys"></canvas>
  <p class="hint" aria-hidden="true">Draw here<span>a duck, a house, a cat</span></p>
</div>
<p id="paper-keys" class="unseen">Arrow keys move the pen, Space puts it down and lifts it, E takes the eraser, P the
  pen, Control Z undoes, Control Shift Z redoes, Delete clears, Enter searches.</p>
<p data-part="said" class="unseen" role="status"></p>
<div class="tools" role="toolbar" aria-label="Drawing tools">
  <div class="group">
    {_tool("pen", "Pen", "M4 20l1-4L16 5l3 3L8 19l-4 1zM14 7l3 3", 'aria-pressed="true"')}
    {_tool("eraser", "Eraser", "M9 20l-5-5L14 5l6 6-9 9H9zM9 10l6 6M11 20h9", 'aria-pressed="false"')}
  </div>
  <div class="group" data-part="widths">{"".join(_width(*item) for item in WIDTHS.items())}</div>
  <div class="group">
    {_tool("undo", "Undo", "M9 14L4 9l5-5M4 9h10a6 6 0 0 1 0 12h-3", "disabled")}
    {_tool("redo", "Redo", "M15 14l5-5-5-5M20 9H10a6 6 0 0 0 0 12h3", "disabled")}
    {_tool("clear", "Clear", "M5 7h14M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3", "disabled")}
  </div>
</div>
<div class="ask">
  <label class="switch"><input type="checkbox" data-part="live" checked><span>Search while drawing</span></label>
  <button type="button" data-part="search" class="primary">Search</button>
</div>
"""


def drawing_canvas(**options: Any) -> gr.HTML:
    """Paper to draw on. Value: strokes as JSON, "" when blank. Events: `input` while drawing, `submit` for Search.

    A plain `gr.HTML`, here and in the neighbours: for each subclass gradio would write a stub file beside the source.
    """
    return gr.HTML(
        value="",
        html_template=TEMPLATE,
        css_template=Path(__file__).with_name("canvas.css").read_text(encoding="utf-8"),
        js_on_load=Path(__file__).with_name("canvas.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        space=SPACE,
        pause=PAUSE,
        max_strokes=MAX_STROKES,
        max_points=MAX_POINTS,
        **options,
    )
