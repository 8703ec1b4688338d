"""What lies in a folder, as a digest of names, sizes and times, wherever it is. Light to import."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

Entry = tuple[str, int, int]


def entries(folder: Path) -> Iterator[Entry]:
    """Give every regular file below a folder: its path in it, size in bytes, time of change in ns.

    They come in one order whatever the disk gives; a folder that links lead back to is entered once.
    """
    entered = set()

    def walk(place: str, prefix: str) -> Iterator[Entry]:
        here = os.stat(place)  # noqa: PTH116 (a million files: paths as text)
        if (here.st_dev, here.st_ino) in entered:
            return
        entered.add((here.st_dev, here.st_ino))
        with os.scandir(place) as found:
            for entry in sorted(found, key=lambda entry: entry.name):
                try:
                    is_folder, is_file = entry.is_dir(), entry.is_file()
                except OSError:  # a link to itself
                    continue
                if is_folder:
                    yield from walk(entry.path, f"{prefix}{entry.name}/")
                elif is_file:
                    state = entry.stat()
                    yield f"{prefix}{entry.name}", state.st_size, state.st_mtime_ns

    if Path(folder).is_dir():
        yield from walk(os.fspath(folder), "")


def digest(lines: Iterable[object]) -> str:
    """Digest texts or tuples, in their order (16 hex digits)."""
    found = hashlib.sha256()
    for line in lines:
        found.update(f"{line}\n".encode(errors="surrogateescape"))
    return found.hexdigest()[:16]


def folder_state(folder: Path) -> str:
    """Digest names, sizes and times of all files below a folder."""
    return digest(entries(folder))
