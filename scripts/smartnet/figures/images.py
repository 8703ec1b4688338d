"""Images behind the panels: window, volumes and masks of a case, found in the shards' folders."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smartnet.errors import DataError
from smartnet.files import read_nifti

WINDOW_HU = (0.0, 80.0)
BONE_HU = 300


def find_file(folders: Sequence[Path], name: str) -> Path | None:
    """Give the first ``folder/name`` that exists, or nothing."""
    return next((Path(folder) / name for folder in folders if (Path(folder) / name).exists()), None)


def read_volume(
    folders: Sequence[Path], case: str
) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """Read a volume with its reference mask.

    Returns:
        HU (D, H, W), labels (D, H, W) uint8 (all 0 without a mask file), voxel size in mm (z, y, x).

    Raises:
        DataError: no folder holds the case, or the mask has another shape.
    """
    path = find_file(folders, f"{case}.nii.gz")
    if path is None:
        raise DataError(
            f"case {case} is in none of {len(folders)} volume folders; run the ingest stage again"
        )
    volume, affine = read_nifti(path)
    spacing = tuple(float(size) for size in np.linalg.norm(affine[:3, :3], axis=0)[::-1])
    return volume, read_mask(folders, f"{case}_mask.nii.gz", volume.shape), spacing


def read_mask(folders: Sequence[Path], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Read a mask (D, H, W) uint8 on the grid of a volume of ``shape``; all 0 where there is no file.

    Raises:
        DataError: the mask has another shape than the volume.
    """
    path = find_file(folders, name)
    if path is None:
        return np.zeros(shape, np.uint8)
    mask, _ = read_nifti(path)
    if mask.shape != tuple(shape):
        raise DataError(
            f"{path}: mask of shape {mask.shape} on a volume of shape {tuple(shape)}; make it again"
        )
    return mask


def crop_box(volume: np.ndarray, *, margin: float = 0.06) -> tuple[slice, slice]:
    """Give the square (rows, columns) around the skull, so that headrest and air do not take the room.

    Args:
        volume: HU (D, H, W).
        margin: share of the skull's size that is added on every side.
    """
    bone = (volume > BONE_HU).sum(axis=0) > 1
    if not bone.any():
        return slice(0, volume.shape[1]), slice(0, volume.shape[2])
    ends = [np.flatnonzero(bone.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    side = int(max(high - low for low, high in ends) * (1 + 2 * margin)) + 1
    box = []
    for (low, high), size in zip(ends, volume.shape[1:], strict=True):
        start = int(np.clip((low + high - side) // 2, 0, max(0, size - side)))
        box.append(slice(start, min(size, start + side)))
    return box[0], box[1]
