"""`python -m retrieval VERB`: everything that can be done without the page.

Results go to stdout, progress to stderr. Exit 0 is success, 2 the user's mistake (one sentence), 1 ours (a traceback),
130 a stop at the keyboard.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from retrieval.cli.bundle import add_bundle
from retrieval.cli.gallery import add_gallery
from retrieval.cli.output import progress, pulling, say
from retrieval.cli.train import add_train
from retrieval.engine import Engine, Settings
from retrieval.errors import RetrievalError, SettingsError
from retrieval.files import write_text
from retrieval.images import OWNER, open_image
from retrieval.items import hit_as_json, home_of, name_skipped
from retrieval.loaded_encoder import index
from retrieval.logs import quieten
from retrieval.types import SKETCH, Domain, ImageQuery, TextQuery

WORLD_NEEDS = ("mitsuba", "trimesh", "skimage", "shapely", "mapbox_earcut", "scipy")
INTERRUPTED = 128 + 2  # as shells say it of a signal
RENDERERS = dict.fromkeys(WORLD_NEEDS, "world") | {"resvg_py": "emoji"}  # package -> the extra that installs it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    quieten()
    asked = _parser().parse_args(arguments)
    try:
        with pulling():
            asked.run(asked)
    except RetrievalError as error:
        say(f"error: {error}", sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        if error.name not in RENDERERS:
            raise
        extra = RENDERERS[error.name]
        say(f"error: {error.name} is not installed. Rendering needs it: pip install -e '.[{extra}]'", sys.stderr)
        return 2
    except KeyboardInterrupt:
        say("Stopped. What indexes, renders or trains goes on from here with the same command.", sys.stderr)
        return INTERRUPTED
    return 0


# ---------------------------------------------------------------- verbs


def search(asked: argparse.Namespace) -> None:
    """Print the hits for words or a picture as JSON."""
    engine = _engine(asked)
    query = (
        TextQuery(asked.text)
        if asked.text is not None
        else ImageQuery(open_image(asked.image, OWNER), Domain(asked.domain), outside=True)
    )
    results = engine.search(query, k=asked.k, domains=asked.style, method=asked.method)
    hits = [hit_as_json(hit) for hit in results.hits]
    view = "crop" if results.crop and results.crop.is_closer else "whole"
    of_picture = {"view": view} if isinstance(query, ImageQuery) else {}
    say(json.dumps({"confident": results.confident, **of_picture, "hits": hits}, indent=2))


def why(asked: argparse.Namespace) -> None:
    """Print why a picture of the gallery is a hit of a picture, as JSON."""
    from retrieval.why import as_json

    query = ImageQuery(open_image(asked.image, OWNER), Domain(asked.domain), outside=True)
    say(json.dumps(as_json(_engine(asked).why(query, asked.item, method=asked.method)), indent=2))


def build_index(asked: argparse.Namespace) -> None:
    """Build the gallery of a folder and say what was left out."""
    from retrieval.artifacts.bundle import load_bundle

    home = home_of(asked.folder)
    skipped: list[Any] = []
    with progress("indexing", "pictures") as show:
        gallery = index(home, load_bundle(asked.bundle), show, skipped.append, bits=asked.bits)
    if skipped:
        say("\n  ".join(["skipped:", *name_skipped(skipped)]), sys.stderr)
    say(f"{len(gallery)} pictures indexed, {len(skipped)} files skipped. {_how_to_show(asked.folder, asked.bundle)}")


def _how_to_show(folder: Path, bundle: Path) -> str:
    """The command that shows a folder's index on the page, or what to do first."""
    if os.pathsep in str(folder):
        return f'The app takes "{os.pathsep}" for a border between folders: rename {folder}, or link to it, to show it.'
    settings = Settings()
    offered = {path.resolve() for path in (settings.bundle, *settings.others)}
    by = "" if bundle.resolve() in offered else f"GUISE_BUNDLE={shlex.quote(str(bundle))} "
    return f"Show them: {by}make app GALLERY={shlex.quote(str(folder)).replace('$', '$$')}"  # make expands one $


def map_codes(asked: argparse.Namespace) -> None:
    """Map what DUDE makes of a gallery's pictures, at some epochs of its training, for the page."""
    from retrieval.evaluation.embedding_map import mapped
    from retrieval.evaluation.embedding_map_file import write_atlas

    with progress("mapping", "steps") as show:
        atlas = mapped(asked.bundle, asked.run_folder, home_of(asked.gallery), on_progress=show)
    path = write_atlas(asked.bundle, atlas)
    say(f"{len(atlas.pictures)} pictures mapped at {len(atlas.epochs)} epochs into {path}. Look at them: make app")


def evaluate(asked: argparse.Namespace) -> None:
    """Measure a bundle on a task, or on a folder of labelled pictures."""
    from retrieval.data.readers.packs import packs_folder
    from retrieval.evaluation.floors import encoder_named
    from retrieval.evaluation.folder import evaluate_folder
    from retrieval.evaluation.harness import evaluate as measured
    from retrieval.evaluation.tasks import Catalog, task

    settings = Settings()
    domains = [asked.queries, asked.gallery]
    if domains.count(None) != (0 if asked.folder else 2):
        raise SettingsError("--folder, --queries DOMAIN and --gallery DOMAIN go together. Give all three, or --task.")
    if asked.folder:
        encoder = encoder_named(asked.bundle, settings.bundle)
        report = evaluate_folder(encoder, asked.folder, asked.queries, asked.gallery, partial(say, to=sys.stderr))
    else:
        people = settings.gallery.parent / "people" / "street"
        chosen = task(asked.task, Catalog(settings.gallery, packs_folder(), people, asked.data))
        for problem in chosen.problems:
            say(problem, sys.stderr)
        if chosen.dropped:
            say(f"{chosen.dropped} pictures left out: a pack for training holds them too", sys.stderr)
        report = measured(encoder_named(asked.bundle, settings.bundle), chosen)
    text = json.dumps(report.as_row(), indent=2)
    say(text)
    if asked.json:
        _write_report(asked.json, text)


def _write_report(path: Path, text: str) -> None:
    try:
        write_text(path, text + "\n")
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be written ({error.strerror}); it is printed above. Name a file in a folder of yours."
        ) from error


def render(asked: argparse.Namespace) -> None:
    """Render a set of the world."""
    from retrieval.world.sets import render_set

    out = asked.out or Path("runs") / f"world-{asked.purpose}-{asked.size}"
    with progress("rendering", "scenes") as show:
        render_set(
            out, purpose=asked.purpose, seed=asked.seed, per_class=asked.per_class, size=asked.size,
            classes=asked.classes or None, workers=asked.workers, on_progress=show,
        )  # fmt: skip
    say(f"Rendered into {out}. Look at it: python -m retrieval world sheet {shlex.quote(str(out))} sheets")


def people(asked: argparse.Namespace) -> None:
    """Render synthetic people, each from several sides."""
    from retrieval.world.people.sets import render_people

    with progress("rendering", "people") as show:
        render_people(
            asked.out, domain=asked.domain, identities=asked.identities, views=asked.views, size=asked.size,
            seed=asked.seed, workers=asked.workers, on_progress=show,
        )  # fmt: skip
    say(f"Rendered into {asked.out}; {asked.out / 'items.jsonl'} tells all that is known of each picture.")


def sheet(asked: argparse.Namespace) -> None:
    """Lay a rendered set out on pages: one per style and one of everything; or a folder of sets of people on one."""
    from retrieval.world.people.sheet import people_sheet
    from retrieval.world.sheets import contact_sheets

    sets = [asked.folder / domain for domain in ("studio", "street") if (asked.folder / domain).is_dir()]
    if sets:
        say(str(people_sheet(sets, asked.out / "people.png")))
        return
    for path in contact_sheets(asked.folder, asked.out, asked.per_class):
        say(str(path))


def examples(asked: argparse.Namespace) -> None:
    """Write example drawings for the page."""
    from retrieval.world.examples import example_drawings

    for path in example_drawings(asked.out, asked.classes, asked.seed):
        say(str(path))


# ---------------------------------------------------------------- words


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retrieval", description="Find the same thing in any guise.")
    verbs = parser.add_subparsers(title="verbs", required=True)
    bundle = Settings().bundle
    _add_search(verbs)
    _add_index(verbs, bundle)
    _add_evaluate(verbs, bundle)
    add_train(verbs)
    _add_world(verbs.add_parser("world", help="Render the world and look at it.").add_subparsers(required=True))
    add_gallery(verbs)
    add_bundle(verbs)
    return parser


def _add_search(verbs: Any) -> None:
    command = _verb(verbs, "search", search)
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", help="words to search with")
    what.add_argument("--image", type=Path, help="a picture to search with")
    _search_words(command)
    command.add_argument("--style", action="append", default=[], help="only hits of this style; may be repeated")
    command.add_argument("-k", type=int, default=8, help="number of hits (default: 8)")

    command = _verb(verbs, "why", why)
    command.add_argument("image", type=Path, help="the picture that was searched with")
    command.add_argument("item", help="the id of the hit")
    _search_words(command)


def _add_index(verbs: Any, bundle: Path) -> None:
    command = _verb(verbs, "index", build_index)
    command.add_argument(
        "folder", type=Path, help="a folder of pictures: FOLDER/DOMAIN/CLASS/*.png, FOLDER/CLASS/*.png or flat"
    )
    command.add_argument("--bundle", type=Path, default=bundle, help="the encoder (default: the embedded one)")
    command.add_argument(
        "--bits", action="store_true", help="keep bits, 32 times smaller, and search by Hamming distance (dsn-world)"
    )

    _map_words(_verb(verbs, "map", map_codes))


def _add_evaluate(verbs: Any, bundle: Path) -> None:
    command = _verb(verbs, "evaluate", evaluate)
    command.add_argument(
        "--bundle",
        default=str(bundle),
        help="a bundle's folder, or a floor like floor:hog (default: the embedded one)",
    )
    what = command.add_mutually_exclusive_group(required=True)
    what.add_argument("--task", help='a protocol with its version, for example "quickdraw-world/all@1"')
    what.add_argument("--folder", type=Path, help="labelled pictures of your own: FOLDER/DOMAIN/CLASS/*")
    command.add_argument(
        "--data", type=Path, metavar="DIR", help="with --task on a published data set: the folder it was unpacked into"
    )
    command.add_argument("--queries", metavar="DOMAIN", help="with --folder: the domain that asks")
    command.add_argument("--gallery", metavar="DOMAIN", help="with --folder: the domain that is searched")
    command.add_argument("--json", type=Path, help="also write the report to this file")


def _add_world(verbs: Any) -> None:
    command = _verb(verbs, "render", render)
    command.add_argument(
        "--out",
        type=Path,
        help="the folder that receives the set; a begun set is finished (default: runs/world-FOR-SIZE)",
    )
    command.add_argument(
        "--for",
        dest="purpose",
        default="gallery",
        choices=("gallery", "training", "validation"),
        help="seeds of two purposes never meet (default: gallery)",
    )
    command.add_argument("--seed", type=int, default=0, help="another seed, other objects (default: 0)")
    command.add_argument("--per-class", type=int, default=12, help="objects of each class (default: 12)")
    command.add_argument("--size", type=int, default=192, help="pixels on a side (default: 192)")
    command.add_argument("--classes", nargs="*", help="only these classes (default: all)")
    command.add_argument("--workers", type=int, help="processes (default: one per core)")
    _people_words(_verb(verbs, "people", people))
    command = _verb(verbs, "sheet", sheet)
    command.add_argument("folder", type=Path, help="a rendered set")
    command.add_argument("out", type=Path, help="the folder that receives the PNGs")
    command.add_argument("--per-class", type=int, default=6, help="objects of each class (default: 6)")
    command = _verb(verbs, "examples", examples)
    command.add_argument(
        "--out", type=Path, default=Path("assets/examples"), help="the folder that receives the drawings"
    )
    command.add_argument("--seed", type=int, default=0, help="another seed, other drawings (default: 0)")
    command.add_argument("classes", nargs="+", help="the classes to draw")


def _verb(verbs: Any, name: str, run: Callable[[argparse.Namespace], None]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=run.__doc__, description=run.__doc__)
    parser.set_defaults(run=run)
    return parser


def _search_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--domain", default="photo", help=f'what the picture is, for example "{SKETCH.name}" (default: photo)'
    )
    parser.add_argument("--gallery", type=Path, help="a folder that was indexed (default: the embedded gallery)")
    parser.add_argument("--method", help="the folder's name of an offered bundle (default: the embedded one)")


def _map_words(parser: argparse.ArgumentParser) -> None:
    settings = Settings()
    parser.add_argument("--bundle", type=Path, default=settings.codes, help="a DUDE (default: checkpoints/dude-world)")
    parser.add_argument(
        "--run-folder",
        type=Path,
        default=Path("runs") / "dude-world-0",
        help="the training that made it (default: runs/dude-world-0)",
    )
    parser.add_argument(
        "--gallery", type=Path, default=settings.gallery, help="the pictures (default: the embedded ones)"
    )


def _people_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder that receives the set; a begun set is finished"
    )
    parser.add_argument("--domain", required=True, choices=("studio", "street"), help="no one is in both domains")
    parser.add_argument("--identities", type=int, default=600, help="how many people (default: 600)")
    parser.add_argument("--views", type=int, default=3, help="pictures of each (default: 3)")
    parser.add_argument("--size", type=int, default=128, help="height in pixels, twice the width (default: 128)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other people (default: 0)")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")


def _engine(asked: argparse.Namespace) -> Engine:
    """The engine that the environment asks for, over the gallery that was asked for."""
    settings = Settings.from_environment()
    return Engine(dataclasses.replace(settings, extra_galleries=(asked.gallery,)) if asked.gallery else settings)
