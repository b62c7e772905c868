"""What the Hub's client raises, as sentences. The client's own texts are pages long and speak to programmers."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retrieval.errors import BundleError

DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LEAST_SERVER_ERROR = 500


@contextmanager
def in_words(failure: str) -> Iterator[None]:
    """Raises BundleError, "`failure`: why, and what to do", for what the client or the disk raises."""
    from httpx2 import RequestError, TransportError
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except HfHubHTTPError as error:
        raise BundleError(f"{failure}: {_refusal(error)}") from error
    except OfflineModeIsEnabled as error:
        why = "HF_HUB_OFFLINE forbids asking the Hub. Unset it, or name a bundle that is here."
        raise BundleError(f"{failure}: {why}") from error
    except TransportError as error:
        raise BundleError(f"{failure}: {_unreachable(error)}") from error
    except HFValidationError as error:
        raise BundleError(f"{failure}: the Hub allows no such name. {error}") from error
    except (RequestError, ValueError) as error:  # redirects without end, a broken encoding, no JSON
        raise BundleError(f"{failure}: {_no_hub(error)}") from error
    except OSError as error:
        raise BundleError(f"{failure}: {_disk(error)}") from error


def _refusal(error: Exception) -> str:
    """An answer of the Hub that is none of what was asked for."""
    from huggingface_hub import errors

    status = error.response.status_code  # type: ignore[attr-defined]
    for kind, words in (
        (errors.GatedRepoError, "access is given on request. Ask on its page, then set HF_TOKEN to your token."),
        (errors.RepositoryNotFoundError, "there is no such repository, or it is private. Check its name and HF_TOKEN."),
        (errors.RevisionNotFoundError, "the repository has no such commit, or no longer. Name one of its history."),
        (errors.RemoteEntryNotFoundError, "a file that belongs to it is not in the repository. Name another commit."),
        (errors.DisabledRepoError, "the Hub has closed the repository. Name another one."),
    ):
        if isinstance(error, kind):
            return words
    if status in (401, 403):
        return f"the Hub answers {status}: the token in HF_TOKEN may not do that. Use one that may."
    if status == 429:
        return "the Hub has had too many questions from here. Try again in some minutes."
    if status >= LEAST_SERVER_ERROR:
        return f"the Hub answers {status}, which is its own trouble. Try again later."
    return f"the Hub answers {status}. Check the address."


def _unreachable(error: Exception) -> str:
    from huggingface_hub import constants

    return (
        f"{constants.ENDPOINT} cannot be reached, or was lost on the way ({error or type(error).__name__}). "
        "Look after the network and try again: what has arrived is kept."
    )


def _no_hub(error: Exception) -> str:
    from huggingface_hub import constants

    return (
        f"what answers at {constants.ENDPOINT} is no Hub ({error}). A network that asks you to sign in answers so: do "
        "that, and try again."
    )


def _disk(error: OSError) -> str:
    if error.errno in DISK_IS_FULL:
        return "the disk is full. Make room, or set GUISE_CACHE to a folder on another disk."
    where = f" of {Path(error.filename)}" if isinstance(error.filename, str) else ""
    return f"the disk refuses{where} ({error.strerror or error}). Set GUISE_CACHE to a folder of your own."
