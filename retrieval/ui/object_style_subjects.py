"""Whose object and style are shown, read from the page's query, and the pictures of the gallery beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from retrieval.disentangle import Original
from retrieval.errors import BundleError, EmptyQuery, SettingsError
from retrieval.images import OWNER, open_image
from retrieval.types import ImageQuery, Item, TextQuery
from retrieval.ui import object_style_views as panels
from retrieval.ui.actions import Actions
from retrieval.ui.figures import KIND as ABOUT_PEOPLE
from retrieval.ui.queries import read_kind, read_query

if TYPE_CHECKING:
    from retrieval.disentangle.panels import Disentangler

DEADLINE = 120.0  # seconds that a panel may take, with loading
POLL = 0.3  # seconds between two looks at what is loading
ROWS = 3  # of the swap grid, beside the query's
HERE = "Draw something or upload a picture under Search, or open a hit there and choose “Show object & style”."
NO_PICTURE = f"Words have no picture that could be taken apart. {HERE}"
ABSENT = "This copy came without the network that draws. Put one into checkpoints/prior-world and start again."
WORD = "doodle"  # for drawings by people, which galleries call sketches


class Loading(Protocol):
    """What is loaded when it is first needed; see `disentangle.ServedDisentangler` and `coded.Codes`."""

    @property
    def ready(self) -> bool: ...
    @property
    def trouble(self) -> str | None: ...
    @property
    def progress(self) -> str: ...
    def warm(self) -> None: ...
    def wait(self, timeout: float | None = None) -> Any: ...


@dataclass(frozen=True)
class Subject:
    """Whose object and style are shown. `item` is None unless it is a picture of the gallery."""

    query: ImageQuery
    name: str
    style: str | None  # the word for it; None: the judge reads it
    item: Item | None = None


def loaded(what: Loading) -> Generator[str, None, Any]:
    """Says what is being loaded until it is; returns what `wait` returns."""
    began = time.monotonic()
    what.warm()
    while not what.ready and not what.trouble and time.monotonic() - began < DEADLINE:
        yield panels.opening(what.progress)
        time.sleep(POLL)
    return what.wait(0.1)


class Subjects:
    """Readers of what the tab is about, over the engine of the page."""

    def __init__(self, actions: Actions, example: str = "") -> None:
        """example: what is shown where nothing was asked yet, a query of the page."""
        self.engine = actions.engine
        self.example = example

    def subject(self, asked: str | Mapping[str, Any]) -> Subject:
        """The page's query as a picture, or the example. Raises EmptyQuery, which says what to do, where there is
        neither.
        """
        asked = asked or self.example
        if not asked:
            raise EmptyQuery(HERE)
        told = asked if isinstance(asked, str) else json.dumps(asked)
        if read_kind(told) == ABOUT_PEOPLE:
            raise EmptyQuery(NO_PICTURE)
        query, name = read_query(self.engine, told)
        if isinstance(query, TextQuery):
            raise EmptyQuery(NO_PICTURE)
        payload = json.loads(asked) if isinstance(asked, str) else asked
        if payload["kind"] == "item":
            item = self.engine.item(payload["value"]["id"], payload["value"]["gallery"])
            return Subject(query, item.id, item.domain.name, item)
        style = {"drawing": WORD, "generated": query.domain.name}.get(payload["kind"])
        return Subject(query, name, style)

    def uploaded(self, value: Mapping[str, Any] | None) -> Subject | None:
        """A picture that was put into a slot."""
        return self.subject({"kind": "picture", "value": dict(value)}) if value else None

    def drawer(self) -> Generator[str, None, Disentangler]:
        """What draws; says meanwhile that it is being loaded."""
        if not self.engine.disentangler.offered:
            raise BundleError(ABSENT)
        drawer: Disentangler = yield from loaded(self.engine.disentangler)
        return drawer

    def opened(self, query: str | Mapping[str, Any]) -> tuple[Subject, Disentangler]:
        """The subject of a program's query, and what draws."""
        subject = self.subject(query)
        if not self.engine.disentangler.offered:
            raise BundleError(ABSENT)
        return subject, self.engine.disentangler.wait(DEADLINE)

    def read_style(self, subject: Subject | None) -> str:
        """The style that a picture was told to have, or that the judge reads in it."""
        if subject is None:
            raise EmptyQuery("No style is chosen yet. Choose one, or a picture that has it.")
        if subject.style:
            return subject.style
        if not self.engine.disentangler.offered:
            raise BundleError(ABSENT)
        return self.engine.disentangler.wait(DEADLINE).read(self.original(subject, None)).style

    @staticmethod
    def original(subject: Subject, drawer: Disentangler | None, style: str = "") -> Original:
        """Whom the tab is about, as what draws takes it; in another `style`, if one is named."""
        own = subject.style if drawer is None or subject.style in drawer.styles else None
        return Original(subject.query.image, style or own, subject.item.label if subject.item else None)

    def originals(
        self, subject: Subject, drawer: Disentangler, gallery: str | None, *, distinct: bool
    ) -> list[Original]:
        """The rows of the swap grid."""
        return [self.original(subject, drawer), *map(of, self.companions(subject, gallery, ROWS, distinct=distinct))]

    def second(self, subject: Subject, chosen: str, gallery: str | None) -> Item:
        """The chosen second picture, or the nearest of another class."""
        if chosen:
            return self.engine.item(chosen, gallery)
        companions = self.companions(subject, gallery, 1, distinct=True)
        if not companions:
            raise SettingsError("There is no second picture in this gallery. Choose another gallery.")
        return companions[0]

    def companions(self, subject: Subject, gallery: str | None, count: int, *, distinct: bool) -> list[Item]:
        """The gallery's pictures nearest to the subject; `distinct`: each of another class than all others."""
        own = subject.item.id if subject.item else None
        hits = self.engine.search(subject.query, gallery=gallery, k=count + 1).hits
        alike = [hit.item for hit in hits if hit.item.id != own][:count]
        if not distinct:
            return alike
        seen = {subject.item.label if subject.item else alike[0].label if alike else None}
        distinct_items: list[Item] = []
        while len(distinct_items) < count:
            rest = [label for label in self.engine.labels(gallery) if label not in seen]
            best = self.engine.search(subject.query, gallery=gallery, k=1, labels=rest).hits if rest else ()
            if not best:
                break
            distinct_items.append(best[0].item)
            seen.add(best[0].item.label)
        return distinct_items or alike


def of(item: Item) -> Original:
    """A picture of the gallery, as what draws takes it."""
    return Original(open_image(item.path, OWNER), item.domain.name, item.label)
