"""How far apart two surfaces are: surface Dice and the 95 % Hausdorff distance, in millimetres.

Surface, areas and both measures follow Nikolov et al. (J Med Internet Res 2021;23:e26151): between every
eight neighbouring voxels runs the patch of surface that marching cubes draws, weighted with its area. To
count border voxels instead would let the two ends of a lesion outweigh its sides where slices are ten times
as thick as pixels are wide: there every voxel of the first and of the last slice is a border voxel.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.spatial import KDTree
from skimage.measure import marching_cubes, mesh_surface_area

CORNERS = [(z, y, x) for z in (0, 1) for y in (0, 1) for x in (0, 1)]
PERCENTILE = 0.95
ROUNDING_MM = 1e-6  # a distance that equals the tolerance is within it, however it was rounded


def compare_surfaces(
    truth: np.ndarray, predicted: np.ndarray, *, spacing_mm: Sequence[float], tolerance_mm: float
) -> tuple[float, float]:
    """Compare the surfaces of two masks.

    Args:
        truth: (z, y, x) bool, not empty.
        predicted: (z, y, x) bool.
        spacing_mm: voxel size (z, y, x).
        tolerance_mm: up to which a patch of one surface lies on the other.

    Returns:
        Surface Dice, the share of both surfaces' area that lies on the other, in [0, 1], and HD95 in mm, the
        larger of both directed distances within which 95 % of the area lie. Without a prediction 0 and NaN:
        nothing has no distance, and no image diagonal stands in for one.

    Raises:
        ValueError: the reference is empty.
    """
    if not truth.any():
        raise ValueError("an empty reference has no surface; leave scans without lesion out")
    if not predicted.any():
        return 0.0, np.nan
    (places, areas), (others, other_areas) = (surface(mask, spacing_mm) for mask in (truth, predicted))
    there, back = _nearest(places, others), _nearest(others, places)
    near = [area[way <= tolerance_mm + ROUNDING_MM] for way, area in ((there, areas), (back, other_areas))]
    dice = (near[0].sum() + near[1].sum()) / (areas.sum() + other_areas.sum())
    return float(dice), max(weighted_percentile(there, areas), weighted_percentile(back, other_areas))


def _nearest(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Distance of each place (n, 3) to the nearest of others (m, 3)."""
    # Medians of a grid have many equals: a balanced tree takes twice as long.
    return KDTree(others, balanced_tree=False, compact_nodes=False).query(places)[0]


def surface(mask: np.ndarray, spacing_mm: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Give the surface of a mask; outside of the array there is none of it.

    Args:
        mask: (z, y, x) bool.
        spacing_mm: voxel size (z, y, x).

    Returns:
        (n, 3) places of the patches in mm (z, y, x) from the centre of the first voxel, and (n,) their areas
        in mm².
    """
    padded = np.pad(np.asarray(mask, dtype=np.uint8), 1)
    code = np.zeros([size - 1 for size in padded.shape], dtype=np.uint8)
    for bit, corner in enumerate(CORNERS):
        code |= padded[tuple(slice(i, i + size) for i, size in zip(corner, code.shape, strict=True))] << bit
    places = np.nonzero((code > 0) & (code < 255))
    spacing = tuple(float(size) for size in spacing_mm)
    return (np.transpose(places) - 0.5) * spacing, patch_areas(spacing)[code[places]]


@cache
def patch_areas(spacing_mm: tuple[float, float, float]) -> np.ndarray:
    """Area in mm² of the marching-cubes patch for each of the 256 patterns of eight voxels, (256,)."""
    areas = np.zeros(256)
    for pattern in range(1, 255):
        cube = np.reshape([pattern >> bit & 1 for bit in range(8)], (2, 2, 2)).astype(np.float32)
        vertices, faces, _, _ = marching_cubes(cube, 0.5, spacing=spacing_mm, method="lorensen")
        areas[pattern] = mesh_surface_area(vertices, faces)
    return areas


def weighted_percentile(values: np.ndarray, weights: np.ndarray, *, share: float = PERCENTILE) -> float:
    """Give the smallest of the values (n,) up to which ``share`` of the weights (n,) lie."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order][min(np.searchsorted(total, share * total[-1]), len(order) - 1)])
