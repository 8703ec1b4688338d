"""Find the files below a folder and read what is needed of their headers."""

import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from smartnet.dicom.folders import Entry, entries, out_of_reach
from smartnet.dicom.private import PRIVATE_TAGS, private_values
from smartnet.errors import DataError

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # its warnings quote identifiers

# Column of the index -> DICOM keyword. Nothing else is ever read from a header here but the private values.
HEADER_TAGS = {
    "acquisition": "AcquisitionNumber",
    "contrast": "ContrastBolusAgent",
    "description": "SeriesDescription",
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
# The same for what an enhanced multi-frame object says per frame, or once for all (DICOM PS3.3 C.7.6.16).
FRAME_TAGS = {
    "position": ("PlanePositionSequence", "ImagePositionPatient"),
    "orientation": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "pixel_spacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "slice_thickness": ("PixelMeasuresSequence", "SliceThickness"),
    "image_type": ("CTImageFrameTypeSequence", "FrameType"),
    "acquisition": ("FrameContentSequence", "FrameAcquisitionNumber"),
    "tilt_tag": ("CTAcquisitionDetailsSequence", "GantryDetectorTilt"),
    "kernel": ("CTReconstructionSequence", "ConvolutionKernel"),
    "kvp": ("CTXRayDetailsSequence", "KVP"),
}
# What the file's own header says, where the data set does not.
META_TAGS = {
    "transfer_syntax": "TransferSyntaxUID",
    "sop_class": "MediaStorageSOPClassUID",
    "instance_uid": "MediaStorageSOPInstanceUID",
}
FUNCTIONAL_GROUPS = ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence")
INDEX_COLUMNS = ["path", "size", "modified", *HEADER_TAGS, "transfer_syntax", "frame", "error"]
# Looked up once, not for every file.
_READ_TAGS = [Tag(keyword) for keyword in (*HEADER_TAGS.values(), *PRIVATE_TAGS, *FUNCTIONAL_GROUPS)]
CT_SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.2": "CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.1": "Enhanced CT Image Storage",
    "1.2.840.10008.5.1.4.1.1.2.2": "Legacy Converted Enhanced CT Image Storage",
}
ENHANCED_CT_CLASSES = [uid for uid, name in CT_SOP_CLASSES.items() if "Enhanced" in name]
MOST_INFLATION = 100  # of a deflated file; images reach ten
LONGEST_TEXT = 1024  # no value of these tags may be as long (DICOM PS3.5, 6.2)
NAMELESS = "folder:"  # in front of the folder that stands for a missing series UID


def list_files(folder: Path) -> tuple[Iterator[Entry], Iterator[Entry]]:
    """List every regular file of a data set; paths are within ``folder``.

    Returns:
        files to read: below ``folder``/dicom, or all where there is no such folder.
        files beside that folder: labels, masks, anything.

    Raises:
        DataError: the folder is missing, or is a file.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise DataError(f"data folder {folder} {what}: correct the data set's path in the configuration")
    if not (folder / "dicom").is_dir():
        return entries(folder), iter(())
    return entries(folder / "dicom", under="dicom/"), entries(folder, but="dicom")


def read_header(path: Path) -> list[dict[str, Any]]:
    """Read one file's header.

    Returns:
        rows of the index, all values as text: one, or one per frame of an enhanced multi-frame image;
        ``error`` says why the file is of no use. Beside the index's columns, ``private`` holds pairs of kind
        and value (see :func:`private_values`), of a file's first row only.

    Raises:
        OSError: the file is out of reach.
    """
    row = dict.fromkeys(INDEX_COLUMNS, "") | {"path": path.as_posix(), "private": []}
    try:
        if _swells(path):
            return [row | {"error": f"deflated more than {MOST_INFLATION} times: not read"}]
        header = _read(path)
        row["private"] = private_values(header)
        row |= {name: _text(header.get(keyword)) for name, keyword in HEADER_TAGS.items()}
        row |= {name: row[name] or _text(header.file_meta.get(tag)) for name, tag in META_TAGS.items()}
        if not (row["series_uid"] or row["rows"]):
            return [row | {"error": "neither SeriesInstanceUID nor image"}]
        if row["sop_class"] in ENHANCED_CT_CLASSES:
            return _frame_rows(header, row)
    except InvalidDicomError:
        return [row | {"error": "no DICOM file"}]
    except Exception as error:  # a damaged header may raise anything; it must not stop the whole folder
        if out_of_reach(error):
            raise
        return [row | {"error": f"header cannot be read ({type(error).__name__})"}]
    return [row]


def series_key(row: dict[str, Any], path: str) -> str:
    """Name the series of a file by its UID; files that were stripped of it are one series per folder.

    Args:
        row: of the index.
        path: of the file, within the data set's folder.
    """
    if row["series_uid"] or row["error"]:
        return row["series_uid"]
    return f"{NAMELESS}{PurePosixPath(path).parent}"


def _read(path: Path) -> pydicom.Dataset:
    """Read a header; a file without preamble passes if what follows is a DICOM image's header.

    Raises:
        InvalidDicomError: it is none.
    """
    try:
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_READ_TAGS)
    except InvalidDicomError:
        if not _starts_as_dicom(path):  # any other file may take long to be read as what it is not
            raise
    with warnings.catch_warnings():  # they quote what they could not read
        warnings.simplefilter("ignore")
        try:
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_READ_TAGS, force=True)
            image = bool(header.get("SOPClassUID") or header.get("Modality")) and int(header.Rows) > 0
        except Exception as error:
            raise InvalidDicomError from error
    if not image:
        raise InvalidDicomError
    return header


def _swells(path: Path) -> bool:
    """Tell whether a deflated file holds more than any image would: reading it would inflate all of it."""
    with path.open("rb") as file:
        head = file.read(512)
        if DeflatedExplicitVRLittleEndian.encode() not in head or head[132:136] != b"\x02\0\0\0":
            return False
        file.seek(144 + int.from_bytes(head[140:144], "little"))  # behind the file's own header (PS3.10, 7.1)
        packed = file.read()
    inflater, inflated, most = zlib.decompressobj(-zlib.MAX_WBITS), 0, MOST_INFLATION * len(packed)
    try:
        while packed and inflated <= max(most, 1 << 26):
            inflated += len(inflater.decompress(packed, 1 << 24))
            packed = inflater.unconsumed_tail
    except zlib.error:
        return False  # reading it will tell
    return inflated > max(most, 1 << 26)


def _starts_as_dicom(path: Path) -> bool:
    """Tell whether a file without preamble starts with an element of the lowest groups."""
    with path.open("rb") as file:
        group, element = file.read(2), file.read(2)
    return group in (b"\x02\0", b"\x08\0", b"\0\x02", b"\0\x08") and len(element) == 2


def _frame_rows(header: pydicom.Dataset, row: dict[str, Any]) -> list[dict[str, Any]]:
    """Give one row per frame; a value of the frame goes before the one shared by all frames."""
    groups, shared = (header.get(keyword) or [] for keyword in FUNCTIONAL_GROUPS)
    if len(groups) != int(row["frames"] or 1):
        return [row | {"error": f"{len(groups)} functional groups for {row['frames'] or 1} frames"}]
    rows = []
    for frame, group in enumerate(groups):
        found = {name: _nested([group, *shared[:1]], *where) for name, where in FRAME_TAGS.items()}
        known = {name: text for name, text in found.items() if text}
        private = [] if frame else row["private"]
        rows.append(row | known | {"frame": str(frame), "private": private})
    return rows


def _nested(groups: list[pydicom.Dataset], sequence: str, keyword: str) -> str:
    for group in groups:
        for item in group.get(sequence) or []:
            if keyword in item:
                return _text(item[keyword].value)
    return ""


def _text(value: object) -> str:
    """Give a header value as one line of text, several values joined by a backslash as DICOM does."""
    if value is None:
        return ""
    values: Iterable[object] = value if isinstance(value, pydicom.multival.MultiValue | list) else [value]
    return "\\".join(" ".join(str(item).split()) for item in values)[:LONGEST_TEXT]
