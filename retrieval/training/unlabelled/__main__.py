"""`python -m retrieval.training.unlabelled pack|train|assemble`: see the package."""

from __future__ import annotations

from retrieval.threads import settle

settle()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training.unlabelled", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    pack = verbs.add_parser("pack", help="pack pictures, the trunk and the text tower into a folder")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--renders", type=Path, required=True)
    pack.add_argument("--packs", type=Path, required=True)
    pack.add_argument("--tower", type=Path, default=Path("checkpoints/text-minilm"))
    pack.add_argument("--prior", type=Path, default=Path("checkpoints/prior-world"))
    pack.add_argument("--objects", type=int, default=5)
    pack.add_argument("--drawings", type=int, default=10)
    pack.add_argument("--quality", type=int, default=40)
    train = verbs.add_parser("train", help="train DUDE, its ablations and its rivals")
    from retrieval.training.options import add_options
    from retrieval.training.unlabelled.run import Settings, run

    add_options(train, Settings)
    made = verbs.add_parser("assemble", help="write bundles of what came back")
    made.add_argument("results", type=Path)
    made.add_argument("--pack", type=Path, required=True)
    made.add_argument("--prior", type=Path, default=Path("checkpoints/prior-world"))
    made.add_argument("--out", type=Path, default=Path("runs/bundles"))
    made.add_argument("--runs", type=Path, default=Path("runs"))
    given = vars(parser.parse_args())
    verb = given.pop("verb")
    if verb == "train":
        run(Settings(**given))
    elif verb == "pack":
        from retrieval.training.unlabelled.packing import pack as pack_all

        pack_all(**given)
    else:
        from retrieval.training.unlabelled.assemble import assemble

        assemble(**given)


if __name__ == "__main__":
    main()
