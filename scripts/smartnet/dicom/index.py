"""The private index: one row per file of a data set, from the headers alone."""

import logging
from itertools import chain
from pathlib import Path

import pandas as pd

from smartnet.dicom.discovery import CT_SOP_CLASSES, INDEX_COLUMNS, NAMELESS, list_files, read_header
from smartnet.dicom.private import TECHNICAL, PrivateValues, path_names
from smartnet.errors import DataError
from smartnet.files import write_table
from smartnet.parallel import map_processes

logger = logging.getLogger(__name__)

# Columns whose values artifacts may hold: what the catalog shows of a header, and the modality.
TECHNICAL_COLUMNS = ["modality", "manufacturer", "kvp", "kernel", "model", "image_type"]
_CHUNK = 64  # files per message to a worker process


def index_folder(folder: Path, output: Path, *, threads: int, private: Path | None = None) -> None:
    """Read the header of every file below a data set's folder into the private index table.

    Args:
        folder: the data set; its ``dicom`` folder is read if it has one, else all of it.
        output: the table to write, one row per file or frame, sorted by path. It holds identifiers.
        threads: number of processes that read.
        private: table to write of the distinct values that must not leave the site, ``kind value``.

    Raises:
        DataError: the folder is missing or empty, or no file in it is a CT image.
    """
    folder = Path(folder)
    files = list_files(folder)
    values = PrivateValues()
    rows = []
    for row in chain.from_iterable(map_processes(read_header, files, threads=threads, chunk=_CHUNK)):
        values.add(row.pop("private"))
        rows.append(row)
    table = pd.DataFrame(rows, columns=INDEX_COLUMNS)
    _name_nameless(table, folder)
    errors = table["error"][table["error"] != ""]
    logger.info("%d files below %s, %d of them of no use", len(files), folder, len(errors))
    for error, count in errors.value_counts().sort_index().items():
        logger.warning("%d files left out: %s", count, error)
    is_ct = (table["modality"] == "CT") | table["sop_class"].isin(list(CT_SOP_CLASSES))
    if not (is_ct & (table["error"] == "")).any():
        kinds = sorted({f"modality {name}" for name in table["modality"] if name} | set(errors))
        raise DataError(
            f"no CT image among the {len(files)} files below {folder} (found: {', '.join(kinds)}): "
            "point the data set's path at the folder that holds its CT files"
        )
    write_table(table, output)
    if private is not None:
        values.add(path_names(folder, files))
        values.add(path_names(folder, _beside(folder)))
        values.add((TECHNICAL, text) for name in TECHNICAL_COLUMNS for text in table[name].unique() if text)
        values.write(private)


def _name_nameless(table: pd.DataFrame, folder: Path) -> None:
    """Take the files of one folder that were stripped of their series UID as one series."""
    nameless = (table["series_uid"] == "") & (table["error"] == "")
    parents = [Path(path).parent.relative_to(folder).as_posix() for path in table["path"][nameless]]
    table.loc[nameless, "series_uid"] = [f"{NAMELESS}{parent}" for parent in parents]


def _beside(folder: Path) -> list[Path]:
    """List the files beside the ``dicom`` folder: labels and masks, whose names may identify, too."""
    if not (folder / "dicom").is_dir():
        return []
    others = [path for path in folder.iterdir() if path.name != "dicom"]
    return [path for other in others for path in (other, *other.rglob("*")) if path.is_file()]
