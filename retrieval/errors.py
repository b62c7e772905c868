"""Every way in which Guise tells a person that something cannot be done.

    RetrievalError              what happened, what was expected, what to do
    |- QueryError               the drawing, picture or text cannot be searched with
    |  |- EmptyQuery            nothing was drawn, chosen or typed
    |  |- UnreadableImage       the file is not a picture that we open
    |  `- BadStrokes            the stroke list breaks the canvas' contract
    |- BundleError              a checkpoint cannot be trusted or does not fit
    |- GalleryError             a gallery cannot be built, opened or searched
    |  `- FingerprintMismatch   gallery and query come from different encoders
    |- DataError                a data set is missing, incomplete or contradicts the task
    `- SettingsError            an option has a value that does not exist

Anything else that is raised is a bug and keeps its traceback.
"""


class RetrievalError(Exception):
    """The root: its text is one or two sentences that can be shown to a person as they are."""


class QueryError(RetrievalError):
    """The query cannot be searched with."""


class EmptyQuery(QueryError):
    """Nothing was drawn, chosen or typed."""


class UnreadableImage(QueryError):
    """The file is not a picture that we open."""


class BadStrokes(QueryError):
    """The stroke list breaks the canvas' contract."""


class BundleError(RetrievalError):
    """A checkpoint cannot be trusted or does not fit."""


class GalleryError(RetrievalError):
    """A gallery cannot be built, opened or searched."""


class FingerprintMismatch(GalleryError):
    """Gallery and query come from different encoders."""


class DataError(RetrievalError):
    """A data set is missing, incomplete or contradicts the task."""


class SettingsError(RetrievalError):
    """An option has a value that does not exist."""
