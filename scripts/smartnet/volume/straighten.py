"""Orientation and gantry tilt: from a sheared stack to a straight volume with LPS axes.

A tilted gantry moves the patient along the table but images planes at an angle to it, so slices are shifted
in their own plane against each other. Undoing that shift slice by slice needs no interpolation across slices:
slice k stays slice k, and a slice label stays true.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from smartnet.dicom.pixels import PADDING_HU

STRAIGHT_PX = 0.1  # stacks whose slices are off by less than this are taken as straight, untouched


@dataclass(frozen=True)
class Shear:
    """The in-plane shift of each slice.

    Attributes:
        shifts_px: (n, 2) along (y, x) of the LPS volume: what stands at voxel v of raw slice k belongs to
            voxel v + shift of the straight volume.
        affine: (4, 4) of the straight volume, voxel (x, y, z) to world LPS mm; third column perpendicular to
            the slices, as long as the gap along the normal.
    """

    shifts_px: np.ndarray
    affine: np.ndarray

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
        affine: (4, 4) of the raw stack in LPS axes (see :func:`to_lps`), its third column the mean travel.
        positions_mm: (n, 3) ImagePositionPatient of the slices from inferior to superior.
        normal: (3,) unit normal of the slices, towards superior.

    Returns:
        the shifts and the affine of the straight volume. The middle slice stays where it is, so that as
        little as possible of the head leaves the unchanged matrix.
    """
    middle = len(positions_mm) // 2
    offsets = positions_mm - positions_mm[middle]
    along_mm = offsets @ normal
    in_plane_mm = offsets - along_mm[:, None] * normal
    spacing_mm = np.linalg.norm(affine[:3, :2], axis=0)
    x_px, y_px = ((in_plane_mm @ affine[:3, axis]) / spacing_mm[axis] ** 2 for axis in (0, 1))
    gap_mm = (along_mm[-1] - along_mm[0]) / (len(positions_mm) - 1)
    straight = affine.copy()
    straight[:3, 2] = gap_mm * normal
    straight[:3, 3] += positions_mm[middle] - positions_mm[0] - middle * gap_mm * normal
    return Shear(np.stack([y_px, x_px], axis=1), straight)


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
    for plane, target, shift in zip(volume, straight, shear.shifts_px, strict=True):
        moved = ndimage.shift(
            plane.astype(np.float32), shift, order=order, mode="grid-constant", cval=fill, prefilter=False
        )
        target[...] = np.rint(moved)
    return straight
