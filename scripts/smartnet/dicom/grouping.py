"""Which files of a series make stacks that can become volumes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from smartnet.dicom.discovery import CT_SOP_CLASSES, ENHANCED_CT_CLASSES, NAMELESS
from smartnet.dicom.geometry import (
    ORIENTATION_TOLERANCE,
    GeometryError,
    Stack,
    build_stack,
    coincide,
    slice_axes,
)
from smartnet.dicom.pixels import same_pixels

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_GRID = ["rows", "columns"]
FIELD_MM = (20.0, 1000.0)  # sides of an image that are possible
GAP_MM = (0.05, 30.0)  # gaps between slices that are possible


@dataclass(frozen=True)
class Series:
    """Slices that belong together: a series of the index, or a part of it with one orientation and grid.

    Attributes:
        files: its rows of the index; those of a stack in slice order.
        stack: geometry, None if rejected by it.
        reason: why it cannot become a volume, empty if it can.
        part: what tells it from other parts of its series, empty if there are none.
        flags: what was seen and is no reason to reject.
    """

    files: pd.DataFrame
    stack: Stack | None
    reason: str
    part: str = ""
    flags: tuple[str, ...] = ()


def file_reason(row: "pd.Series[str]") -> str:
    """Tell why one row of the index is no CT image of a stack, empty if it is one.

    The ImageType values are those of the CT Image module (DICOM PS3.3 C.8.2.1.1.1). A derived image that
    still calls itself PRIMARY and AXIAL is kept: lossy compression alone makes an original image DERIVED.
    """
    sop_class, image_type = row["sop_class"], row["image_type"].upper().split("\\")
    derived = "SECONDARY" in image_type or ("DERIVED" in image_type and "AXIAL" not in image_type)
    several = sop_class not in ENHANCED_CT_CLASSES and (row["frames"] or "1") != "1"
    no_ct = sop_class not in CT_SOP_CLASSES and (sop_class or row["modality"] != "CT")
    findings = {
        row["error"]: row["error"] != "",
        "secondary capture": sop_class.startswith(_SECONDARY_CAPTURE),
        f"no CT image (modality {row['modality'] or 'not given'})": no_ct,
        "localizer": "LOCALIZER" in image_type,
        "derived images (reformat or projection)": derived,
        f"{row['frames']} frames in an object that is no enhanced CT": several,
    }
    return next((reason for reason, holds in findings.items() if holds), "")


def read_series(files: pd.DataFrame) -> list[Series]:
    """Judge one series from its headers.

    Args:
        files: the rows of the index with one series UID. A localizer or screen capture that shares the
            series with slices is left out; slices of another orientation, grid or (where positions repeat)
            acquisition are a part of their own.

    Returns:
        the series with its verdict, or its parts.
    """
    files = files.sort_values(["instance_uid", "frame", "path"], ignore_index=True)
    reasons = files.apply(file_reason, axis=1)
    usable = files[reasons == ""].reset_index(drop=True)
    if usable.empty:
        kinds = reasons.value_counts()
        reason = min(kinds.index, key=lambda kind: (-kinds[kind], kind))
        return [Series(files, None, reason)]
    parts = [judged for part in _parts(usable) for judged in _judge(part)]
    return [replace(parts[0], part="")] if len(parts) == 1 else parts


def _parts(files: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Divide the slices of a series by matrix, orientation and pixel spacing."""
    orientation = parse_vectors(files["orientation"], 6)
    spacing = parse_vectors(files["pixel_spacing"], 2)
    # Directions are cosines and spacings near 1 mm, so that one tolerance serves both.
    vectors = np.nan_to_num(np.hstack([orientation, spacing]), nan=9.0)
    for _, rows in files.groupby(_GRID, sort=True).groups.items():
        left = np.asarray(rows)
        while len(left):
            near = np.abs(vectors[left] - vectors[left[0]]).max(axis=1) <= ORIENTATION_TOLERANCE
            yield files.loc[left[near]].reset_index(drop=True)
            left = left[~near]


def _judge(files: pd.DataFrame) -> list[Series]:
    """Make a stack, after slices that stand at one position are told apart by pixels or acquisition."""
    files, copies = _without_copies(files)
    if copies is None:
        parts = [_without_copies(part.reset_index(drop=True)) for _, part in files.groupby("acquisition")]
        series = [_series(part, copied or 0) for part, copied in parts]
        if any(one.stack for one in series):
            return series
    return [_series(files, copies or 0)]


def _without_copies(files: pd.DataFrame) -> tuple[pd.DataFrame, int | None]:
    """Drop slices at the position of another one with equal pixels.

    Returns:
        the rest, and how many were dropped; None if pixels at one position differ: then nothing is dropped.
    """
    try:
        twins = _twins(files)
    except GeometryError:
        return files, 0
    dropped: list[int] = []
    for group in twins:
        kept, *others = group
        for other in others:
            if not same_pixels(*(tuple(files.loc[i, ["path", "frame"]]) for i in (kept, other))):
                return files, None
        dropped += others
    return files.drop(index=dropped).reset_index(drop=True), len(dropped)


def _twins(files: pd.DataFrame) -> list[list[int]]:
    """Groups of rows that stand at one position along the normal."""
    positions, orientations = parse_vectors(files["position"], 3), parse_vectors(files["orientation"], 6)
    if not (np.isfinite(positions).all() and np.isfinite(orientations).all()):
        return []
    along = positions @ slice_axes(np.median(orientations, axis=0))[2]
    order = np.argsort(along, kind="stable")
    runs = np.split(order, np.flatnonzero(~coincide(np.diff(along[order]))) + 1)
    return [sorted(run.tolist()) for run in runs if len(run) > 1]


def _series(files: pd.DataFrame, copies: int) -> Series:
    first = files.iloc[0]
    part = "|".join([*first[[*_GRID, "orientation", "pixel_spacing", "acquisition"]]])
    try:
        stack = stack_of(files)
    except GeometryError as error:
        return Series(files, None, str(error), part)
    flags = [f"{copies} copies of slices left out"] if copies else []
    if first["series_uid"].startswith(NAMELESS):
        flags.append("no SeriesInstanceUID: the files of one folder were taken as a series")
    thickness = parse_vectors(files["slice_thickness"], 1)[:, 0]
    if np.isfinite(thickness).any() and np.nanmedian(thickness) > 1.1 * stack.slice_spacing_mm:
        flags.append(
            f"overlapping slices: {np.nanmedian(thickness):.2f} mm every {stack.slice_spacing_mm:.2f} mm"
        )
    return Series(files.iloc[stack.order].reset_index(drop=True), stack, "", part, tuple(flags))


def stack_of(files: pd.DataFrame) -> Stack:
    """Build the stack of a series from its rows of the index (or of the identity table).

    Raises:
        GeometryError: the slices differ in size, do not make a stack, or have impossible sizes in mm.
    """
    sizes = files[_GRID].drop_duplicates()
    if len(sizes) > 1:
        shapes = ", ".join(sorted(f"{row}x{column}" for row, column in sizes.to_numpy()))
        raise GeometryError(f"slices of mixed size: {shapes}")
    stack = build_stack(
        parse_vectors(files["position"], 3),
        parse_vectors(files["orientation"], 6),
        parse_vectors(files["pixel_spacing"], 2),
    )
    sides_mm = parse_vectors(sizes[_GRID].agg("\\".join, axis=1), 2)[0] * stack.pixel_spacing_mm
    if not (np.all(sides_mm >= FIELD_MM[0]) and np.all(sides_mm <= FIELD_MM[1])):
        raise GeometryError(f"impossible image of {sides_mm[0]:.1f} x {sides_mm[1]:.1f} mm")
    if not GAP_MM[0] <= stack.slice_spacing_mm <= GAP_MM[1]:
        raise GeometryError(f"impossible gap of {stack.slice_spacing_mm:.3f} mm between slices")
    return stack


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
