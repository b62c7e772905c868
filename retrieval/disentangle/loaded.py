"""The panels, loaded when they are first asked for: a prior, an extractor, and where there are any a judge and a quick
student of the prior. Like `served`, it can be built before anything heavy is imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.artifacts.manifest import is_sealed
from retrieval.errors import BundleError
from retrieval.loading import Loading

if TYPE_CHECKING:
    from retrieval.disentangle.panels import Disentangler


class ServedDisentangler(Loading):
    """What stands in four folders; those of judge and student may be missing, and then there are no bars, and pictures
    take longer.
    """

    def __init__(self, prior: Path, dude: Path, judge: Path | None = None, student: Path | None = None) -> None:
        super().__init__("the prior")
        self._prior, self._dude, self._judge, self._student = prior, dude, judge, student
        self._made: Disentangler | None = None

    @property
    def offered(self) -> bool:
        """Whether there is what it needs; known without loading anything."""
        return all(is_sealed(folder) for folder in (self._prior, self._dude))

    def wait(self, timeout: float | None = None) -> Disentangler:
        """What draws, once it is loaded; raises what went wrong in loading, or RetrievalError when it takes longer than
        `timeout` seconds.
        """
        self._wait(timeout)
        assert self._made is not None
        return self._made

    def _load(self) -> None:
        self._made = self._opened()

    def _opened(self) -> Disentangler:
        self._progress = "Loading what draws"
        import torch  # here and below: the page must be up before these are imported

        from retrieval.artifacts.bundle import load_bundle
        from retrieval.artifacts.judge import load_judge
        from retrieval.artifacts.prior import load_prior
        from retrieval.diffusion.samplers import STUDENT, Sampler
        from retrieval.diffusion.spelling import Spelling
        from retrieval.disentangle.panels import Disentangler
        from retrieval.methods.dude import Dude

        device = "cuda" if torch.cuda.is_available() else "cpu"
        loaded = load_prior(self._prior, device)
        spelling = Spelling(loaded.prior.reader, loaded.classes) if loaded.classes else None
        dude = load_bundle(self._dude, device).method
        if not isinstance(dude, Dude):
            raise BundleError(f"{self._dude} holds no DUDE, whose codes could be drawn. Name the folder of one.")
        judge = load_judge(self._judge, device) if self._judge and is_sealed(self._judge) else None
        if self._student is None or not is_sealed(self._student):
            return Disentangler(loaded.prior, dude, judge, spelling=spelling)
        student = load_prior(self._student, device)
        if not student.steps:
            raise BundleError(f"{self._student} holds a prior that is no student. Name the folder of one, or none.")
        quickly = Sampler(student.steps, STUDENT.guidance, student=True)
        return Disentangler(loaded.prior, dude, judge, student.prior, quickly, spelling)
