"""Reference masks from DICOM files: which kind of object it is, and whether it speaks of this scan."""

from pathlib import Path

import numpy as np
import pydicom
from pydicom import Dataset

from smartnet.volume.masks.rtstruct import read_rtstruct
from smartnet.volume.masks.scan import MaskError, Scan
from smartnet.volume.masks.seg import read_seg

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # its warnings quote identifiers

_READERS = {
    "1.2.840.10008.5.1.4.1.1.66.4": read_seg,
    "1.2.840.10008.5.1.4.1.1.66.7": read_seg,  # label map (Supplement 243)
    "1.2.840.10008.5.1.4.1.1.481.3": read_rtstruct,
}
_RT_STUDIES = ("ReferencedFrameOfReferenceSequence", "RTReferencedStudySequence")
_RT_SERIES = (*_RT_STUDIES, "RTReferencedSeriesSequence")
_OTHER_STUDIES = "StudiesContainingOtherReferencedInstancesSequence"
_SERIES = [("ReferencedSeriesSequence",), (_OTHER_STUDIES, "ReferencedSeriesSequence"), _RT_SERIES]
_INSTANCES = [
    ("SharedFunctionalGroupsSequence", "DerivationImageSequence", "SourceImageSequence"),
    ("PerFrameFunctionalGroupsSequence", "DerivationImageSequence", "SourceImageSequence"),
    ("ROIContourSequence", "ContourSequence", "ContourImageSequence"),
]


def is_dicom(path: Path) -> bool:
    """Tell DICOM by its content; treatment planning systems are known to leave the preamble out."""
    with Path(path).open("rb") as file:
        start = file.read(132)
    return start[128:] == b"DICM" or start[:2] in (b"\x02\x00", b"\x08\x00")


def read_dicom_mask(path: Path, scan: Scan) -> np.ndarray:
    """Read a DICOM SEG or RTSTRUCT; gives (z, y, x) uint8 labels on the scan's raw grid.

    Raises:
        MaskError: it cannot be read, is another kind of object, or refers to another series or study.
        MisfitError: it does not lie on the scan's grid.
    """
    try:
        dataset = pydicom.dcmread(path, force=True)  # is_dicom has looked
        sop_class = dataset.SOPClassUID
    except Exception as error:  # damaged files raise anything
        raise MaskError(
            f"cannot be read as DICOM ({type(error).__name__}): export it again as SEG or RTSTRUCT"
        ) from error
    if sop_class not in _READERS:
        raise MaskError(
            f"is a DICOM object of another kind ({sop_class.name}): give a SEG or an RTSTRUCT (or NIfTI)"
        )
    _check_references(dataset, scan)
    if scan.plane != "axial":
        raise MaskError(
            f"is DICOM, but masks of {scan.plane} scans are read from NIfTI only: save it as NIfTI"
        )
    return _READERS[sop_class](dataset, scan)


def _check_references(dataset: Dataset, scan: Scan) -> None:
    """Refuse a mask of another scan, by the most telling UIDs that are given.

    Those are the referenced series, else the referenced images, else the referenced study, else its own.
    """
    series = _uids(_items(dataset, _SERIES), "SeriesInstanceUID")
    images = _uids(_items(dataset, _INSTANCES), "ReferencedSOPInstanceUID")
    study = _uids(_items(dataset, [_RT_STUDIES]), "ReferencedSOPInstanceUID")
    for what, given, wanted in (
        ("another series", series, {scan.series_uid}),
        ("images of another series", images, scan.instance_uids),
        ("another study", study or _uids([dataset], "StudyInstanceUID"), {scan.study_uid}),
    ):
        if given and any(wanted):
            if not given & wanted:
                raise MaskError(
                    f"refers to {what} than this scan's: correct the mask's name in labels.tsv, or export it "
                    "again for this series"
                )
            return


def _uids(items: list[Dataset], keyword: str) -> set[str]:
    """Give the values of a UID in these items, where it has one."""
    return {str(item.get(keyword) or "").strip() for item in items} - {""}


def _items(dataset: Dataset, paths: list[tuple[str, ...]]) -> list[Dataset]:
    """Give all items at the end of these paths of sequences."""
    found = []
    for path in paths:
        items = [dataset]
        for keyword in path:
            items = [child for item in items for child in item.get(keyword) or []]
        found += items
    return found
