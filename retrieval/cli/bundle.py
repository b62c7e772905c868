"""`python -m retrieval bundle VERB`: look after checkpoints, publish them on the Hub, and fetch published ones."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from retrieval.artifacts.addresses import LIST, Address, address_of, read_list
from retrieval.artifacts.card import card_of
from retrieval.artifacts.hub import at_hand, pull
from retrieval.artifacts.manifest import CHECKPOINTS, read_files, verify_files
from retrieval.artifacts.references import parts_of
from retrieval.cli.output import say
from retrieval.errors import SettingsError
from retrieval.settings import Settings
from retrieval.training.recipe import PACKS


def add_bundle(verbs: Any) -> None:
    """Add the verb, with all that can be done."""
    verbs = verbs.add_parser("bundle", help="Look after checkpoints.").add_subparsers(required=True)
    for name, run in (("verify", verify), ("card", show_card)):
        command = _verb(verbs, name, run)
        command.add_argument("place", type=Path, help="a bundle's folder, or its address hf:OWNER/NAME@COMMIT")
    command = _verb(verbs, "pull", pull_bundles)
    command.add_argument("addresses", nargs="*", metavar="hf:OWNER/NAME@COMMIT", help="what to fetch")
    command.add_argument("--all", action="store_true", help=f"everything that checkpoints/{LIST} lists")
    command = _verb(verbs, "push", push_bundles)
    command.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="what to publish")
    command.add_argument(
        "owner", metavar="OWNER", help="a user or an organisation on the Hub; HF_TOKEN may write there"
    )
    command.add_argument("--all", action="store_true", help=f"all checkpoints; checkpoints/{LIST} is written anew")
    command.add_argument(
        "--private", action="store_true", help="new repositories are private; before FOLDER or after OWNER"
    )
    command = _verb(verbs, "calibrate", calibrate)
    command.add_argument("folder", type=Path, help="the bundle; its manifest and card are written anew")
    home = Settings().gallery
    command.add_argument(
        "--gallery", type=Path, default=home, help="what visitors search (default: the embedded gallery)"
    )
    command.add_argument("--packs", type=Path, default=PACKS, help=f"the folder of packs (default: {PACKS})")
    command = _verb(verbs, "adopt", adopt)
    command.add_argument(
        "folder", type=Path, help="a released Stable Diffusion in diffusers' layout; see docs/bundles.md"
    )
    command.add_argument("--styles", nargs="+", required=True, metavar="WORD", help="words for what it may draw")
    command.add_argument("--steps", type=int, default=0, help="of a model of few steps (default: a sampler chooses)")
    command.add_argument(
        "--guidance", type=float, default=1.0, help="that a model of few steps has learnt (default: 1)"
    )
    command.add_argument("--scale", type=json.loads, default=1.0, help="of its IP-Adapter: a number, or JSON by block")


def verify(asked: argparse.Namespace) -> None:
    """Check a bundle's files, and all that it refers to, however far, against their manifests."""
    from retrieval.artifacts.parts import open_part

    folder = at_hand(asked.place)
    opened = open_part(folder)
    for part in parts_of(folder):
        verify_files(part, read_files(part))
    say(f"{folder} is whole: {getattr(opened, 'fingerprint', type(opened).__name__)}")


def show_card(asked: argparse.Namespace) -> None:
    """Print the model card that a bundle has on the Hub."""
    sys.stdout.write(card_of(at_hand(asked.place)))


def pull_bundles(asked: argparse.Namespace) -> None:
    """Fetch bundles from the Hub, with all that they refer to, or make whole again what is here of them."""
    if bool(asked.addresses) == asked.all:
        raise SettingsError("Name what to fetch, hf:OWNER/NAME@COMMIT, or say --all.")
    addresses = [Address.parse(text) for text in asked.addresses] or list(read_list(CHECKPOINTS).values())
    if not addresses:
        raise SettingsError(f"{CHECKPOINTS / LIST} lists nothing yet. Name what to fetch, hf:OWNER/NAME@COMMIT.")
    for address in addresses:
        folder = pull(address)
        for part in filter(None, map(address_of, parts_of(folder))):
            pull(part)
        say(f"{address} is in {folder}")
    say(f"They need no network from now on. Search with one: GUISE_BUNDLE={addresses[0]} make app")


def push_bundles(asked: argparse.Namespace) -> None:
    """Publish bundles on the Hub, each in a repository of its own name, with its card and what it refers to."""
    from retrieval.artifacts.hub_push import push, push_all

    if bool(asked.folders) == asked.all:
        raise SettingsError("Name the folders to publish and then the owner, or say --all OWNER.")
    published = (
        push_all(asked.owner, private=asked.private)
        if asked.all
        else push(asked.folders, asked.owner, private=asked.private)
    )
    for address in published.values():
        say(str(address))
    if asked.all:
        say(f"{CHECKPOINTS / LIST} lists them: commit it, and a clone without checkpoints fetches what it needs.")


def calibrate(asked: argparse.Namespace) -> None:
    """Set anew, on validation data and without training, from where on a bundle speaks of a match."""
    from retrieval.training.calibration import calibrate as set_cutoffs

    manifest = set_cutoffs(asked.folder, asked.gallery, asked.packs)
    say(json.dumps({"cutoff": dict(manifest.cutoff), "metrics": dict(manifest.metrics)}, indent=2))
    say(f"Saved {asked.folder}. Measure it: python -m benchmarks.cutoff")


def adopt(asked: argparse.Namespace) -> None:
    """Let a released Stable Diffusion, with or without an IP-Adapter, open as a prior: its manifest is written."""
    from retrieval.artifacts.adopted import adopt as write

    write(asked.folder, asked.styles, steps=asked.steps, guidance=asked.guidance, scale=asked.scale)
    say(f"{asked.folder} opens as a prior. Draw with it: GUISE_PRIOR={asked.folder} make app")


def _verb(verbs: Any, name: str, run: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=run.__doc__, description=run.__doc__)
    parser.set_defaults(run=run)
    return parser
