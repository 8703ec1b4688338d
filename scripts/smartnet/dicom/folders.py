"""What lies in a folder, as a digest of names, sizes and times, wherever it is. Light to import."""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

Entry = tuple[str, int, int]
_LEADS_NOWHERE = (errno.ENOENT, errno.ELOOP)  # a link to nothing, or to itself
_OUT_OF_REACH = (
    *(errno.EACCES, errno.EPERM, errno.EIO, errno.ESTALE, errno.ENOENT, errno.ENOTCONN, errno.ETIMEDOUT),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
)


def out_of_reach(error: BaseException) -> bool:
    """Tell whether a file could not be read for reasons that say nothing about what is in it."""
    return isinstance(error, OSError) and error.errno in _OUT_OF_REACH


def entries(folder: Path, *, under: str = "", but: str = "") -> Iterator[Entry]:
    """Give every regular file below a folder: its path in it, size in bytes, time of change in ns.

    They come in one order whatever the disk gives; a folder that links lead back to is entered once.

    Args:
        folder: may be missing; then there are none.
        under: what paths begin with.
        but: name of a file or folder in it that is left out.

    Raises:
        OSError: a file or folder is there but out of reach: without it this would be another data set.
    """
    entered = set()

    def walk(place: str, prefix: str) -> Iterator[Entry]:
        folder = os.stat(place)  # noqa: PTH116 (a million files: paths as text)
        if (folder.st_dev, folder.st_ino) in entered:
            return
        entered.add((folder.st_dev, folder.st_ino))
        with os.scandir(place) as found:  # no entry is kept: they are large
            here = sorted(kind for entry in found if (kind := _kind(entry)))
        for name, size, modified in here:
            if name == but and prefix == under:
                continue
            if size is None:
                yield from walk(f"{place}/{name}", f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", size, modified

    return walk(os.fspath(folder), under) if Path(folder).is_dir() else iter(())


def _kind(entry: os.DirEntry) -> tuple[str, int | None, int] | None:
    """Name, size and time of a file; of a folder no size; None of anything else."""
    try:
        if entry.is_dir():
            return entry.name, None, 0
        state = entry.stat()
        return (entry.name, state.st_size, state.st_mtime_ns) if entry.is_file() else None
    except OSError as error:
        if error.errno in _LEADS_NOWHERE:
            return None
        raise


def digest(lines: Iterable[object]) -> str:
    """Digest texts or tuples, in their order (16 hex digits)."""
    found = hashlib.sha256()
    for line in lines:
        found.update(f"{line}\n".encode(errors="surrogateescape"))
    return found.hexdigest()[:16]


def folder_state(folder: Path) -> str:
    """Digest names, sizes and times of all files below a folder."""
    return digest(entries(folder))
