"""A contact sheet per case: evenly spread slices, the mask outlined, and what was measured."""

import logging
from pathlib import Path

import numpy as np

from smartnet.dicom.pixels import PADDING_HU
from smartnet.files import read_json, read_nifti, write_bytes
from smartnet.slices.preprocess import cut, head_crop, window
from smartnet.volume.build import read_catalog
from smartnet.volume.pictures import WINDOW_HU, slice_picture, write_text

logger = logging.getLogger(__name__)

COLUMNS, TILES = 8, 24
TILE_PX = 144  # height of a tile
ASPECT = (4, 3)  # rows to columns of a head
HEAD_PX = 18  # height of a line above the tiles
MARGIN = 0.05  # free border around the head, a fraction of its length
JPEG_QUALITY = 85
CHARACTER_PX = 7  # width of a letter in a head line


def write_sheets(volumes: Path, output: Path) -> None:
    """Write ``{case}.jpg`` for every accepted case of a shard of volumes.

    Args:
        volumes: the shard's folder.
        output: folder to write to.
    """
    output.mkdir(parents=True, exist_ok=True)
    cases = read_catalog(volumes / "cases.tsv")
    accepted = cases["case"][cases["verdict"] == "accepted"].tolist()
    for case in accepted:
        mask_file = volumes / f"{case}_mask.nii.gz"
        volume, _ = read_nifti(volumes / f"{case}.nii.gz")
        mask = read_nifti(mask_file)[0] if mask_file.exists() else None
        sheet = draw_sheet(volume, mask, read_json(volumes / f"{case}.json"))
        write_bytes(_jpeg(sheet), output / f"{case}.jpg")
    logger.info("%d contact sheets", len(accepted))


def draw_sheet(volume_hu: np.ndarray, mask: np.ndarray | None, sidecar: dict) -> np.ndarray:
    """Draw a contact sheet.

    Args:
        volume_hu: (z, y, x) int16 HU in LPS axes.
        mask: the reference on the same grid, None without one.
        sidecar: the volume's ``{case}.json``.

    Returns:
        (H, W, 3) uint8, blue first: up to 24 slices from inferior to superior, eight in a row, the patient's
        right on the viewer's left, cut to the head and in its true aspect, under two or three lines of text.
    """
    _, between_rows, between_columns = sidecar["spacing_mm"]
    z = np.unique(np.linspace(0, len(volume_hu) - 1, TILES).round().astype(int))
    level, width_hu = sum(WINDOW_HU) / 2, WINDOW_HU[1] - WINDOW_HU[0]
    crop = head_crop(window(volume_hu[z], level=level, width=width_hu), margin=MARGIN, shape=ASPECT)
    planes = cut(volume_hu[z], crop, fill=PADDING_HU)
    marked = cut(mask[z], crop) if mask is not None else [None] * len(z)
    width = max(16, round(TILE_PX * crop.columns * between_columns / (crop.rows * between_rows)))
    tiles = []
    for index, plane, lesion in zip(z, planes, marked, strict=True):
        tile = slice_picture(plane, lesion, width=width, height=TILE_PX)
        write_text(tile, str(index), at=(3, 12), scale=0.35)
        tiles.append(tile)
    write_text(tiles[0], "R", at=(3, TILE_PX // 2), scale=0.45)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    return np.vstack([_head(sidecar, rows[0].shape[1]), *rows])


def _head(sidecar: dict, width: int) -> np.ndarray:
    z, y, x = sidecar["spacing_mm"]
    measured = {
        "air": (sidecar["air_hu"], "HU"),
        "tissue": (sidecar["tissue_hu"], "HU"),
        "lesion": (sidecar["lesion_ml"], "mL"),
    }
    known = [f"{name} {value:.4g} {unit}" for name, (value, unit) in measured.items() if value is not None]
    lines = [
        f"{sidecar['case']}  {sidecar['dataset']}  accepted",
        f"{x:.3g} x {y:.3g} x {z:.3g} mm, tilt {sidecar['tilt_deg']:.1f} deg, {', '.join(known)}",
        "; ".join(sidecar["flags"]),
    ]
    lines = [line for line in lines if line]
    head = np.zeros((HEAD_PX * len(lines), width, 3), np.uint8)
    for number, line in enumerate(lines):
        fits = width // CHARACTER_PX
        text = line if len(line) <= fits else f"{line[: fits - 3]}..."
        write_text(head, text, at=(3, HEAD_PX * number + 13))
    return head


def _jpeg(image: np.ndarray) -> bytes:
    import cv2

    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
