"""The preprocessing of Kyung et al. 2022: window, empty slices, resize, CLAHE, mask specks."""

import numpy as np

EMPTY_FRACTION = 0.001  # a slice with fewer pixels than this above the window's lower end is empty


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
