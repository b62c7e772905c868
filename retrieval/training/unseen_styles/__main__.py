"""`python -m retrieval.training.unseen_styles PACK OUT`: see `run`."""

from __future__ import annotations

import argparse
import dataclasses
from typing import get_args, get_type_hints

from retrieval.training.unseen_styles.run import Settings, run


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training.unseen_styles", description=__doc__)
    hints = get_type_hints(Settings, include_extras=True)
    for field in dataclasses.fields(Settings):
        kind, text = get_args(hints[field.name])
        kind = next((option for option in get_args(kind) if option is not type(None)), kind)
        if field.default is dataclasses.MISSING:
            parser.add_argument(field.name, type=kind, help=text)
        else:
            parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, help=text, default=field.default)
    run(Settings(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
