"""Find the files below a folder and read their headers into the private index table."""

import logging
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import pydicom
from pydicom.errors import InvalidDicomError

from smartnet.errors import DataError
from smartnet.files import write_table

logger = logging.getLogger(__name__)

# Column of the index -> DICOM keyword. Nothing else is ever read from a header here.
HEADER_TAGS = {
    "series_uid": "SeriesInstanceUID",
    "study_uid": "StudyInstanceUID",
    "instance_uid": "SOPInstanceUID",
    "patient_id": "PatientID",
    "sop_class": "SOPClassUID",
    "modality": "Modality",
    "image_type": "ImageType",
    "rows": "Rows",
    "columns": "Columns",
    "instance_number": "InstanceNumber",
    "position": "ImagePositionPatient",
    "orientation": "ImageOrientationPatient",
    "pixel_spacing": "PixelSpacing",
    "slice_thickness": "SliceThickness",
    "tilt_tag": "GantryDetectorTilt",
    "kvp": "KVP",
    "kernel": "ConvolutionKernel",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "frames": "NumberOfFrames",
}
INDEX_COLUMNS = [
    *["path", *(name for name in HEADER_TAGS if name != "frames")],
    *["transfer_syntax", "frames", "error"],
]
CT_SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image Storage",
}
_CHUNK = 64  # files per message to a worker process


def index_folder(folder: Path, output: Path, *, threads: int) -> None:
    """Read the header of every file below a data set's folder into the private index table.

    Args:
        folder: the data set; its ``dicom`` folder is read if it has one, else all of it.
        output: the table to write, one row per file, sorted by path. It holds identifiers.
        threads: number of processes that read.

    Raises:
        DataError: the folder is missing or empty, or no file in it is a CT image.
    """
    folder = Path(folder)
    files = list_files(folder)
    rows = _map_files(files, threads)
    table = pd.DataFrame(rows, columns=INDEX_COLUMNS)
    unreadable = int((table["error"] != "").sum())
    logger.info("%d files below %s, %d of them no usable DICOM image", len(table), folder, unreadable)
    is_ct = (table["modality"] == "CT") | table["sop_class"].isin(list(CT_SOP_CLASSES))
    if not (is_ct & (table["error"] == "")).any():
        others = sorted(set(table["modality"]) - {""})
        raise DataError(
            f"no CT image among the {len(table)} files below {folder} "
            f"({unreadable} no DICOM image, modalities found: {', '.join(others) or 'none'}): "
            "point the data set's path at the folder that holds its CT files"
        )
    write_table(table, output)


def list_files(folder: Path) -> list[Path]:
    """List every regular file below ``folder``/dicom, or ``folder`` if there is none, sorted by path.

    Raises:
        DataError: the folder is missing, is a file, or holds no file.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(f"data folder {folder} {what}: correct the data set's path in the configuration")
    root = folder / "dicom" if (folder / "dicom").is_dir() else folder
    files = [Path(base) / name for base, _, names in os.walk(root, followlinks=True) for name in names]
    if not files:
        raise DataError(
            f"data folder {root} is empty: put the data set's DICOM files there (any sub-folders)"
        )
    return sorted(files, key=lambda file: file.as_posix())


def read_header(path: Path) -> dict[str, str]:
    """Read one file's header.

    Returns:
        one row of the index, all values as text; ``error`` says why the file is of no use.
    """
    row = dict.fromkeys(INDEX_COLUMNS, "") | {"path": path.as_posix()}
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(HEADER_TAGS.values()))
        row |= {name: _text(header.get(keyword)) for name, keyword in HEADER_TAGS.items()}
        row["transfer_syntax"] = _text(header.file_meta.get("TransferSyntaxUID"))
    except InvalidDicomError:
        return row | {"error": "no DICOM file"}
    except Exception as error:  # a damaged header may raise anything; it must not stop the whole folder
        return row | {"error": f"header cannot be read ({type(error).__name__})"}
    if not row["series_uid"]:
        row["error"] = "no SeriesInstanceUID"
    return row


def _text(value: object) -> str:
    """Give a header value as one line of text, several values joined by a backslash as DICOM does."""
    if value is None:
        return ""
    values: Iterable[object] = value if isinstance(value, pydicom.multival.MultiValue | list) else [value]
    return "\\".join(" ".join(str(item).split()) for item in values)


def _map_files(files: list[Path], threads: int) -> list[dict[str, str]]:
    if threads <= 1 or len(files) <= _CHUNK:
        return [read_header(file) for file in files]
    with ProcessPoolExecutor(threads) as pool:
        return list(pool.map(partial(read_header), files, chunksize=_CHUNK))
