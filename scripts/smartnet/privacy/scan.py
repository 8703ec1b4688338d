"""The scan of everything a study wrote for values of its source headers."""

import logging
import os
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from smartnet.dicom.private import read_private, write_private
from smartnet.errors import PrivacyError
from smartnet.files import write_table
from smartnet.privacy.matcher import Matcher
from smartnet.privacy.readers import Piece, read_pieces
from smartnet.privacy.values import Values, choose_values

logger = logging.getLogger(__name__)

SHOWN_HITS = 10


class Hit(NamedTuple):
    """A value found: the file (identifying parts of its path blanked), the kind of value, the place."""

    file: str
    kind: str
    place: str


def scan_study(
    private: Sequence[Path],
    folders: Sequence[Path],
    *,
    configured: Sequence[str] = (),
    ignore: Sequence[str] = (),
    spellings: Path,
    output: Path,
) -> None:
    """Look through all files of a study for values of its source headers; pass or fail.

    Args:
        private: private tables of the data sets (see :mod:`smartnet.dicom.private`).
        folders: what to read, names included.
        configured: names and paths of the configuration (see :func:`choose_values`).
        ignore: words that the user knows to be no identifiers.
        spellings: private table to write of what was looked for, ``kind value``; it serves later scans.
        output: table to write, ``what kind reason count``: files read, values looked for and left out, hits.

    Raises:
        PrivacyError: something was found; one line per hit, never the value.
    """
    values = choose_values(private, configured=configured, ignore=ignore)
    write_private(((kind, spelling) for spelling, kind in values.kinds.items()), spellings)
    files, hits = scan(folders, Matcher(values.kinds.items()))
    _log(files, values)
    if hits:
        raise PrivacyError(describe(hits))
    rows = [("files read", kind, "", number) for kind, number in sorted(files.items())]
    rows += [("values looked for", kind, "", number) for kind, number in sorted(values.looked_for.items())]
    rows += [("values left out", *why, number) for why, number in sorted(values.left_out.items())]
    table = pd.DataFrame([*rows, ("hits", "", "", 0)], columns=["what", "kind", "reason", "count"])
    write_table(table, output)


def _log(files: Counter[str], values: Values) -> None:
    logger.info("%d files read", sum(files.values()))
    logger.info("%d values looked for", sum(values.looked_for.values()))
    for (kind, reason), number in sorted(values.left_out.items()):
        logger.info("%d values of %s left out: %s", number, kind, reason)
    if files["other"]:
        logger.warning("%d files of an unknown kind: only their names were read", files["other"])
    if files["broken"]:
        logger.warning("%d files are broken: they were read as mere bytes", files["broken"])


def read_spellings(path: Path) -> Matcher:
    """Make a matcher of what an earlier scan looked for.

    Raises:
        PrivacyError: there was none.
    """
    if not path.is_file():
        raise PrivacyError(f"{path} is missing: run the study (rule phi_scan) before scanning other files")
    return Matcher((spelling, kind) for kind, spelling in read_private(path))


def scan(paths: Iterable[Path], matcher: Matcher) -> tuple[Counter[str], list[Hit]]:
    """Look through files and folders.

    Returns:
        number of files by kind, and the hits.
    """
    counts: Counter[str] = Counter()
    hits: list[Hit] = []
    for folder, names in _walk(paths):
        shown = _shown(folder, matcher)
        for number, name in enumerate(names, start=1):
            kinds = sorted(matcher.kinds(name))
            hits += [Hit(f"{shown}/***", kind, f"name, entry {number} of its folder") for kind in kinds]
            file = folder / name
            if file.is_file():
                what, found = _scan_file(file, matcher)
                label = f"{shown}/{'***' if kinds else name}"
                hits += [Hit(label, kind, place) for kind, place in dict.fromkeys(found)]
                counts[what] += 1
    return counts, hits


def _walk(paths: Iterable[Path]) -> Iterator[tuple[Path, list[str]]]:
    for path in map(Path, paths):
        if path.is_file():
            yield path.parent, [path.name]
        for base, folders, names in os.walk(path):
            folders.sort()
            yield Path(base), sorted([*folders, *names])


def _shown(folder: Path, matcher: Matcher) -> str:
    """Give a path without the parts that identify."""
    return Path(*("***" if matcher.kinds(part) else part for part in folder.parts)).as_posix()


def _scan_file(file: Path, matcher: Matcher) -> tuple[str, list[tuple[str, str]]]:
    """Look through one file; of one that is not what its name or start says, the bytes are read."""
    found: list[tuple[str, str]] = []
    try:
        what, pieces = read_pieces(file)
        for piece in pieces:
            found.extend(_places(piece, matcher))
    except (OSError, EOFError, ValueError, IndexError, zlib.error, struct.error):
        what = "broken"
        found.extend(_places(Piece(file.read_bytes().decode("latin-1"), "bytes"), matcher))
    return what, found


def _places(piece: Piece, matcher: Matcher) -> Iterator[tuple[str, str]]:
    """Give kind and place of every hit in a piece."""
    for line, kind in matcher.places(piece.text, piece.line or 1):
        numbered = f"line {line}" if piece.line else ""
        yield kind, ", ".join(filter(None, (piece.place, numbered)))


def describe(hits: Sequence[Hit]) -> str:
    """Say where values were found, one line per hit, and what to do."""
    lines = [f"{hit.file}: {hit.kind} in {hit.place}" for hit in hits[:SHOWN_HITS]]
    if len(hits) > SHOWN_HITS:
        lines.append(f"and {len(hits) - SHOWN_HITS} more")
    advice = (
        "share nothing of it; delete these files, mend what wrote them and run again. "
        "A word that identifies nobody belongs into privacy.ignore of the configuration"
    )
    first = f"values of the source headers stand in what would be shared ({len(hits)} found)"
    return "\n  ".join([first, *lines, advice])
