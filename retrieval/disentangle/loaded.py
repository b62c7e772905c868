"""The panels, loaded when they are first asked for: an extractor of codes, the prior that it refers to, and where there
are any a judge and a quick student of that prior. Codes that refer to no prior that is here are left out: a prior with
an image adapter draws without them. Like `loaded_encoder`, it can be built before anything heavy is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from retrieval.artifacts.addresses import is_known
from retrieval.artifacts.hub import at_hand, showing
from retrieval.artifacts.manifest import Reference, read_format, read_manifest, read_payload, reference_to
from retrieval.artifacts.references import resolve, sealed_beside
from retrieval.disentangle.lent import LentDisentangler
from retrieval.errors import BundleError
from retrieval.hardware import is_lent, own_device
from retrieval.loading import Loading, fetching

if TYPE_CHECKING:
    from retrieval.artifacts.judge import Judge
    from retrieval.artifacts.prior import LoadedPrior
    from retrieval.disentangle.panels import Disentangler
    from retrieval.methods.dude import Dude

PRIOR, TEACHER = "prior", "teacher"  # roles: what draws the codes of a bundle; what a student was trained by
PRIORS, JUDGES = "guise-prior/1", "guise-judge/1"  # formats


@dataclass(frozen=True)
class Parts:
    """What a `Disentangler` is made of."""

    prior: LoadedPrior
    coder: Dude | None  # None: nobody tells in words what a picture shows
    judge: Judge | None
    student: LoadedPrior | None

    def to(self, device: str) -> Parts:
        """The same parts, moved there."""
        student = self.student.prior if self.student else None
        for module in (self.prior.prior, self.coder, self.judge, student):
            if module is not None:
                module.to(device)
        return self

    def drawer(self) -> Disentangler:
        """What draws with them, where they are."""
        from retrieval.diffusion.samplers import STUDENT, Sampler
        from retrieval.diffusion.spelling import Spelling
        from retrieval.disentangle.panels import Disentangler

        prior, student = self.prior.prior, self.student
        spelling = Spelling(prior.reader, self.prior.classes) if self.coder and self.prior.classes else None
        styles = self.prior.styles if prior.adapter or self.coder is None else ()
        if student is None:
            return Disentangler(prior, self.coder, self.judge, spelling=spelling, styles=styles)
        quickly = Sampler(student.steps, STUDENT.guidance, student=True)
        learned = student.guidance, student.map_guidance
        return Disentangler(prior, self.coder, self.judge, student.prior, quickly, spelling, *learned, styles)


class ServedDisentangler(Loading):
    """The bundle in a folder, whose codes are drawn by the prior that its manifest refers to. A student of that prior
    and a judge lie beside the prior; without them pictures take longer, and there are no bars.
    """

    def __init__(self, codes: Path) -> None:
        super().__init__("the prior")
        self._codes = codes
        self._made: Disentangler | None = None

    @property
    def offered(self) -> bool:
        """Whether there is what it needs; known without loading anything."""
        return is_known(self._codes)

    def wait(self, timeout: float | None = None) -> Disentangler:
        """What draws, once it is loaded; raises what went wrong in loading, or RetrievalError when it takes longer than
        `timeout` seconds.
        """
        self._wait(timeout)
        assert self._made is not None
        return self._made

    def _load(self) -> None:
        self._progress = "Loading what draws"
        with showing(self._fetching):
            parts = self._parts(own_device())
        self._made = cast("Disentangler", LentDisentangler(parts)) if is_lent() else parts.drawer()

    def _fetching(self, name: str, done: int, total: int) -> None:
        self._progress = fetching(name, done, total)

    def _parts(self, device: Any) -> Parts:
        from retrieval.artifacts.bundle import load_bundle  # here: the page must be up before torch is imported
        from retrieval.artifacts.judge import load_judge
        from retrieval.artifacts.parts import load_part
        from retrieval.methods.dude import Dude

        at_hand(self._codes)
        if read_format(self._codes) == PRIORS:
            return _without_codes(self._codes, device)
        reference = self._reference()
        try:
            home = resolve(self._codes, PRIOR, reference)
        except BundleError:
            adapted = _adapted_beside(self._codes)
            if adapted is None:
                raise
            home, reference = adapted, reference_to(adapted)
        is_its_own = reference == self._reference()
        coder = load_bundle(self._codes, device).method if is_its_own else None
        if coder is not None and not isinstance(coder, Dude):
            raise BundleError(f"{self._codes} holds no codes that could be drawn. Name a bundle of DUDE.")
        prior: LoadedPrior = load_part(home, PRIOR, reference, device)
        judge = next((load_judge(path, device) for path in sealed_beside(home, JUDGES)), None)
        return Parts(prior, coder, judge, _student(home, reference, device))

    def _reference(self) -> Reference:
        """The prior of the bundle."""
        references = read_manifest(self._codes).refers_to
        if PRIOR not in references:
            raise BundleError(f"{self._codes} refers to no prior that could draw its codes. Name a bundle that does.")
        return references[PRIOR]


def _without_codes(prior: Path, device: Any) -> Parts:
    """What a prior draws by itself, from pictures and words; a judge may lie beside it."""
    from retrieval.artifacts.judge import load_judge
    from retrieval.artifacts.prior import load_prior

    loaded = load_prior(prior, device)
    judge = next((load_judge(path, device) for path in sealed_beside(prior, JUDGES)), None)
    return Parts(loaded, None, judge, loaded if loaded.steps else None)


def _adapted_beside(codes: Path) -> Path | None:
    """The prior with an image adapter that lies beside the codes, if there is one: no student."""
    for path in sealed_beside(codes, PRIORS):
        payload = read_payload(path, PRIORS)
        if payload["config"].get("adapter") and TEACHER not in (payload.get("refers_to") or {}):
            return path
    return None


def _student(prior: Path, reference: Reference, device: Any) -> LoadedPrior | None:
    """The student beside the prior that was trained by it."""
    from retrieval.artifacts.prior import load_prior

    for path in sealed_beside(prior, PRIORS):
        teacher = (read_payload(path, PRIORS).get("refers_to") or {}).get(TEACHER)
        if teacher == {"folder": reference.folder, "sha256": reference.sha256}:
            student = load_prior(path, device)
            if not student.steps:
                raise BundleError(f"{path} refers to a teacher, but is no student. Restore it from where it came.")
            return student
    return None
