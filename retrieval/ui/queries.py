"""What arrives from a browser or a program, read as what the engine takes: queries, uploads and clicks.

All of it may have been forged, so it is checked here and nowhere else; what cannot be read raises `QueryError`.
"""

from __future__ import annotations

import json
import warnings
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image
from pydantic import Field, TypeAdapter

from retrieval.decoder import DECODERS
from retrieval.errors import EmptyQuery, QueryError, UnreadableImage
from retrieval.files import printable
from retrieval.images import OWNER, open_image, parse_strokes, rasterise
from retrieval.types import PHOTO, SKETCH, STYLES, Domain, ImageQuery, Query, TextQuery

if TYPE_CHECKING:
    from retrieval.engine import Engine

GENERATED = "data:image/webp;base64,"  # how a generated picture stands on the page
MOST_GENERATED, MOST_DATA = 512, 2**20  # pixels on a side; characters
UNREADABLE = "The query of this page cannot be read. Reload the page and try again."
Asked = tuple[Query, str]  # what is searched with, and what the status line calls it


@dataclass(frozen=True)
class Click:
    """A picture that was clicked: its id, its rank and score as a hit, the style that more is wanted of, if any, and
    how often the sheet was closed before it was asked for in there.
    """

    id: str
    rank: Annotated[int, Field(ge=0, le=10**6)] = 0  # 0: it is no hit
    score: Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)] = 0.0  # a cosine
    domain: str | None = None
    turn: Annotated[int, Field(ge=0, le=10**6)] | None = None


CLICK = TypeAdapter(Click)  # reads "1" as 1, as a card's attributes are texts


def read_query(engine: Engine, asked: str) -> Asked:
    """The page's query as the engine takes it. Everything in it may have been forged."""
    readers: dict[str, Callable[[Any], Asked]] = {
        "drawing": read_drawing,
        "picture": read_picture,
        "text": read_text,
        "item": lambda value: read_item(engine, value),
        "generated": read_generated,
    }
    try:
        payload = json.loads(asked)
        reader, value = readers[payload["kind"]], payload["value"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise QueryError(UNREADABLE) from error
    return reader(value)


def read_item(engine: Engine, value: Any) -> Asked:
    """A picture of a gallery, by its id; only what the gallery knows is opened."""
    match value:
        case {"id": str(item_id), "gallery": str() | None as gallery}:
            item = engine.item(item_id, gallery)
        case _:
            raise QueryError(UNREADABLE)
    return ImageQuery(open_image(item.path, OWNER), item.domain), f"Like {item.id}"


def read_click(event: gr.EventData) -> Click:
    """What was clicked; only the id must be told."""
    try:
        return CLICK.validate_python(event._data)
    except ValueError as error:
        raise QueryError(UNREADABLE) from error


def read_kind(asked: str) -> str:
    """What the page's query is: drawing, picture, text or item; "" where it cannot be read."""
    try:
        return str(json.loads(asked)["kind"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""


def read_drawing(value: Any) -> Asked:
    """Strokes, as a sketch."""
    return ImageQuery(rasterise(parse_strokes(value)), SKETCH), "Your drawing"


def read_text(value: Any) -> Asked:
    """Words, named in quotes."""
    text = check_text(str(value))
    return TextQuery(text), f"“{text.strip()}”"


def check_text(text: str) -> str:
    """The text. Raises QueryError where it holds half a character (a lone surrogate), which no answer can repeat."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(UNREADABLE) from error
    return text


def read_picture(value: Any) -> Asked:
    """An upload. Only what was uploaded here is opened, whatever path the browser names."""
    match value:
        case {"path": str(path), **rest}:
            name = check_text(str(rest.get("name") or Path(path).name))
            return ImageQuery(DECODERS.open(_uploaded(path)), PHOTO, outside=True), name
        case _:
            raise EmptyQuery("No picture is chosen yet. Choose one, drop it on the page or paste it.")


def read_generated(value: Any) -> Asked:
    """A picture that the page has drawn and sends back, labelled as generated; anything could have been sent."""
    match value:
        case {"data": str(data), "style": str(style), "thing": str(thing)} if data.startswith(GENERATED):
            picture = _small_picture(data.removeprefix(GENERATED))
        case _:
            raise QueryError(UNREADABLE)
    meant = " as ".join(printable(part)[:40] for part in (thing, style) if part)
    domain = Domain(style) if style in {known.name for known in STYLES} else PHOTO
    return ImageQuery(picture, domain), f"Generated picture: {meant}" if meant else "Generated picture"


def _small_picture(data: str) -> Image.Image:
    """The picture in base64. Raises QueryError for anything but a WebP of the page's own size."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is below what Pillow warns of
            with Image.open(BytesIO(b64decode(data[:MOST_DATA], validate=True)), formats=["WEBP"]) as opened:
                if max(opened.size) > MOST_GENERATED:
                    raise QueryError(UNREADABLE)
                return opened.convert("RGB")
    except (ValueError, OSError, Image.DecompressionBombError) as error:
        raise QueryError(UNREADABLE) from error


def _uploaded(path: str) -> Path:
    try:
        file = Path(path).resolve()
    except ValueError as error:  # a character that no path holds
        raise QueryError(UNREADABLE) from error
    if not file.is_relative_to(Path(get_upload_folder()).resolve()):
        raise UnreadableImage("This picture was not uploaded here. Choose it again.")
    return file
