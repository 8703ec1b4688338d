"""The private index: one row per file of a data set, from the headers alone."""

import logging
import os
from itertools import chain
from pathlib import Path

import pandas as pd

from smartnet.dicom.discovery import CT_SOP_CLASSES, INDEX_COLUMNS, list_files, read_header, series_key
from smartnet.dicom.folders import folder_state
from smartnet.dicom.private import TECHNICAL, PrivateValues, path_names, read_private
from smartnet.errors import DataError
from smartnet.files import read_json, read_table, write_json, write_table
from smartnet.parallel import map_processes

logger = logging.getLogger(__name__)

# Columns whose values artifacts may hold: what the catalog shows of a header, and the modality.
TECHNICAL_COLUMNS = ["modality", "manufacturer", "kvp", "kernel", "model", "image_type"]
_CHUNK = 64  # files per message to a worker process


def index_folder(
    folder: Path, output: Path, *, threads: int, private: Path | None = None, code: str = ""
) -> None:
    """Read the header of every file below a data set's folder into the private index table.

    Where ``output`` is there already, made by the same code, files whose name, size and time it holds are not
    read again.

    Args:
        folder: the data set; its ``dicom`` folder is read if it has one, else all of it.
        output: the table to write, one row per file or frame, sorted by path (within ``folder``). It holds
            identifiers.
        threads: number of processes that read.
        private: table to write of the distinct values that must not leave the site, ``kind value``; values
            that it holds already stay.
        code: fingerprint of the library behind the index.

    Raises:
        DataError: the folder is missing or empty, or no file in it is a CT image.
    """
    folder = Path(folder)
    files = list_files(folder)
    state = folder_state(folder)
    entries = {path: path.stat() for path in files}
    known = _known(output, private, code)
    values = PrivateValues()
    if len(known) and private is not None:
        values.add(read_private(private))
    found = pd.DataFrame(
        {
            "path": [path.relative_to(folder).as_posix() for path in files],
            "size": [str(entry.st_size) for entry in entries.values()],
            "modified": [str(entry.st_mtime_ns) for entry in entries.values()],
        },
        dtype=object,
    )
    kept = found.merge(known, on=list(found))
    new = ~found["path"].isin(kept["path"])
    rows = []
    unread = [path for path, wanted in zip(files, new, strict=True) if wanted]
    for row in chain.from_iterable(map_processes(read_header, unread, threads=threads, chunk=_CHUNK)):
        values.add(row.pop("private"))
        file = Path(row["path"])
        path, entry = file.relative_to(folder).as_posix(), entries[file]
        row |= {"path": path, "size": str(entry.st_size), "modified": str(entry.st_mtime_ns)}
        rows.append(row | {"series_uid": series_key(row, path)})
    table = pd.concat([kept, pd.DataFrame(rows, columns=INDEX_COLUMNS, dtype=object)])[INDEX_COLUMNS]
    table = table.sort_values("path", kind="stable", ignore_index=True)
    _report(table, folder, files=len(files), read=len(unread))
    write_table(table, output)
    if private is not None:
        values.add(path_names(folder, files))
        values.add(path_names(folder, _beside(folder)))
        values.add((TECHNICAL, text) for name in TECHNICAL_COLUMNS for text in table[name].unique() if text)
        values.write(private)
    write_json({"code": code, "folder": state}, _note(output))


def refresh(folder: Path, index: Path, *, private: Path, code: str, threads: int) -> str | None:
    """Bring an index up to date, where it is there and by the same code, and leave its time as it was.

    So that a change of the data set counts for the shards that it concerns (``states.py``), not for all that
    reads the index.

    Args:
        folder: of the data set.
        index: the private index table.
        private: the table of values that must not leave the site.
        code: fingerprint of the library behind the index.
        threads: number of processes that read.

    Returns:
        the state of the folder (see :func:`smartnet.dicom.folders.folder_state`); None without such an index.
    """
    note = read_json(_note(index)) if _note(index).is_file() else {}
    if not (index.is_file() and private.is_file() and note.get("code") == code):
        return None
    state = folder_state(folder)
    if state != note["folder"]:
        times = [(path, path.stat()) for path in (index, private)]
        index_folder(folder, index, threads=threads, private=private, code=code)
        for path, before in times:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return state


def _note(index: Path) -> Path:
    return index.with_suffix(".json")


def _known(index: Path, private: Path | None, code: str) -> pd.DataFrame:
    """The rows of an earlier index that the same code made; none if there is none."""
    there = [index, _note(index), *([] if private is None else [private])]
    if not all(path.is_file() for path in there) or read_json(_note(index))["code"] != code:
        return pd.DataFrame(columns=INDEX_COLUMNS, dtype=object)
    return read_table(index, dtype=object).fillna("")


def _report(table: pd.DataFrame, folder: Path, *, files: int, read: int) -> None:
    """Say what was found.

    Raises:
        DataError: no CT image among it.
    """
    errors = table["error"][table["error"] != ""]
    logger.info("%d files below %s, %d of them read now, %d of no use", files, folder, read, len(errors))
    for error, count in errors.value_counts().sort_index().items():
        logger.warning("%d files left out: %s", count, error)
    is_ct = (table["modality"] == "CT") | table["sop_class"].isin(list(CT_SOP_CLASSES))
    if not (is_ct & (table["error"] == "")).any():
        kinds = sorted({f"modality {name}" for name in table["modality"] if name} | set(errors))
        raise DataError(
            f"no CT image among the {files} files below {folder} (found: {', '.join(kinds)}): "
            "point the data set's path at the folder that holds its CT files"
        )


def _beside(folder: Path) -> list[Path]:
    """List the files beside the ``dicom`` folder: labels and masks, whose names may identify, too."""
    if not (folder / "dicom").is_dir():
        return []
    others = [path for path in folder.iterdir() if path.name != "dicom"]
    return [path for other in others for path in (other, *other.rglob("*")) if path.is_file()]
