"""People in the tab of words: a sentence finds figures, its phrases show where they are seen, and a changed sentence is
answered beside it. The way in writes the page's one query, so the page's one search answers it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.errors import QueryError
from retrieval.ui import figures_views, views
from retrieval.ui.errors import on_api, on_page
from retrieval.ui.queries import UNREADABLE, check_text
from retrieval.ui.results import choices

if TYPE_CHECKING:
    from retrieval.engine import Engine
    from retrieval.figures import Figure, Figures

KIND = "people"  # of the page's query
POLL = 0.5  # seconds between two looks at what is loading
MOST = 12  # figures that the page shows for a sentence
THINGS, PEOPLE = "Things", "People"

# In the browser. `at` makes each query new.
ASK = "(text, changed) => JSON.stringify({ kind: 'people', value: { text, changed }, at: Date.now() })"
ASK_ONE = "(text) => JSON.stringify({ kind: 'people', value: { text, changed: '' }, at: Date.now() })"
ASK_EXAMPLE = """(text) =>
    [text, text, JSON.stringify({ kind: 'people', value: { text, changed: '' }, at: Date.now() })]"""
SHOW = """(what) => {{
    const seen = (visible) => ({{ visible, __type__: 'update' }});
    const people = what === 'People';
    return [...Array({things}).fill(seen(!people)), ...Array({own}).fill(seen(people))];
}}"""


@dataclass(frozen=True)
class PeopleBoxes:
    """The way in for sentences about figures."""

    what: gr.Radio
    text: gr.Textbox
    changed: gr.Textbox
    examples: gr.HTML
    why: gr.HTML
    said: gr.HTML  # what is loaded before the first sentence is answered


def people_boxes(offered: bool) -> PeopleBoxes:
    """A choice of what words are about, and what is asked when they are about people; hidden until that is chosen."""
    what = gr.Radio(
        [THINGS, PEOPLE],
        value=THINGS,
        label="Words about",
        visible=offered,
        elem_id="about-what",
        elem_classes="pills",
        show_label=False,
    )
    text = gr.Textbox(
        label="Describe a figure",
        placeholder="a person in a red jacket and blue jeans",
        lines=2,
        max_length=512,
        submit_btn="Search",
        visible=False,
        elem_id="sentence",
    )
    changed = gr.Textbox(
        label="Compare with a changed sentence",
        lines=2,
        max_length=512,
        submit_btn="Compare",
        visible=False,
        elem_id="changed",
    )
    examples = choices(views.phrases(figures_views.EXAMPLES), elem_id="example-sentences", visible=False)
    why = gr.HTML(figures_views.WHY, elem_id="why-figures", apply_default_css=False, visible=False)
    said = gr.HTML("", elem_id="loading-figures", apply_default_css=False, visible=False)
    return PeopleBoxes(what, text, changed, examples, why, said)


def wire_people(
    people: People,
    boxes: PeopleBoxes,
    things: list[gr.components.Component],
    query: tuple[gr.Textbox, gr.Textbox],
    grid: gr.HTML,
    also: Sequence[gr.components.Component] = (),
) -> None:
    """What choosing people, typing, and choosing an example or a change do. `query`: the page's query, and what was
    loaded last, which searches again; `grid`: the page's results; `also`: what is seen with people as well.
    """
    asked, loaded = query
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    own = [boxes.text, boxes.changed, boxes.examples, boxes.why, boxes.said, *also]
    show = SHOW.format(things=len(things), own=len(own))
    boxes.what.input(None, boxes.what, [*things, *own], js=show, **quiet)
    timer = gr.Timer(POLL, active=False)
    loading = [boxes.said, timer, loaded]
    gr.on(
        [boxes.what.input, timer.tick], people.load, boxes.what, loading, api_name="load_people", queue=False, **quiet
    )
    boxes.text.submit(None, boxes.text, asked, js=ASK_ONE, **quiet)
    boxes.changed.submit(None, [boxes.text, boxes.changed], asked, js=ASK, **quiet)
    boxes.examples.choose(None, boxes.examples, [boxes.text, boxes.changed, asked], js=ASK_EXAMPLE, **quiet)
    changes = [boxes.said, boxes.text, boxes.changed, asked]
    grid.change_sentence(people.changed, None, changes, api_name="change_sentence", **quiet)


class People:
    """The handlers, over the engine of the page, and the endpoint for programs."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def load(self, what: str) -> tuple[Any, ...]:
        """What words are about -> what is being loaded, whether to ask again, what was loaded; a sentence that waits is
        searched with then.
        """
        figures = self.engine.figures
        if what != PEOPLE or not figures.offered:
            return gr.skip(), gr.Timer(active=False), gr.skip()
        if figures.ready or figures.trouble:
            return "", gr.Timer(active=False), KIND
        figures.warm()
        return views.working(figures.progress or "Loading what finds figures"), gr.Timer(active=True), gr.skip()

    @on_page(others=3)
    def changed(self, event: gr.EventData) -> tuple[str, str, str, str]:
        """A proposed change -> what is said (nothing), both sentences, the page's new query."""
        match event._data:
            case {"text": str(text), "changed": str(changed)}:
                return "", text, changed, json.dumps({"kind": KIND, "value": {"text": text, "changed": changed}})
            case _:
                raise QueryError(UNREADABLE)

    def search(self, asked: str) -> tuple[Any, Any]:
        """The page's query about people -> status line, figures. While they are loaded both stay; `load` searches
        again.
        """
        figures = self.engine.figures
        if figures.offered and not figures.ready and not figures.trouble:
            figures.warm()
            return gr.skip(), gr.skip()
        match json.loads(asked).get("value"):
            case {"text": str(text), "changed": str(changed)}:
                first, second = self._answers(check_text(text), check_text(changed), MOST)
                return figures_views.status(first, second), figures_views.results(first, second)
            case _:
                raise QueryError(UNREADABLE)

    @on_api
    def search_people(self, text: str, k: int = 12, changed: str = "") -> dict[str, Any]:
        """The k invented figures that a sentence fits best: {"phrases", "hits", "changed"}.

        A hit has "id", "label", "rank", "match" (log odds that sentence and picture belong together) and "boxes": for
        each of "phrases" where it is seen, as left, top, width and height in shares of the picture. With a `changed`
        sentence, hits also have "match_changed", and "changed" is the answer to that sentence; else it is null.
        """
        first, second = self._answers(text, changed, k)
        return _as_json(first) | {"changed": _as_json(second) if second else None}

    def _answers(self, text: str, changed: str, k: int) -> tuple[Figures, Figures | None]:
        figures = self.engine.figures
        if changed.strip() and changed.strip() != text.strip():
            return figures.beside(text, changed, k)
        return figures.search(text, k), None


def _as_json(answer: Figures) -> dict[str, Any]:
    return {"phrases": [phrase.text for phrase in answer.phrases], "hits": [_hit(hit) for hit in answer.hits]}


def _hit(hit: Figure) -> dict[str, Any]:
    told: dict[str, Any] = {"id": hit.item.id, "label": hit.item.label, "rank": hit.rank, "match": round(hit.match, 3)}
    told["boxes"] = [[round(side, 4) for side in box] for box in hit.boxes]
    return told if hit.changed is None else told | {"match_changed": round(hit.changed, 3)}
