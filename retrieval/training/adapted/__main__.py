"""`python -m retrieval.training.adapted pack|train|assemble|even`: see `run`."""

from __future__ import annotations

from retrieval.threads import settle

settle()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training.adapted", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    pack = verbs.add_parser("pack", help="pack renders, drawings and icons into a folder")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--renders", type=Path, nargs="+", required=True)
    pack.add_argument("--packs", type=Path, required=True)
    pack.add_argument("--quality", type=int, default=78)
    pack.add_argument("--most", type=int, default=None)
    pack.add_argument("--size", type=int, default=128)
    made = verbs.add_parser("assemble", help="write the prior and its student from what training wrote")
    made.add_argument("results", type=Path)
    made.add_argument("pack", type=Path)
    made.add_argument("out", type=Path)
    made.add_argument("--trunk", type=Path, default=Path("checkpoints/trunk-lite0"))
    made.add_argument("--tower", type=Path, default=Path("checkpoints/text-minilm"))
    even = verbs.add_parser(
        "even", help="make the maps of a student even, so that those of drawings are like those of renders"
    )
    even.add_argument("folder", type=Path)
    even.add_argument("--renders", type=Path, required=True, help="a set rendered --for training")
    from retrieval.training.adapted.run import Settings, run
    from retrieval.training.options import add_options

    train = verbs.add_parser("train", help="train auto-encoder, prior and student")
    add_options(train, Settings)
    from retrieval.training.adapted.tries import Settings as TrySettings
    from retrieval.training.adapted.tries import pack_tries
    from retrieval.training.adapted.tries import run as run_tries

    more = verbs.add_parser("pack-tries", help="add to a pack of training.unlabelled what short tunings need")
    more.add_argument("folder", type=Path)
    more.add_argument("--renders", type=Path, required=True, help="those that were packed")
    more.add_argument("--held-out", type=Path, required=True, help="renders of other objects")
    more.add_argument("--packs", type=Path, required=True)
    more.add_argument("--judge", type=Path, default=Path("checkpoints/judge"))
    add_options(verbs.add_parser("tries", help="tune a prior in several ways, and judge each"), TrySettings)
    given = vars(parser.parse_args())
    verb = given.pop("verb")
    if verb == "tries":
        run_tries(TrySettings(**given))
    elif verb == "pack-tries":
        pack_tries(**given)
    elif verb == "train":
        run(Settings(**given))
    elif verb == "even":
        from retrieval.training.adapted.assemble import even_out

        even_out(**given)
    elif verb == "assemble":
        from retrieval.training.adapted.assemble import assemble

        assemble(**given)
    else:
        from retrieval.training.adapted.packing import pack_all

        pack_all(**given)


if __name__ == "__main__":
    main()
