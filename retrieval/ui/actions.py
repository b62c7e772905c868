"""What happens on the page when something is drawn, chosen, typed or clicked: parse, ask the engine, present.

The page keeps its query in the browser, as JSON {"kind", "value"}, and each change of it or of a filter runs `search`
again, so the server holds no state of a visitor. What programs call is in `programs`.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from retrieval.engine import WORLD
from retrieval.errors import RetrievalError
from retrieval.ui import about_html, explained, views
from retrieval.ui.errors import discreet, on_page, sentence
from retrieval.ui.figures import KIND as ABOUT_PEOPLE
from retrieval.ui.figures import People
from retrieval.ui.queries import read_click, read_kind, read_query
from retrieval.ui.showcase import PHRASES, Showcase, showcase, spread

if TYPE_CHECKING:
    from retrieval.engine import Engine

OBJECT_STYLE = "object-style"  # the tab's id
READY = "ready"  # the first thing that can be searched
log = logging.getLogger(__name__)


class Actions:
    """The handlers of one page, over one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.people = People(engine)
        self._showcases: dict[str, Showcase] = {}

    @on_page(others=1)
    def search(
        self,
        asked: str,
        k: int,
        domains: Sequence[str],
        labels: Sequence[str],
        automatic: bool,
        cutoff: float,
        gallery: str,
        method: str = "",
    ) -> tuple[Any, Any]:
        """The page's query -> status line, cards. While another method is loaded, both stay; `load` searches again."""
        if read_kind(asked) == ABOUT_PEOPLE:
            return self.people.search(asked)
        served = self.engine.served(method)
        if served.ready and served.opening(gallery):
            return views.WAITING, views.opening(gallery)
        if not asked:
            return views.WAITING, views.welcome(self._shown(gallery).guises if self.engine.ready else ())
        if served is not self.engine.served() and not served.ready and not served.trouble:
            served.warm()
            return gr.skip(), gr.skip()
        query, name = read_query(self.engine, asked)
        answer = self.engine.search(
            query,
            gallery=gallery,
            k=int(k),
            domains=domains,
            labels=labels,
            cutoff=None if automatic else cutoff,
            method=method,
        )
        return views.status(name, answer), views.results(answer)

    @on_page(others=1)
    def open_hit(self, asked: str, gallery: str, event: gr.EventData) -> tuple[Any, str]:
        """A card -> status line (as it was), details."""
        chosen = read_click(event)
        item = self.engine.item(chosen.id, gallery)
        apart, kind = self.engine.disentangler.offered, read_kind(asked)
        asks = "text" if kind == ABOUT_PEOPLE else kind
        details = views.details(item, chosen.rank, chosen.score, asks, apart=apart, turn=chosen.turn)
        return gr.skip(), details

    @on_page(others=1)
    def why_hit(self, asked: str, gallery: str, method: str, event: gr.EventData) -> tuple[Any, str]:
        """ "Why this hit?" -> status line (as it was), details with the reasons, or with why there are none."""
        chosen = read_click(event)
        item = self.engine.item(chosen.id, gallery)
        apart = self.engine.disentangler.offered
        details = views.details(item, chosen.rank, chosen.score, apart=apart)
        try:
            query, _ = read_query(self.engine, asked)
            explanation = self.engine.why(query, item.id, gallery=gallery, method=method)
            reasons = explained.why(explanation, self._title(method))
        except Exception as error:  # told where it was asked: the status line is behind the sheet
            reasons = views.notice(sentence(error))
        return gr.skip(), details + reasons

    @on_page(others=2)
    def ask_hit(self, gallery: str, event: gr.EventData) -> tuple[Any, Any, str]:
        """ "Search with this" -> status line (as it was), styles, the page's new query."""
        chosen = read_click(event)
        item = self.engine.item(chosen.id, gallery)
        query = _asked("item", {"id": item.id, "gallery": gallery})
        return gr.skip(), [item.domain.name] if chosen.domain else gr.skip(), query

    @on_page(others=2)
    def ask_generated(self, event: gr.EventData) -> tuple[Any, Any, str]:
        """ "Search with this" under a generated picture -> status line (as it was), the tab of searches, the query."""
        query = _asked("generated", event._data)
        read_query(self.engine, query)
        return gr.skip(), gr.Tabs(selected="search"), query

    @on_page(others=2)
    def take_apart_hit(self, gallery: str, event: gr.EventData) -> tuple[Any, Any, str]:
        """ "Show object & style" -> status line (as it was), the tab of it, whom that tab is about."""
        item = self.engine.item(read_click(event).id, gallery)
        return (
            gr.skip(),
            gr.Tabs(selected=OBJECT_STYLE),
            json.dumps({"kind": "item", "value": {"id": item.id, "gallery": gallery}}),
        )

    def load(self, method: str, gallery: str) -> tuple[Any, ...]:
        """A chosen method, a chosen gallery -> banner, timer, what can be searched by now; a search follows its change.

        Where loading failed, that is what can be searched: the search says why.
        """
        served, both = self.engine.served(method), f"{method} {gallery}"
        if served.trouble:
            return views.trouble(discreet(served.trouble)), gr.Timer(active=False), both
        if not served.ready:
            served.warm()
            return views.loading(served.progress or f"Loading {self._title(method)}"), gr.Timer(active=True), gr.skip()
        if opening := served.opening(gallery):
            return views.loading(opening.progress), gr.Timer(active=True), f"{both}, not yet"
        return self._state(gallery, method), gr.Timer(active=False), both

    def samples(self, gallery: str) -> Any:
        """A gallery -> pictures to try."""
        return gr.update(markup=views.pictures(self._shown(gallery).samples))

    def look(self, gallery: str) -> tuple[Any, ...]:
        """What is being loaded -> banner, timer; once it is there, also that it can be searched by now, `offer`.

        What was chosen meanwhile stays chosen, and a search follows, which is the one that draws hits or the welcome.
        """
        if self.engine.trouble:
            return views.trouble(discreet(self.engine.trouble)), gr.Timer(active=False), *[gr.skip()] * 6
        if not self.engine.ready:
            return views.loading(self.engine.progress), gr.Timer(active=True), *[gr.skip()] * 6
        return self._state(gallery), gr.Timer(active=False), READY, *self.offer(gallery)

    def choose_gallery(self, gallery: str) -> tuple[Any, ...]:
        """A gallery -> banner, `offer`, and nothing is chosen in it yet."""
        return self._state(gallery) if self.engine.ready else gr.skip(), *self.offer(gallery, value=[])

    def _state(self, gallery: str, method: str = "") -> str:
        """The banner over a gallery when all is loaded: none, or what is done or is wrong with it or the method."""
        if notice := self.engine.served(method).notice:
            return views.trouble(discreet(notice))
        if opening := self.engine.served().opening(gallery):
            return views.loading(opening.progress)
        trouble = self.engine.gallery_trouble(gallery)
        return views.trouble(discreet(trouble)) if trouble else views.left_out(self.engine.skipped(gallery))

    def offer(self, gallery: str, **chosen: Any) -> tuple[Any, ...]:
        """A gallery -> its styles, its classes, pictures to try, what is told of the model, words to try.

        chosen: which styles and classes are; without it, those that were.
        """
        labels = self.engine.labels(gallery)
        return (
            gr.CheckboxGroup(choices=list(self.engine.domains(gallery)), **chosen),
            gr.Dropdown(choices=list(labels), multiselect=True, **chosen),
            self.samples(gallery),
            about_html.about(self.engine.about),
            gr.update(markup=views.phrases(PHRASES if gallery == WORLD or not labels else spread(labels))),
        )

    def _title(self, method: str) -> str:
        choices = self.engine.methods
        return next((choice.title for choice in choices if choice.name == method), choices[0].title)

    def _shown(self, gallery: str) -> Showcase:
        """Pictures that invite to search; a gallery that cannot be opened has none, and says so when it is searched."""
        if self.engine.served().opening(gallery):
            return Showcase()
        if gallery not in self._showcases:
            try:
                self._showcases[gallery] = showcase(self.engine, gallery)
            except RetrievalError as error:
                log.warning("no examples from the gallery %s: %s", gallery, error)
                self._showcases[gallery] = Showcase()
        return self._showcases[gallery]


def _asked(kind: str, value: Any) -> str:
    """The page's query; `at` makes it new, so that the same can be asked for twice."""
    return json.dumps({"kind": kind, "value": value, "at": time.time_ns()})
