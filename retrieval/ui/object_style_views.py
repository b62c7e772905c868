"""Object and style as HTML: the swap grid, the sliders, the heat maps, the film and the neighbours by code.

Single pictures stand in `one_picture`, the card in `object_style_card`. Class names and ids come from strangers'
folders: what is not written here goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from PIL import Image

from retrieval.code_search import Nearest
from retrieval.disentangle import Drawn, Film, Heat, SwapGrid, WordMap
from retrieval.types import Hit, Item
from retrieval.ui.object_style_card import used
from retrieval.ui.one_picture import SIDE, address, encoded, generated, plain, real
from retrieval.ui.pictures import picture
from retrieval.ui.views import described

BUSY = ' data-busy="true" aria-busy="true"'
WAITS, NOT_DRAWN = '<small class="waits">waiting</small>', "<small>not drawn</small>"  # of a cell
OPENING = f'<p class="banner" role="status"{BUSY}>'
GAP = '<figure class="gap"></figure>'
FLAT = 0.985  # the spread from which a map is called flat
HOT = (217, 72, 15)  # the colour of a heat map

INTRO = (
    '<p class="lead">A picture is taken apart into <b>what</b> it shows, a word; <b>where</b> that stands, a map; and '
    "in what <b>style</b>, another word. A text-to-image network draws from any of them, put together as you choose. A "
    "judge reads each result: a red frame means that it does not see what was intended.</p>"
)
EXPLAINED = (
    '<p class="small">A swap is a finished cell in another style than its row’s own picture. It hits where a judge, '
    "which sees the cell alone, names the row’s class first, or the column’s style; the bars under a cell are its "
    "shares. A sketch that is read as a doodle is a hit. The judge errs, too: how often stands under Evaluate.</p>"
)
NOT_SHIPPED = (
    '<div class="empty"><h2>Object and style</h2>'
    "<p>This copy came without the network that draws; put one into checkpoints/prior-world, and an extractor into "
    "checkpoints/dude-world, and start again.</p></div>"
)


# ---------------------------------------------------------------- around the panels


def opening(progress: str) -> str:
    """The line shown until pictures are drawn at once."""
    return (
        f'{OPENING}<i class="spinner"></i>'
        f"<span><strong>{escape(progress or 'Loading what draws')} …</strong> It goes on by itself.</span></p>"
    )


WAITING = opening("Waiting")


def nothing(title: str, words: str) -> str:
    """Why there is nothing to take apart, and what to do."""
    return f'<div class="empty"><h2>{escape(title)}</h2><p>{escape(words)}</p></div>'


def about(name: str, *, is_hit: bool, is_example: bool = False) -> str:
    """The line that says whose object and style are shown."""
    if is_example:
        return (
            '<p class="status"><span>An example</span> <strong>a drawing that a person made</strong> '
            "<span>Draw or upload your own under Search, or open a hit there.</span></p>"
        )
    kind = "A hit" if is_hit else "Your query"
    mark = " data-hit" if is_hit else ""
    return f'<p class="status"{mark}><span>{kind}</span> <strong>{escape(name)}</strong></p>'


def others(items: Iterable[Item], chosen: str = "") -> str:
    """Pictures to choose a second one from; all are real."""
    buttons = "".join(
        f'<label><input type="radio" name="second" value="{escape(item.id)}"'
        f'{" checked" if item.id == chosen else ""}><img src="{picture(item.path)}" '
        f'alt="{escape(described(item))}" width="72" height="72" loading="lazy">'
        f"<span>{escape(item.label or item.domain.name)}</span></label>"
        for item in items
    )
    legend = "Second picture, for the sliders and the film"
    return f'<fieldset class="seconds"><legend class="eyebrow">{legend}</legend>{buttons}</fieldset>'


# ---------------------------------------------------------------- V2


def grid(grid: SwapGrid, *, busy: bool = False) -> str:
    """Objects down, styles across, with how often the judge sees what was intended."""
    head = "".join(f'<th scope="col">{escape(style)}</th>' for style in grid.styles)
    rows = "".join(_grid_row(grid, row, cells) for row, cells in enumerate(grid.rows))
    return (
        f'<div class="swap"{busy_mark(busy)}>{_summary(grid)}<div class="scroll" tabindex="0" role="group" '
        'aria-label="Swap grid"><table><caption class="unseen">Each row is an object, each column a style; every cell '
        f'is generated</caption><thead><tr><th scope="col">Object of</th>{head}</tr></thead><tbody>{rows}</tbody>'
        "</table></div></div>"
    )


def _grid_row(grid: SwapGrid, row: int, cells: Sequence[Drawn | None]) -> str:
    code = grid.codes[row]
    words = f"drawn from row {code + 1}" if code != row else "the query" if row == 0 else "from the gallery"
    head = real(grid.originals[row], f"{row + 1} {grid.things[row] or 'object'}", words)
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell(one)}</td>" for one in cells)}</tr>'


def cell(drawn: Drawn | None) -> str:
    """A generated picture, or its place while it waits."""
    if drawn is None:
        return f'<figure class="made"><div class="picture"></div><figcaption>{WAITS}</figcaption></figure>'
    return generated(drawn)


def _summary(grid: SwapGrid) -> str:
    """How often class and style hit over the swaps so far, beside chance, and what these words mean."""
    finished = sum(cell is not None and cell.finished for row in grid.rows for cell in row)
    whole = sum(map(len, grid.rows))
    parts = [f"{finished} of {whole} pictures, each in {grid.steps} steps, from {used(grid.use)}"]
    for kind, hit, chance in (
        ("class", grid.class_hit, grid.class_chance),
        ("style", grid.style_hit, grid.style_chance),
    ):
        if hit is not None and chance is not None:
            parts.append(f"{kind} hit <b>{hit:.0%}</b> of {grid.swaps} swaps (by chance {chance:.0%})")
    parts.append("same noise in all" if grid.locked else "own noise in each")
    control = ""
    if grid.shuffled:
        control = " <strong>Control: parts are shuffled, so classes must miss.</strong>"
        if not grid.changed:
            control = " <strong>Control: all rows show one class, so shuffling their parts tells nothing.</strong>"
    return f'<p class="summary" role="status">{" · ".join(parts)}.{control}</p>{EXPLAINED}'


# ---------------------------------------------------------------- V3


def single(picture: Drawn, title: str, words: str, *, busy: bool = False) -> str:
    """One generated picture."""
    return f'<div class="alone"{busy_mark(busy)}>{generated(picture, title, words)}</div>'


# ---------------------------------------------------------------- V4


def heat(heat: Heat, *, busy: bool = False) -> str:
    """Where object and style are looked up, beside what each of them causes."""
    size = len(heat.object_map.cells) if heat.object_map else 16
    parts = (
        generated(heat.drawn, "The picture", "all maps are of it"),
        _map(heat.drawn, heat.object_map, "Looks up the object"),
        _map(heat.drawn, heat.style_map, "Looks up the style"),
        _map(
            heat.drawn,
            heat.padding_map,
            "Control: a place after the prompt",
            "what is as strong here says nothing of a word",
        ),
        GAP if heat.without_map else "",
        _cause(heat.object_difference, "What the object changes", "against no object"),
        _cause(heat.style_difference, "What the style changes", "against no style"),
        _cause(heat.map_difference, "What the map changes", "against no map") if heat.without_map else "",
        GAP,
        generated(heat.without_object, "Without its word", "same noise"),
        generated(heat.without_style, "Without its style", "same noise"),
        generated(heat.without_map, "Without its map", "same noise") if heat.without_map else "",
    )
    return (
        f'<div class="heat"{busy_mark(busy)}><label class="switch"><input type="checkbox" data-cells>'
        f"Show the real cells, {size} × {size}</label>"
        f'<div class="heat-grid{" four" if heat.without_map else ""}">{"".join(parts)}</div>'
        f'<p class="small">{_sees(heat)} Looking is not causing: maps say where the network looks a word up, '
        "differences what changes without that part. Spread is 0 for one place alone and 1 for everywhere alike.</p>"
        "</div>"
    )


def _sees(heat: Heat) -> str:
    """What there is to see in the maps, in a sentence."""
    if heat.object_map is None or heat.style_map is None or heat.padding_map is None:
        return "Still being drawn."
    thing, style, padding = heat.object_map, heat.style_map, heat.padding_map
    if thing.entropy > FLAT:
        where = f"<b>To see:</b> “{escape(thing.word)}” is looked up everywhere alike: its place comes from elsewhere"
    elif thing.entropy < min(style.entropy, padding.entropy):
        where = (
            f"<b>To see:</b> “{escape(thing.word)}” is looked up in fewer places than the control; compare these "
            "places with the outline"
        )
    else:
        where = f"<b>To see:</b> “{escape(thing.word)}” is looked up no more narrowly than the control"
    wide = "all over the picture" if style.entropy > FLAT else "in some places more than in others"
    return f"{where}. “{escape(style.word)}” is looked up {wide}."


def _map(drawn: Drawn, word_map: WordMap | None, title: str, words: str = "") -> str:
    if word_map is None:
        return f'<figure class="made"><div class="picture"></div><figcaption><b>{title}</b></figcaption></figure>'
    under, smooth, cells = address(drawn.picture), _layer(word_map, fine=True), _layer(word_map, fine=False)
    alt = f"{title}: heat map of “{word_map.word}”, spread {word_map.entropy:.2f}"
    numbers = f"“{escape(word_map.word)}” · spread {word_map.entropy:.2f} · peak {word_map.peak:.2f}"
    return (
        f'<figure class="made mapped"><div class="picture"><img src="{under}" alt="">'
        f'<img class="smooth" src="{smooth}" alt="{escape(alt)}"><img class="cells" src="{cells}" alt=""></div>'
        f"<figcaption><b>{title}</b><small>{numbers}</small><small>{words or 'generated'}</small></figcaption></figure>"
    )


def _layer(word_map: WordMap, *, fine: bool) -> str:
    """A word's map to lay over a picture: smooth, or with the borders of its cells."""
    values = Image.fromarray(np.array(word_map.cells, np.float32))
    how = Image.Resampling.BICUBIC if fine else Image.Resampling.NEAREST
    shares = np.clip(np.asarray(values.resize((SIDE, SIDE), how)), 0, 1)
    shares = np.clip(shares - np.median(shares), 0, 1)  # what is looked up everywhere is painted nowhere
    layer = np.zeros((SIDE, SIDE, 4), np.uint8)
    layer[..., :3] = HOT
    layer[..., 3] = (200 * shares).astype(np.uint8)
    if not fine:
        step = SIDE // len(word_map.cells)
        layer[::step], layer[:, ::step] = (20, 16, 12, 110), (20, 16, 12, 110)
    return encoded("RGBA", (SIDE, SIDE), layer.tobytes(), SIDE)


def _cause(image: Image.Image | None, title: str, words: str) -> str:
    inside = '<div class="picture"></div>' if image is None else plain(image, title)
    return f'<figure class="grey">{inside}<figcaption><b>{title}</b><small>{words}</small></figcaption></figure>'


# ---------------------------------------------------------------- V5

ROWS = {  # code -> title, what it should find
    "object": ("By object code", "the same thing in any style"),
    "style": (
        "By style code",
        "any thing in the same style: the code is the word for the style, the raw feature orders",
    ),
    "raw": ("By raw feature", "what looks alike, thing and style at once"),
}


def nearest(rows: Sequence[Nearest], label: str | None = None) -> str:
    """The nearest real pictures by each code; `label` is the query's class, where it is known."""
    return f'<div class="nearest">{"".join(_near_row(row, label) for row in rows)}</div>'


def _near_row(row: Nearest, label: str | None) -> str:
    title, words = ROWS[row.code]
    domain = escape(row.domain)
    numbers = f"{domain}: <b>{row.same_domain:.0%}</b> (blind to style: {row.expected:.0%})"
    if row.precision is not None:
        numbers += f" · same class: <b>{row.precision:.0%}</b>"
    cards = "".join(_near(hit, label) for hit in row.hits)
    return (
        f'<section><h3>{title}</h3><p class="small">{words} · {numbers}</p>'
        f'<ol class="hits" aria-label="{title}">{cards}</ol></section>'
    )


def _near(hit: Hit, label: str | None) -> str:
    item = hit.item
    tick = ' <span title="same class">✓</span>' if label is not None and item.label == label else ""
    return (
        f'<li><button type="button" class="hit" data-id="{escape(item.id)}" data-rank="{hit.rank}" '
        f'data-score="{hit.score:.4f}" data-domain="{escape(item.domain.name)}"><img src="{picture(item.path)}" '
        f'alt="{escape(described(item))}" loading="lazy" width="192" height="192"><span class="facts">'
        f"<b>{escape(item.label or 'unlabelled')}{tick}</b><data>{hit.score:.2f}</data>"
        f"<small>{escape(item.domain.name)}</small></span></button></li>"
    )


# ---------------------------------------------------------------- V6


def film(film: Film, other_style: str, *, busy: bool = False) -> str:
    """Three strips out of one noise, with the frame at which the second and the third part from the first."""
    strips = (
        ("The query", "its object, its style", [f.drawn for f in film], None),
        ("Other style", f"its object, {other_style}", [f.other_style for f in film], film.style_parts),
        ("Other object", "second object, its style", [f.other_object for f in film], film.object_parts),
    )
    head = "".join(f'<th scope="col">step {f.step} of {film.steps}</th>' for f in film)
    rows = "".join(_strip(*strip) for strip in strips)
    return (
        f'<div class="film"{busy_mark(busy)}>{_decided(film)}<div class="scroll" tabindex="0" role="group" '
        'aria-label="Film strips"><table><caption class="unseen">What each picture seems to become, step by step; '
        f'every picture is generated</caption><thead><tr><th scope="col">Strip</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></div>"
    )


def _strip(title: str, words: str, drawn: Sequence[Drawn], parts: int | None) -> str:
    cells = "".join(
        f"<td{' class=parts' if at == parts else ''}>{generated(one, 'parts here' if at == parts else '')}</td>"
        for at, one in enumerate(drawn)
    )
    return f'<tr><th scope="row"><b>{title}</b><small>{escape(words)}</small></th>{cells}</tr>'


def _decided(film: Film) -> str:
    if len(film.frames) == 0 or film.frames[-1].step < film.steps:
        return '<p class="summary" role="status">Developing …</p>'

    def step(parts: int | None) -> str:
        return "never" if parts is None else f"at step {film.frames[parts].step}"

    return (
        f'<p class="summary" role="status">All begin in the same noise. Another style shows '
        f"<b>{step(film.style_parts)}</b>, another object <b>{step(film.object_parts)}</b> of {film.steps}.</p>"
    )


def stopped(html: str) -> str:
    """A panel as it was when it was stopped: nothing in it goes on, and no cell waits."""
    if html.startswith(OPENING):
        return '<p class="told">Cancelled before anything was drawn.</p>'
    return html.replace(BUSY, "").replace(WAITS, NOT_DRAWN)


def busy_mark(busy: bool) -> str:
    """What a panel is marked with while it is drawn."""
    return BUSY if busy else ""
