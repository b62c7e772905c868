"""One encoder over all galleries, loaded when it is first needed: the engine has one of these for each method.

A gallery holds the index of every encoder side by side. Where the index of this one is missing, or was made with other
weights or of other pictures, it is built: while the encoder is loaded or, for galleries that not every visitor needs,
when it is first asked for. torch and faiss are imported in the loading threads alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.artifacts.hub import showing
from retrieval.errors import BundleError, GalleryError, RetrievalError, SettingsError
from retrieval.items import ITEMS, read_items, rebuild_hint, root_of, write_skipped
from retrieval.loading import Loading, again, fetching
from retrieval.types import ImageQuery, Item, OnSkip, Progress, Query, Skipped, TextQuery, View, no_progress, no_skip

if TYPE_CHECKING:
    from retrieval.artifacts.bundle import Bundle
    from retrieval.encoder import Vectors
    from retrieval.gallery import Gallery
    from retrieval.readings import Readings
    from retrieval.relevance import Names

log = logging.getLogger(__name__)


class Served(Loading):
    """The bundle in a folder, over the galleries in `homes`: name -> home. `title` is what people call it; the
    galleries named in `later` are indexed, where they have to be, when they are first asked for. Where the bundle
    cannot be had, the one in `instead` answers, and `notice` says so.
    """

    def __init__(
        self,
        folder: Path,
        homes: Mapping[str, Path],
        title: str = "the model",
        later: Collection[str] = (),
        instead: Path | None = None,
    ) -> None:
        super().__init__("the model")
        self.folder = folder
        self.homes = homes
        self.title = title
        self._galleries: dict[str, Gallery | RetrievalError] = {}
        self._readings: dict[str, Readings | None] = {}  # gallery -> what its pictures are called, where that can be
        self._openings = {name: Opening(self, name) for name in later if name in homes}
        self._bundle: Bundle | None = None
        self._instead = instead
        self.notice = ""

    # ------------------------------------------------------------ loading

    def wait(self, timeout: float | None = None) -> None:
        """Return when searches can be answered; raises what went wrong in loading, or RetrievalError when it takes
        longer than `timeout` seconds.
        """
        self._wait(timeout)

    def _load(self) -> None:
        self._load_bundle()
        from retrieval.gallery import is_current

        for name, home in self.homes.items():
            if name not in self._openings or is_current(home, self.bundle):
                self.open(name, self._say)
        self._warm_up()

    def open(self, name: str, say: Callable[[str], None]) -> None:
        """Open the gallery, indexing it first where its index is not current; `say` is called with what is done."""
        opened = self._opened(name, self.homes[name], say)
        self._readings[name] = None if isinstance(opened, RetrievalError) else self._read(opened, say)
        self._galleries[name] = opened

    def _say(self, progress: str) -> None:
        self._progress = progress

    def _load_bundle(self) -> None:
        self._progress = f"Loading {self.title}"
        import torch  # here and below: the page must be up before these are imported

        from retrieval.artifacts.bundle import load_bundle
        from retrieval.hardware import own_device
        from retrieval.threads import threads

        torch.set_num_threads(threads())
        device = own_device()
        with showing(lambda name, done, total: self._say(fetching(name, done, total))):
            try:
                self._bundle = load_bundle(self.folder, device)
            except BundleError as error:
                if self._instead is None:
                    raise
                log.warning("%s", error)
                self._bundle = load_bundle(self._instead, device)
                self.notice = f"{error} Meanwhile {self._instead.name} answers."

    def _opened(self, name: str, home: Path, say: Callable[[str], None]) -> Gallery | RetrievalError:
        from retrieval.gallery import Gallery, is_current

        say(f"Opening the gallery {name}")
        try:
            opened = Gallery.open(home, self.bundle) if is_current(home, self.bundle) else self._built(name, home, say)
        except RetrievalError as error:  # one bad gallery leaves the others usable
            log.warning("gallery %s: %s", name, error)
            return error
        except Exception:  # so does a bug that only one gallery meets
            log.exception("gallery %s", name)
            return GalleryError(
                f"The gallery {name} could not be opened; the log says why. The others can be searched."
            )
        if opened.missing:
            log.warning(
                "gallery %s: %d of its pictures are no longer there and are left out. %s",
                name, len(opened.missing), rebuild_hint(home),
            )  # fmt: skip
        return opened

    def _built(self, name: str, home: Path, say: Callable[[str], None]) -> Gallery:
        from retrieval.gallery import indexed_by, is_in_bits

        def show(done: int, total: int) -> None:
            say(f"Indexing the gallery {name} with {self.title}: {done} of {total} pictures")

        bits = self.bundle.rotation is not None and is_in_bits(home, self.bundle)
        return index(home, self.bundle, show, listed=bool(indexed_by(home)), bits=bits)

    def _read(self, opened: Gallery, say: Callable[[str], None]) -> Readings | None:
        from retrieval.readings import Readings

        if self._names is None:
            return None
        say("Naming the pictures")
        return Readings.of(self._names, opened.store.vectors(range(len(opened))), opened.colors)

    @cached_property
    def _names(self) -> Names | None:
        from retrieval.relevance import names_for

        return names_for(self.bundle)

    def _warm_up(self) -> None:
        """One query of each kind, so that the first visitor does not pay for lazy initialisation."""
        from PIL import Image

        self.vector(ImageQuery(Image.new("RGB", (64, 64), "white")))
        if self.bundle.reads_texts:
            self.vector(TextQuery("warm"))

    # ------------------------------------------------------------ what there is

    @property
    def bundle(self) -> Bundle:
        """The loaded encoder."""
        assert self._bundle is not None, "wait() comes first"
        return self._bundle

    def gallery(self, name: str | None = None) -> Gallery:
        """The gallery of that name, or the first; raises GalleryError where there is none, while it is being opened,
        or what is wrong with it.
        """
        name = name or next(iter(self.homes))
        if (opening := self.opening(name)) is not None:
            doing = opening.progress or f"Opening the gallery {name}"
            raise GalleryError(opening.trouble or f"{doing}. Search again when that is done.")
        if name not in self._galleries:
            raise GalleryError(f"There is no gallery {name[:80]!r}. Choose {' or '.join(self.homes)}.")
        opened = self._galleries[name]
        if isinstance(opened, RetrievalError):
            raise again(opened)
        return opened

    def is_open(self, gallery: str) -> bool:
        """Whether that gallery was opened, or found not to open."""
        return gallery in self._galleries

    def opening(self, gallery: str | None) -> Opening | None:
        """What opens a gallery that had to wait until it was asked for, begun; None for every other gallery."""
        opening = self._openings.get(gallery or "")
        if opening is None or gallery in self._galleries:
            return None
        opening.warm()
        return opening

    def readings(self, gallery: str | None = None) -> Readings | None:
        """What the pictures of that gallery are called, where that can be told."""
        return self._readings[gallery or next(iter(self.homes))]

    def vector(self, query: Query) -> Vectors:
        """The query as a unit row (dim,). Raises QueryError for words where the encoder reads none."""
        from retrieval.encoder import embed_images, embed_texts

        if isinstance(query, TextQuery):
            return embed_texts(self.bundle, [query.text])[0]
        return embed_images(self.bundle, [(query.image, query.domain)])[0]

    def views(self, query: Query) -> tuple[View, ...]:
        """The query as it is compared with a gallery: one view or, of a picture from outside, perhaps two."""
        from retrieval.encoder import embed_words
        from retrieval.query_views import views_of

        if isinstance(query, ImageQuery) and query.outside:
            return views_of(self.bundle, query)
        if isinstance(query, TextQuery) and self.bundle.reads_texts:
            vector, meaning = embed_words(self.bundle, query.text)
            return (View(vector, meaning=meaning),)
        return (View(self.vector(query)),)


class Opening(Loading):
    """A gallery that one encoder of several opens when it is first asked for."""

    def __init__(self, served: Served, gallery: str) -> None:
        super().__init__(f"the gallery {gallery}")
        self._served = served
        self._gallery = gallery

    def wait(self, timeout: float | None = None) -> None:
        """Return when the gallery is open, or was found not to open."""
        self._wait(timeout)

    def _load(self) -> None:
        self._served.wait()
        self._served.open(self._gallery, self._say)

    def _say(self, progress: str) -> None:
        self._progress = progress


def index(
    home: Path,
    bundle: Bundle,
    on_progress: Progress = no_progress,
    on_skip: OnSkip = no_skip,
    *,
    listed: bool = False,
    bits: bool = False,
) -> Gallery:
    """Build the gallery in `home` from the pictures that it lists or, for somebody's own folder, from those found
    below it; `listed`: from the list there too, so that the indexes of other encoders stay right. `bits`: it is
    searched by Hamming distance; raises SettingsError for a bundle that does not know how its vectors become bits.
    """
    from retrieval.data.readers.folder import folder_items
    from retrieval.indexing import build

    if bits and bundle.rotation is None:
        raise SettingsError(
            f"{bundle.manifest.name} has no rotation, so its vectors cannot become bits. "
            "Leave --bits out, or index with a bundle that has one, for example checkpoints/dsn-world."
        )
    items = _listed(home) if listed or home == root_of(home) else None
    if items is not None:
        return build(home, items, bundle, on_progress, on_skip, bundle.rotation if bits else None)
    skipped: list[Skipped] = []

    def skip(file: Skipped) -> None:
        skipped.append(file)
        on_skip(file)

    items = folder_items(root_of(home), on_skip=skip)
    gallery = build(home, items, bundle, on_progress, skip, bundle.rotation if bits else None)
    write_skipped(home, skipped)
    return gallery


def _listed(home: Path) -> list[Item] | None:
    """The pictures that `home` lists; None where there is no list, or where it is damaged and the folder is somebody's
    own, which can be looked through again.
    """
    if not (home / ITEMS).is_file():
        return None
    try:
        return read_items(home)
    except GalleryError:
        if home == root_of(home):
            raise
        return None
