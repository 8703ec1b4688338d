"""Small pictures of slices with an outline, drawn with OpenCV: for error messages and contact sheets."""

import numpy as np

WINDOW_HU = (0.0, 80.0)
OUTLINE = (0, 94, 213)  # vermilion (Okabe and Ito, 2008), blue first as OpenCV has it
TEXT = (255, 255, 255)


def slice_picture(hu: np.ndarray, mask: np.ndarray | None, *, width: int, height: int) -> np.ndarray:
    """Draw one slice at 0 to 80 HU with the outline of its mask.

    Args:
        hu: (rows, columns) int16 HU.
        mask: (rows, columns), above 0 is outlined; None for none.
        width: of the picture in pixels.
        height: of the picture in pixels; with ``width`` it gives the slice its true aspect.

    Returns:
        (height, width, 3) uint8, blue first.
    """
    import cv2

    low, high = WINDOW_HU
    grey = (np.clip((hu.astype(np.float32) - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    shrinks = hu.shape[0] > height
    tile = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    tile = cv2.cvtColor(tile, cv2.COLOR_GRAY2BGR)
    if mask is not None and mask.any():
        shown = cv2.resize(
            (mask > 0).astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT
        )
        outlines, _ = cv2.findContours(shown, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tile, outlines, -1, OUTLINE, 1)
    return tile


def write_text(image: np.ndarray, text: str, *, at: tuple[int, int] = (6, 16), scale: float = 0.4) -> None:
    """Write a line of ASCII text into a picture, its lower left corner at (x, y)."""
    import cv2

    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, TEXT, 1, cv2.LINE_AA)
