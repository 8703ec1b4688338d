"""Surfaces of a scan seen from outside: parallel rays, first hit, shaded by the surface's own slope."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from matplotlib.colors import to_rgb
from scipy import ndimage

SKIN_HU = -300.0  # half way between air and soft tissue
STEP_MM = 1.0
SMOOTH_MM = 1.5
SIDE_MM = 215.0  # of the picture; a head with room around it
LIGHT = np.array([0.35, 0.55, -0.76])  # towards the light, in (right, up, away) of the viewer
GLASS, RIM = 0.10, 0.75  # opacity of the skin where it faces the viewer, and at its rim
INK = np.array([0.36, 0.42, 0.50])  # of the skin
NOTHING = -1024.0  # HU outside the scan


def render_head(
    volume: np.ndarray,
    lesions: Mapping[str, np.ndarray],
    spacing: tuple[float, float, float],
    *,
    azimuth_deg: float = 35.0,
    elevation_deg: float = 20.0,
) -> list[np.ndarray]:
    """Draw lesions inside their head, the skin as glass.

    Args:
        volume: HU (D, H, W), from inferior to superior, rows towards posterior, columns towards left.
        lesions: colour, such as ``#D55E00``, -> bool (D, H, W); a picture for each.
        spacing: of voxels in mm (z, y, x).
        azimuth_deg: the viewer's place around the head: 0 in front, 90 at the patient's left.
        elevation_deg: the viewer's place above the orbits.

    Returns:
        for each lesion (215, 215, 3) in [0, 1], one pixel per millimetre, on white.
    """
    centre = ndimage.center_of_mass(volume > SKIN_HU)
    view = (np.asarray(spacing), np.asarray(centre), _axes(azimuth_deg, elevation_deg))
    skin, slope = _first_hit(_seen(volume, *view, outside=NOTHING), SKIN_HU)
    opacity = np.where(skin >= 0, GLASS + (RIM - GLASS) * (1 - np.abs(slope[..., 2])) ** 2, 0)[..., None]
    return [
        _solid(_seen(lesion, *view, outside=0.0), to_rgb(colour)) * (1 - opacity) + INK * opacity
        for colour, lesion in lesions.items()
    ]


def _solid(cube: np.ndarray, rgb: Sequence[float]) -> np.ndarray:
    """Paint the surface of a mask in a colour, with a little gloss, on white."""
    depth, normal = _first_hit(cube, 0.5)
    light = 0.45 + 0.55 * np.clip(normal @ (LIGHT / np.linalg.norm(LIGHT)), 0, 1)
    picture = np.ones((*depth.shape, 3))
    hit = depth >= 0
    picture[hit] = np.clip(np.asarray(rgb) * light[hit, None] + 0.25 * light[hit, None] ** 12, 0, 1)
    return picture


def _axes(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    """Rows: the viewer's right, up and away as unit vectors (z, y, x) of the volume."""
    azimuth, elevation = np.radians([azimuth_deg, elevation_deg])
    # From the head to the viewer: in front is against the rows (they run to posterior), left is along x.
    towards = np.array(
        [np.sin(elevation), -np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth)]
    )
    right = np.array([0.0, np.sin(azimuth), np.cos(azimuth)])
    up = np.cross(towards, right)
    return np.stack([right, up * np.sign(up[0]), -towards])


def _seen(
    field: np.ndarray, spacing: np.ndarray, centre: np.ndarray, axes: np.ndarray, *, outside: float
) -> np.ndarray:
    """Turn a field (D, H, W) into the viewer's cube (depth away, rows down, columns to the right).

    Only the part of the cube is computed that the field reaches, which for a lesion is a small one.
    """
    size = round(SIDE_MM / STEP_MM)
    matrix = np.stack([axes[2], -axes[1], axes[0]], axis=1) * STEP_MM / spacing[:, None]
    offset = centre - matrix @ np.full(3, (size - 1) / 2)
    cube = np.full((size,) * 3, outside, np.float32)
    found = np.nonzero(field != outside)
    if not len(found[0]):
        return cube
    ends = [(axis.min() - 1, axis.max() + 1) for axis in found]
    corners = np.linalg.solve(matrix, np.array(list(product(*ends))).T - offset[:, None])
    room = np.ceil(5 * SMOOTH_MM / STEP_MM)  # beyond it nothing is smoothed in
    first = np.clip(np.floor(corners.min(axis=1)) - room, 0, size - 1).astype(int)
    last = np.clip(np.ceil(corners.max(axis=1)) + room + 1, first + 1, size).astype(int)
    part = ndimage.affine_transform(
        field.astype(np.float32),
        matrix,
        offset + matrix @ first,
        output_shape=tuple(last - first),
        order=1,
        cval=outside,
    )
    box = tuple(slice(*edge) for edge in zip(first, last, strict=True))
    cube[box] = ndimage.gaussian_filter(part, SMOOTH_MM / STEP_MM)
    return cube


def _first_hit(cube: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Depth of the first voxel from ``level`` up along each ray (-1: none), and the normal there.

    Returns:
        (rows, columns) int, and (rows, columns, 3): outward unit normal as (right, up, away).
    """
    inside = cube >= level
    depth = np.where(inside.any(axis=0), inside.argmax(axis=0), -1)
    at = (np.maximum(depth, 0), *np.indices(depth.shape))
    away, down, right = (_slope(cube, at, axis) for axis in range(3))
    normal = -np.stack([right, -down, away], axis=-1)
    length = np.linalg.norm(normal, axis=-1, keepdims=True)
    return depth, normal / np.maximum(length, 1e-6)


def _slope(cube: np.ndarray, at: tuple[np.ndarray, ...], axis: int) -> np.ndarray:
    """Central differences along an axis at some voxels only, one-sided at the border, as ``np.gradient``."""
    after, before = list(at), list(at)
    after[axis] = np.minimum(at[axis] + 1, cube.shape[axis] - 1)
    before[axis] = np.maximum(at[axis] - 1, 0)
    return (cube[tuple(after)] - cube[tuple(before)]) / (after[axis] - before[axis])
