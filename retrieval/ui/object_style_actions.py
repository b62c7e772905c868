"""What happens in the tab of object and style: a picture is read, the panels are drawn step by step, and told as HTML.

Whoever draws is a generator, so that gradio can stop it between two steps; each ends after `DEADLINE` seconds, and what
goes wrong is a sentence in the panel that was asked for.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import gradio as gr

from retrieval.disentangle import Drawn, Use
from retrieval.errors import EmptyQuery, SettingsError
from retrieval.ui import object_style_views as panels
from retrieval.ui import views
from retrieval.ui.actions import Actions
from retrieval.ui.errors import on_page, sentence
from retrieval.ui.object_style_card import PARTS, card
from retrieval.ui.object_style_subjects import DEADLINE, Subjects, loaded, of
from retrieval.ui.slide import slide

PACE = 0.25  # seconds between two previews
MOST_VISITS = 2000  # whose turns are remembered
TURN = re.compile(r"(?P<visit>[^:]{1,64}):(?P<number>[0-9]{1,15}):(?P<how>keep|clear)")
OFFERED = 8  # pictures to choose a second one from
LATE = f"This took longer than {DEADLINE:.0f} seconds and was stopped; what was finished is shown. Try fewer pictures."
T = TypeVar("T")
Handler = Callable[..., Iterator[str]]


class Turns:
    """Which turn each visit of the page is in: what was begun in an earlier one is to end.

    A turn is told as "visit:number:keep" or, where panels are to be emptied, "visit:number:clear". The browser counts,
    so what still waits in line when its turn is over ends as well; gradio's own `cancels` loses what is just joining.
    """

    def __init__(self) -> None:
        self._latest: OrderedDict[str, tuple[int, bool]] = OrderedDict()

    def begin(self, turn: str) -> None:
        """All earlier turns of this visit are over."""
        visit, number, clears = _turn(turn)
        if visit:
            self._latest[visit] = number, clears
            self._latest.move_to_end(visit)
        while len(self._latest) > MOST_VISITS:
            self._latest.popitem(last=False)

    def ended(self, turn: str) -> str | None:
        """None while the turn goes on, else "keep" or "clear"."""
        visit, number, _ = _turn(turn)
        latest, clears = self._latest.get(visit, (0, False))
        return None if number >= latest else "clear" if clears else "keep"


def streamed(handler: Handler) -> Handler:
    """A handler of one panel, which is told the visit's turn first: it ends with it, and an error is told in it."""

    def handle(self: ObjectStyle, turn: str, *values: Any) -> Iterator[str]:
        html = ""
        try:
            for html in handler(self, *values):
                if self.turns.ended(turn):
                    break
                yield html
        except EmptyQuery as error:
            yield panels.nothing("Nothing to take apart yet", str(error))
        except Exception as error:
            yield views.notice(sentence(error))
        match self.turns.ended(turn):
            case "clear":
                yield ""
            case "keep":
                yield panels.stopped(html)

    handle.__name__, handle.__doc__ = handler.__name__, handler.__doc__
    return handle


def shown(values: Iterator[T], render: Callable[[T, bool], str]) -> Iterator[str]:
    """The values as HTML, `render(value, busy)`: the first, some on the way, and the last."""
    began = time.monotonic()
    last, value = -PACE, None
    for value in values:
        now = time.monotonic()
        if now - began > DEADLINE:
            yield views.notice(LATE) + render(value, False)
            return
        if now - last >= PACE:
            last = now
            yield render(value, True)
    if value is not None:
        yield render(value, False)


class ObjectStyle:
    """The handlers of the tab, over the engine of the page."""

    def __init__(self, actions: Actions, example: str = "") -> None:
        self.engine = actions.engine
        self.subjects = Subjects(actions, example)
        self.turns = Turns()

    @on_page(others=2)
    def begin(self, asked: str, subject: str, gallery: str) -> tuple[Any, Any, Any]:
        """Whose object and style are shown -> that line, pictures to choose a second one from, the one that is."""
        if not (subject or asked or self.subjects.example):
            return "", "", ""
        source = self.subjects.subject(subject or asked)
        distinct = self.subjects.companions(source, gallery, OFFERED // 2, distinct=True)
        alike = self.subjects.companions(source, gallery, OFFERED // 2, distinct=False)
        offered = list({item.id: item for item in (*distinct, *alike)}.values())
        second = offered[0].id if offered else ""
        line = panels.about(source.name, is_hit=bool(subject), is_example=not (subject or asked))
        return line, panels.others(offered, second), second

    @streamed
    def card(self, asked: str, subject: str, style: str, seed: float, parts: Sequence[str]) -> Iterator[str]:
        """V1: taken apart, in its own style ("") or in another."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        values = drawer.card(self.subjects.original(source, drawer, style), _whole(seed), use=use_of(parts))
        yield from shown(values, lambda value, busy: card(value, given=style, busy=panels.BUSY if busy else ""))

    @streamed
    def nearest(self, asked: str, subject: str, gallery: str) -> Iterator[str]:
        """V5: real pictures by each code."""
        source = self.subjects.subject(subject or asked)
        style = source.style or (yield from self.subjects.drawer()).read(self.subjects.original(source, None)).style
        yield from loaded(self.engine.codes)
        rows = self.engine.codes.nearest(source.query, style, gallery=gallery, own=source.item)
        yield panels.nearest(rows, source.item.label if source.item else None)

    @streamed
    def grid(
        self,
        asked: str,
        subject: str,
        gallery: str,
        rows: str,
        styles: Sequence[str],
        shuffled: bool,
        locked: bool,
        guidance: float,
        seed: float,
        parts: Sequence[str],
    ) -> Iterator[str]:
        """V2: the query and three others ("things": of other classes; "hits": the best hits) in all styles."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        values = drawer.grid(
            self.subjects.originals(source, drawer, gallery, distinct=rows != "hits"),
            tuple(styles),
            _whole(seed),
            shuffled=bool(shuffled),
            locked=bool(locked),
            use=use_of(parts),
            guidance=guidance or None,
        )
        yield from shown(values, lambda grid, busy: panels.grid(grid, busy=busy))

    @streamed
    def slide_objects(
        self, asked: str, subject: str, gallery: str, second: str, style: str, seed: float, parts: Sequence[str]
    ) -> Iterator[str]:
        """V3: from the object of the query to that of the second picture."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        other = self.subjects.second(source, second, gallery)
        own, use = self.subjects.original(source, drawer), use_of(parts)
        values = drawer.slide_objects(own, of(other), style or None, _whole(seed), use=use)
        ends = "the query", other.label or "the second picture"
        yield from shown(values, lambda value, busy: slide(value, *ends, busy=busy))

    @streamed
    def slide_styles(
        self, asked: str, subject: str, one: str, other: str, seed: float, parts: Sequence[str]
    ) -> Iterator[str]:
        """V3: the object of the query from one style to another."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        own, use = self.subjects.original(source, drawer), use_of(parts)
        values = drawer.slide_styles(own, one, other, _whole(seed), use=use)
        yield from shown(values, lambda value, busy: slide(value, one, other, busy=busy))

    @streamed
    def knobs(
        self,
        asked: str,
        subject: str,
        style: str,
        w_thing: float,
        w_style: float,
        seed: float,
        parts: Sequence[str],
    ) -> Iterator[str]:
        """V3: a weight each for map and words."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        own, use = self.subjects.original(source, drawer), use_of(parts)
        values = drawer.knobs(own, style or None, w_thing, w_style, _whole(seed), use=use)
        words = f"map {w_thing:g}, words {w_style:g}"
        yield from shown(values, _alone("Two weights", words))

    @streamed
    def switch(
        self, asked: str, subject: str, style: str, below: float, first: bool, seed: float, parts: Sequence[str]
    ) -> Iterator[str]:
        """V3: the style told late or, `first`, early only."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        own, use = self.subjects.original(source, drawer), use_of(parts)
        values = drawer.switch(own, style or None, int(below), _whole(seed), style_first=bool(first), use=use)
        words = f"style told {'above' if first else 'below'} noise step {below:.0f} of 1000"
        yield from shown(values, _alone("In time", words))

    @streamed
    def heat(self, asked: str, subject: str, style: str, seed: float, parts: Sequence[str]) -> Iterator[str]:
        """V4: where object and style are looked up."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        own, use = self.subjects.original(source, drawer), use_of(parts)
        values = drawer.heat(own, style or None, _whole(seed), use=use)
        yield from shown(values, lambda heat, busy: panels.heat(heat, busy=busy))

    @streamed
    def film(
        self, asked: str, subject: str, gallery: str, second: str, style: str, seed: float, parts: Sequence[str]
    ) -> Iterator[str]:
        """V6: when style and object are decided."""
        source = self.subjects.subject(subject or asked)
        drawer = yield from self.subjects.drawer()
        other = of(self.subjects.second(source, second, gallery))
        own, use = self.subjects.original(source, drawer), use_of(parts)
        values = drawer.film(own, style, other, _whole(seed), use=use)
        yield from shown(values, lambda film, busy: panels.film(film, style, busy=busy))

    def find(
        self,
        turn: str,
        asked: str,
        subject: str,
        gallery: str,
        by: str,
        object_of: Mapping[str, Any] | None,
        style_of: Mapping[str, Any] | None,
        style: str,
        strictness: float,
    ) -> Iterator[tuple[str, Any]]:
        """Search by code -> status line, hits. The object is that of the first picture or, without one, of whom the tab
        is about; the style is the chosen one or that of the second picture. Nothing, once the visit is about another.
        """
        try:
            yield panels.opening("Reading the codes"), gr.skip()
            first = self.subjects.uploaded(object_of) or self.subjects.subject(subject or asked)
            other = self.subjects.uploaded(style_of)
            if by != "object" and not style:
                style = self.subjects.read_style(other)
            query = other if by == "style" and other else first
            answer = self.engine.search_by_code(by, query.query, style, strictness=strictness, gallery=gallery)
            name = {"object": "Object only", "style": f"Style only: {style}"}.get(by, f"This object as {style}")
            shown = views.status(name, answer), views.results(answer)
        except Exception as error:
            shown = views.notice(sentence(error)), gr.skip()
        yield ("", "") if self.turns.ended(turn) == "clear" else shown


# ---------------------------------------------------------------- small print


def _turn(turn: str) -> tuple[str, int, bool]:
    """Visit, number, and whether panels are emptied; a turn that cannot be read is nobody's."""
    told = TURN.fullmatch(turn or "")  # the box of a program may hold nothing
    return (told["visit"], int(told["number"]), told["how"] == "clear") if told else ("", 0, False)


def use_of(parts: Sequence[str]) -> Use:
    """The parts that were chosen, by their names."""
    return Use(*(part in parts for part in PARTS))


def _alone(title: str, words: str) -> Callable[[Drawn, bool], str]:
    return lambda drawn, busy: panels.single(drawn, title, words, busy=busy)


def _whole(seed: float | None) -> int:
    if seed is None or seed != int(seed):
        raise SettingsError("The seed is no whole number. Type one, for example 0.")
    return int(seed)
