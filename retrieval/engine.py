"""Everything that the page and the command line ask for, in one object that can be built before anything heavy is
loaded.

The engine owns the encoders and the galleries, loads them in the background and answers queries. It knows nothing of
gradio, and torch and faiss are imported in the loading threads alone, so a page can be up while they load.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.artifacts.addresses import address_of, is_known, locate
from retrieval.artifacts.manifest import read_manifest
from retrieval.code_search import Codes
from retrieval.disentangle import ServedDisentangler
from retrieval.disentangle.figure_slider import ServedFigureSlider
from retrieval.errors import BundleError, EmptyQuery, QueryError, RetrievalError, SettingsError
from retrieval.figures import ServedFigures
from retrieval.images import OWNER, open_image
from retrieval.items import ITEMS, domains_of, home_of, labels_of, missing_of, read_items, read_skipped
from retrieval.loaded_encoder import Served
from retrieval.logs import EVENTS
from retrieval.match import Looked, calibrated_cutoff, closest_view, crop_of, find, is_match, sure_hits
from retrieval.methods.catalog import Entry, entry
from retrieval.settings import Settings
from retrieval.types import Crop, Explanation, Held, Hit, ImageQuery, Item, Query, Skipped, TextQuery

if TYPE_CHECKING:
    from retrieval.artifacts.bundle import Bundle

__all__ = ["EMOJI", "MAX_HITS", "MAX_TEXT", "WORLD", "Choice", "Engine", "Results", "Settings"]
WORLD, EMOJI = "world", "emoji"  # the names of the embedded galleries
MAX_TEXT = 512
MAX_HITS = 200
MOST_NAMED = 12  # styles or classes in an error
events = logging.getLogger(EVENTS)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """A method that can be searched with: its name, what people call it, and what it cannot do ("": nothing)."""

    name: str
    title: str
    hint: str


@dataclass(frozen=True)
class Results:
    """The answer to one query; `seconds` is encoding and search.

    `confident` says that there is a match: that the best hit's score reaches `cutoff` or, where there is a `held`,
    that its share is the needed one, or that the best hit is the very picture asked with. `sure` are the hits of a
    match that reach `cutoff` and, where there is a `held`, the first.
    """

    hits: tuple[Hit, ...]
    confident: bool
    cutoff: float
    seconds: float
    gallery_size: int
    held: Held | None = None  # what decided; None where the best score did
    crop: Crop | None = None  # of a picture from outside, where its object does not fill it

    @property
    def sure(self) -> tuple[Hit, ...]:
        """The hits that are shown at once."""
        return tuple(sure_hits(self.hits, self.confident, self.cutoff, self.held))


class Engine:
    """Search over named galleries with one encoder or several."""

    def __init__(self, settings: Settings) -> None:
        _tell_absent(settings)
        self.settings = settings
        self._homes = _named(settings.extra_galleries) | _embedded(settings)
        bundles = _offered(settings)
        self.methods = tuple(_choice(name, folder) for name, folder in bundles.items())  # the first is the default
        titles = ("the model", *(choice.title for choice in self.methods[1:]))
        self._served = {
            name: Served(folder, self._homes, title, later=(EMOJI,), instead=_instead(folder, settings))
            for (name, folder), title in zip(bundles.items(), titles, strict=True)
        }
        codes = locate(settings.codes)
        self.disentangler = ServedDisentangler(locate(settings.prior) if settings.prior else codes)
        self.figures = ServedFigures(locate(settings.figures), settings.people)
        self.figure_slider = ServedFigureSlider(locate(settings.people_prior))
        shared = (served for served in self._served.values() if served.folder.resolve() == codes.resolve())
        self.codes = Codes(
            next(shared, None) or Served(codes, self._homes, _method(codes).title, later=(EMOJI,)), self.served()
        )

    # ------------------------------------------------------------ loading

    def served(self, method: str | None = None) -> Served:
        """The method of that name, or the default: how far it is loaded. Raises SettingsError where there is none."""
        name = method or self.methods[0].name
        if name not in self._served:
            raise SettingsError(f"There is no method {name[:80]!r}. Choose {' or '.join(self._served)}.")
        return self._served[name]

    def warm(self) -> None:
        """Start to load the default method in the background; the others are loaded when they are first asked for."""
        self.served().warm()

    @property
    def ready(self) -> bool:
        """Whether the default method answers at once."""
        return self.served().ready

    @property
    def trouble(self) -> str | None:
        """The sentence that says why loading the default method failed, if it did."""
        return self.served().trouble

    @property
    def progress(self) -> str:
        """What of the default method is being loaded right now, for people."""
        return self.served().progress

    def wait(self, timeout: float | None = None) -> None:
        """Return when the default method can be searched with; see `Served.wait`."""
        self.served().wait(timeout)

    # ------------------------------------------------------------ what there is

    @property
    def bundle(self) -> Bundle:
        """The default method's encoder, once it is loaded."""
        return self.served().bundle

    @property
    def galleries(self) -> tuple[str, ...]:
        """Names of the galleries; the first is the default."""
        return tuple(self._homes)

    def picture_files(self) -> Iterator[Path]:
        """The files of all pictures in the galleries that are there and lie where their gallery is."""
        for name, home in self._homes.items():
            items = self._items(name)
            missing = set(missing_of(home, items))
            yield from (item.path for place, item in enumerate(items) if place not in missing)
        yield from (item.path for item in self.figures.pictures())

    def stamp(self) -> tuple[Any, ...]:
        """Changes whenever `picture_files` does: with what is loaded, and with the lists of galleries."""
        return self.ready, self.figures.ready, *(_changed(home / ITEMS) for home in self._homes.values())

    @property
    def about(self) -> dict[str, Any]:
        """The default method's manifest, with those of the "others"; empty until it is loaded."""
        if not self.ready:
            return {}
        others = []
        for choice in self.methods[1:]:
            with suppress(RetrievalError):  # a bundle that cannot be read says so when it is chosen
                others.append(asdict(read_manifest(self.served(choice.name).folder)))
        return asdict(self.bundle.manifest) | {"fingerprint": self.bundle.fingerprint, "others": others}

    def domains(self, gallery: str | None = None) -> tuple[str, ...]:
        """The domains in a gallery, in the order in which they first occur."""
        return domains_of(self._items(gallery))

    def labels(self, gallery: str | None = None) -> tuple[str, ...]:
        """The classes in a gallery, sorted."""
        return labels_of(self._items(gallery))

    def item(self, item_id: str, gallery: str | None = None) -> Item:
        """The picture with this id; raises GalleryError for any other text."""
        self.wait()
        return self.served().gallery(gallery).item(item_id)

    def _items(self, gallery: str | None) -> Sequence[Item]:
        name = gallery or self.galleries[0]
        home = self._homes.get(name)
        if self.ready and self.served().is_open(name):  # looking at what there is opens nothing
            with suppress(RetrievalError):
                return self.served().gallery(name).items
        with suppress(RetrievalError):  # a damaged list says so when the gallery is searched
            return read_items(home) if home is not None and (home / ITEMS).is_file() else ()
        return ()

    def gallery_trouble(self, gallery: str | None = None) -> str | None:
        """The sentence that says why a gallery cannot be searched, once the default method is loaded."""
        try:
            self.served().gallery(gallery)
        except RetrievalError as error:
            return str(error)
        return None

    def skipped(self, gallery: str | None = None) -> list[Skipped]:
        """The files that were left out when a gallery was made of somebody's own folder."""
        home = self._homes.get(gallery or self.galleries[0])
        return [] if home is None else read_skipped(home)

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
        method: str | None = None,
    ) -> Results:
        """The k best pictures for the query. Waits while the method loads.

        A match is what reaches `cutoff`, a score. Without one, what the bundle was calibrated for decides: how sure it
        is, by name, that the pictures searched hold what is meant; else the score for this kind of query. Of a picture
        from outside the view that is closest is searched with.
        """
        if isinstance(query, TextQuery):
            query = _checked(query)
        if not 1 <= k <= MAX_HITS:
            raise SettingsError(f"{k} results were asked for; choose 1 to {MAX_HITS}.")
        served = self.served(method)
        served.wait()
        opened = served.gallery(gallery)
        if domains:
            _check_offered("style", domains, domains_of(opened.items))
        if labels:
            _check_offered("class", labels, labels_of(opened.items))
        start = time.perf_counter()
        looked = Looked(served, gallery, domains, labels)
        views = served.views(query)
        view, hits, held = closest_view([(view, *find(looked, query, view, k)) for view in views])
        seconds = time.perf_counter() - start
        if cutoff is None:
            cutoff = calibrated_cutoff(served.bundle, query, held)
        else:
            held = None
        confident = is_match(hits, cutoff, held)
        answer = Results(hits, confident, cutoff, seconds, len(opened), held, crop_of(views, view))
        events.info("search", extra={"fields": _logged(query, served, answer)})
        return answer

    def why(self, query: Query, item_id: str, *, gallery: str | None = None, method: str | None = None) -> Explanation:
        """Why this picture of the gallery is a hit of a drawing or a picture; raises QueryError for words."""
        if isinstance(query, TextQuery):
            raise QueryError("Words have no parts that could be hidden. Ask why with a drawing or a picture.")
        from retrieval.why import explain

        served = self.served(method)
        served.wait()
        opened = served.gallery(gallery)
        item = opened.item(item_id)
        looked = Looked(served, gallery)
        view, _, _ = closest_view([(view, *find(looked, query, view, 1)) for view in served.views(query)])
        query = replace(query, image=view.crop or query.image)  # reasons are told of what was searched with
        hit = ImageQuery(open_image(item.path, OWNER), item.domain)
        return explain(served.bundle, query, hit, served.bundle.manifest.classes)

    def search_by_code(
        self,
        by: str,
        query: ImageQuery,
        style: str = "",
        *,
        strictness: float = 1.0,
        gallery: str | None = None,
        k: int = 24,
    ) -> Results:
        """The k pictures closest to a picture by its object alone, by a style alone, or by its object in a style."""
        if not 1 <= k <= MAX_HITS:
            raise SettingsError(f"{k} results were asked for; choose 1 to {MAX_HITS}.")
        self.codes.wait()
        start = time.perf_counter()
        hits = self.codes.search(by, query, style, strictness=strictness, gallery=gallery, k=k)
        seconds = time.perf_counter() - start
        return Results(hits, bool(hits), -1.0, seconds, len(self.served().gallery(gallery)))


def _check_offered(what: str, chosen: Sequence[str], offered: Sequence[str]) -> None:
    """Raises SettingsError for a filter that no picture of the gallery has."""
    for name in chosen:
        if name not in offered:
            there = ", ".join(offered[:MOST_NAMED]) + (", ..." if len(offered) > MOST_NAMED else "")
            raise SettingsError(f"The gallery has no {what} {name[:80]!r}, but {there or 'none'}. Choose one, or none.")


def _logged(query: Query, served: Served, answer: Results) -> dict[str, Any]:
    """What the log says of a search: nothing of what was searched for."""
    return {
        "kind": "text" if isinstance(query, TextQuery) else "picture",
        "bundle": served.bundle.manifest.name,
        "hits": len(answer.hits),
        "confident": answer.confident,
        "ms": round(answer.seconds * 1000, 1),
    }


def _changed(path: Path) -> tuple[int, int]:
    """When the file was changed, and its size; zeros where there is none."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def _tell_absent(settings: Settings) -> None:
    """Log which bundles somebody named that are nowhere; the usual ones may be absent."""
    named = [("GUISE_BUNDLES", place) for place in settings.others if place not in Settings.others]
    if settings.prior:
        named.append(("GUISE_PRIOR", settings.prior))
    for variable, place in named:
        if not is_known(place):
            log.warning("%s names %s, where no bundle is: it is left out.", variable, place)


def _offered(settings: Settings) -> dict[str, Path]:
    """The default bundle and the others that can be had, under their folders' names."""
    bundles: dict[str, Path] = {}
    for folder in (locate(settings.bundle), *(locate(place) for place in settings.others if is_known(place))):
        bundles.setdefault(folder.resolve().name, folder)
    return bundles


def _instead(folder: Path, settings: Settings) -> Path | None:
    """What answers where the default bundle comes from the Hub and cannot be had: the embedded one."""
    embedded = locate(Settings.bundle)
    return embedded if folder == locate(settings.bundle) != embedded and address_of(folder) else None


def _choice(name: str, folder: Path) -> Choice:
    """The bundle as a choice; a manifest that cannot be read is told when it is loaded."""
    method = _method(folder)
    return Choice(name, f"{method.title} · {name}", method.hint)


def _method(folder: Path) -> Entry:
    """The method of the bundle in the folder, as far as its manifest can be read, or is here yet."""
    try:
        return entry(read_manifest(folder).method)
    except BundleError:
        return entry("Unreadable" if address_of(folder) is None else "From the Hub")


def _embedded(settings: Settings) -> dict[str, Path]:
    others = {EMOJI: settings.emoji} if (settings.emoji / ITEMS).is_file() else {}
    return {WORLD: settings.gallery} | others


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """Each folder's gallery under the folder's name; a name that is taken gets its parents' names in front."""
    homes: dict[str, Path] = {}
    for folder in folders:
        parts = folder.resolve().parts
        names = ("/".join(parts[-depth:]) for depth in range(1, len(parts) + 1))
        homes[next((name for name in names if name not in {*homes, WORLD, EMOJI}), str(folder))] = home_of(folder)
    return homes


def _checked(query: TextQuery) -> TextQuery:
    """The text without control characters and outer space."""
    text = "".join(c if c.isprintable() else " " for c in query.text).strip()
    if not text:
        raise EmptyQuery('Nothing is typed yet. Type what you look for, for example "a red apple".')
    if len(text) > MAX_TEXT:
        raise SettingsError(f"The text has {len(text)} characters, more than {MAX_TEXT}. Shorten it.")
    return TextQuery(text)
