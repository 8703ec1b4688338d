"""Find the files below a folder and read what is needed of their headers."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag

from smartnet.dicom.private import PRIVATE_TAGS, private_values
from smartnet.errors import DataError

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # its warnings quote identifiers

# Column of the index -> DICOM keyword. Nothing else is ever read from a header here but the private values.
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
# Looked up once, not for every file.
_READ_TAGS = [Tag(keyword) for keyword in (*HEADER_TAGS.values(), *PRIVATE_TAGS)]
CT_SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image Storage",
}


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


def read_header(path: Path) -> dict[str, Any]:
    """Read one file's header.

    Returns:
        one row of the index, all values as text; ``error`` says why the file is of no use. Beside the
        index's columns, ``private`` holds pairs of kind and value (see :func:`private_values`).
    """
    row = dict.fromkeys(INDEX_COLUMNS, "") | {"path": path.as_posix(), "private": []}
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_READ_TAGS)
        row["private"] = private_values(header)
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
