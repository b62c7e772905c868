"""A sentence drawn as an invented figure, from one domain's look to another's: the strength of DaD's branch, stop by
stop, from the same noise. Loaded when it is first asked for; torch is imported in the loading thread alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.artifacts.addresses import is_known
from retrieval.artifacts.hub import showing
from retrieval.disentangle.panel_values import Drawn, Slide
from retrieval.errors import BundleError
from retrieval.hardware import own_device
from retrieval.loading import Loading, fetching

if TYPE_CHECKING:
    from retrieval.diffusion.prior import Prior

STOPS = 5


class ServedFigureSlider(Loading):
    """The prior of figures in a folder, with the branch that draws them in another domain."""

    def __init__(self, folder: Path) -> None:
        super().__init__("what draws figures")
        self.folder = folder
        self._prior: Prior

    @property
    def offered(self) -> bool:
        """Whether there is what it needs; known without loading anything."""
        return is_known(self.folder)

    def wait(self, timeout: float | None = None) -> ServedFigureSlider:
        """Return when figures are drawn; raises what went wrong in loading, or RetrievalError when it takes longer than
        `timeout` seconds.
        """
        self._wait(timeout)
        return self

    def _load(self) -> None:
        self._progress = "Loading what draws figures"
        from retrieval.artifacts.hub import at_hand
        from retrieval.artifacts.prior import load_prior

        with showing(lambda name, done, total: setattr(self, "_progress", fetching(name, done, total))):
            prior = load_prior(at_hand(self.folder), own_device()).prior
        if prior.branch is None:
            raise BundleError(f"{self.folder} has no branch for another domain. Name a prior that `people-prior` made.")
        self._prior = prior

    def slide(self, text: str, seed: int) -> Iterator[Slide]:
        """The figure of the text at each strength of the branch, from 0 to 1; a value after each picture.

        Raises QueryError for a text that the prior cannot read.
        """
        from retrieval.disentangle.generator import as_images
        from retrieval.methods.dad import STEPS, draw

        at = tuple(stop / (STOPS - 1) for stop in range(STOPS))
        frames: list[Drawn | None] = [None] * STOPS
        yield Slide(at, tuple(frames), STEPS)
        for stop, strength in enumerate(at):
            (picture,) = as_images(draw(self._prior, [text], [seed], strength))
            frames[stop] = Drawn(picture)
            yield Slide(at, tuple(frames), STEPS)
