"""Is the object apart from the style? -> results/disentanglement.json, each number beside chance and its controls.

python -m benchmarks.disentanglement           everything; needs GUISE_DATA, rendered sets, the prior and the bundles
python -m benchmarks.disentanglement --quick   fewer pictures are drawn
python -m benchmarks.disentanglement --only codes --seed 0    these rows alone are measured again, the others stay
python -m benchmarks.disentanglement --judge   only make the judge of drawn pictures, where there is none

Everything is asked of the embedded gallery, whose objects nothing was trained on, at the size that the prior draws.
DUDE's code is compared with the feature of the trunk that it began as ("raw"), with those of its ablations, and with
other methods': ProtoOT, which stands on it, too, and guise-base-zs ("plain encoder") and its captions. Its pictures
are compared with real ones. Of a prior with an image adapter, `disentanglement_parts` measures what is drawn.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import ROOT
from benchmarks.disentanglement_parts import measure_maps, measure_parts
from benchmarks.disentanglement_sources import (
    GALLERY,
    HELD_OUT,
    JUDGE,
    PLAIN,
    PRIOR,
    STUDENT,
    TRAINING,
    WHOLE,
    dude,
    folder,
    make_judge,
    masks,
    pairs,
)
from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.judge import load_judge
from retrieval.artifacts.manifest import MANIFEST
from retrieval.artifacts.prior import LoadedPrior, load_prior
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.packs import packs_folder
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.samplers import Sampler
from retrieval.diffusion.spelling import Spelling
from retrieval.errors import QueryError
from retrieval.evaluation.captions_matched import embedded, told_in_captions
from retrieval.evaluation.code_quality import (
    ABOVE,
    measure_domain_bias,
    measure_gain,
    measure_gaps,
    measure_probes,
    measure_search,
    search_values,
)
from retrieval.evaluation.disentanglement import asked_by_words, without_means
from retrieval.evaluation.generation_quality import (
    Studio,
    measure_attention,
    measure_sliders,
    measure_use,
    trunk_features,
)
from retrieval.evaluation.measurement import CHANCE, EVERY_OTHER, Measurement, Target, split_measurements
from retrieval.evaluation.measures import expected_average_precision
from retrieval.evaluation.report import write_measurements
from retrieval.evaluation.results import fold_measurements, read_measurements
from retrieval.evaluation.students import measure_student
from retrieval.evaluation.swaps import measure_swaps, measure_words
from retrieval.methods.dude import Dude
from retrieval.methods.proto_ot import ProtoOT
from retrieval.world.split import ALL, SEEN

RESULTS = ROOT / "benchmarks" / "results" / "disentanglement.json"
SEEDS = (0, 1, 2)
OBJECT, MEANS = "object code", "domain mean removed"
SPELLED = f"spelled {OBJECT}"
GIVEN = ("raw", MEANS, "style code")
NAMED = ("plain encoder", f"plain encoder, {MEANS}", "caption matching")  # names of classes taught them
UNREAD = "before it reads"
CONTROLS = {  # bundle -> what its code is called
    f"{WHOLE}-unread": UNREAD,
    f"{WHOLE}-contrastive": "contrastive only",
    f"{WHOLE}-noise": "noise loss only",
    f"{WHOLE}-within": "without neighbours across domains",
    f"{WHOLE}-no-noise": "without the noise loss",
    f"{WHOLE}-no-word": "without the domain's word",
    f"{WHOLE}-not-mutual": "with neighbours that are not mutual",
    f"{WHOLE}-hubs": "with hubs",
    f"{WHOLE}-concentrated": "with concentration on the object",
    f"{WHOLE}-joint": "joint, no prior",
    f"{WHOLE}-at-once": "with neighbours across domains from the start",
}
QUIET = CONTROLS[f"{WHOLE}-no-noise"]
UNASKED = {  # ablations of that, which ask no prior either
    f"{WHOLE}-no-noise-within": f"{QUIET} and neighbours across domains",
    f"{WHOLE}-no-noise-not-mutual": f"{QUIET}, with neighbours that are not mutual",
    f"{WHOLE}-no-noise-hubs": f"{QUIET}, with hubs",
    f"{WHOLE}-no-noise-at-once": f"{QUIET}, with neighbours across domains from the start",
}
ABLATIONS = tuple(code for code in CONTROLS.values() if code != UNREAD)  # which do not read either
OTHERS = {  # the same of other methods that had no labels
    "proto-ot-world": "ProtoOT",
    "proto-ot-world-oracle": "ProtoOT, told the number of classes",
}
NEAR_CHANCE, BEST = Target("near", 0.0, CHANCE), Target(">", 0.0, EVERY_OTHER)
PROBED: dict[str, tuple[Target | None, Target | None]] = {  # code -> what is wanted of its probes of class and domain
    OBJECT: (Target(">=", -0.02, "raw"), NEAR_CHANCE),
    SPELLED: (None, NEAR_CHANCE),
    "contrastive only": (None, None),
    "raw": (None, None),
    "style code": (NEAR_CHANCE, Target(">=", 1.0)),
}
PARTS = ("codes", "swaps", "maps", "use", "pairs", "student")
PLAN = 0  # the seed of what is drawn: the same for all seeds of training, so that they can be compared


@dataclass(frozen=True)
class Sizes:
    """How many pictures are drawn, or looked at, for each measure."""

    swaps: int = 384
    controls: int = 192
    words: int = 192
    used: int = 192
    looked: int = 384
    sliders: int = 32
    steps: tuple[int, ...] = tuple(range(50, 1000, 100))


QUICK = Sizes(swaps=128, controls=64, words=64, used=64, looked=128, sliders=8, steps=tuple(range(100, 1000, 200)))


def main() -> None:
    """Make the judge if it is missing; measure, print, write the file."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--quick", action="store_true", help="fewer pictures are drawn")
    words.add_argument("--seed", type=int, action="append", choices=SEEDS, help="may be repeated (default: all)")
    words.add_argument("--only", action="append", choices=PARTS, help="may be repeated (default: all)")
    words.add_argument("--judge", action="store_true", help="only make the judge, where there is none")
    asked = words.parse_args()
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    if not (JUDGE / MANIFEST).is_file():
        make_judge(packs)
    if asked.judge:
        return
    seeds = [seed for seed in asked.seed or SEEDS if folder(WHOLE, seed)]
    if not seeds:
        sys.exit(f"There is no {WHOLE}. Make it: python -m retrieval train {WHOLE}.")
    prior = load_prior(PRIOR)
    real = read_rendered(GALLERY).in_memory(prior.prior.config.size)
    bench = Bench(real, prior, QUICK if asked.quick else Sizes(), packs)
    by_seed: dict[int, list[Measurement]] = {seed: [] for seed in seeds}
    for seed in seeds:
        for part in asked.only or PARTS:
            sys.stderr.write(f"seed {seed}: {part}\n")
            by_seed[seed] += bench.measure(part, seed, first=seed == seeds[0])
    rows = fold_measurements(by_seed)
    for row in rows:
        sys.stdout.write(f"{row.name}: {row.value:.4f} (chance {row.chance}; target {row.target})\n")
    before = read_measurements(RESULTS).rows if asked.only and RESULTS.is_file() else []
    write_measurements(RESULTS, list({row.key: row for row in [*before, *rows]}.values()))


def with_names(measurement: Measurement) -> Measurement:
    """The same, which says that names of classes taught the code."""
    return dataclasses.replace(measurement, how=f"{measurement.how}; taught by names of classes")


class Bench:
    """What all measures share: the real pictures, the prior, the judge."""

    def __init__(self, real: PictureTable, prior: LoadedPrior, sizes: Sizes, packs: Path) -> None:
        self._real, self._prior, self._sizes, self._packs = real, prior, sizes, packs
        self._judge = load_judge(JUDGE)
        self._seen = frozenset(prior.classes or SEEN)
        self._spelling = Spelling(prior.prior.reader, sorted(self._seen))
        self._precisions: dict[str, np.ndarray] = {}  # of each code, what each picture finds
        self._features: Tensor | None = None  # the frozen trunk's, which all codes stand on
        self._sampler = Sampler(prior.steps, prior.guidance, student=True) if prior.steps else Sampler()

    def measure(self, part: str, seed: int, *, first: bool) -> list[Measurement]:
        """The part measured on the bundle of one seed; what does not depend on it, with the first alone."""
        method = dude(WHOLE, seed)
        if method is None:
            return []
        fits = method.config.width == self._prior.prior.reader.config.width
        adapted = self._prior.prior.adapter is not None
        if part == "maps":
            return measure_maps(self._prior) if adapted and first else []
        if adapted:
            if part == "swaps":
                each = self._sizes.swaps, self._sizes.controls, self._sizes.sliders
                drawn = measure_parts(self._prior, method if fits else None, each, self._packs, PLAN)
                return list(drawn) if first else []
            if part == "student" or (part in ("codes", "use") and not fits):
                return []
        studio, sizes = Studio(self._prior.prior, method, self._judge, self._sampler, self._spelling), self._sizes
        if part == "codes":
            return list(self._codes(method, seed, first=first))
        if part == "pairs":
            return [*pairs(WHOLE, seed, ""), *pairs(f"{WHOLE}-at-once", seed, "loss from the start")]
        if part == "student":
            return self._student(studio) if first else []
        if part == "swaps":
            counts = sizes.swaps, sizes.controls
            known = self._known if first else None
            swaps = measure_swaps(
                studio, self._real, self._seen, counts, PLAN, home=read_rendered(HELD_OUT).in_memory(), known=known
            )
            return swaps + (measure_words(studio, self._real, self._seen, sizes.words, PLAN) if first else [])
        return [
            *measure_use(studio, self._real, sizes.used, sizes.steps, PLAN),
            *measure_attention(studio, self._real, masks(self._real), sizes.looked, PLAN),
            *([] if adapted else measure_sliders(studio, self._real, sizes.sliders, PLAN)),
        ]

    def _student(self, studio: Studio) -> list[Measurement]:
        """What is lost by drawing in few steps; nothing where there is no student."""
        if not (STUDENT / MANIFEST).is_file():
            return []
        loaded = load_prior(STUDENT)
        quick = Sampler(loaded.steps, 1.0, student=True)
        student = dataclasses.replace(studio, prior=loaded.prior, sampler=quick)
        return measure_student(studio, student, self._real, self._sizes.controls, PLAN)

    @property
    def _known(self) -> PictureTable:
        """The world's pictures that the prior was trained on."""
        return read_rendered(TRAINING, sorted(self._seen)).in_memory()

    def _codes(self, method: Dude, seed: int, *, first: bool) -> Iterator[Measurement]:
        """T1, T2, T5, T6: the object code beside its controls; those that no seed changes with the first alone."""
        real = self._real
        codes = self._learned(method, seed) | (self._given(method) if first else {})
        for name, rows in codes.items():
            search = measure_search(name, rows, real, self._seen, BEST if name == OBJECT else None)
            self._precisions[name] = search_values(search)
            yield from map(with_names, search) if name in NAMED else search
        yield from self._gains(codes)
        yield from self._typed(codes[OBJECT])
        for name in (name for name in PROBED if name in codes):
            targets, control = PROBED[name], first and name == OBJECT
            yield from measure_probes(name, codes[name], real, targets, control=control)
        for name in (name for name in (OBJECT, "contrastive only", "raw") if name in codes):
            object_code = name == OBJECT
            gap_targets = (Target("<", 0.0, "raw"), NEAR_CHANCE) if object_code else (None, None)
            yield from measure_gaps(name, codes[name], real, gap_targets)
            yield measure_domain_bias(name, codes[name], real, NEAR_CHANCE if object_code else None)

    def _gains(self, codes: Mapping[str, np.ndarray]) -> Iterator[Measurement]:
        """By how much the object code is ahead of every other; of ablations, DUDE of the same phase is."""
        for name in (name for name in self._precisions if name in codes or name in (*GIVEN, *NAMED)):
            if not name.startswith(OBJECT):
                ahead = UNREAD if name in ABLATIONS and UNREAD in codes else OBJECT
                more, less = (ahead, self._precisions[ahead]), (name, self._precisions[name])
                yield measure_gain(more, less, self._real.labels, None if name in NAMED else ABOVE)

    def _learned(self, method: Dude, seed: int) -> dict[str, np.ndarray]:
        """The object codes of one seed's bundles, DUDE's without the means of its domains, too.   -> (N, W) each"""
        codes = {OBJECT: self._coded(method)}
        codes[f"{OBJECT}, {MEANS}"] = without_means(codes[OBJECT], self._real.domains)
        codes[SPELLED] = self._spelling(torch.from_numpy(codes[OBJECT])).numpy()
        made = {code: dude(name, seed) for name, code in CONTROLS.items()}
        codes |= {code: self._coded(other) for code, other in made.items() if other is not None}
        for name, code in OTHERS.items():
            other = None if (where := folder(name, seed)) is None else load_bundle(where).method
            if isinstance(other, ProtoOT):
                codes[code] = self._coded(other)
        return codes

    def _coded(self, method: Dude | ProtoOT) -> np.ndarray:
        """The codes of all real pictures.   -> (N, W)"""
        with torch.no_grad():
            codes: np.ndarray = method.extractor.head(self._seen_by_trunk(method)).numpy()
        return codes

    def _seen_by_trunk(self, method: Dude | ProtoOT) -> Tensor:
        """The features of all real pictures, computed once: the trunk is the same everywhere.   -> (N, F)"""
        if self._features is None:
            self._features = torch.from_numpy(trunk_features(method, self._real))
        return self._features

    def _given(self, method: Dude) -> dict[str, np.ndarray]:
        """What is there before DUDE learns: the trunk that it stands on, the words of the styles, and what names of
        classes taught.
        """
        raw = self._seen_by_trunk(method).numpy()
        codes: tuple[np.ndarray, ...] = (
            raw,
            without_means(raw, self._real.domains),
            self._style_codes(),
        )
        return dict(zip(GIVEN, codes, strict=True)) | self._named()

    def _named(self) -> dict[str, np.ndarray]:
        """Codes of guise-base-zs, without the means of its domains, and as captions.   -> (N, W) each"""
        bundle = load_bundle(PLAIN)
        plain = embedded(bundle, self._real)
        codes: tuple[np.ndarray, ...] = (
            plain,
            without_means(plain, self._real.domains),
            told_in_captions(bundle, plain),
        )
        return dict(zip(NAMED, codes, strict=True))

    def _style_codes(self) -> np.ndarray:
        """The word of each picture's style; ties are broken by chance.   -> (N, W)"""
        with torch.no_grad():
            words = {style: self._prior.prior.reader.word(style).numpy() for style in set(self._real.domains)}
        codes = np.stack([words[style] for style in self._real.domains]).astype(np.float64)
        return codes * (1 + 1e-6 * np.random.default_rng(0).standard_normal(codes.shape))

    def _typed(self, codes: np.ndarray) -> list[Measurement]:
        """The mAP of typed words, of all classes that the prior can read."""
        named, words = [], []
        for label in ALL:
            try:
                with torch.no_grad():
                    words.append(self._prior.prior.reader.word(label).numpy())
            except QueryError:  # a word that the prior was never taught
                continue
            named.append(label)
        values = asked_by_words(np.stack(words), named, codes, self._real.labels)
        count = sum(label == named[0] for label in self._real.labels)
        lucky = expected_average_precision(count, len(self._real.labels))
        how = f"{len(named)} words that the prior can read, over all pictures; both sides lose their mean"
        return split_measurements("mAP@all of typed words", values, named, self._seen, how, chance=lucky)


if __name__ == "__main__":
    main()
