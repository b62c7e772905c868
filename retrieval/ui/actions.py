"""What happens when something is drawn, chosen, typed or clicked: parse, ask the engine, present.

The page keeps its query in the browser, as JSON {"kind", "value"}, and each change of it or of a filter runs `search`
again, so the server holds no state of a visitor. `search_drawing`, `search_image`, `search_text` and `search_item` are
the same searches for programs, `why_drawing`, `why_image` and `why_item` the reasons for a hit. Errors become sentences
in one place, `sentence`.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import gradio as gr
from gradio.utils import get_upload_folder

from retrieval.decoder import DECODERS
from retrieval.engine import HOME, WORLD
from retrieval.errors import EmptyQuery, QueryError, RetrievalError, UnreadableImage
from retrieval.images import OWNER, open_image, parse_strokes, rasterise
from retrieval.items import hit_as_json
from retrieval.types import PHOTO, SKETCH, ImageQuery, Item, Query, TextQuery
from retrieval.ui import explained, views
from retrieval.ui.arguments import check_arguments

if TYPE_CHECKING:
    from retrieval.engine import Engine

SAMPLES = 6  # pictures of the gallery that are offered to search with
UNREADABLE = "The query of this page cannot be read. Reload the page and try again."
OBJECT_STYLE = "object-style"  # the tab's id
PHRASES = (  # words to try in the rendered world; other galleries offer names of their classes
    "a red apple",
    "cartoon of a cat",
    "mosaic of a butterfly",
    "engraving of a castle",
    "a sketch of a chair",
    "a yellow duck",
)
HERO = "duck"  # the class that shows what this is about, where a gallery has it
Asked = tuple[Query, str]  # what is searched with, and what the status line calls it
Found = list[dict[str, Any]]
T = TypeVar("T")
log = logging.getLogger(__name__)


# ---------------------------------------------------------------- errors


def sentence(error: Exception) -> str:
    """What a person is told. Anything but a `RetrievalError` is a bug: it is logged, under a number to quote."""
    if isinstance(error, RetrievalError):
        return _discreet(str(error))
    number = secrets.token_hex(4)
    log.error("error %s", number, exc_info=error)
    return f"Something went wrong on our side (error {number}). Try again, or ask whoever runs this page to look it up."


def _discreet(text: str) -> str:
    """The text with paths as seen from the project: where this copy of it lies is nobody's business."""
    return text.replace(f"{HOME}{os.sep}", "")


def on_page(others: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A handler whose first output is the status line: an error is told there, and the `others` outputs stay."""

    def wrap(handler: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(handler)
        def told(*values: Any) -> Any:
            try:
                return handler(*values)
            except Exception as error:
                return views.notice(sentence(error)), *(gr.skip() for _ in range(others))

        return told

    return wrap


def on_api(handler: Callable[..., T]) -> Callable[..., T]:
    """A handler for programs: they get the sentence as the error of their call."""

    @wraps(handler)
    def told(*values: Any) -> T:
        try:
            check_arguments(handler, values)
            return handler(*values)
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None

    return told


# ---------------------------------------------------------------- handlers


class Actions:
    """The handlers of one page, over one engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._showcases: dict[str, Showcase] = {}

    # -------- for the page

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
        served = self.engine.served(method)
        if served.ready and served.opening(gallery):
            return views.WAITING, views.opening(gallery)
        if not asked:
            return views.WAITING, views.welcome(self._shown(gallery).guises if self.engine.ready else ())
        if served is not self.engine.served() and not served.ready and not served.trouble:
            served.warm()
            return gr.skip(), gr.skip()
        query, name = self.read(asked)
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
        chosen = _chosen(event)
        item = self.engine.item(chosen["id"], gallery)
        rank, score = int(float(chosen["rank"])), float(chosen["score"])
        apart = self.engine.disentangler.offered
        return gr.skip(), views.details(item, rank, score, _kind(asked), apart=apart)

    @on_page(others=1)
    def why_hit(self, asked: str, gallery: str, method: str, event: gr.EventData) -> tuple[Any, str]:
        """ "Why this hit?" -> status line (as it was), details with the reasons, or with why there are none."""
        chosen = _chosen(event)
        item = self.engine.item(chosen["id"], gallery)
        apart = self.engine.disentangler.offered
        details = views.details(item, int(float(chosen["rank"])), float(chosen["score"]), apart=apart)
        try:
            query, _ = self.read(asked)
            told = self.engine.why(query, item.id, gallery=gallery, method=method)
            reasons = explained.why(told, self._title(method))
        except Exception as error:  # told where it was asked: the status line is behind the sheet
            reasons = views.notice(sentence(error))
        return gr.skip(), details + reasons

    @on_page(others=2)
    def ask_hit(self, gallery: str, event: gr.EventData) -> tuple[Any, Any, str]:
        """ "Search with this" -> status line (as it was), styles, the page's new query."""
        chosen = _chosen(event)
        item = self.engine.item(chosen["id"], gallery)
        query = json.dumps({"kind": "item", "value": {"id": item.id, "gallery": gallery}})
        return gr.skip(), [item.domain.name] if chosen.get("domain") else gr.skip(), query

    @on_page(others=2)
    def take_apart_hit(self, gallery: str, event: gr.EventData) -> tuple[Any, Any, str]:
        """ "Show object & style" -> status line (as it was), the tab of it, whom that tab is about."""
        item = self.engine.item(_chosen(event)["id"], gallery)
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
            return views.trouble(_discreet(served.trouble)), gr.Timer(active=False), both
        if not served.ready:
            served.warm()
            return views.loading(served.progress or f"Loading {self._title(method)}"), gr.Timer(active=True), gr.skip()
        if opening := served.opening(gallery):
            return views.loading(opening.progress), gr.Timer(active=True), f"{both}, not yet"
        return self._state(gallery), gr.Timer(active=False), both

    def samples(self, gallery: str) -> Any:
        """A gallery -> pictures to try."""
        return gr.update(markup=views.pictures(self._shown(gallery).samples))

    def look(self, asked: str, gallery: str) -> tuple[Any, ...]:
        """What is being loaded -> banner, timer; once it is there, also the welcome (if nothing is asked), `offer`."""
        if self.engine.trouble:
            return views.trouble(_discreet(self.engine.trouble)), gr.Timer(active=False), *[gr.skip()] * 6
        if not self.engine.ready:
            return views.loading(self.engine.progress), gr.Timer(active=True), *[gr.skip()] * 6
        welcome = gr.skip() if asked else views.welcome(self._shown(gallery).guises)
        return self._state(gallery), gr.Timer(active=False), welcome, *self.offer(gallery)

    def choose_gallery(self, gallery: str) -> tuple[Any, ...]:
        """A gallery -> banner, `offer`."""
        return self._state(gallery) if self.engine.ready else gr.skip(), *self.offer(gallery)

    def _state(self, gallery: str) -> str:
        """The banner over a gallery when all is loaded: none, or what is done or is wrong with it."""
        if opening := self.engine.served().opening(gallery):
            return views.loading(opening.progress)
        trouble = self.engine.gallery_trouble(gallery)
        return views.trouble(_discreet(trouble)) if trouble else ""

    def offer(self, gallery: str) -> tuple[Any, ...]:
        """A gallery -> its styles, its classes, pictures to try, what is told of the model, words to try."""
        labels = self.engine.labels(gallery)
        return (
            gr.CheckboxGroup(choices=list(self.engine.domains(gallery)), value=[]),
            gr.Dropdown(choices=list(labels), value=[], multiselect=True),
            self.samples(gallery),
            views.about(self.engine.about),
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

    # -------- for programs

    @on_api
    def search_drawing(
        self,
        strokes: str | dict[str, Any],
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Found:
        """The k pictures closest to a drawing.

        It reads {"width", "height", "strokes": [{"points": [[x, y], ...], "width", "erase"}]}. All four searches return
        [{"id", "label", "domain", "score", "rank"}], best first, and take the same options: `domains` and `labels` keep
        pictures of these styles and classes, `cutoff` keeps hits that score at least that, `gallery` names a gallery,
        `method` a method ("" or None: the default).
        """
        return self._found(_drawing(strokes), k, domains, cutoff, gallery, labels, method)

    @on_api
    def search_image(
        self,
        image: dict[str, Any],
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Found:
        """The k pictures closest to an uploaded picture (`handle_file("duck.jpg")` in gradio_client)."""
        return self._found(_picture(image), k, domains, cutoff, gallery, labels, method)

    @on_api
    def search_text(
        self,
        text: str,
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Found:
        """The k pictures closest to words such as "a red apple"."""
        return self._found(_text(text), k, domains, cutoff, gallery, labels, method)

    @on_api
    def search_item(
        self,
        item_id: str,
        k: int = 24,
        domains: list[str] | None = None,
        cutoff: float | None = None,
        gallery: str | None = None,
        labels: list[str] | None = None,
        method: str | None = None,
    ) -> Found:
        """The k pictures closest to a picture of the gallery."""
        return self._found(self._item({"id": item_id, "gallery": gallery}), k, domains, cutoff, gallery, labels, method)

    @on_api
    def why_drawing(
        self, strokes: str | dict[str, Any], item_id: str, gallery: str | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """Why the picture of the gallery with this id is a hit of a drawing.

        "similarity" is the cosine of the two; "falls" in "query" and in "hit" says, row by row of a grid over the
        picture, by how much it falls while that part is hidden. DSN also tells "modality" and "memory", which are null
        for other methods.
        """
        return self._reasons(_drawing(strokes), item_id, gallery, method)

    @on_api
    def why_image(
        self, image: dict[str, Any], item_id: str, gallery: str | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """Why the picture of the gallery with this id is a hit of an uploaded one; see `why_drawing`."""
        return self._reasons(_picture(image), item_id, gallery, method)

    @on_api
    def why_item(
        self, query_id: str, item_id: str, gallery: str | None = None, method: str | None = None
    ) -> dict[str, Any]:
        """Why a picture of the gallery is a hit of another one of it; see `why_drawing`."""
        return self._reasons(self._item({"id": query_id, "gallery": gallery}), item_id, gallery, method)

    # -------- what they share

    def _found(
        self,
        asked: Asked,
        k: int,
        domains: list[str] | None,
        cutoff: float | None,
        gallery: str | None,
        labels: list[str] | None,
        method: str | None,
    ) -> Found:
        answer = self.engine.search(
            asked[0], gallery=gallery, k=k, domains=domains or (), labels=labels or (), cutoff=cutoff, method=method
        )
        return [hit_as_json(hit) for hit in answer.hits if cutoff is None or hit.score >= cutoff]

    def _reasons(self, asked: Asked, item_id: str, gallery: str | None, method: str | None) -> dict[str, Any]:
        from retrieval.why import as_json as reasons_as_json  # here: it imports torch

        told = self.engine.why(asked[0], item_id, gallery=gallery, method=method)
        return cast("dict[str, Any]", reasons_as_json(told))

    def read(self, asked: str) -> Asked:
        """The page's query as the engine takes it. Everything in it may have been forged."""
        readers: dict[str, Callable[[Any], Asked]] = {
            "drawing": _drawing,
            "picture": _picture,
            "text": _text,
            "item": self._item,
        }
        try:
            told = json.loads(asked)
            reader, value = readers[told["kind"]], told["value"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise QueryError(UNREADABLE) from error
        return reader(value)

    def _item(self, value: Any) -> Asked:
        match value:
            case {"id": str(item_id), "gallery": str() | None as gallery}:
                item = self.engine.item(item_id, gallery)
            case _:
                raise QueryError(UNREADABLE)
        return ImageQuery(open_image(item.path, OWNER), item.domain), f"Like {item.id}"


@dataclass(frozen=True)
class Showcase:
    """Pictures of a gallery: of several classes, to search with; of one class in each style, to show the idea."""

    samples: tuple[Item, ...] = ()
    guises: tuple[Item, ...] = ()


def spread(labels: Sequence[str]) -> Sequence[str]:
    """A few of a gallery's classes, from all of its alphabet."""
    return labels[:: max(1, len(labels) // SAMPLES)][:SAMPLES]


def showcase(engine: Engine, gallery: str) -> Showcase:
    """The most typical pictures, as the model sees it."""

    def best(label: str, domains: Sequence[str]) -> tuple[Item, ...]:
        hits = engine.search(TextQuery(label), gallery=gallery, k=1, labels=[label], domains=domains).hits
        return tuple(hit.item for hit in hits)

    labels, domains = engine.labels(gallery), engine.domains(gallery)
    hero = HERO if HERO in labels else labels[0] if labels else None
    return Showcase(
        tuple(item for label in spread(labels) for item in best(label, domains[:1])),
        tuple(item for domain in domains[:4] for item in best(hero, [domain])) if hero else (),
    )


def _chosen(event: gr.EventData) -> dict[str, Any]:
    match event._data:
        case {"id": str()} as chosen:
            return {"rank": 0, "score": 0, **chosen}
        case _:
            raise QueryError(UNREADABLE)


def _kind(asked: str) -> str:
    """What the page's query is: drawing, picture, text or item; "" where it cannot be read."""
    try:
        return str(json.loads(asked)["kind"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""


def _drawing(value: Any) -> Asked:
    return ImageQuery(rasterise(parse_strokes(value)), SKETCH), "Your drawing"


def _text(value: Any) -> Asked:
    return TextQuery(str(value)), f"“{str(value).strip()}”"


def _picture(value: Any) -> Asked:
    """An upload. Only what was uploaded here is opened, whatever path the browser names."""
    match value:
        case {"path": str(path), **rest}:
            return ImageQuery(DECODERS.open(_uploaded(path)), PHOTO), str(rest.get("name") or Path(path).name)
        case _:
            raise EmptyQuery("No picture is chosen yet. Choose one, drop it on the page or paste it.")


def _uploaded(path: str) -> Path:
    file = Path(path).resolve()
    if not file.is_relative_to(Path(get_upload_folder()).resolve()):
        raise UnreadableImage("This picture was not uploaded here. Choose it again.")
    return file
