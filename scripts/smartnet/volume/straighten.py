"""Orientation, gantry tilt and uneven gaps: from a stack as scanned to a straight, even volume with LPS axes.

A tilted gantry moves the patient along the table but images planes at an angle to it, so slices are shifted
in their own plane against each other. Undoing that shift slice by slice needs no interpolation across slices:
slice k stays slice k, and a slice label stays true.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from smartnet.dicom.geometry import UNEVEN_FRACTION
from smartnet.dicom.pixels import PADDING_HU

STRAIGHT_PX = 0.1  # stacks whose slices are off by less than this are taken as straight, untouched


@dataclass(frozen=True)
class Shear:
    """The in-plane shift of each slice.

    Attributes:
        shifts_px: (n, 2) along the plane's two axes of the LPS volume, in array order ((y, x) of axial
            slices): what stands at voxel v of raw slice k belongs to voxel v + shift of the straight volume.
        affine: (4, 4) of the straight volume, voxel (x, y, z) to world LPS mm; the column of the slice axis
            is perpendicular to the slices, as long as the mean gap along the normal.
        axis: array axis of the slices in (z, y, x): 0 axial, 1 coronal, 2 sagittal.
    """

    shifts_px: np.ndarray
    affine: np.ndarray
    axis: int = 0

    @property
    def is_straight(self) -> bool:
        """Tell whether the stack needs no shift at all."""
        return bool(np.abs(self.shifts_px).max() < STRAIGHT_PX)

    @property
    def interpolated(self) -> np.ndarray:
        """(n,) bool: which slices :func:`straighten` changes."""
        return (np.abs(self.shifts_px).max(axis=1) > 1e-6) & (not self.is_straight)


def to_lps(array: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Permute and flip a volume's axes so that x grows to the left, y to posterior, z to superior.

    Args:
        array: voxels (z, y, x).
        affine: (4, 4) voxel (x, y, z) to world LPS mm, oblique or sheared as it may be.

    Returns:
        the view with axes nearest to LPS, and its affine; no voxel is interpolated or moved in the world.
    """
    from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation

    orientation = io_orientation(affine)
    turned = apply_orientation(array.transpose(2, 1, 0), orientation)
    return turned.transpose(2, 1, 0), affine @ inv_ornt_aff(orientation, array.shape[::-1])


def measure_shear(affine: np.ndarray, positions_mm: np.ndarray, normal: np.ndarray) -> Shear:
    """Measure how far each slice is shifted in its plane against the middle one.

    Args:
        affine: (4, 4) of the raw stack in LPS axes (see :func:`to_lps`), the column of its slice axis the
            mean travel.
        positions_mm: (n, 3) ImagePositionPatient of the slices in the direction of the normal.
        normal: (3,) unit normal of the slices, towards superior (posterior, left).

    Returns:
        the shifts and the affine of the straight volume. The middle slice stays where it is, so that as
        little as possible of the head leaves the unchanged matrix.
    """
    middle = len(positions_mm) // 2
    offsets = positions_mm - positions_mm[middle]
    along_mm = offsets @ normal
    in_plane_mm = offsets - along_mm[:, None] * normal
    slices = int(
        np.argmax(np.abs(normal))
    )  # column of the affine; the others, last one first, are array axes
    plane = [column for column in (2, 1, 0) if column != slices]
    shifts = [(in_plane_mm @ affine[:3, column]) / np.sum(affine[:3, column] ** 2) for column in plane]
    gap_mm = (along_mm[-1] - along_mm[0]) / (len(positions_mm) - 1)
    straight = affine.copy()
    straight[:3, slices] = gap_mm * normal
    # The middle slice stays; where the gaps are uneven, the first one's place along the normal is kept.
    straight[:3, 3] += in_plane_mm[middle] - in_plane_mm[0]
    return Shear(np.stack(shifts, axis=1), straight, axis=2 - slices)


def straighten(volume: np.ndarray, shear: Shear, *, order: int) -> np.ndarray:
    """Shift each slice in its own plane; the matrix keeps its size.

    Args:
        volume: (z, y, x) int16 HU or uint8 labels.
        shear: the shifts.
        order: 1 linear for HU (what comes in is -1024), 0 nearest for labels (what comes in is 0).

    Returns:
        (z, y, x) of the same type; the very same array if the stack is straight.
    """
    if shear.is_straight:
        return volume
    fill = PADDING_HU if order else 0
    straight = np.empty_like(volume)
    planes, targets = (np.moveaxis(array, shear.axis, 0) for array in (volume, straight))
    for plane, target, shift in zip(planes, targets, shear.shifts_px, strict=True):
        moved = ndimage.shift(
            plane.astype(np.float32), shift, order=order, mode="grid-constant", cval=fill, prefilter=False
        )
        target[...] = np.rint(moved)
    return straight


def even_places(projections_mm: np.ndarray) -> np.ndarray:
    """Where evenly spaced slices should stand that lose nothing: as close as the closest of the stack.

    Args:
        projections_mm: (n,) positions along the normal, ascending, with whatever gaps.

    Returns:
        (m,) even positions from the first to the last, in units of the stack's slices (2.25: a quarter of
        the way from slice 2 to slice 3).
    """
    extent_mm = projections_mm[-1] - projections_mm[0]
    count = int(np.ceil(extent_mm / np.diff(projections_mm).min() - UNEVEN_FRACTION)) + 1
    even_mm = np.linspace(projections_mm[0], projections_mm[-1], count)
    return np.interp(even_mm, projections_mm, np.arange(len(projections_mm)))


def interpolate_slices(volume: np.ndarray, places: np.ndarray, *, axis: int, order: int) -> np.ndarray:
    """Take slices at fractional places.

    Args:
        volume: (z, y, x) int16 HU or uint8 labels.
        places: (m,) in units of slices.
        axis: array axis of the slices.
        order: 1 linear for HU, 0 nearest for labels.

    Returns:
        the same type, m slices along ``axis``.
    """
    planes = np.moveaxis(volume, axis, 0)
    if order == 0:
        return np.moveaxis(planes[np.rint(places).astype(int)], 0, axis)
    low = np.minimum(np.floor(places).astype(int), len(planes) - 2)
    share = (places - low).astype(np.float32)
    made = np.empty((len(places), *planes.shape[1:]), volume.dtype)
    for target, first, part in zip(made, low, share, strict=True):
        target[...] = np.rint(planes[first] * (1 - part) + planes[first + 1] * part)
    return np.moveaxis(made, 0, axis)
