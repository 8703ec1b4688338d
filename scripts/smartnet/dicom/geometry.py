"""The geometry of a stack of slices, from position and orientation vectors alone (DICOM PS3.3 C.7.6.2).

Nominal tags (gantry tilt, spacing between slices, instance number) are never consulted: vendors disagree on
their sign and meaning, and they survive resampling.
"""

from dataclasses import dataclass

import numpy as np

MIN_SLICES = 4
DUPLICATE_MM = 0.01
GAP_FACTOR = 1.5  # a gap this many medians wide means that a slice is missing
UNEVEN_FRACTION = 0.02
ORIENTATION_TOLERANCE = 1e-3  # of a direction cosine, about 0.06 degrees


class GeometryError(ValueError):
    """The slices do not make one evenly spaced axial stack; the text is the reason, ready for a table."""


@dataclass(frozen=True)
class Stack:
    """An evenly spaced stack, slices from inferior to superior.

    Attributes:
        order: for each slice k, its index in the arrays the stack was built from.
        positions_mm: (n, 3) world LPS of the centre of each slice's first voxel, in stack order.
        row_direction: unit vector along which the column index grows.
        column_direction: unit vector along which the row index grows.
        normal: unit vector perpendicular to the slices, towards superior.
        pixel_spacing_mm: (between rows, between columns), as DICOM has it.
        slice_spacing_mm: median gap along the normal.
    """

    order: np.ndarray
    positions_mm: np.ndarray
    row_direction: np.ndarray
    column_direction: np.ndarray
    normal: np.ndarray
    pixel_spacing_mm: tuple[float, float]
    slice_spacing_mm: float

    @property
    def projections_mm(self) -> np.ndarray:
        """(n,) position of each slice along the normal."""
        return self.positions_mm @ self.normal

    @property
    def travel(self) -> np.ndarray:
        """Mean step from one slice to the next, (3,) mm."""
        return (self.positions_mm[-1] - self.positions_mm[0]) / (len(self.positions_mm) - 1)

    @property
    def tilt_deg(self) -> float:
        """Signed angle from the travel of the positions to the slice normal (gantry tilt).

        Positive is the right-handed sense about the patient's left axis (for a tilt about another axis:
        about that one's largest component).
        """
        travel = self.travel / np.linalg.norm(self.travel)
        axis = np.cross(travel, self.normal)
        sine = float(np.linalg.norm(axis))
        sign = 1.0 if axis[int(np.argmax(np.abs(axis)))] >= 0 else -1.0
        return sign * float(np.degrees(np.arctan2(sine, float(travel @ self.normal))))

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) from voxel (x = column, y = row, z = slice) to world LPS mm; sheared if tilted."""
        matrix = np.eye(4)
        matrix[:3, 0] = self.row_direction * self.pixel_spacing_mm[1]
        matrix[:3, 1] = self.column_direction * self.pixel_spacing_mm[0]
        matrix[:3, 2] = self.travel
        matrix[:3, 3] = self.positions_mm[0]
        return matrix


def build_stack(positions_mm: np.ndarray, orientations: np.ndarray, pixel_spacings_mm: np.ndarray) -> Stack:
    """Order slices by the projection of their position on the slice normal and check their geometry.

    Args:
        positions_mm: (n, 3) ImagePositionPatient, any order.
        orientations: (n, 6) ImageOrientationPatient: row direction, then column direction.
        pixel_spacings_mm: (n, 2) between rows, between columns.

    Returns:
        the stack; equal whatever the order of the input.

    Raises:
        GeometryError: fewer than 4 slices, mixed or non-axial orientation, mixed pixel spacing, duplicate
            positions, a missing slice, uneven spacing.
    """
    if len(positions_mm) < MIN_SLICES:
        raise GeometryError(f"not a stack: {len(positions_mm)} slices, fewer than {MIN_SLICES}")
    if not all(np.isfinite(values).all() for values in (positions_mm, orientations, pixel_spacings_mm)):
        raise GeometryError("position, orientation or pixel spacing missing in some slices")
    if np.ptp(orientations, axis=0).max() > ORIENTATION_TOLERANCE:
        raise GeometryError("slices of mixed orientation")
    if np.ptp(pixel_spacings_mm, axis=0).max() > ORIENTATION_TOLERANCE * pixel_spacings_mm.max():
        raise GeometryError("slices of mixed pixel spacing")
    row, column, normal = slice_axes(np.median(orientations, axis=0))
    order = np.argsort(positions_mm @ normal, kind="stable")
    gaps = np.diff(positions_mm[order] @ normal)
    return Stack(
        order=order,
        positions_mm=positions_mm[order],
        row_direction=row,
        column_direction=column,
        normal=normal,
        pixel_spacing_mm=tuple(float(value) for value in np.median(pixel_spacings_mm, axis=0)),
        slice_spacing_mm=check_gaps(gaps),
    )


def slice_axes(orientation: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make unit row, column and normal directions of (6,) ImageOrientationPatient; the normal points up.

    Raises:
        GeometryError: the directions are no right angle, or the slices are not axial.
    """
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(row @ column) > 0.01:
        raise GeometryError("orientation vectors are not perpendicular unit vectors")
    row = row / lengths[0]
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    normal = np.cross(row, column)
    axis = int(np.argmax(np.abs(normal)))
    if axis != 2:
        raise GeometryError(f"slices are {('sagittal', 'coronal')[axis]}, not axial")
    return row, column, normal if normal[2] > 0 else -normal


def check_gaps(gaps_mm: np.ndarray) -> float:
    """Check the gaps between neighbouring slices, (n - 1,) mm along the normal; give their median.

    Raises:
        GeometryError: duplicate positions, a missing slice (a gap above 1.5 medians) or uneven spacing
            (a gap more than 2 % off the median).
    """
    duplicates = int((gaps_mm < DUPLICATE_MM).sum())
    if duplicates:
        raise GeometryError(f"duplicate positions: {duplicates} slices lie where another one lies")
    median = float(np.median(gaps_mm))
    widest = float(gaps_mm.max())
    if widest > GAP_FACTOR * median:
        raise GeometryError(f"missing slice: a gap of {widest:.3f} mm where {median:.3f} mm is usual")
    worst = float(np.abs(gaps_mm - median).max())
    if worst > UNEVEN_FRACTION * median:
        raise GeometryError(
            f"uneven spacing: gaps of {gaps_mm.min():.3f} to {widest:.3f} mm, median {median:.3f} mm"
        )
    return median
