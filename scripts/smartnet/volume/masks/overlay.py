"""A picture of a mask that does not fit its scan: what a user needs to see why."""

from pathlib import Path

import numpy as np

from smartnet.files import write_bytes
from smartnet.volume.masks.scan import Scan
from smartnet.volume.pictures import slice_picture, write_text

_TILES = 6
_COLUMNS = 3
_WIDTH_PX = 256
_HEAD_PX = 24


def draw_overlay(scan: Scan, given: np.ndarray, placed_by: str, path: Path) -> None:
    """Write a PNG of the scan's slices with the outline of a mask; no name or identifier is in it.

    Args:
        scan: the scan; shown at 0 to 80 HU.
        given: the mask as it was given, (z, y, x) bool on the scan's grid. Up to six slices are shown, those
            in the middle of what it marks, or of the scan if it marks nothing there.
        placed_by: what it was placed by, for the head line.
        path: the PNG to write.
    """
    import cv2

    bearing = np.flatnonzero(given.any(axis=(1, 2)))
    head = f"mask outline by {placed_by}" if len(bearing) else f"by {placed_by} the mask is outside the scan"
    bearing = bearing if len(bearing) else np.arange(scan.shape[0])
    first = max(0, (len(bearing) - _TILES) // 2)
    tiles = [_tile(scan, given, int(z)) for z in bearing[first : first + _TILES]]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % _COLUMNS)
    rows = [np.hstack(tiles[start : start + _COLUMNS]) for start in range(0, len(tiles), _COLUMNS)]
    line = np.zeros((_HEAD_PX, rows[0].shape[1], 3), np.uint8)
    write_text(line, head)
    write_bytes(cv2.imencode(".png", np.vstack([line, *rows]))[1].tobytes(), path)


def _tile(scan: Scan, given: np.ndarray, z: int) -> np.ndarray:
    """Draw one slice with the outline of the mask, (H, W, 3) uint8."""
    _, between_rows, between_columns = scan.spacing_mm
    rows, columns = scan.shape[1:]
    height = max(1, round(_WIDTH_PX * rows * between_rows / (columns * between_columns)))
    tile = slice_picture(scan.hu[z], given[z], width=_WIDTH_PX, height=height)
    write_text(tile, f"slice {z}")
    return tile
