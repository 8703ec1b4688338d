"""Reference masks from NIfTI files."""

from pathlib import Path

import numpy as np

from smartnet.files import read_nifti
from smartnet.volume.masks.scan import (
    MaskError,
    MisfitError,
    Scan,
    corner_offsets,
    paint,
    shape_text,
)
from smartnet.volume.straighten import to_lps


def read_nifti_mask(path: Path, scan: Scan) -> np.ndarray:
    """Read a NIfTI mask; any order and direction of axes, sheared as the scan is.

    Returns:
        (z, y, x) uint8 labels on the scan's raw grid.

    Raises:
        MaskError: it cannot be read or holds values that are no labels.
        MisfitError: it has another shape than the scan or lies elsewhere.
    """
    try:
        raw, raw_affine = read_nifti(path)
    except Exception as error:  # nibabel raises many kinds
        raise MaskError(
            f"cannot be read as a 3D NIfTI volume ({type(error).__name__}), nor is it DICOM: write it again "
            "as .nii.gz, DICOM SEG or RTSTRUCT"
        ) from error
    mask, affine = to_lps(raw, raw_affine)
    if mask.shape != scan.shape:
        raise MisfitError(
            f"has shape {shape_text(mask.shape)}, but the scan has {shape_text(scan.shape)} (slices, rows, "
            "columns): save the mask on the grid of exactly this series, or correct the mask's name in "
            "labels.tsv",
            _in_world(mask, affine, scan),
            "world position",
        )
    off_mm = float(np.linalg.norm(corner_offsets(affine, scan.affine, scan.shape), axis=1).max())
    allowed_mm = scan.allowed_in_plane_mm
    if off_mm > allowed_mm:
        raise MisfitError(
            f"has the scan's shape {shape_text(scan.shape)}, but its geometry is up to {off_mm:.2f} mm off "
            f"(half a pixel, {allowed_mm:.2f} mm, is allowed): save it with the series' own geometry, "
            "sheared if the gantry is tilted",
            mask > 0,
            "voxel indices",
        )
    return _labels(mask)


def _in_world(mask: np.ndarray, affine: np.ndarray, scan: Scan) -> np.ndarray:
    given = np.zeros(scan.shape, bool)
    split = int(np.ceil(np.linalg.norm(affine[:3, 2]) / np.linalg.norm(scan.affine[:3, 2])))
    for part in range(split * len(mask)):
        here = affine.copy()
        here[:3, 3] += affine[:3, 2] * ((part + 0.5) / split - 0.5)
        paint(given, mask[part // split], here, scan)
    return given


def _labels(mask: np.ndarray) -> np.ndarray:
    if not np.isfinite(mask).all() or mask.min() < 0 or (np.rint(mask) != mask).any():
        raise MaskError(
            f"holds values from {mask.min()} to {mask.max()} that are no labels: write whole numbers, 0 for "
            "background and above 0 for hemorrhage"
        )
    return np.minimum(mask, 255).astype(np.uint8)
