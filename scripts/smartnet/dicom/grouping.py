"""Which files make a series that can become a volume, and which series stands for a study."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from smartnet.dicom.discovery import CT_SOP_CLASSES
from smartnet.dicom.geometry import GeometryError, Stack, build_stack

_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


@dataclass(frozen=True)
class Series:
    """One series of the index.

    Attributes:
        files: its rows of the index; those of an accepted stack in slice order (inferior to superior).
        stack: geometry, None if rejected.
        reason: why it cannot become a volume, empty if it can.
    """

    files: pd.DataFrame
    stack: Stack | None
    reason: str


def file_reason(row: "pd.Series[str]") -> str:
    """Tell why one file of the index is no axial CT image, empty if it is one.

    The ImageType values are those of the CT Image module (DICOM PS3.3 C.8.2.1.1.1). A derived image that
    still calls itself PRIMARY and AXIAL is kept: lossy compression alone makes an original image DERIVED.
    """
    sop_class, image_type = row["sop_class"], row["image_type"].upper().split("\\")
    if sop_class.startswith(_SECONDARY_CAPTURE):
        return "secondary capture"
    if sop_class not in CT_SOP_CLASSES and (sop_class or row["modality"] != "CT"):
        return f"no CT image (modality {row['modality'] or 'not given'})"
    if "LOCALIZER" in image_type:
        return "localizer"
    if "SECONDARY" in image_type or ("DERIVED" in image_type and "AXIAL" not in image_type):
        return "derived images (reformat or projection)"
    if sop_class not in (_CT_IMAGE, "") or (row["frames"] or "1") != "1":
        return "enhanced multi-frame CT is not read yet"
    return ""


def read_series(files: pd.DataFrame) -> Series:
    """Judge one series from its headers.

    Args:
        files: the rows of the index with one series UID. A localizer or screen capture that shares the
            series with axial slices is left out; the rest must be one stack.

    Returns:
        the series with its verdict.
    """
    files = files.sort_values(["instance_uid", "path"], ignore_index=True)
    reasons = files.apply(file_reason, axis=1)
    usable = files[reasons == ""].reset_index(drop=True)
    if usable.empty:
        kinds = reasons.value_counts()
        reason = min(kinds.index, key=lambda kind: (-kinds[kind], kind))
        return Series(files, None, reason)
    try:
        stack = stack_of(usable)
    except GeometryError as error:
        return Series(usable, None, str(error))
    return Series(usable.iloc[stack.order].reset_index(drop=True), stack, "")


def stack_of(files: pd.DataFrame) -> Stack:
    """Build the stack of a series from its rows of the index (or of the identity table).

    Raises:
        GeometryError: the slices differ in size or do not make a stack.
    """
    sizes = files[["rows", "columns"]].drop_duplicates()
    if len(sizes) > 1:
        shapes = ", ".join(sorted(f"{row}x{column}" for row, column in sizes.to_numpy()))
        raise GeometryError(f"slices of mixed size: {shapes}")
    return build_stack(
        parse_vectors(files["position"], 3),
        parse_vectors(files["orientation"], 6),
        parse_vectors(files["pixel_spacing"], 2),
    )


def parse_vectors(texts: "pd.Series[str]", length: int) -> np.ndarray:
    """Parse backslash-separated numbers to (n, length) float64; what cannot be parsed becomes NaN."""
    vectors = np.full((len(texts), length), np.nan)
    for index, text in enumerate(texts):
        parts = str(text).split("\\")
        try:
            if len(parts) == length:
                vectors[index] = [float(part) for part in parts]
        except ValueError:
            continue
    return vectors


def choose_series(series: dict[str, Series]) -> dict[str, str]:
    """Choose one of several usable series of a study: the one with most slices, then the lower series UID.

    Args:
        series: usable series of one study by series UID.

    Returns:
        the reason for every series that is not chosen.
    """
    best = min(series, key=lambda uid: (-len(series[uid].files), uid))
    count = len(series[best].files)
    return {
        uid: f"another series of the study has more slices ({count} against {len(other.files)})"
        if len(other.files) < count
        else f"another series of the study with as many slices ({count}) was taken"
        for uid, other in series.items()
        if uid != best
    }
