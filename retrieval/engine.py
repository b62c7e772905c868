"""Everything that the page and the command line ask for, in one object that can be built before anything heavy is
loaded.

The engine owns the encoder and the galleries, loads them in the background and answers queries. It knows nothing of
gradio, and imports torch and faiss only in the loading thread, so a page can be up while they load.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import EmptyQuery, GalleryError, RetrievalError, SettingsError
from retrieval.items import ITEMS, domains_of, home_of, labels_of, read_items, root_of
from retrieval.types import Hit, ImageQuery, Item, Progress, Query, TextQuery, no_progress

if TYPE_CHECKING:
    from retrieval.bundle import Bundle
    from retrieval.encoder import Vectors
    from retrieval.gallery import Gallery, Skipped

HOME = Path(__file__).resolve().parent.parent
WORLD = "world"  # the name of the embedded gallery
MAX_TEXT = 512
MAX_HITS = 200
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What can be chosen at start; `from_environment` reads GUISE_BUNDLE, GUISE_GALLERY, GUISE_HOST and GUISE_PORT."""

    bundle: Path = HOME / "checkpoints" / "guise-mini"
    gallery: Path = HOME / "assets" / "gallery"  # the embedded one
    extra_galleries: tuple[Path, ...] = ()  # folders of pictures, shown first; several are separated like PATH
    host: str = "127.0.0.1"
    port: int = 7860

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """The settings that the environment asks for. Raises SettingsError for a port that is none."""
        port = environment.get("GUISE_PORT", str(cls.port))
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise SettingsError(f"GUISE_PORT is {port!r}, not a port from 1 to 65535. Choose one, or leave it unset.")
        return cls(
            bundle=Path(environment.get("GUISE_BUNDLE") or cls.bundle),
            extra_galleries=tuple(Path(p) for p in environment.get("GUISE_GALLERY", "").split(os.pathsep) if p),
            host=environment.get("GUISE_HOST", cls.host),
            port=int(port),
        )


@dataclass(frozen=True)
class Results:
    """The answer to one query. `confident` says that the best hit reaches the cut-off; `seconds` is encoding and
    search.
    """

    hits: tuple[Hit, ...]
    confident: bool
    cutoff: float
    seconds: float
    gallery_size: int


class Engine:
    """Search over named galleries with one encoder."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._homes = _named(settings.extra_galleries) | {WORLD: settings.gallery}
        self._galleries: dict[str, Gallery | RetrievalError] = {}
        self._bundle: Bundle | None = None
        self._failure: RetrievalError | None = None
        self._progress = ""
        self._loaded = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    # ------------------------------------------------------------ loading

    def warm(self) -> None:
        """Start loading in the background; returns at once, and does nothing the second time."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._load, name="guise-loading", daemon=True)
                self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether searches are answered at once."""
        return self._loaded.is_set() and self._failure is None

    @property
    def trouble(self) -> str | None:
        """The sentence that says why loading failed, if it did."""
        return str(self._failure) if self._failure else None

    @property
    def progress(self) -> str:
        """What is being loaded right now, for people."""
        return self._progress

    def wait(self, timeout: float | None = None) -> None:
        """Return when searches can be answered; raises what went wrong in loading, or GalleryError when it takes
        longer than `timeout` seconds.
        """
        self.warm()
        if not self._loaded.wait(timeout):
            raise GalleryError(f"The model is still loading after {timeout:.0f} seconds. Try again in a moment.")
        if self._failure:
            raise self._failure

    def _load(self) -> None:
        try:
            self._load_bundle()
            for name, home in self._homes.items():
                self._galleries[name] = self._opened(name, home)
            self._warm_up()
        except RetrievalError as error:
            self._failure = error
        except Exception:  # a bug must not leave every visitor waiting for ever
            log.exception("loading failed")
            self._failure = RetrievalError("The model could not be loaded; the log says why. Restart the app.")
        finally:
            self._progress = ""
            self._loaded.set()

    def _load_bundle(self) -> None:
        self._progress = "Loading the model"
        import torch  # here and below: the page must be up before these are imported

        from retrieval.bundle import load_bundle
        from retrieval.threads import cores

        torch.set_num_threads(cores())
        self._bundle = load_bundle(self.settings.bundle, "cuda" if torch.cuda.is_available() else "cpu")

    def _opened(self, name: str, home: Path) -> Gallery | RetrievalError:
        from retrieval.gallery import Gallery, indexed_by

        self._progress = f"Opening the gallery {name}"
        try:
            return Gallery.open(home, self.bundle) if indexed_by(home) else self._built(name, home)
        except RetrievalError as error:  # one bad gallery leaves the others usable
            log.warning("gallery %s: %s", name, error)
            return error

    def _built(self, name: str, home: Path) -> Gallery:
        def show(done: int, total: int) -> None:
            self._progress = f"Indexing the gallery {name}: {done} of {total} pictures"

        return index(home, self.bundle, show)

    def _warm_up(self) -> None:
        """One query of each kind, so that the first visitor does not pay for lazy initialisation."""
        from PIL import Image

        self._vector(ImageQuery(Image.new("RGB", (64, 64), "white")))
        if self.bundle.reads_texts:
            self._vector(TextQuery("warm"))

    # ------------------------------------------------------------ what there is

    @property
    def bundle(self) -> Bundle:
        """The loaded encoder."""
        assert self._bundle is not None, "wait() comes first"
        return self._bundle

    @property
    def galleries(self) -> tuple[str, ...]:
        """Names of the galleries; the first is the default."""
        return tuple(self._homes)

    @property
    def picture_roots(self) -> tuple[Path, ...]:
        """The folders whose pictures the page may serve."""
        return tuple(root_of(home) for home in self._homes.values())

    @property
    def about(self) -> dict[str, Any]:
        """The manifest of the encoder in use; empty until it is loaded."""
        return asdict(self._bundle.manifest) | {"fingerprint": self._bundle.fingerprint} if self._bundle else {}

    def domains(self, gallery: str | None = None) -> tuple[str, ...]:
        """The domains in a gallery, in the order in which they first occur."""
        return domains_of(self._items(gallery))

    def labels(self, gallery: str | None = None) -> tuple[str, ...]:
        """The classes in a gallery, sorted."""
        return labels_of(self._items(gallery))

    def item(self, item_id: str, gallery: str | None = None) -> Item:
        """The picture with this id; raises GalleryError for any other text."""
        self.wait()
        return self._gallery(gallery).item(item_id)

    def _items(self, gallery: str | None) -> Sequence[Item]:
        name = gallery or self.galleries[0]
        opened = self._galleries.get(name)
        if opened is not None and not isinstance(opened, RetrievalError):
            return opened.items
        home = self._homes.get(name)
        return read_items(home) if home is not None and (home / ITEMS).is_file() else ()

    def _gallery(self, name: str | None) -> Gallery:
        name = name or self.galleries[0]
        if name not in self._galleries:
            raise GalleryError(f"There is no gallery {name[:80]!r}. Choose {' or '.join(self.galleries)}.")
        opened = self._galleries[name]
        if isinstance(opened, RetrievalError):
            raise opened
        return opened

    # ------------------------------------------------------------ searching

    def search(
        self,
        query: Query,
        *,
        gallery: str | None = None,
        k: int = 24,
        domains: Sequence[str] = (),
        labels: Sequence[str] = (),
        cutoff: float | None = None,
    ) -> Results:
        """The k pictures closest to the query. Waits while the model loads; `cutoff` None takes the one calibrated
        for this kind of query.
        """
        if isinstance(query, TextQuery):
            query = _checked(query)
        if not 1 <= k <= MAX_HITS:
            raise SettingsError(f"{k} results were asked for; choose 1 to {MAX_HITS}.")
        self.wait()
        opened = self._gallery(gallery)
        start = time.perf_counter()
        hits = opened.search(self._vector(query), k, domains, labels)
        seconds = time.perf_counter() - start
        if cutoff is None:
            cutoff = self.bundle.manifest.cutoff.get("text" if isinstance(query, TextQuery) else "image", -1.0)
        return Results(tuple(hits), bool(hits) and hits[0].score >= cutoff, cutoff, seconds, len(opened))

    def _vector(self, query: Query) -> Vectors:
        from retrieval.encoder import embed_images, embed_texts

        if isinstance(query, TextQuery):
            return embed_texts(self.bundle, [query.text])[0]
        return embed_images(self.bundle, [(query.image, query.domain)])[0]


def index(
    home: Path,
    bundle: Bundle,
    on_progress: Progress = no_progress,
    on_skip: Callable[[Skipped], None] = lambda skipped: None,
) -> Gallery:
    """Build the gallery in `home` from the pictures that it lists or, for somebody's own folder, from those found
    below it.
    """
    from retrieval.data.folder import folder_items
    from retrieval.gallery import build

    own = home != root_of(home)
    items = folder_items(root_of(home)) if own or not (home / ITEMS).is_file() else read_items(home)
    return build(home, items, bundle, on_progress, on_skip)


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """Each folder's gallery under the folder's name; a name that is taken gets its parents' names in front."""
    homes: dict[str, Path] = {}
    for folder in folders:
        parts = folder.resolve().parts
        names = ("/".join(parts[-depth:]) for depth in range(1, len(parts) + 1))
        homes[next((name for name in names if name not in {*homes, WORLD}), str(folder))] = home_of(folder)
    return homes


def _checked(query: TextQuery) -> TextQuery:
    """The text without control characters and outer space."""
    text = "".join(c if c.isprintable() else " " for c in query.text).strip()
    if not text:
        raise EmptyQuery('Nothing is typed yet. Type what you look for, for example "a red apple".')
    if len(text) > MAX_TEXT:
        raise SettingsError(f"The text has {len(text)} characters, more than {MAX_TEXT}. Shorten it.")
    return TextQuery(text)
