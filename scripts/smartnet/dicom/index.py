"""The private index: one row per file of a data set, from the headers alone."""

import logging
import os
from itertools import chain
from pathlib import Path

import pandas as pd

from smartnet.dicom.discovery import CT_SOP_CLASSES, INDEX_COLUMNS, list_files, read_header, series_key
from smartnet.dicom.folders import digest
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
        DataError: the folder is missing or without a file, or no file in it is a CT image.
        OSError: a file is out of reach.
    """
    folder = Path(folder)
    files, beside = (list(part) for part in list_files(folder))
    if not files:
        raise DataError(
            f"data folder {folder} is empty, or its dicom folder is: "
            "put the data set's DICOM files there (any sub-folders)"
        )
    values = PrivateValues()
    if _stands_for(output, private, code) is None:
        known = pd.DataFrame(columns=INDEX_COLUMNS, dtype=object)
    else:
        known = read_table(output, dtype=object).fillna("")
        values.add(() if private is None else read_private(private))
    found = pd.DataFrame(files, columns=["path", "size", "modified"]).astype(str).astype(object)
    kept = found.merge(known, on=list(found))
    new = found[~found["path"].isin(kept["path"])].to_dict("records")
    paths = [folder / file["path"] for file in new]
    headers = map_processes(read_header, paths, threads=threads, chunk=_CHUNK)
    rows = []
    for file, read in zip(new, headers, strict=True):
        for row in read:
            values.add(row.pop("private"))
            rows.append(row | file | {"series_uid": series_key(row, file["path"])})
    table = pd.concat([kept, pd.DataFrame(rows, columns=INDEX_COLUMNS, dtype=object)])[INDEX_COLUMNS]
    table = table.sort_values("path", kind="stable", ignore_index=True)
    _report(table, folder, files=len(files), read=len(new))
    if private is not None:  # first: a value that was read once stands nowhere else if this is interrupted
        values.add(path_names(path for path, *_ in [*files, *beside]))
        values.add((TECHNICAL, text) for name in TECHNICAL_COLUMNS for text in table[name].unique() if text)
        values.write(private)
    write_table(table, output)
    write_json({"code": code, "folder": digest([*files, *beside])}, _note(output))


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
        a digest of names, sizes and times of all files of the data set; None without such an index.
    """
    before = _stands_for(index, private, code)
    if before is None:
        return None
    state = digest(chain(*list_files(folder)))
    if state != before:
        times = [(path, path.stat()) for path in (index, private)]
        index_folder(folder, index, threads=threads, private=private, code=code)
        for path, its in times:
            os.utime(path, ns=(its.st_atime_ns, its.st_mtime_ns))
    return state


def _note(index: Path) -> Path:
    return index.with_suffix(".json")


def _stands_for(index: Path, private: Path | None, code: str) -> str | None:
    """The state of the data set that an index stands for; None if it is not there, or of other code."""
    there = [index, _note(index), *([] if private is None else [private])]
    if not all(path.is_file() for path in there):
        return None
    note = read_json(_note(index))
    return note["folder"] if note["code"] == code else None


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
