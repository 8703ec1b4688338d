"""Lesions one by one: which were found, and what was drawn where there is none.

A lesion is a connected component of the reference, 26-neighbourhood, from a least volume on: what is smaller
is as often a speck of the annotation as a hemorrhage (in BHSD a quarter of all components is below 0.1 mL).
Specks are no lesions and no false components, but stay in every volume.
"""

import numpy as np
import pandas as pd
from scipy import ndimage

NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)
LESION_COLUMNS = ["case", "lesion", "volume_ml", "overlap_ml", "found"]


def reference_lesions(
    truth: np.ndarray, predicted: np.ndarray, *, voxel_ml: float, min_ml: float, min_overlap: float
) -> pd.DataFrame:
    """List the lesions of a scan.

    Args:
        truth: (z, y, x) bool.
        predicted: (z, y, x) bool.
        voxel_ml: volume of a voxel.
        min_ml: components below are no lesions.
        min_overlap: share of a lesion's volume that must be predicted for it to be found; 0: any voxel, as in
            ISLES 2022 and ATLAS.

    Returns:
        ``LESION_COLUMNS`` after ``case``: ``lesion`` counts from 1, largest first, ``found`` is 0/1.
    """
    volume, overlap = _components(truth, predicted, voxel_ml)
    kept = volume >= min_ml
    volume, overlap = volume[kept], overlap[kept]
    order = np.argsort(-volume, kind="stable")
    volume, overlap = volume[order], overlap[order]
    found = (overlap > 0) & (overlap >= min_overlap * volume)
    columns = (np.arange(1, len(volume) + 1), volume, overlap, found.astype(int))
    return pd.DataFrame(dict(zip(LESION_COLUMNS[1:], columns, strict=True)))


def predicted_components(
    predicted: np.ndarray, truth: np.ndarray, *, voxel_ml: float, min_ml: float
) -> tuple[int, int]:
    """Count connected components of a prediction.

    Args:
        predicted: (z, y, x) bool.
        truth: (z, y, x) bool.
        voxel_ml: volume of a voxel.
        min_ml: components below are not counted.

    Returns:
        How many there are, and how many of them hold no voxel of the reference: false ones.
    """
    volume, overlap = _components(predicted, truth, voxel_ml)
    kept = volume >= min_ml
    return int(kept.sum()), int((kept & (overlap == 0)).sum())


def _components(mask: np.ndarray, other: np.ndarray, voxel_ml: float) -> tuple[np.ndarray, np.ndarray]:
    """Volume in mL of each component of a mask, and of its overlap with the other."""
    labels, count = ndimage.label(mask, NEIGHBOURS)
    voxels = np.bincount(labels[mask], minlength=count + 1)[1:]
    both = np.bincount(labels[mask & other], minlength=count + 1)[1:]
    return voxels * voxel_ml, both * voxel_ml
