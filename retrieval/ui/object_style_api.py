"""The panels of object and style for programs: what the tab shows, as plain JSON."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from io import BytesIO
from typing import Any

from PIL import Image

from retrieval.disentangle import ALL_PARTS, Use
from retrieval.errors import RetrievalError
from retrieval.items import hit_as_json
from retrieval.types import STYLES, Item
from retrieval.ui.actions import Actions
from retrieval.ui.errors import on_api
from retrieval.ui.object_style_actions import LATE, use_of
from retrieval.ui.object_style_subjects import DEADLINE, Subjects, of
from retrieval.ui.programs import Hits


class ObjectStylePrograms:
    """The endpoints, over the engine of the page; `endpoints` are all of them."""

    def __init__(self, actions: Actions) -> None:
        self.engine = actions.engine
        self.subjects = Subjects(actions)

    @property
    def endpoints(self) -> list[Callable[..., Any]]:
        """All of them; their names begin alike."""
        return [getattr(self, name) for name in sorted(dir(self)) if name.startswith("object_style_")]

    @on_api
    def object_style_card(
        self, query: str | dict[str, Any], style: str = "", seed: int = 0, parts: list[str] | None = None
    ) -> dict[str, Any]:
        """A picture taken apart into what, where and style, and drawn from these `parts` (not given: from all), and
        from each of them alone.

        `query` is {"kind": "drawing", "value": strokes}, {"kind": "picture", "value": an uploaded file} or {"kind":
        "item", "value": {"id", "gallery"}}; `style` a word in place of its own. Pictures come as data URIs; a generated
        one with what was intended, and the shares that a judge gives to classes and styles.
        """
        subject, drawer = self.subjects.opened(query)
        return _last(drawer.card(self.subjects.original(subject, drawer, style), seed, use=_use(parts)))

    @on_api
    def object_style_grid(
        self,
        query: str | dict[str, Any],
        gallery: str | None = None,
        rows: str = "things",
        styles: list[str] | None = None,
        shuffled: bool = False,
        locked: bool = True,
        guidance: float | None = None,
        seed: int = 0,
        parts: list[str] | None = None,
    ) -> dict[str, Any]:
        """The swap grid of the query and three pictures of the gallery: of other classes ("things"), or its best hits
        ("hits"). `shuffled`: with word and map of other rows, the control. `guidance` by words, in [0, 6]; not given:
        the quick student, guided by itself. See `object_style_card`.
        """
        subject, drawer = self.subjects.opened(query)
        originals = self.subjects.originals(subject, drawer, gallery, distinct=rows != "hits")
        how: dict[str, Any] = {"shuffled": shuffled, "locked": locked, "use": _use(parts), "guidance": guidance}
        values = drawer.grid(originals, styles or [style.name for style in STYLES], seed, **how)
        return _last(values)

    @on_api
    def object_style_objects(
        self,
        query: str | dict[str, Any],
        second: str = "",
        gallery: str | None = None,
        style: str = "",
        seed: int = 0,
    ) -> dict[str, Any]:
        """From the query's object to that of a picture of the gallery, its id `second`, in seven stops."""
        subject, drawer = self.subjects.opened(query)
        other = of(self.subjects.second(subject, second, gallery))
        return _last(drawer.slide_objects(self.subjects.original(subject, drawer), other, style or None, seed))

    @on_api
    def object_style_styles(self, query: str | dict[str, Any], one: str, other: str, seed: int = 0) -> dict[str, Any]:
        """The query's object from one style to another, in seven stops."""
        subject, drawer = self.subjects.opened(query)
        return _last(drawer.slide_styles(self.subjects.original(subject, drawer), one, other, seed))

    @on_api
    def object_style_knobs(
        self,
        query: str | dict[str, Any],
        style: str = "",
        w_thing: float = 3.0,
        w_style: float = 3.0,
        seed: int = 0,
    ) -> dict[str, Any]:
        """The query's object in a style, with a weight each for the map and for the words, in [0, 6]."""
        subject, drawer = self.subjects.opened(query)
        return _last(drawer.knobs(self.subjects.original(subject, drawer), style or None, w_thing, w_style, seed))

    @on_api
    def object_style_switch(
        self,
        query: str | dict[str, Any],
        style: str = "",
        below: int = 500,
        style_first: bool = False,
        seed: int = 0,
    ) -> dict[str, Any]:
        """The query's object in a style that is told below a noise step (of 1000) or, `style_first`, above it only."""
        subject, drawer = self.subjects.opened(query)
        original = self.subjects.original(subject, drawer)
        return _last(drawer.switch(original, style or None, below, seed, style_first=style_first))

    @on_api
    def object_style_heat(self, query: str | dict[str, Any], style: str = "", seed: int = 0) -> dict[str, Any]:
        """Where the words for object and style are looked up, and what each of them changes."""
        subject, drawer = self.subjects.opened(query)
        return _last(drawer.heat(self.subjects.original(subject, drawer), style or None, seed))

    @on_api
    def object_style_film(
        self,
        query: str | dict[str, Any],
        other_style: str,
        second: str = "",
        gallery: str | None = None,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Three strips out of one noise: the query, in another style, and with the object of another picture."""
        subject, drawer = self.subjects.opened(query)
        other = of(self.subjects.second(subject, second, gallery))
        return _last(drawer.film(self.subjects.original(subject, drawer), other_style, other, seed))

    @on_api
    def object_style_nearest(self, query: str | dict[str, Any], gallery: str | None = None) -> list[dict[str, Any]]:
        """The eight pictures that are nearest by object code, by style code and by the raw feature."""
        subject = self.subjects.subject(query)
        style = subject.style or self.subjects.opened(query)[1].read(self.subjects.original(subject, None)).style
        self.engine.codes.wait(DEADLINE)
        rows = self.engine.codes.nearest(subject.query, style, gallery=gallery, own=subject.item)
        return [plain(row) for row in rows]

    @on_api
    def object_style_search(
        self,
        query: str | dict[str, Any],
        by: str = "object",
        style: str = "",
        strictness: float = 1.0,
        k: int = 24,
        gallery: str | None = None,
    ) -> Hits:
        """The k pictures closest by "object", by "style", or by "both", the object in that style; hits as of searches.

        Without a `style`, it is the query's own. `strictness` in [0, 1] says how rare other styles are; at 1 none.
        """
        subject = self.subjects.subject(query)
        if by != "object" and not style:
            style = self.subjects.read_style(subject)
        answer = self.engine.search_by_code(by, subject.query, style, strictness=strictness, gallery=gallery, k=k)
        return [hit_as_json(hit) for hit in answer.hits]


# ---------------------------------------------------------------- small print


def _use(parts: Sequence[str] | None) -> Use:
    """The parts that are named, or all."""
    return ALL_PARTS if parts is None else use_of(parts)


def _last(values: Iterator[Any]) -> dict[str, Any]:
    """The finished value as plain JSON. Raises RetrievalError after `DEADLINE` seconds."""
    began, last = time.monotonic(), None
    for value in values:
        last = value
        if time.monotonic() - began > DEADLINE:
            raise RetrievalError(LATE)
    payload: dict[str, Any] = plain(last)
    return payload


def plain(value: Any) -> Any:
    """A value of a panel as JSON can say it: a picture is a data URI, a file's place in this copy is left out."""
    if isinstance(value, Image.Image):
        file = BytesIO()
        value.save(file, "png")
        return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
    if isinstance(value, Item):
        return {"id": value.id, "label": value.label, "domain": value.domain.name}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
