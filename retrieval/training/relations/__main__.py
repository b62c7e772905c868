"""`python -m retrieval.training.relations pack|train|assemble`: see the modules of these names."""

from __future__ import annotations

from retrieval.threads import settle

settle()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training.relations", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    pack = verbs.add_parser("pack", help="pack figures and towers into a folder")
    pack.add_argument("folder", type=Path)
    pack.add_argument("--people", type=Path, nargs="+", required=True, help="rendered sets, finished or not")
    pack.add_argument("--quality", type=int, default=70)
    from retrieval.training.options import add_options
    from retrieval.training.relations.run import Settings, run

    train = verbs.add_parser("train", help="train all variants of a seed")
    add_options(train, Settings)
    bundle = verbs.add_parser("assemble", help="make the bundle of what was trained")
    bundle.add_argument("results", type=Path, help="the folder that train has written")
    bundle.add_argument("pack", type=Path, help="the folder that was trained on")
    bundle.add_argument("--out", type=Path, default=Path("runs/bundles/mra-people-0"))
    bundle.add_argument("--seed", type=int, default=0)
    for verb in (pack, bundle):
        verb.add_argument("--tower", type=Path, default=Path("checkpoints/text-minilm"))
        verb.add_argument("--trunk", type=Path, default=Path("checkpoints/trunk-lite0"))
    asked = vars(parser.parse_args())
    verb = asked.pop("verb")
    if verb == "train":
        run(Settings(**asked))
    elif verb == "pack":
        pack_sets(**asked)
    else:
        from retrieval.training.relations.assemble import assemble

        assemble(**asked)


def pack_sets(folder: Path, people: list[Path], quality: int, tower: Path, trunk: Path) -> None:
    """Pack what may be shown in training, and the test figures of the street, which are only asked for."""
    from retrieval.data.picture_table import concatenate
    from retrieval.data.readers.world import read_rendered
    from retrieval.training.recipes.mra import SOURCE
    from retrieval.training.relations.packing import pack_people

    sets = [read_rendered(place, unfinished=True) for place in people]
    table = concatenate(sets).where(lambda row: (row.domain.name, row.split) != (SOURCE, "test"))
    pack_people(folder, table, tower, trunk, quality)


if __name__ == "__main__":
    main()
