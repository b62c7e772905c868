"""`python -m retrieval.training.unseen_styles PACK OUT`: see `run`."""

from __future__ import annotations

import argparse

from retrieval.training.options import add_options
from retrieval.training.unseen_styles.run import Settings, run


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training.unseen_styles", description=__doc__)
    add_options(parser, Settings)
    run(Settings(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
