"""The panels: a picture taken apart, objects and styles exchanged, sliders between them, where the prior looks, and
when a picture decides what it becomes.

Every panel is a generator of more and more complete values, a step of drawing between two of them; whoever stops to ask
ends the work. Equal questions with equal seeds have equal pictures. Codes are those of DUDE: the object code z is the
extractor's word for a picture, spelled in the words that the prior was taught; there is no style code of a single
picture, it is the word for its domain, and the domain of a picture whose domain nobody told is read by the judge.

    symbol -> here
    z-bar     the extractor's neutral_thing
    e-bar     neutral_style: the mean of the words of all domains, as long as one of them
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from retrieval.diffusion.attention import HeatMaps, difference, entropy
from retrieval.diffusion.guidance import GUIDANCE
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import STYLE_AT, THING_AT
from retrieval.diffusion.samplers import STUDENT, TEACHER, Sampler, first_parted, frames
from retrieval.diffusion.spelling import Spelling
from retrieval.disentangle.coded import Coded, Extracting
from retrieval.disentangle.codes import neutral_style, permuted, renormalised_lerp, slerp
from retrieval.disentangle.generator import (
    BATCH,
    LIKELY,
    Brush,
    Cell,
    Judging,
    Knobs,
    Switch,
    as_grey,
    as_tensor,
    code,
    previews,
)
from retrieval.disentangle.panel_values import Card, Drawn, Film, Frame, Heat, Original, Slide, SwapGrid, WordMap
from retrieval.disentangle.swap_hits import hit_rates
from retrieval.errors import QueryError, SettingsError
from retrieval.images import pixels, squared

STOPS = 7  # of a slider
MOST_ROWS, MOST_STYLES, MOST_STOPS = 8, 12, 15


class Disentangler:
    """Draws what an extractor's codes mean to the prior that it learned from. `student`: a copy of that prior that
    draws grids and sliders `quickly`, and has `learned` one guidance. `spelling` writes codes in the prior's words;
    without it they are drawn as they come.
    """

    def __init__(
        self,
        prior: Prior,
        dude: Extracting,
        judge: Judging | None = None,
        student: Prior | None = None,
        quickly: Sampler = STUDENT,
        spelling: Spelling | None = None,
        learned: float = GUIDANCE,
    ) -> None:
        self._prior, self._dude, self._quickly, self._spelling = prior, dude, quickly, spelling
        self._learned = learned
        neutral = neutral_style(prior, dude.styles)  # (W,)
        self._e_bar, self._z_bar = code(neutral), code(dude.neutral_thing)
        self._teacher = Brush(prior, neutral, judge)
        self._student = Brush(student, neutral, judge) if student else None

    @property
    def styles(self) -> tuple[str, ...]:
        """The words for the domains that the extractor learned from."""
        return self._dude.styles

    @property
    def is_quick(self) -> bool:
        """Whether grids and sliders are drawn by a student, in few steps."""
        return self._student is not None

    @torch.no_grad()
    def read(self, original: Original) -> Coded:
        """The picture with its codes. Raises QueryError where the style is not told and there is no judge."""
        seen = torch.from_numpy(pixels(original.picture, self._dude.preprocess))[None]
        z = self._dude.tokens(seen.to(self._dude.neutral_thing.device))  # (1, W)
        words = {} if self._spelling is None else self._spelling.likeliest(z[0], LIKELY)
        z = z if self._spelling is None else self._spelling(z)
        picture = squared(original.picture, self._prior.config.size)
        of_class, of_style = self._teacher.read(picture)
        style = original.style or of_style
        if style is None:
            raise QueryError(f"Nobody knows the style of this picture. Choose {_listed(self.styles)}.")
        return Coded(picture, code(z[0]), style, original.thing or of_class, words)

    # ------------------------------------------------------------ V1

    def card(self, original: Original, seed: int = 0, *, guidance: float | None = None) -> Iterator[Card]:
        """Reconstruction, object only, style only, and at the end the difference of query and reconstruction."""
        coded = self.read(original)
        cells = self._apart(coded, coded.style, seed)
        for drawn in self._teacher.drawn(cells, _sampler(TEACHER, guidance)):
            whole, style_only, object_only = _three(drawn)
            card = Card(coded.picture, coded.style, coded.thing, whole, object_only, style_only, words=coded.words)
            if whole.finished:
                apart = difference(*as_tensor([coded.picture, whole.picture]))
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
        guidance: float | None = None,
    ) -> Iterator[SwapGrid]:
        """Every original's object in every style (none given: in all), row by row.

        `shuffled`: each row is drawn from another row's object code, which must break its class. `locked`: all cells
        begin in the same noise; otherwise each in its own.
        """
        styles = tuple(styles) or self.styles
        _check("rows", len(originals), MOST_ROWS)
        _check("styles", len(styles), MOST_STYLES)
        coded = [self.read(one) for one in originals]
        codes = permuted([one.thing for one in coded], seed) if shuffled else tuple(range(len(coded)))
        brush, sampler = self._quick(guidance)
        rows: list[tuple[Drawn | None, ...]] = [(None,) * len(styles)] * len(coded)
        for row, own in enumerate(coded):
            from_code = replace(own, z=coded[codes[row]].z)
            seeds = [seed if locked else seed + row * len(styles) + column for column in range(len(styles))]
            cells = [self._cell(from_code, style, one) for style, one in zip(styles, seeds, strict=True)]
            for drawn in brush.drawn(cells, sampler):
                rows[row] = drawn
                yield SwapGrid(
                    tuple(one.picture for one in coded),
                    tuple(one.thing for one in coded),
                    styles,
                    tuple(rows),
                    codes,
                    *hit_rates(coded, styles, rows),
                    *self._teacher.chances(),
                    locked,
                    sampler.steps,
                )

    # ------------------------------------------------------------ V3

    def slide_objects(
        self,
        one: Original,
        other: Original,
        style: str | None = None,
        seed: int = 0,
        *,
        stops: int = STOPS,
        guidance: float | None = None,
    ) -> Iterator[Slide]:
        """From one object to another in one style (not given: the first picture's). The ends are cells of the grid."""
        first, last = self.read(one), self.read(other)
        style = style or first.style
        ends = self._cell(first, style, seed), self._cell(last, style, seed)
        yield from self._slide(*ends, stops, guidance)

    def slide_styles(
        self,
        original: Original,
        one: str,
        other: str,
        seed: int = 0,
        *,
        stops: int = STOPS,
        guidance: float | None = None,
    ) -> Iterator[Slide]:
        """One object from one style to another. The ends are cells of the grid."""
        coded = self.read(original)
        yield from self._slide(self._cell(coded, one, seed), self._cell(coded, other, seed), stops, guidance)

    def _slide(self, first: Cell, last: Cell, stops: int, guidance: float | None) -> Iterator[Slide]:
        """Between two cells; what both intend is intended all along, what only one does at its end."""
        _check("stops", stops, MOST_STOPS, least=2)
        positions = tuple(i / (stops - 1) for i in range(stops))
        between = Cell(
            first.z,
            first.e,
            first.seed,
            first.thing if first.thing == last.thing else None,
            first.style if first.style == last.style else None,
        )
        z, z_last, e, e_last = (torch.tensor(one) for one in (first.z, last.z, first.e, last.e))
        inner = [
            replace(between, z=code(slerp(z, z_last, share)), e=code(renormalised_lerp(e, e_last, share)))
            for share in positions[1:-1]
        ]
        brush, sampler = self._quick(guidance)
        for drawn in brush.drawn([first, *inner, last], sampler):
            yield Slide(positions, drawn, sampler.steps)

    def knobs(
        self, original: Original, style: str | None = None, w_thing: float = 3, w_style: float = 3, seed: int = 0
    ) -> Iterator[Drawn]:
        """One picture with a weight each for thing and style, both in [0, 6]."""
        coded = self.read(original)
        cell = self._cell(coded, style or coded.style, seed)
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
    ) -> Iterator[Drawn]:
        """One picture that is told its style below a noise step only (of 1000) or, `style_first`, above it only."""
        coded = self.read(original)
        cell = self._cell(coded, style or coded.style, seed)
        for drawn in self._teacher.drawn([cell], TEACHER, Switch(TEACHER.guidance, below, style_first)):
            yield from _begun(drawn)

    # ------------------------------------------------------------ V4

    def heat(self, original: Original, style: str | None = None, seed: int = 0) -> Iterator[Heat]:
        """Where the prior looks up object and style, and what each of them changes."""
        coded = self.read(original)
        cells = self._apart(coded, style or coded.style, seed)
        maps = HeatMaps(self._prior, BATCH)
        for step, pictures in enumerate(self._teacher.steps(cells, TEACHER, watch=maps.watch), start=1):
            if step < TEACHER.steps:
                yield Heat(*_three(previews(cells, pictures)))
                continue
            whole, without_object, without_style = self._teacher.finished(cells, TEACHER, pictures, keep=False)
            seen = maps.maps()[0]  # (L, h, w)
            yield Heat(
                whole,
                without_object,
                without_style,
                _word_map(coded.thing or "object", seen[THING_AT]),
                _word_map(style or coded.style, seen[STYLE_AT]),
                _word_map("padding", seen[-1]),
                as_grey(difference(pictures[0], pictures[1])),
                as_grey(difference(pictures[0], pictures[2])),
            )

    # ------------------------------------------------------------ V6

    def film(self, original: Original, other_style: str, other: Original, seed: int = 0) -> Iterator[Film]:
        """The picture, its object in another style, and another object in its style, while they come out of the same
        noise; and the frames at which the second and the third part from the first.
        """
        coded, foreign = self.read(original), self.read(other)
        own = coded.style
        cells = [self._cell(coded, own, seed), self._cell(coded, other_style, seed), self._cell(foreign, own, seed)]
        shown, strips, taken = frames(TEACHER.steps), list[Tensor](), list[Frame]()
        for step, pictures in enumerate(self._teacher.steps(cells, TEACHER)):
            if step not in shown:
                continue
            last = step == TEACHER.steps - 1
            strips.append(pictures)
            seen = self._teacher.finished(cells, TEACHER, pictures) if last else previews(cells, pictures)
            taken.append(Frame(step + 1, *_three(seen)))
            film = Film(tuple(taken), TEACHER.steps)
            if last:
                base, styled, replaced = torch.stack(strips, dim=1)  # (F, 3, H, W) each
                parts = first_parted(base, styled), first_parted(base, replaced)
                film = replace(film, style_parts=parts[0], object_parts=parts[1])
            yield film

    # ------------------------------------------------------------ cells

    def _cell(self, coded: Coded, style: str, seed: int) -> Cell:
        """A picture's object in a style. Raises QueryError for a style that the prior has no word for."""
        return Cell(coded.z, code(self._prior.reader.word(style)), _seed(seed), coded.thing, style)

    def _apart(self, coded: Coded, style: str, seed: int) -> list[Cell]:
        """G(z, e), G(z-bar, e) and G(z, e-bar)."""
        whole = self._cell(coded, style, seed)
        return [whole, replace(whole, z=self._z_bar, thing=None), replace(whole, e=self._e_bar, style=None)]

    def _quick(self, guidance: float | None) -> tuple[Brush, Sampler]:
        """The student, where no guidance is asked for but the one that it learned; or the prior."""
        if self._student and guidance in (None, self._learned):
            return self._student, self._quickly
        return self._teacher, _sampler(TEACHER, guidance)


# ---------------------------------------------------------------- small print


def _word_map(word: str, shares: Tensor) -> WordMap:
    """shares (h, w), in [0, 1]"""
    peak = float(shares.max())
    cells = (shares / max(peak, 1e-12)).tolist()
    return WordMap(word, tuple(tuple(row) for row in cells), peak, entropy(shares))


def _sampler(sampler: Sampler, guidance: float | None) -> Sampler:
    return sampler if guidance is None else replace(sampler, guidance=guidance)


def _begun(drawn: Sequence[Drawn | None]) -> list[Drawn]:
    """Pictures of one batch, which begin together."""
    return [one for one in drawn if one is not None]


def _three(drawn: Sequence[Drawn | None]) -> tuple[Drawn, Drawn, Drawn]:
    one, other, third = _begun(drawn)
    return one, other, third


def _seed(seed: int) -> int:
    if not 0 <= seed < 2**31:
        raise SettingsError(f"The seed is {seed}; choose one from 0 to {2**31 - 1}.")
    return seed


def _check(what: str, count: int, most: int, least: int = 1) -> None:
    if not least <= count <= most:
        raise SettingsError(f"{count} {what} were asked for; choose {least} to {most}.")


def _listed(words: Sequence[str]) -> str:
    return " or ".join(words)
