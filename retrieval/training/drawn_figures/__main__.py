"""Draw DaD's data set: `python -m retrieval.training.drawn_figures OUT --count 1000`."""

from __future__ import annotations

from retrieval.threads import settle

settle()

import argparse  # noqa: E402
from pathlib import Path  # noqa: E402


def main() -> None:
    """Prompts from the street's training captions, pictures, filter, captions and boxes; the folder and its card."""
    parser = argparse.ArgumentParser(prog="python -m retrieval.training.drawn_figures", description=__doc__)
    parser.add_argument("out", type=Path, help="the folder that is written")
    parser.add_argument("--prior", type=Path, default=Path("checkpoints/people-prior"))
    parser.add_argument("--mra", type=Path, default=Path("checkpoints/mra-people"), help="what filters and describes")
    parser.add_argument("--street", type=Path, default=Path("assets/people/street"), help="whose captions are varied")
    parser.add_argument("--count", type=int, default=1000, help="pictures that are drawn")
    parser.add_argument("--strength", type=float, default=1.0, help="of the branch: 0 is the studio, 1 the street")
    parser.add_argument("--seed", type=int, default=0)
    draw_set(**vars(parser.parse_args()))


def draw_set(out: Path, prior: Path, mra: Path, street: Path, count: int, strength: float, seed: int) -> None:
    """Draw, sift, describe, write."""
    from retrieval.artifacts.bundle import load_bundle
    from retrieval.artifacts.prior import load_prior
    from retrieval.data.readers.world import read_rendered, slots_in
    from retrieval.errors import DataError
    from retrieval.methods.mra import MRA
    from retrieval.training.drawn_figures.describe import describe, slots_of
    from retrieval.training.drawn_figures.draw import drawn_table, prompts_of, sift, write_set

    drawer, method = load_prior(prior), load_bundle(mra).method
    if not isinstance(method, MRA):
        raise DataError(f"{mra} holds no MRA, which filters and describes. Name one like checkpoints/mra-people.")
    everyone = read_rendered(street)
    real = everyone.where(split="train")
    drawn = drawn_table(drawer.prior, prompts_of(drawer.prior.reader, real, count, seed), strength, seed)
    kept = sift(method, drawn, everyone.where(split="validation"))
    described = describe(
        method, drawn.select(kept.rows.nonzero()[0].tolist()), slots_of(method, real, slots_in(street)), seed
    )
    about = {
        "drawn by": drawer.fingerprint,
        "strength": strength,
        "pictures": f"{len(described)} of {count} that were drawn",
        "nearly grey": f"{kept.grey:.1%}",
        "unlike their prompts": f"{kept.unlike:.1%}",
        "prompts": "captions of street figures of training identities, varied",
        "licence": "Apache-2.0",
    }
    write_set(out, described, about)


if __name__ == "__main__":
    main()
