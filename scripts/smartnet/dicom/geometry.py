"""The geometry of a stack of slices, from position and orientation vectors alone (DICOM PS3.3 C.7.6.2).

Nominal tags (gantry tilt, spacing between slices, instance number) are never consulted: vendors disagree on
their sign and meaning, and they survive resampling.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MIN_SLICES = 4
ORIENTATION_TOLERANCE = 1e-3  # of a direction cosine, about 0.06 degrees
PLANES = ("sagittal", "coronal", "axial")  # by the patient axis (x, y, z) that the normal is nearest to
# Gaps between neighbouring slices, as fractions of the median gap:
DUPLICATE_FRACTION = 0.01  # closer than this, two slices lie at one position
UNEVEN_FRACTION = 0.02  # further off the median than this, the stack is uneven
BAND_FRACTION = 0.1  # gaps this close to each other belong to one band
MISSING_FACTOR = 1.5  # a gap this much wider than the next band's means that a slice is missing,
BAND_GAPS = 3  # unless so many in a row are as wide: protocols scan the vertex more coarsely than the base


class GeometryError(ValueError):
    """The slices do not make one stack; the text is the reason, ready for a table."""


@dataclass(frozen=True)
class Stack:
    """A stack of parallel slices, from inferior to superior (coronal: to posterior, sagittal: to left).

    Attributes:
        order: for each slice k, its index in the arrays the stack was built from.
        positions_mm: (n, 3) world LPS of the centre of each slice's first voxel, in stack order.
        row_direction: unit vector along which the column index grows.
        column_direction: unit vector along which the row index grows.
        normal: unit vector perpendicular to the slices, towards superior (posterior, left).
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
    def plane(self) -> str:
        """``axial``, ``coronal`` or ``sagittal``, whichever is nearest."""
        return PLANES[int(np.argmax(np.abs(self.normal)))]

    @property
    def is_even(self) -> bool:
        """Tell whether every gap is within 2 % of the median."""
        off_mm = np.abs(np.diff(self.projections_mm) - self.slice_spacing_mm)
        return bool(off_mm.max() <= UNEVEN_FRACTION * self.slice_spacing_mm)

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
        GeometryError: fewer than 4 slices, mixed orientation or pixel spacing, duplicate positions, a
            missing slice. Uneven spacing is no error: see ``Stack.is_even``.
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
    """Make unit row, column and normal directions of (6,) ImageOrientationPatient.

    The normal points to superior, or to whichever of left, posterior, superior it is nearest to.

    Raises:
        GeometryError: the directions are no right angle.
    """
    row, column = orientation[:3], orientation[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if min(lengths) < 0.9 or max(lengths) > 1.1 or abs(row @ column) > 0.01:
        raise GeometryError("orientation vectors are not perpendicular unit vectors")
    row = row / lengths[0]
    column = column - (column @ row) * row
    column = column / np.linalg.norm(column)
    normal = np.cross(row, column)
    return row, column, normal if normal[int(np.argmax(np.abs(normal)))] > 0 else -normal


def coincide(gaps_mm: np.ndarray) -> np.ndarray:
    """Tell which gaps are none: (n - 1,) bool, below a hundredth of the median of the others."""
    apart = gaps_mm[gaps_mm > 1e-3]
    return gaps_mm <= max(DUPLICATE_FRACTION * float(np.median(apart)) if len(apart) else 0.0, 1e-3)


def check_gaps(gaps_mm: np.ndarray) -> float:
    """Check the gaps between neighbouring slices, (n - 1,) mm along the normal; give their median.

    Raises:
        GeometryError: duplicate positions, or a missing slice: one or two gaps in a row that are more than
            1.5 times as wide as those beside them.
    """
    median, duplicates = float(np.median(gaps_mm)), int(coincide(gaps_mm).sum())
    if duplicates:
        raise GeometryError(f"duplicate positions: {duplicates} slices lie where another one lies")
    borders = np.flatnonzero(np.abs(np.diff(gaps_mm)) > BAND_FRACTION * np.minimum(gaps_mm[1:], gaps_mm[:-1]))
    bands = np.split(gaps_mm, borders + 1)
    for first, second in pairwise(bands):
        wide, narrow = (first, second) if first.mean() > second.mean() else (second, first)
        if len(wide) < BAND_GAPS and wide.mean() > MISSING_FACTOR * narrow.mean():
            raise GeometryError(
                f"missing slice: a gap of {wide.max():.3f} mm beside gaps of {narrow.mean():.3f} mm"
            )
    return median
