"""The stops of a slider as HTML, with the slider that browses them."""

from __future__ import annotations

from html import escape

from retrieval.disentangle import Slide
from retrieval.ui.object_style_views import busy_mark, cell
from retrieval.ui.one_picture import generated

# In the browser: which stop of a slider is shown.
SLIDE_JS = """
let at = null;
const show = () => {
  const slider = element.querySelector("input[type=range]");
  if (!slider) return;
  if (at !== null && at <= Number(slider.max)) slider.value = at;
  const stops = [...element.querySelectorAll(".stops > li")];
  stops.forEach((stop, i) => stop.toggleAttribute("data-on", i === Number(slider.value)));
};
element.addEventListener("input", (event) => { at = Number(event.target.value); show(); });
element.addEventListener("click", (event) => {
  const stop = event.target.closest(".stops > li");
  if (stop) { at = [...stop.parentElement.children].indexOf(stop); show(); }
});
const watched = { childList: true, subtree: true, attributes: true, attributeFilter: ["data-on"] };
new MutationObserver(show).observe(element, watched);
show();
"""
BETWEEN = (
    "What stands between the ends is between them: nobody has seen it, so nothing is intended there that both ends do "
    "not share."
)


def slide(slide: Slide, start: str, end: str, *, busy: bool = False, words: str = BETWEEN, asks: bool = True) -> str:
    """The stops of a slider, with the slider that browses them; `start` and `end` are what its ends are called, `words`
    what is said of the stops between; `asks`: whether they can be searched with.
    """
    last = len(slide.positions) - 1
    stops = "".join(
        f"<li>{cell(frame) if frame is None else generated(frame, _stop(at, start, end), asks=asks)}</li>"
        for at, frame in zip(slide.positions, slide.frames, strict=True)
    )
    return (
        f'<div class="slide"{busy_mark(busy)}><ol class="stops">{stops}</ol>'
        f'<label class="between"><span>{escape(start)}</span><input type="range" min="0" max="{last}" step="1" '
        f'value="{last // 2}" aria-label="From {escape(start)} to {escape(end)}"><span>{escape(end)}</span></label>'
        f'<p class="small">All of them are generated, in {slide.steps} steps. {words}</p></div>'
    )


def _stop(at: float, start: str, end: str) -> str:
    return start if at == 0 else end if at == 1 else f"between, {at:.0%}"
