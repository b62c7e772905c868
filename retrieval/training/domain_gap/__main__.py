"""`python -m retrieval.training.domain_gap pack|run|assemble`: see the modules of these names."""

from __future__ import annotations

from retrieval.threads import settle

settle()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training.domain_gap", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    pack = verbs.add_parser("pack", help="pack figures, towers, auto-encoder and prompts into a folder")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--studio", type=Path, default=Path("assets/people/studio"))
    pack.add_argument("--street", type=Path, default=Path("runs/people-street"))
    pack.add_argument("--more", type=Path, nargs="*", default=[], help="studio figures of others, for the prior alone")
    pack.add_argument("--prompts", type=int, default=2000)
    pack.add_argument("--quality", type=int, default=80, help="of pictures that are no WebP yet")
    for name, place in (("tower", "text-minilm"), ("trunk", "trunk-lite0"), ("latents", "prior-world")):
        pack.add_argument(f"--{name}", type=Path, default=Path("checkpoints") / place)
    made = verbs.add_parser("assemble", help="write the bundle of the prior and its branch")
    made.add_argument("results", type=Path, help="where people-ladder.tar was unpacked")
    made.add_argument("pack", type=Path, help="the folder that was trained on")
    made.add_argument("--out", type=Path, default=Path("runs/bundles/people-prior-0"))
    made.add_argument("--step", type=float, default=0.0, help="of weights in few bits, in spreads; 0: half precision")
    for name, place in (("tower", "text-minilm"), ("latents", "prior-world")):
        made.add_argument(f"--{name}", type=Path, default=Path("checkpoints") / place)
    from retrieval.training.domain_gap.run import Settings, run
    from retrieval.training.options import add_options

    add_options(verbs.add_parser("run", help="one of the processes that share a GPU"), Settings)
    asked = vars(parser.parse_args())
    verb = asked.pop("verb")
    if verb == "run":
        run(Settings(**asked))
    elif verb == "assemble":
        from retrieval.training.domain_gap.assemble import assemble

        assemble(**asked)
    else:
        from retrieval.training.domain_gap.packing import pack_all

        pack_all(**asked)


if __name__ == "__main__":
    main()
