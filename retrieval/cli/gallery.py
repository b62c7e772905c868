"""`python -m retrieval gallery VERB`: build the embedded gallery "emoji" and look at it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from retrieval.cli.output import progress, say
from retrieval.emoji.build import build_emoji_gallery
from retrieval.emoji.packages import package_list
from retrieval.emoji.sheet import write_sheet


def add_gallery(verbs: Any) -> None:
    """Add the verb and its verbs."""
    commands = verbs.add_parser("gallery", help="Build the gallery of emoji and look at it.").add_subparsers(
        required=True
    )
    _add(commands, "packages", print_packages)
    parser = _add(commands, "emoji", build)
    parser.add_argument("out", type=Path, help="the folder that receives the gallery; one that is there is replaced")
    parser.add_argument("--packages", type=Path, required=True, help="the folder that holds the unpacked packages")
    parser.add_argument("--hands", type=int, default=7, help="things that fewer hands drew are left out (default: 7)")
    parser.add_argument("--size", type=int, default=160, help="pixels on a side (default: 160)")
    parser = _add(commands, "sheet", lay_out)
    parser.add_argument("folder", type=Path, help="the gallery")
    parser.add_argument("out", type=Path, help="the PNG")


def _add(commands: Any, name: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=run.__doc__, description=run.__doc__)
    parser.set_defaults(run=run)
    return parser


def print_packages(_: argparse.Namespace) -> None:
    """Print the packages that the gallery is built from, with their versions, as npm takes them."""
    say("\n".join(package_list()))


def build(asked: argparse.Namespace) -> None:
    """Build the gallery from published icon packages that were unpacked into a folder."""
    with progress("drawing", "pictures") as show:
        drawings = build_emoji_gallery(
            asked.packages, asked.out, least_hands=asked.hands, size=asked.size, on_progress=show
        )
    labels = {drawing.subject.label for drawing in drawings}
    say(
        f"{len(drawings)} pictures of {len(labels)} things in {asked.out}. "
        f"Index them: python -m retrieval index {asked.out}"
    )


def lay_out(asked: argparse.Namespace) -> None:
    """Lay some things out on one page, as each hand drew them."""
    say(str(write_sheet(asked.folder, asked.out)))
