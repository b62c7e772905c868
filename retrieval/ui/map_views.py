"""The map of codes as HTML and as what the browser draws from: words, numbers and addresses, all made here.

Points, lines and colours are drawn by map.js. Ids and class names come from strangers' folders: in HTML they go through
`escape`, and the browser writes them as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.evaluation.embedding_map_file import Atlas, Stop
from retrieval.items import domains_of, labels_of
from retrieval.types import Item
from retrieval.ui.pictures import picture
from retrieval.ui.views import described, plain_cards

INTRO = (
    '<p class="lead">Each mark is a picture of the gallery, and near what has a similar code. Colour and form are its '
    "<b>style</b>. Lines join pictures that are each other’s nearest: grey <b>within</b> a style, coloured "
    "<b>across</b> styles. As training goes on, colours should mix, and things of one class come together.</p>"
)
NOT_SHIPPED = (
    '<div class="empty"><h2>Map</h2>'
    "<p>This copy came without a map of codes. Train DUDE with <code>python -m retrieval train dude-world</code>, put "
    "the bundle into checkpoints/dude-world, make its map with <code>python -m retrieval map</code>, and open this tab "
    "again.</p></div>"
)
OPENING = '<p class="banner" role="status"><i class="spinner"></i><span><strong>Opening the map …</strong></span></p>'
CODES = {"object": "Object code", "raw": "Raw feature"}
ABOUT = {
    "object": "DUDE’s code z, the one word that it makes of a picture",
    "raw": "What the trunk sees, before the layers that make a word of it",
}
PULLS = {
    (): "views of one and the same picture",
    ("within",): "views of a picture, and neighbours within a style",
    ("across",): "views of a picture, and neighbours across styles",
    ("within", "across"): "views of a picture, and neighbours within and across styles",
}


def drawn(atlas: Atlas, items: Mapping[str, Item], *, apart: bool) -> str:
    """Everything that the browser needs, as JSON. `apart`: whether a picture can be shown in the tab of object and
    style.
    """
    shown = [items[name] for name, _, _ in atlas.pictures]
    payload: dict[str, Any] = {
        "styles": atlas.styles,
        "classes": atlas.classes,
        "apart": apart,
        "small": small_print(atlas),
        "pictures": [
            {"id": name, "label": label, "style": style, "src": picture(item.path), "alt": described(item)}
            for (name, label, style), item in zip(atlas.pictures, shown, strict=True)
        ],
        "epochs": [_epoch(epoch, atlas.length) for epoch in atlas.epochs],
        "codes": {name: _code(atlas, name, stops) for name, stops in atlas.codes.items()},
    }
    return json.dumps(payload, ensure_ascii=False)


def _epoch(epoch: int, length: int) -> str:
    return f"after epoch {epoch} of {length}" if epoch else "before training"


def _code(atlas: Atlas, name: str, stops: Sequence[Stop]) -> list[dict[str, Any]]:
    return [
        {
            "points": stop.points,
            "within": stop.within,
            "across": stop.across,
            "pulls": atlas.pulls[place],
            "caption": caption(atlas, name, place),
            "tiles": tiles(atlas, name, place),
        }
        for place, stop in enumerate(stops)
    ]


# ---------------------------------------------------------------- the numbers


def caption(atlas: Atlas, code: str, place: int) -> str:
    """What is seen of a code at one of the epochs shown, and what training was doing."""
    shown = atlas.codes[code][place].numbers["shown"]
    flat = "" if shown is None else f" These two axes hold {shown:.0%} of how the codes differ; the rest is not seen."
    epoch = _epoch(atlas.epochs[place], atlas.length)
    return f'<p class="now"><strong>{CODES[code]}, {epoch}.</strong> {ABOUT[code]}.{flat}{_pulled(atlas, place)}</p>'


def _pulled(atlas: Atlas, place: int) -> str:
    pulls = atlas.pulls[place]
    doing = f" This epoch pulled together {PULLS.get(pulls, PULLS[()])}." if atlas.epochs[place] else ""
    return doing if {"within", "across"} <= set(pulls) else f"{doing} Dotted lines: neighbours that are not pulled yet."


def tiles(atlas: Atlas, code: str, place: int) -> str:
    """What was measured of a code at one of the epochs shown, each number with its course over all of them."""
    stops = atlas.codes[code]
    now = stops[place]
    gap, control = now.numbers["MMD2"], now.numbers["MMD2 of one domain"]
    return "".join(
        (
            _tile("Class is read", "class probe", stops, place, f"chance {1 / len(atlas.classes):.1%}"),
            _tile("Style is read", "domain probe", stops, place, f"chance {1 / len(atlas.styles):.0%}"),
            _tile("MMD² of styles", "MMD2", stops, place, f"halves of one style: {_plain(control)}", _plain(gap)),
            _tile("Pairs within a style", "within", stops, place, f"of one class, of {len(now.within):,}"),
            _tile("Pairs across styles", "across", stops, place, f"of one class, of {len(now.across):,}"),
        )
    )


def _tile(title: str, name: str, stops: Sequence[Stop], place: int, beside: str, text: str = "") -> str:
    values = [stop.numbers[name] for stop in stops]
    value = values[place]
    said = text or ("none" if value is None else f"{value:.0%}")
    return f"<div><dt>{title}</dt><dd><b>{said}</b>{_course(values, place)}<small>{beside}</small></dd></div>"


def _plain(value: float | None) -> str:
    """A small number that may be a little below zero, as estimates without bias are."""
    return "none" if value is None else f"{round(value, 3) + 0.0:.3f}".replace("-", "\N{MINUS SIGN}")


def _course(values: Sequence[float | None], place: int, width: int = 72, height: int = 22) -> str:
    """The values as a small line, from 0 or the lowest to the highest, with a dot at the place."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(0.0, *known), max(known)
    step = (width - 8) / max(len(values) - 1, 1)
    points = {
        i: (4 + i * step, height - 4 - (value - low) / max(high - low, 1e-9) * (height - 8))
        for i, value in enumerate(values)
        if value is not None
    }
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points.values())
    dot = f'<circle cx="{points[place][0]:.1f}" cy="{points[place][1]:.1f}" r="3.5"/>' if place in points else ""
    return (
        f'<svg class="course" viewBox="0 0 {width} {height}" width="{width}" height="{height}" aria-hidden="true">'
        f'<polyline points="{line}"/>{dot}</svg>'
    )


def small_print(atlas: Atlas) -> str:
    """Of what the numbers are, and how."""
    count = len(atlas.pictures)
    return (
        f"All numbers are of the {count:,} pictures shown: the first objects of each of {len(atlas.classes)} classes, "
        f"in {len(atlas.styles)} styles, chosen by their place in the list. “Read” is by a small network that learned "
        "from one part of the objects and is asked about the others. Labels serve these numbers and the colours alone: "
        "DUDE learned without them, from a trunk that labelled photographs had taught. "
        "A pair across styles may well be one and the same object. "
        "The axes are the principal components of the codes after the last epoch, and every epoch "
        f"is seen from its own mean. Made from {escape(atlas.bundle)}."
    )


# ---------------------------------------------------------------- any method and any gallery


def gallery_drawn(
    items: Sequence[Item], points: npt.NDArray[np.float64], shown: float, total: int, title: str, gallery: str
) -> str:
    """The map of a gallery's pictures, at points (N, 2), as JSON for gallery_map.js; `shown`: the share of variance
    that is seen, `total`: pictures of the gallery.
    """
    styles, classes = domains_of(items), labels_of(items)
    style_place, class_place = ({name: i for i, name in enumerate(names)} for names in (styles, classes))
    of = f"{len(items):,}" if len(items) == total else f"{len(items):,} of {total:,}"
    return json.dumps(
        {
            "title": f"{gallery}, as {title} sees it",
            "lead": (
                f"{of} pictures, each near what has a similar vector. These two axes, the directions in which the "
                f"vectors differ most, hold {shown:.0%} of how they differ; the rest is not seen, so what lies "
                "together here may be far apart in a search. Draw a box or a loop to see the pictures inside. Method "
                "and gallery are those of the tab Search."
            ),
            "styles": styles,
            "classes": classes,
            "pictures": [
                [
                    item.id,
                    style_place[item.domain.name],
                    class_place.get(item.label or "", -1),
                    round(x, 4),
                    round(y, 4),
                ]
                for item, (x, y) in zip(items, points.tolist(), strict=True)
            ],
        },
        ensure_ascii=False,
    )


def query_drawn(point: tuple[float, float], name: str) -> str:
    """The query on that map, as JSON."""
    return json.dumps({"point": [round(value, 4) for value in point], "name": name}, ensure_ascii=False)


def inside(items: Sequence[Item], count: int) -> str:
    """The pictures in a box or a loop, of which there may be more than are shown."""
    if not items:
        return '<p class="status"><strong>No picture is selected</strong></p>'
    pictures = "1 picture" if count == 1 else f"{count:,} pictures"
    more = f" <span>the {len(items)} nearest to its middle are shown</span>" if count > len(items) else ""
    return f'<p class="status"><strong>{pictures} selected</strong>{more}</p>{plain_cards(items)}'
