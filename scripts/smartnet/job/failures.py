"""What the disk refuses, in plain words: full, read-only, forbidden, vanished."""

import errno
from typing import Any

REMEDIES = {
    errno.ENOSPC: ("the disk is full", "free some space and start again; nothing half-written is kept"),
    errno.EDQUOT: (
        "the disk quota is used up",
        "free some space and start again; nothing half-written is kept",
    ),
    errno.EFBIG: (
        "the file is larger than may be written here",
        "raise the limit (ulimit -f) and start again",
    ),
    errno.EROFS: ("the folder is read-only", "make it writable, or run the study in another folder"),
    errno.EACCES: (
        "permission is missing",
        "give this user the right to it, or run the study in another folder",
    ),
    errno.EPERM: (
        "permission is missing",
        "give this user the right to it, or run the study in another folder",
    ),
    errno.ENOENT: (
        "a file or folder is not there (any more)",
        "put it back, or start again so that it is remade",
    ),
    errno.ESTALE: ("a file vanished from the shared disk", "start again"),
    errno.EIO: ("the disk cannot be read or written", "look at its health before you start again"),
}


def in_plain_words(error: BaseException) -> str:
    """Say in one line what the disk refused, where, and what to do; empty if it is another kind of error."""
    cause = _of_the_disk(error)
    if cause is None:
        return ""
    what, remedy = REMEDIES[cause.errno]
    place = f" ('{cause.filename}')" if cause.filename else ""
    return f"DiskError: {what}{place}: {remedy}"


def _of_the_disk(error: BaseException | None) -> Any:
    """The error itself, or the one behind it, that names what the disk refused."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in REMEDIES:
            return error
        error = error.__cause__ or error.__context__
    return None
