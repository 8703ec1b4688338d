"""What the disk refuses, in plain words: full, read-only, forbidden, vanished."""

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from smartnet.errors import SmartnetError

_FULL = "free some space and start again; nothing half-written is kept"
_CLOSED = "make it writable for this user, or run the study in another folder"
REMEDIES = {
    errno.ENOSPC: ("the disk is full", _FULL),
    errno.EDQUOT: ("the disk quota is used up", _FULL),
    errno.EFBIG: ("a file is larger than this user may write", "raise the limit (ulimit -f) and start again"),
    errno.EIO: ("the disk cannot be read or written", "look after its health before you start again"),
    errno.EROFS: ("the disk is read-only", _CLOSED),
    errno.EACCES: ("permission is missing", _CLOSED),
    errno.EPERM: ("permission is missing", _CLOSED),
    errno.ENOENT: (
        "a file or folder is not there any more",
        "put it back or start again: what can be made is",
    ),
    errno.ESTALE: ("a file vanished from the shared disk", "start again"),
}
MADE = ("results", "logs", "benchmarks", "resources")  # folders that a study writes to
# An error that a library raises because of these says nothing of use; other errors stand for themselves.
_BEHIND = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_NUMPY = re.compile(r"free space to write|\d+ requested and \d+ written")  # it gives no number


class DiskError(SmartnetError):
    """A study cannot be made where it is."""


def need_writable(folders: Iterable[str]) -> None:
    """Check that a study can write to its folders, before anything is run.

    Raises:
        DiskError: the first one that it cannot write to.
    """
    for folder in folders:
        place = Path(folder) if Path(folder).exists() else Path()
        if not os.access(place, os.W_OK | os.X_OK):
            raise DiskError(f"nothing can be written to the folder '{place.absolute().name}': {_CLOSED}")


def in_plain_words(error: BaseException) -> str:
    """Say in one line what the disk refused, where, and what to do; empty if it is another kind of error."""
    if isinstance(error, SmartnetError):  # says so itself
        return ""
    number, filename = _of_the_disk(error)
    if number is None:
        return ""
    what, remedy = REMEDIES[number]
    return f"DiskError: {what}{_place(filename)}: {remedy}"


def _of_the_disk(error: BaseException | None) -> tuple[int | None, Any]:
    """Number and file of the error, or of what is behind it."""
    wanted: Any = REMEDIES
    while error is not None:
        if isinstance(error, OSError):
            number = errno.ENOSPC if _NUMPY.search(str(error)) else error.errno
            if number in wanted:
                return number, error.filename
        wanted, error = _BEHIND, error.__cause__ or error.__context__
    return None, None


def _place(filename: Any) -> str:
    """Name a file that the study makes; any other is a user's data, and its path may name a patient."""
    if not isinstance(filename, str | os.PathLike):
        return ""
    path = Path(filename)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    if path.parts[:1] not in ((folder,) for folder in MADE):
        return " (a file that the study does not make)"
    if path.suffix == ".tmp":  # .name.number.tmp becomes name
        path = path.with_name(path.name.removeprefix(".").rsplit(".", 2)[0])
    return f" ('{path}')"
