"""Pictures are taken apart into what they show, where it stands and how it is drawn, and cells are made of the parts.

symbol -> here
z      what: DUDE's word for a picture, spelled in the words that the prior was taught
m      where: the image adapter's control; the prior's learned control of no picture stands for none
e      how: the word for the picture's domain, which is told, or read by the judge
z-bar  no_what: the word "thing" or, of a prior without an adapter, DUDE's mean code
e-bar  no_style: the word "picture" or, of a prior without an adapter, the mean of the words of all styles
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from PIL import Image

from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import ANY_STYLE, ANY_THING
from retrieval.diffusion.spelling import Spelling
from retrieval.disentangle.coded import Coded, Extracting
from retrieval.disentangle.codes import between, neutral_style, renormalised_lerp, slerp
from retrieval.disentangle.generator import LIKELY, Cell, code
from retrieval.disentangle.panel_values import ALL_PARTS, Original, Use
from retrieval.disentangle.where import locate
from retrieval.errors import QueryError, SettingsError
from retrieval.images import pixels, squared

MOST_SEED = 2**31 - 1


class Dissection:
    """Takes pictures apart for a prior. `dude`: who tells what they show; None: nobody does, and a picture is drawn
    from its map and a style. `student`: whose maps are used, where there is one, for most is drawn by it.
    """

    def __init__(
        self,
        prior: Prior,
        dude: Extracting | None,
        styles: Sequence[str],
        spelling: Spelling | None = None,
        student: Prior | None = None,
    ) -> None:
        self._prior, self._dude, self._spelling = prior, dude, spelling
        self._mapping = student or prior
        self.styles = tuple(styles)
        word = prior.reader.word
        with torch.no_grad():
            self.neutral = word(ANY_STYLE) if prior.adapter else neutral_style(prior, styles)  # (W,)
            no_what = word(ANY_THING) if prior.adapter or dude is None else dude.neutral_thing
        self.no_style, self.no_what = code(self.neutral), code(no_what)

    @property
    def parts(self) -> Use:
        """The parts that pictures are taken apart into."""
        return Use(self._dude is not None, self._prior.adapter is not None, True)

    def available(self, use: Use) -> Use:
        """Those of the parts that there are. Raises SettingsError where nothing is left of the object."""
        parts = self.parts
        left = Use(use.what and parts.what, use.where and parts.where, use.style)
        if not (left.what or left.where or left.style):
            raise SettingsError("No part is chosen, so there is nothing to draw from. Choose what, where or style.")
        return left

    @torch.no_grad()
    def read(self, original: Original, judged: Callable[[Image.Image], tuple[str | None, str | None]]) -> Coded:
        """The picture with its parts; `judged` names class and style of what nobody told. Raises QueryError where the
        style is not told and there is no judge.
        """
        picture = squared(original.picture, self._prior.config.size)
        of_class, of_style = judged(picture)
        style = original.style or of_style
        if style is None:
            raise QueryError(f"Nobody knows the style of this picture. Choose {' or '.join(self.styles)}.")
        z, words = self._what(original)
        return Coded(picture, z, style, original.thing or of_class, words, locate(self._mapping, picture, style))

    def _what(self, original: Original) -> tuple[tuple[float, ...], dict[str, float]]:
        """The object code, and the words in which it is spelled."""
        if self._dude is None:
            return self.no_what, {}
        seen = torch.from_numpy(pixels(original.picture, self._dude.preprocess))[None]
        z = self._dude.tokens(seen.to(self._dude.neutral_thing.device))  # (1, W)
        if self._spelling is None:
            return code(z[0]), {}
        return code(self._spelling(z)[0]), self._spelling.likeliest(z[0], LIKELY)

    def cell(self, coded: Coded, style: str, seed: int, use: Use = ALL_PARTS) -> Cell:
        """A picture's object in a style, from the parts that are used. Raises QueryError for a style that the prior has
        no word for.
        """
        if not 0 <= seed <= MOST_SEED:
            raise SettingsError(f"The seed is {seed}; choose one from 0 to {MOST_SEED}.")
        use = self.available(use)
        return Cell(
            coded.z if use.what else self.no_what,
            code(self._prior.reader.word(style)) if use.style else self.no_style,
            seed,
            coded.thing if use.what or use.where else None,
            style if use.style else None,
            coded.where if use.where else None,
        )

    def between(self, first: Cell, last: Cell, share: float) -> Cell:
        """A cell between two; what both intend is intended there."""
        z, z_last, e, e_last = (torch.tensor(part) for part in (first.z, last.z, first.e, last.e))
        adapter = self._prior.adapter
        return Cell(
            code(slerp(z, z_last, share)),
            code(renormalised_lerp(e, e_last, share)),
            first.seed,
            first.thing if first.thing == last.thing else None,
            first.style if first.style == last.style else None,
            between(first.where, last.where, share, adapter.config.channels) if adapter else None,
        )
