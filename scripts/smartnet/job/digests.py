"""sha256 of files and folders, each file hashed once for as long as it is not touched.

A folder's digest is that of the list that ``sha256sum`` prints of its files: one line per file, sorted by
path, ``<sha256>  <path below the folder>``. Nothing but Python itself is needed.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

STAMP = ".snakemake_timestamp"  # Snakemake's own mark in a folder that a job made
THREADS = 4  # hashlib frees the interpreter's lock


class Digest(NamedTuple):
    """What a file holds: sha256 (hex) and size (bytes)."""

    sha256: str
    size: int


def digests(path: Path | str, *, notes: Path | None = None, threads: int = THREADS) -> dict[str, Digest]:
    """Hash a file, or every file below a folder.

    Args:
        path: file or folder; symbolic links to folders are not followed, broken ones left out.
        notes: folder that keeps what was hashed, by size, times and inode of a file; None: hash everything.
        threads: that hash side by side.

    Returns:
        digests by path below the folder (POSIX), sorted; of a file under the name "".

    Raises:
        FileNotFoundError: there is nothing at ``path``.
    """
    path = Path(path)
    entries = {name: (file, file.stat()) for name, file in files_below(path)}
    known = _read_notes(_note_of(path, notes))
    found = {
        name: Digest(known[name][0], entry.st_size)
        for name, (_, entry) in entries.items()
        if name in known and known[name][1:] == touched(entry)
    }
    new = [name for name in entries if name not in found]
    found |= dict(zip(new, hash_files([entries[name][0] for name in new], threads=threads), strict=True))
    if new or known.keys() - found.keys():
        content = {name: [found[name].sha256, *touched(entry)] for name, (_, entry) in entries.items()}
        _write_notes(content, _note_of(path, notes))
    return dict(sorted(found.items()))


def touched(entry: os.stat_result) -> list[int]:
    """What changes when a file is written or another put in its place, whatever time it is given then."""
    return [entry.st_size, entry.st_mtime_ns, entry.st_ctime_ns, entry.st_ino]


def hash_files(files: Sequence[Path], *, threads: int = THREADS) -> list[Digest]:
    """Hash files side by side; digests in their order."""
    with ThreadPoolExecutor(max(1, threads)) as pool:
        return list(pool.map(_hash, files))


def _hash(file: Path) -> Digest:
    with file.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
        return Digest(sha256, opened.tell())


def digest_of(found: Mapping[str, Digest]) -> str:
    """Give the one digest of what :func:`digests` found: the file's own, or the folder's."""
    if found.keys() == {""}:
        return found[""].sha256
    lines = "".join(f"{found[name].sha256}  {name}\n" for name in sorted(found))
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest()


def files_below(path: Path) -> Iterator[tuple[str, Path]]:
    """Give every file below a folder with its path there (POSIX); a file itself under the name ""."""
    if not path.is_dir():
        yield "", path
        return
    for base, _, names in os.walk(path):
        for file in (Path(base, name) for name in names if name != STAMP):
            if file.is_file():
                yield file.relative_to(path).as_posix(), file


def _note_of(path: Path, notes: Path | None) -> Path | None:
    """Where the notes on a path lie; none are kept of what lies outside of the study."""
    if notes is None or path.is_absolute() or ".." in path.parts:
        return None
    return Path(notes, *path.parts[:-1], f"{path.name}.json")


def _read_notes(file: Path | None) -> dict[str, list]:
    try:
        return json.loads(file.read_text()) if file else {}
    except (OSError, ValueError):  # none yet, or a broken one: hash again
        return {}


def _write_notes(content: Mapping[str, list], file: Path | None) -> None:
    if file is None:
        return
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    with suppress(OSError):  # notes only save time
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(content, sort_keys=True))
        temporary.replace(file)
    with suppress(OSError):
        temporary.unlink(missing_ok=True)
