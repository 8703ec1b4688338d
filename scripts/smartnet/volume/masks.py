"""Reference masks, brought onto the raw grid of their scan by geometry, never by assumption."""

from pathlib import Path

import numpy as np

from smartnet.errors import DataError
from smartnet.files import read_nifti
from smartnet.volume.straighten import to_lps

_TOLERANCE_PX = 0.5  # beyond half a pixel a mask voxel belongs to the neighbour


def load_mask(path: Path, case: str, shape: tuple[int, int, int], affine: np.ndarray) -> np.ndarray:
    """Read a reference mask and put its axes into the order of the scan's raw grid.

    Args:
        path: NIfTI file; any order and direction of axes, sheared as the scan is.
        case: name of the case, for messages.
        shape: (z, y, x) of the raw stack in LPS axes, before straightening.
        affine: (4, 4) of that stack, voxel (x, y, z) to world LPS mm.

    Returns:
        (z, y, x) uint8 labels: 0 background, 1..5 the kind of hemorrhage, other values kept up to 255.

    Raises:
        DataError: the mask cannot be read, has another shape than the scan, lies elsewhere, or holds values
            that are no labels.
    """
    try:
        raw, raw_affine = read_nifti(path)
    except Exception as error:  # nibabel raises many kinds
        raise DataError(
            f"case {case}: its mask file (named in resources/identity/) cannot be read as a 3D NIfTI "
            f"volume ({type(error).__name__}): write it again as .nii.gz"
        ) from error
    mask, mask_affine = to_lps(raw, raw_affine)
    if mask.shape != shape:
        raise DataError(
            f"case {case}: its mask file (named in resources/identity/) has shape {_text(mask.shape)}, "
            f"but the scan has {_text(shape)} (slices, rows, columns): save the mask on the grid of exactly "
            "this series, or correct the mask's name in labels.tsv"
        )
    off_mm = corner_distance(mask_affine, affine, shape)
    pixel_mm = float(np.linalg.norm(affine[:3, :2], axis=0).min())
    if off_mm > _TOLERANCE_PX * pixel_mm:
        raise DataError(
            f"case {case}: its mask file (named in resources/identity/) has the scan's shape {_text(shape)}, "
            f"but its geometry is up to {off_mm:.2f} mm off (half a pixel, "
            f"{_TOLERANCE_PX * pixel_mm:.2f} mm, is allowed): save it with the series' own "
            "geometry, sheared if the gantry is tilted"
        )
    return _labels(mask, case)


def corner_distance(first: np.ndarray, second: np.ndarray, shape: tuple[int, int, int]) -> float:
    """Give the largest distance in mm between the corners of one grid of ``shape`` under two affines."""
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in shape[::-1]], indexing="ij")).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    return float(np.linalg.norm(((first - second) @ corners)[:3], axis=0).max())


def _labels(mask: np.ndarray, case: str) -> np.ndarray:
    if not np.isfinite(mask).all() or mask.min() < 0 or (np.rint(mask) != mask).any():
        raise DataError(
            f"case {case}: its mask file (named in resources/identity/) holds values from {mask.min()} to "
            f"{mask.max()} that are no labels: write whole numbers, 0 for "
            "background and above 0 for hemorrhage"
        )
    return np.minimum(mask, 255).astype(np.uint8)


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
