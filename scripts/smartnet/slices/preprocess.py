"""The preprocessing of Kyung et al. 2022: window, empty slices, resize, CLAHE, mask specks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

EMPTY_FRACTION = 0.001  # a slice with fewer pixels than this above the window's lower end is empty
HEAD_SLICES = 0.2  # a pixel above the window's lower end in this share of the slices belongs to something


class Crop(NamedTuple):
    """A rectangle of the image plane in pixels; it may reach beyond its image."""

    row: int
    column: int
    rows: int
    columns: int


CROP_COLUMNS = [f"crop_{name}" for name in Crop._fields]  # where the table of cases keeps it


def window(volume_hu: np.ndarray, *, level: float, width: float) -> np.ndarray:
    """Map HU linearly to [0, 1]: ``level - width / 2`` and below to 0, ``level + width / 2`` and above to 1.

    Args:
        volume_hu: (..., H, W) HU.
        level: centre of the window in HU.
        width: width of the window in HU, above 0.

    Returns:
        float32 of the same shape.
    """
    low = np.float32(level - width / 2)
    return np.clip((volume_hu.astype(np.float32) - low) / np.float32(width), 0, 1)


def filled_range(windowed: np.ndarray, mask: np.ndarray) -> tuple[int, int]:
    """Find the slices left when empty leading and trailing ones are dropped.

    Args:
        windowed: (D, H, W) in [0, 1].
        mask: (D, H, W) labels; a slice with lesion is never empty.

    Returns:
        first and last + 1; (0, 0) if every slice is empty. Empty slices in between stay.
    """
    filled = (windowed > 0).mean(axis=(1, 2)) >= EMPTY_FRACTION
    where = np.flatnonzero(filled | mask.any(axis=(1, 2)))
    return (int(where[0]), int(where[-1]) + 1) if len(where) else (0, 0)


def head_crop(windowed: np.ndarray, *, margin: float, shape: Sequence[int]) -> Crop:
    """Find the rectangle around the head: the largest thing in the plane, seen through all slices.

    Args:
        windowed: (D, H, W) in [0, 1].
        margin: free border on every side, as a fraction of the head's longer side.
        shape: rows and columns that the rectangle is resized to later; it gets their aspect ratio.

    Returns:
        the smallest such rectangle; around the whole image if nothing stands out.
    """
    import cv2

    seen = ((windowed > 0).mean(axis=0) >= HEAD_SLICES).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(seen, connectivity=8)
    if len(stats) > 1:
        head = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        left, top, width, height = (int(v) for v in stats[head, :4])
    else:
        left, top, (height, width), margin = 0, 0, seen.shape, 0
    border = 2 * int(np.ceil(margin * max(width, height)))
    scale = max((height + border) / shape[0], (width + border) / shape[1])
    rows, columns = (round(scale * length) for length in shape)
    return Crop(top + (height - rows) // 2, left + (width - columns) // 2, rows, columns)


def overlap(crop: Crop, shape: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a crop and an image (H, W) overlap: rows and columns in the image, and in the crop."""
    spans = [
        (max(first, 0), min(first + length, end), first)
        for first, length, end in zip(crop[:2], crop[2:], shape, strict=True)
    ]
    image = tuple(slice(low, high) for low, high, _ in spans)
    return image, tuple(slice(low - first, high - first) for low, high, first in spans)


def cut(planes: np.ndarray, crop: Crop, *, fill: float = 0) -> np.ndarray:
    """Cut a crop out of planes (D, H, W); ``fill`` where it reaches beyond them."""
    result = np.full((len(planes), crop.rows, crop.columns), fill, planes.dtype)
    image, own = overlap(crop, planes.shape[1:])
    result[:, *own] = planes[:, *image]
    return result


def prepare_image(
    windowed: np.ndarray, *, shape: Sequence[int], clahe_clip: float, clahe_tiles: int
) -> np.ndarray:
    """Resize one slice bilinearly, go to 8 bits, and equalise it locally.

    Args:
        windowed: (H, W) float32 in [0, 1].
        shape: rows and columns of the result.
        clahe_clip: clip limit of CLAHE (Zuiderveld 1994), 0 for none.
        clahe_tiles: CLAHE tiles per side.

    Returns:
        (rows, columns) uint8. The resizing is the paper's plain bilinear one, without an antialiasing filter.
    """
    import cv2

    resized = cv2.resize(windowed, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    image = np.rint(resized * 255).astype(np.uint8)
    if clahe_clip <= 0:
        return image
    return cv2.createCLAHE(clipLimit=clahe_clip, tileGridSize=(clahe_tiles, clahe_tiles)).apply(image)


def prepare_mask(mask: np.ndarray, *, shape: Sequence[int], min_speck_px: int) -> np.ndarray:
    """Resize one slice's mask by nearest neighbour and drop its specks.

    Args:
        mask: (H, W) labels, above 0 is lesion.
        shape: rows and columns of the result.
        min_speck_px: 8-connected regions with fewer pixels than this, after resizing, are dropped.

    Returns:
        (rows, columns) uint8, 0 or 1.
    """
    import cv2

    lesion = (mask > 0).astype(np.uint8)
    if not lesion.any():
        return np.zeros(tuple(shape), dtype=np.uint8)
    # INTER_NEAREST rounds down and so shifts; the exact one samples pixel centres, as the image does.
    resized = cv2.resize(lesion, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    _, regions, stats, _ = cv2.connectedComponentsWithStats(resized, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= min_speck_px
    large[0] = False  # the background
    return large[regions].astype(np.uint8)
