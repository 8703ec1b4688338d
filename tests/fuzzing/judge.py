"""Is an accepted volume what the scan was? Every voxel is looked up at its place in the world."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from fuzzing.seeds import Planes
from smartnet.files import read_nifti

RIGHT, FEWER, OTHER = "right", "right, fewer slices", "other"
_AIR_HU = -900  # below this, air and padding are one
_OFF_HU = 2  # two roundings
_WRONG_SHARE = 2e-3  # of the voxels: the border of a shifted slice
_SNAP_PX = 0.1  # a stack that is straight but for this is left untouched


@dataclass(frozen=True)
class Found:
    """A volume that was accepted: ``hu`` (z, y, x), ``affine`` voxel (x, y, z) to world LPS mm."""

    hu: np.ndarray
    affine: np.ndarray


def read_found(path: Path) -> Found:
    return Found(*read_nifti(path))


def compare(found: Found, truth: Planes) -> tuple[str, str]:
    """Compare a volume with the truth.

    Returns:
        ``right``, ``right, fewer slices`` or ``other``, and what is wrong.
    """
    exact = _compare(found, truth, snap=1e-3)
    return exact if exact[0] != OTHER else _compare(found, truth, snap=_SNAP_PX)


def _compare(found: Found, truth: Planes, snap: float) -> tuple[str, str]:
    axis = int(np.argmax(np.abs(truth.normal @ found.affine[:3, :3])))  # column of the slices
    planes = np.moveaxis(found.hu, 2 - axis, 0)
    others = [column for column in (2, 1, 0) if column != axis]
    step = found.affine[:3, axis]
    if not np.allclose(truth.normal @ found.affine[:3, others], 0, atol=2e-3):
        return OTHER, "planes of another direction"
    worst = 0.0
    for k, plane in enumerate(planes):
        corner = found.affine[:3, 3] + k * step
        expected = _expected(truth, corner, found.affine[:3, others], plane.shape, snap)
        if expected is None:
            return OTHER, f"slice {k} lies outside of the scan"
        off = np.abs(np.maximum(plane, _AIR_HU) - np.maximum(np.rint(expected), _AIR_HU)) > _OFF_HU
        worst = max(worst, float(off.mean()))
        if worst > _WRONG_SHARE:
            return OTHER, f"slice {k}: {100 * off.mean():.1f} % of the voxels have other HU"
    ends = (
        found.affine[:3, 3] @ truth.normal,
        (found.affine[:3, 3] + (len(planes) - 1) * step) @ truth.normal,
    )
    covered = (truth.along_mm >= min(ends) - 0.1) & (truth.along_mm <= max(ends) + 0.1)
    return (RIGHT if covered.all() else FEWER), ""


def _expected(
    truth: Planes, corner: np.ndarray, steps: np.ndarray, shape: tuple[int, int], snap: float
) -> np.ndarray | None:
    """HU where a slice of the volume lies, interpolated between the truth's slices; None if outside."""
    along = truth.along_mm
    place = corner @ truth.normal
    if not along[0] - 0.1 <= place <= along[-1] + 0.1:
        return None
    index = float(np.interp(place, along, np.arange(len(along))))
    if abs(index - round(index)) < snap:
        index = float(round(index))
    low = min(int(index), len(along) - 1)
    parts = [(low, 1 - (index - low)), (low + 1, index - low)]
    return sum(share * _plane(truth, k, corner, steps, shape, snap) for k, share in parts if share > 0)


def _plane(
    truth: Planes, k: int, corner: np.ndarray, steps: np.ndarray, shape: tuple[int, int], snap: float
) -> np.ndarray:
    """One slice of the truth at the pixels of a plane that is parallel to it."""
    i, j = np.mgrid[: shape[0], : shape[1]]
    offset = corner - truth.positions_mm[k]
    coordinates = []
    for direction, spacing in ((truth.column, truth.spacing_mm[0]), (truth.row, truth.spacing_mm[1])):
        start, by_i, by_j = (float(direction @ vector) / spacing for vector in (offset, *steps.T))
        places = start + by_i * i + by_j * j
        near = np.abs(places - np.rint(places)).max() < snap
        coordinates.append(np.rint(places) if near else places)
    hu = np.clip(truth.hu[k], -1024, 32767)
    return ndimage.map_coordinates(hu, coordinates, order=1, mode="grid-constant", cval=-1024)
