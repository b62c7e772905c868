"""The panels: a picture taken apart, objects and styles exchanged, sliders between them, where the prior looks, and
when a picture decides what it becomes.

Every panel is a generator of more and more complete values, a step of drawing between two of them; closing it ends the
work. Equal questions with equal seeds have equal pictures. What a picture is taken apart into stands in `dissection`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from retrieval.diffusion.attention import HeatMaps, difference, entropy
from retrieval.diffusion.guidance import GUIDANCE
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import ANY_THING, STYLE_AT, THING_AT
from retrieval.diffusion.samplers import STUDENT, TEACHER, Sampler, first_parted, frames
from retrieval.diffusion.spelling import Spelling
from retrieval.disentangle.coded import Coded, Extracting
from retrieval.disentangle.codes import permuted
from retrieval.disentangle.dissection import Dissection
from retrieval.disentangle.generator import (
    BATCH,
    Brush,
    Cell,
    Judging,
    Knobs,
    Switch,
    as_grey,
    as_tensor,
    previews,
)
from retrieval.disentangle.panel_values import (
    ALL_PARTS,
    Card,
    Drawn,
    Film,
    Frame,
    Heat,
    Original,
    Slide,
    SwapGrid,
    Use,
    WordMap,
)
from retrieval.disentangle.swap_hits import hit_rates
from retrieval.errors import SettingsError

STOPS = 7  # of a slider
MOST_ROWS, MOST_STYLES, MOST_STOPS = 8, 12, 15


class Disentangler:
    """Draws what a picture's parts mean to a prior: the word that `dude` learned from it (None: none), the map of its
    image adapter, and a style. `student`: a copy of that prior that draws `quickly`, and has `learned` one guidance by
    words, and one `by_map`. `spelling` writes codes in the prior's words; without it they are drawn as they come.
    `styles`: the words for styles that the prior was taught; those of DUDE's domains where none are named.
    """

    def __init__(
        self,
        prior: Prior,
        dude: Extracting | None,
        judge: Judging | None = None,
        student: Prior | None = None,
        quickly: Sampler = STUDENT,
        spelling: Spelling | None = None,
        learned: float = GUIDANCE,
        by_map: float = 1.0,
        styles: Sequence[str] = (),
    ) -> None:
        self._prior, self._quickly = prior, quickly
        self._learned, self._by_map = learned, by_map
        self._apart = Dissection(prior, dude, styles or (dude.styles if dude else ()), spelling, student)
        neutral = self._apart.neutral
        self._teacher = Brush(prior, neutral, judge, by_map=by_map)
        self._student = Brush(student, neutral, judge) if student else None

    @property
    def styles(self) -> tuple[str, ...]:
        """The words for the styles that can be drawn."""
        return self._apart.styles

    @property
    def parts(self) -> Use:
        """The parts that pictures are taken apart into here."""
        return self._apart.parts

    @property
    def is_quick(self) -> bool:
        """Whether pictures are drawn by a student, in few steps."""
        return self._student is not None

    def read(self, original: Original) -> Coded:
        """The picture with its parts. Raises QueryError where the style is not told and there is no judge."""
        return self._apart.read(original, self._teacher.read)

    # ------------------------------------------------------------ V1

    def card(
        self, original: Original, seed: int = 0, *, use: Use = ALL_PARTS, guidance: float | None = None
    ) -> Iterator[Card]:
        """The picture from the parts that are used, from each part alone, and at the end the difference of query and
        drawn picture.
        """
        coded, use, parts = self.read(original), self._apart.available(use), self.parts
        alone = {
            name: self._cell(coded, coded.style, seed, Use(*(name == part for part in ("what", "where", "style"))))
            for name in ("what", "where", "style")
            if getattr(parts, name)
        }
        cells = [self._cell(coded, coded.style, seed, use), *alone.values()]
        brush, sampler = self._quick(guidance)
        known = None if coded.where is None else coded.where.colors_known
        for pictures in brush.drawn(cells, sampler):
            drawn, *rest = _begun(pictures)
            by_part = dict(zip(alone, rest, strict=True))
            what, where, style = by_part.get("what"), by_part.get("where"), by_part["style"]
            card = Card(coded.picture, coded.style, coded.thing, use, drawn, what, where, style)
            card = replace(card, words=coded.words, colors_known=known)
            if drawn.finished:
                apart = difference(*as_tensor([coded.picture, drawn.picture]))
                card = replace(card, difference=as_grey(apart))
            yield card

    # ------------------------------------------------------------ V2

    def grid(
        self,
        originals: Sequence[Original],
        styles: Sequence[str] = (),
        seed: int = 0,
        *,
        shuffled: bool = False,
        locked: bool = True,
        use: Use = ALL_PARTS,
        guidance: float | None = None,
    ) -> Iterator[SwapGrid]:
        """Every original's object in every style (none given: in all), a batch at a time, row after row.

        `shuffled`: each row is drawn from another row's word and map, which must break its class. `locked`: all cells
        begin in the same noise; otherwise each in its own.
        """
        styles = tuple(styles) or self.styles
        _check("rows", len(originals), MOST_ROWS)
        _check("styles", len(styles), MOST_STYLES)
        use = self._apart.available(use)
        coded = [self.read(original) for original in originals]
        codes = permuted([own.thing for own in coded], seed) if shuffled else tuple(range(len(coded)))
        brush, sampler = self._quick(guidance)
        cells = [
            self._cell(
                replace(coded[codes[row]], thing=own.thing),
                style,
                seed if locked else seed + row * len(styles) + column,
                use,
            )
            for row, own in enumerate(coded)
            for column, style in enumerate(styles)
        ]
        for drawn in brush.drawn(cells, sampler):
            rows = tuple(drawn[start : start + len(styles)] for start in range(0, len(drawn), len(styles)))
            class_hit, style_hit, swaps = hit_rates(coded, styles, rows)
            yield SwapGrid(
                tuple(own.picture for own in coded),
                tuple(own.thing for own in coded),
                styles,
                rows,
                codes,
                class_hit,
                style_hit,
                *self._teacher.chances(),
                locked,
                sampler.steps,
                swaps,
                use,
            )

    # ------------------------------------------------------------ V3

    def slide_objects(
        self,
        first: Original,
        last: Original,
        style: str | None = None,
        seed: int = 0,
        *,
        stops: int = STOPS,
        use: Use = ALL_PARTS,
        guidance: float | None = None,
    ) -> Iterator[Slide]:
        """From one object to another in one style (not given: the first picture's). The ends are cells of the grid."""
        begin, end = self.read(first), self.read(last)
        style = style or begin.style
        ends = self._cell(begin, style, seed, use), self._cell(end, style, seed, use)
        yield from self._slide(*ends, stops, guidance)

    def slide_styles(
        self,
        original: Original,
        first: str,
        last: str,
        seed: int = 0,
        *,
        stops: int = STOPS,
        use: Use = ALL_PARTS,
        guidance: float | None = None,
    ) -> Iterator[Slide]:
        """One object from one style to another. The ends are cells of the grid."""
        coded = self.read(original)
        ends = self._cell(coded, first, seed, use), self._cell(coded, last, seed, use)
        yield from self._slide(*ends, stops, guidance)

    def _slide(self, first: Cell, last: Cell, stops: int, guidance: float | None) -> Iterator[Slide]:
        """Between two cells; what both intend is intended all along, what only one does at its end."""
        _check("stops", stops, MOST_STOPS, least=2)
        positions = tuple(i / (stops - 1) for i in range(stops))
        cells = [first, *(self._apart.between(first, last, share) for share in positions[1:-1]), last]
        brush, sampler = self._quick(guidance)
        for drawn in brush.drawn(cells, sampler):
            yield Slide(positions, drawn, sampler.steps)

    def knobs(
        self,
        original: Original,
        style: str | None = None,
        w_thing: float = 3,
        w_style: float = 3,
        seed: int = 0,
        *,
        use: Use = ALL_PARTS,
    ) -> Iterator[Drawn]:
        """One picture with two weights in [0, 6]: for the map and for the words or, of a prior without an adapter, for
        the thing and for the style.
        """
        coded = self.read(original)
        cell = self._cell(coded, style or coded.style, seed, use)
        for drawn in self._teacher.drawn([cell], TEACHER, Knobs(w_thing, w_style)):
            yield from _begun(drawn)

    def switch(
        self,
        original: Original,
        style: str | None = None,
        below: int = 500,
        seed: int = 0,
        *,
        style_first: bool = False,
        use: Use = ALL_PARTS,
    ) -> Iterator[Drawn]:
        """One picture that is told its style below a noise step only (of 1000) or, `style_first`, above it only."""
        coded = self.read(original)
        cell = self._cell(coded, style or coded.style, seed, use)
        for drawn in self._teacher.drawn([cell], TEACHER, Switch(self._learned, below, style_first, self._by_map)):
            yield from _begun(drawn)

    # ------------------------------------------------------------ V4

    def heat(
        self, original: Original, style: str | None = None, seed: int = 0, *, use: Use = ALL_PARTS
    ) -> Iterator[Heat]:
        """Where the prior looks up object and style, and what each of the parts changes."""
        coded, use = self.read(original), self._apart.available(use)
        style, sampler = style or coded.style, self._guided(None)
        whole = self._cell(coded, style, seed, use)
        cells = [
            whole,
            replace(whole, z=self._apart.no_what, thing=whole.thing if use.where else None),
            replace(whole, e=self._apart.no_style, style=None),
            *([replace(whole, where=None, thing=whole.thing if use.what else None)] if self.parts.where else []),
        ]
        maps = HeatMaps(self._prior, BATCH)
        for step, pictures in enumerate(self._teacher.steps(cells, sampler, watch=maps.watch), start=1):
            if step < sampler.steps:
                yield _heat(previews(cells, pictures))
                continue
            drawn = self._teacher.finished(cells, sampler, pictures, keep=False)
            seen = maps.maps()[0]  # (L, h, w)
            apart = [as_grey(difference(pictures[0], other)) for other in pictures[1:]]
            yield replace(
                _heat(drawn),
                object_map=_word_map((coded.thing or "object") if use.what else ANY_THING, seen[THING_AT]),
                style_map=_word_map(style, seen[STYLE_AT]),
                padding_map=_word_map("padding", seen[-1]),
                object_difference=apart[0],
                style_difference=apart[1],
                map_difference=apart[2] if self.parts.where else None,
            )

    # ------------------------------------------------------------ V6

    def film(
        self, original: Original, other_style: str, other: Original, seed: int = 0, *, use: Use = ALL_PARTS
    ) -> Iterator[Film]:
        """The picture, its object in another style, and another object in its style, while they come out of the same
        noise; and the frames at which the second and the third part from the first.
        """
        coded, foreign = self.read(original), self.read(other)
        own, sampler = coded.style, self._guided(None)
        asked = ((coded, own), (coded, other_style), (foreign, own))
        cells = [self._cell(part, style, seed, use) for part, style in asked]
        shown, strips, taken = frames(sampler.steps), list[Tensor](), list[Frame]()
        for step, pictures in enumerate(self._teacher.steps(cells, sampler)):
            if step not in shown:
                continue
            last = step == sampler.steps - 1
            strips.append(pictures)
            seen = self._teacher.finished(cells, sampler, pictures) if last else previews(cells, pictures)
            taken.append(Frame(step + 1, *_three(seen)))
            film = Film(tuple(taken), sampler.steps)
            if last:
                base, styled, replaced = torch.stack(strips, dim=1)  # (F, 3, H, W) each
                parts = first_parted(base, styled), first_parted(base, replaced)
                film = replace(film, style_parts=parts[0], object_parts=parts[1])
            yield film

    # ------------------------------------------------------------ who draws

    def _cell(self, coded: Coded, style: str, seed: int, use: Use = ALL_PARTS) -> Cell:
        return self._apart.cell(coded, style, seed, use)

    def _quick(self, guidance: float | None) -> tuple[Brush, Sampler]:
        """The student, where no guidance is asked for but the one that it learned; or the prior."""
        if self._student and guidance in (None, self._learned):
            return self._student, self._quickly
        return self._teacher, self._guided(guidance)

    def _guided(self, guidance: float | None) -> Sampler:
        """How the prior draws."""
        return replace(TEACHER, guidance=self._learned if guidance is None else guidance)


# ---------------------------------------------------------------- small print


def _heat(drawn: Sequence[Drawn]) -> Heat:
    """Of the pictures with all parts, without the word, without the style and, where there are maps, without one."""
    return Heat(drawn[0], drawn[1], drawn[2], drawn[3] if len(drawn) > 3 else None)


def _word_map(word: str, shares: Tensor) -> WordMap:
    """shares (h, w), in [0, 1]"""
    peak = float(shares.max())
    cells = (shares / max(peak, 1e-12)).tolist()
    return WordMap(word, tuple(tuple(row) for row in cells), peak, entropy(shares))


def _begun(drawn: Sequence[Drawn | None]) -> list[Drawn]:
    """Pictures of one batch, which begin together."""
    return [picture for picture in drawn if picture is not None]


def _three(drawn: Sequence[Drawn | None]) -> tuple[Drawn, Drawn, Drawn]:
    whole, second, third = _begun(drawn)
    return whole, second, third


def _check(what: str, count: int, most: int, least: int = 1) -> None:
    if not least <= count <= most:
        raise SettingsError(f"{count} {what} were asked for; choose {least} to {most}.")
