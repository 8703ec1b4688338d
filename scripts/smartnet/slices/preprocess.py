"""The preprocessing of Kyung et al. 2022: window, empty slices, resize, CLAHE, mask specks."""

import numpy as np

EMPTY_FRACTION = 0.001  # a slice with fewer pixels than this above the window's lower end is empty
HEAD_SLICES = 0.2  # a pixel above the window's lower end in this share of the slices belongs to something

Square = tuple[int, int, int]
"""First row, first column and side in pixels; a square may reach beyond its image."""
SQUARE_COLUMNS = ["crop_row", "crop_column", "crop_side"]  # where the table of cases keeps it


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


def head_square(windowed: np.ndarray, *, margin: float) -> Square:
    """Find the square around the head: the largest thing in the plane, seen through all slices.

    Args:
        windowed: (D, H, W) in [0, 1].
        margin: free border on every side, as a fraction of the head's longer side.

    Returns:
        the square; around the whole image if nothing stands out.
    """
    import cv2

    seen = ((windowed > 0).mean(axis=0) >= HEAD_SLICES).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(seen, connectivity=8)
    if len(stats) > 1:
        head = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
        left, top, width, height = (int(v) for v in stats[head, :4])
    else:
        left, top, (height, width), margin = 0, 0, seen.shape, 0
    longer = max(width, height)
    side = longer + 2 * int(np.ceil(margin * longer))
    return top + (height - side) // 2, left + (width - side) // 2, side


def square_windows(square: Square, shape: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where a square and an image (H, W) overlap: rows and columns in the image, and in the square."""
    spans = [
        (max(first, 0), min(first + square[2], length), first)
        for first, length in zip(square[:2], shape, strict=True)
    ]
    image = tuple(slice(low, high) for low, high, _ in spans)
    return image, tuple(slice(low - first, high - first) for low, high, first in spans)


def cut_square(planes: np.ndarray, square: Square) -> np.ndarray:
    """Cut a square out of planes (D, H, W); 0 where it reaches beyond them."""
    cut = np.zeros((len(planes), square[2], square[2]), planes.dtype)
    image, own = square_windows(square, planes.shape[1:])
    cut[:, *own] = planes[:, *image]
    return cut


def prepare_image(windowed: np.ndarray, *, size: int, clahe_clip: float, clahe_tiles: int) -> np.ndarray:
    """Resize one slice bilinearly, go to 8 bits, and equalise it locally.

    Args:
        windowed: (H, W) float32 in [0, 1].
        size: side of the square result in pixels.
        clahe_clip: clip limit of CLAHE (Zuiderveld 1994), 0 for none.
        clahe_tiles: CLAHE tiles per side.

    Returns:
        (size, size) uint8. The resizing is the paper's plain bilinear one, without an antialiasing filter.
    """
    import cv2

    resized = cv2.resize(windowed, (size, size), interpolation=cv2.INTER_LINEAR)
    image = np.rint(resized * 255).astype(np.uint8)
    if clahe_clip <= 0:
        return image
    return cv2.createCLAHE(clipLimit=clahe_clip, tileGridSize=(clahe_tiles, clahe_tiles)).apply(image)


def prepare_mask(mask: np.ndarray, *, size: int, min_speck_px: int) -> np.ndarray:
    """Resize one slice's mask by nearest neighbour and drop its specks.

    Args:
        mask: (H, W) labels, above 0 is lesion.
        size: side of the square result in pixels.
        min_speck_px: 8-connected regions with fewer pixels than this, after resizing, are dropped.

    Returns:
        (size, size) uint8, 0 or 1.
    """
    import cv2

    lesion = (mask > 0).astype(np.uint8)
    if not lesion.any():
        return np.zeros((size, size), dtype=np.uint8)
    # INTER_NEAREST rounds down and so shifts; the exact one samples pixel centres, as the image does.
    resized = cv2.resize(lesion, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
    _, regions, stats, _ = cv2.connectedComponentsWithStats(resized, connectivity=8)
    large = stats[:, cv2.CC_STAT_AREA] >= min_speck_px
    large[0] = False  # the background
    return large[regions].astype(np.uint8)
