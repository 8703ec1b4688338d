"""What a header and a path tell of a person, a place or a day: kept in private, looked for in artifacts.

The names of the kinds are DICOM keywords (PS3.6); file and folder names below the data folder, and the
technical values that artifacts may hold, have kinds of their own.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import pydicom
from pydicom.datadict import tag_for_keyword

from smartnet.files import atomic_path

UIDS = ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID"]
PERSONS = [
    *["PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson"],
    *["ReferringPhysicianName", "PerformingPhysicianName", "RequestingPhysician", "PhysiciansOfRecord"],
    *["NameOfPhysiciansReadingStudy", "OperatorsName"],
]
DATES = [
    *["PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"],
    *["InstanceCreationDate", "PerformedProcedureStepStartDate", "AcquisitionDateTime"],
]
TIMES = ["StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"]
NUMBERS = [
    *["PatientID", "OtherPatientIDs", "AccessionNumber", "StudyID", "AdmissionID", "DeviceSerialNumber"],
    *["PerformedProcedureStepID", "PatientTelephoneNumbers"],
]
PLACES = [
    *["InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "StationName"],
    *["PatientAddress", "PatientComments", "ImageComments", "AdditionalPatientHistory"],
]
DESCRIPTIONS = [
    *["StudyDescription", "SeriesDescription", "ProtocolName", "RequestedProcedureDescription"],
    *["PerformedProcedureStepDescription"],
]
NAMES = ["FileName", "FolderName"]
TECHNICAL = "technical"
LONGEST_TEXT = 10240  # no value of these tags may be longer (DICOM PS3.5, 6.2)
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape"}  # file names may be no UTF-8

# OtherPatientIDs was retired in favour of a sequence of items that hold a PatientID each.
_OTHER_IDS = "OtherPatientIDsSequence"
PRIVATE_TAGS = [*UIDS, *PERSONS, *DATES, *TIMES, *NUMBERS, *PLACES, *DESCRIPTIONS, _OTHER_IDS]
_KINDS = {tag_for_keyword(keyword): keyword for keyword in PRIVATE_TAGS}


def private_values(header: pydicom.Dataset) -> list[tuple[str, str]]:
    """Collect a header's identifying values.

    Args:
        header: read with (at least) :data:`PRIVATE_TAGS`; values nobody has looked at yet are cheap.

    Returns:
        kind (DICOM keyword) and value, each line and each of several values apart, spaces collapsed.
    """
    found = []
    for tag in list(header.keys()):
        kind = _KINDS.get(tag)
        if kind is not None:
            found += [(kind.removesuffix("Sequence"), part) for part in _parts(_text(header, tag))]
    return found


def _text(header: pydicom.Dataset, tag: int) -> bytes | str:
    """Give an element's value undecoded where it is plain ASCII that nobody has looked at, else as text."""
    value = header.get_item(tag).value
    if isinstance(value, bytes) and value.isascii() and _KINDS[tag] != _OTHER_IDS:
        return value
    try:
        decoded = header[tag].value  # by its character set
    except Exception:  # a damaged element may raise anything; the image may still be of use
        return value.decode("latin-1") if isinstance(value, bytes) else ""
    if isinstance(decoded, pydicom.Sequence):
        return "\n".join(str(item.get("PatientID", "")) for item in decoded)
    several = isinstance(decoded, pydicom.multival.MultiValue | list)
    return "\n".join(map(str, decoded)) if several else str(decoded or "")


@lru_cache(maxsize=4096)
def _parts(value: bytes | str) -> tuple[str, ...]:
    """Split a value into its several values and lines."""
    text = value.decode("ascii") if isinstance(value, bytes) else value
    parts = text[:LONGEST_TEXT].replace("\0", "").replace("\\", "\n").splitlines()
    return tuple(filter(None, (" ".join(part.split()) for part in parts)))


def path_names(paths: Iterable[str]) -> set[tuple[str, str]]:
    """Collect the names of files and folders on these paths, which are within the data folder."""
    folders, names = set(), set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        folders.add(folder)
        names.add(("FileName", name))
    return names | {("FolderName", part) for folder in folders for part in folder.split("/") if part}


class PrivateValues:
    """The distinct private values of a data set, collected while its headers are read."""

    def __init__(self) -> None:  # noqa: D107
        self._values: dict[str, set[str]] = defaultdict(set)

    def add(self, values: Iterable[tuple[str, str]]) -> None:
        """Add pairs of kind and value."""
        for kind, value in values:
            self._values[kind].add(value)

    def write(self, path: Path) -> None:
        """Write the private table: one row per kind and distinct value, sorted."""
        rows = ((kind, value) for kind in sorted(self._values) for value in sorted(self._values[kind]))
        write_private(rows, path)


def write_private(rows: Iterable[tuple[str, str]], path: Path) -> None:
    """Write a private table, ``kind value``, one row at a time: there may be millions."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", **_TEXT) as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["kind", "value"])
        writer.writerows((kind, value.replace("\r", " ")) for kind, value in rows)


def read_private(path: Path) -> Iterator[tuple[str, str]]:
    """Read pairs of kind and value from a private table, one at a time."""
    with path.open(newline="", **_TEXT) as file:
        rows = csv.reader(file, delimiter="\t")
        next(rows)
        for kind, value in rows:
            yield sys.intern(kind), value
