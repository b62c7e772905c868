"""What the panels of object and style hand to a page: frozen values without behaviour of their own.

Like `types`, nothing here imports torch. Every `Drawn` is generated; every `Image` that is no part of one is a picture
that was there before. Values come several times while they are drawn, each time more complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from PIL.Image import Image

from retrieval.types import Grid


@dataclass(frozen=True)
class Original:
    """A picture whose codes are taken: RGB, any size. `style` is the word for its domain, `thing` its class; None where
    nobody knows.
    """

    picture: Image
    style: str | None = None
    thing: str | None = None


@dataclass(frozen=True)
class Use:
    """Which parts of a picture another is drawn from: what it shows, in a word that was read without labels; where
    that stands, in a map whose maker learned from pairs of renders; and how, in the word for its style.
    """

    what: bool = True
    where: bool = True
    style: bool = True


ALL_PARTS = Use()


@dataclass(frozen=True)
class Drawn:
    """A generated picture, and what the judge, who knows renders and drawings only, reads in it.

    Shares are probabilities: of the likeliest three classes and of the intended one, and of all styles. They are empty
    until the picture is finished, and where there is no judge. `class_holds`: whether the intended class is the
    likeliest; None where none is intended, or known to the judge.
    """

    picture: Image
    intended_class: str | None = None
    intended_style: str | None = None
    class_shares: Mapping[str, float] = field(default_factory=dict)
    style_shares: Mapping[str, float] = field(default_factory=dict)
    class_holds: bool | None = None
    style_holds: bool | None = None
    finished: bool = True

    @property
    def holds(self) -> bool | None:
        """Whether all that is intended and judged is the likeliest; None where nothing is."""
        verdicts = [verdict for verdict in (self.class_holds, self.style_holds) if verdict is not None]
        return all(verdicts) if verdicts else None


@dataclass(frozen=True)
class Card:
    """A picture taken apart, and put together again from the parts that are used."""

    query: Image  # as it is read
    style: str  # told of it, or read by the judge
    thing: str | None
    use: Use  # those that are asked for and there
    drawn: Drawn  # from the parts that are used
    what_only: Drawn | None  # its object's word alone, in the neutral style; None: nobody reads such words here
    where_only: Drawn | None  # its map alone, likewise; None: the prior has no adapter
    style_only: Drawn  # no object at all, in its style
    difference: Image | None = None  # grey: how far the pixels of query and `drawn` are apart; last of all
    words: Mapping[str, float] = field(default_factory=dict)  # of the prior's, in which its object is spelled: shares
    colors_known: bool | None = None  # whether the map was told the colours; None: there is no map


@dataclass(frozen=True)
class SwapGrid:
    """Objects down, styles across, all from the same noise if `locked`. A cell is None until its row begins.

    Hit rates are over the finished swaps, the cells whose style is not the original's own; None while there are none,
    or no judge. A sketch that is read as a doodle is a hit.
    """

    originals: tuple[Image, ...]  # a row's picture, as it is read
    things: tuple[str | None, ...]  # the class that a row is meant to show
    styles: tuple[str, ...]
    rows: tuple[tuple[Drawn | None, ...], ...]
    codes: tuple[int, ...]  # whose word and map a row is drawn from: its own, or after shuffling another's
    class_hit: float | None
    style_hit: float | None
    class_chance: float | None  # what a hit rate is when nothing of a code arrives
    style_chance: float | None
    locked: bool
    steps: int  # of drawing, for each picture
    swaps: int = 0  # finished ones, over which the rates are
    use: Use = ALL_PARTS  # the parts that rows are drawn from

    @property
    def shuffled(self) -> bool:
        """Whether rows are drawn from other rows' parts, so that classes must break."""
        return self.codes != tuple(range(len(self.codes)))

    @property
    def changed(self) -> int:
        """Rows that are drawn from a code of another class than their own; shuffling tells nothing of the others."""
        return sum(self.things[row] != self.things[code] for row, code in enumerate(self.codes))


@dataclass(frozen=True)
class Slide:
    """The stops of a slider, from 0 to 1; a frame is None until it begins. What the ends do not share is intended at
    the ends alone: what stands between them is no mixture that anybody has seen.
    """

    positions: tuple[float, ...]
    frames: tuple[Drawn | None, ...]
    steps: int  # of drawing, for each frame


@dataclass(frozen=True)
class WordMap:
    """Where a picture looks up one word of its prompt."""

    word: str
    cells: Grid  # shares of the largest, in [0, 1]
    peak: float  # the largest itself, in [0, 1]: how much that place looks at this word rather than at others
    entropy: float  # 0: one place alone; 1: everywhere alike


@dataclass(frozen=True)
class Heat:
    """Where object and style are looked up, and what each of them changes, all from the same noise.

    Maps say where the prior looks, differences what looking there caused: |G(z, e) - G(z-bar, e)| and
    |G(z, e) - G(z, e-bar)|, as grey pictures. They are None until the pictures are finished; those without the map
    are None where the prior has no adapter.
    """

    drawn: Drawn
    without_object: Drawn
    without_style: Drawn
    without_map: Drawn | None = None
    object_map: WordMap | None = None
    style_map: WordMap | None = None
    padding_map: WordMap | None = None  # of a position after the prompt's end
    object_difference: Image | None = None
    style_difference: Image | None = None
    map_difference: Image | None = None


@dataclass(frozen=True)
class Frame:
    """What three pictures that begin in the same noise seem to become after `step` of `steps`."""

    step: int  # from 1
    drawn: Drawn
    other_style: Drawn
    other_object: Drawn


@dataclass(frozen=True)
class Film:
    """Film strips; a strip parts where it looks different from the first one from then on, counted in frames from 0.

    Both are None until the last frame, and for strips that never part.
    """

    frames: tuple[Frame, ...]
    steps: int
    style_parts: int | None = None
    object_parts: int | None = None

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)
