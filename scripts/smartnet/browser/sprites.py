"""Pictures of a case for the browser: all its slices on one sheet per layer."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from smartnet.errors import DataError
from smartnet.files import read_json, read_nifti, write_bytes
from smartnet.predict.scans import Scan
from smartnet.slices.preprocess import Crop, cut, head_crop, window
from smartnet.volume.pictures import WINDOW_HU

COLUMNS = 8  # tiles in a row of a sheet
MOST_SLICES = 64  # of a case; of thinner slices evenly spread ones are shown
MOST_PX, MAP_PX, THUMB_PX = 320, 96, 60  # heights of tiles
ENLARGED = 2  # at most: a tile holds no more detail than its slice
ASPECT, MARGIN = (4, 3), 0.05  # rows to columns of a head, and the free border around it
FILL, LINE = 0.16, 1.0  # opacity of a mask and of its outline
IMAGE_QUALITY, MAP_QUALITY = 76, 85


class Layers(NamedTuple):
    """Volumes of one scan, (z, y, x) on one grid; None where there is none.

    Attributes:
        hu: int16 HU.
        truth: bool.
        prediction: bool.
        heat: uint8, 255 for the scan's largest.
    """

    hu: np.ndarray
    truth: np.ndarray | None
    prediction: np.ndarray | None
    heat: np.ndarray | None


def draw_case(
    scan: Scan, *, mask: Path, maps: Sequence[Path], colours: Mapping[str, str], folder: Path
) -> dict:
    """Write the sheets ``{case}-image.jpg``, ``-truth.png``, ``-prediction.png``, ``-map.jpg``.

    Args:
        scan: the case.
        mask: NIfTI of its predicted mask; may be missing.
        maps: folders that may hold ``{case}.nii.gz``, uint8 on the scan's grid; the first counts.
        colours: ``truth`` and ``prediction``, as #rrggbb.
        folder: to write to.

    Returns:
        what the page must know: ``slices`` in the scan, ``z`` of those shown, ``tile`` and ``map`` (columns
        and rows, px; ``map`` is None without one), ``truth_mm2`` and ``prediction_mm2`` (area per slice
        shown, None without mask), ``spacing_mm`` (z, y, x) and ``thumb`` (BGR picture).

    Raises:
        DataError: a mask or map does not lie on the scan's grid.
    """
    layers = _read(scan, mask, maps)
    spacing = read_json(scan.folder / f"{scan.case}.json")["spacing_mm"]
    z = np.unique(np.linspace(0, len(layers.hu) - 1, MOST_SLICES).round().astype(int))
    windowed = window(layers.hu[z], level=sum(WINDOW_HU) / 2, width=WINDOW_HU[1] - WINDOW_HU[0])
    crop = head_crop(windowed, margin=MARGIN, shape=ASPECT)
    grey = np.rint(cut(windowed, crop) * 255).astype(np.uint8)
    tile = _tile(min(MOST_PX, ENLARGED * crop.rows), crop, spacing)
    _write(
        _sheet([_resized(plane, tile) for plane in grey]), folder / f"{scan.case}-image.jpg", IMAGE_QUALITY
    )
    areas = {}
    for name, volume in (("truth", layers.truth), ("prediction", layers.prediction)):
        areas[name] = None if volume is None else volume[z].sum(axis=(1, 2)) * spacing[1] * spacing[2]
        if volume is not None and volume[z].any():
            planes = [_marked(p, tile, colours[name]) for p in cut(volume[z].astype(np.float32), crop)]
            _write(_sheet(planes), folder / f"{scan.case}-{name}.png")
    heat_tile = None if layers.heat is None else _tile(min(MAP_PX, tile[1]), crop, spacing)
    if heat_tile:
        planes = [_hot(p, heat_tile) for p in cut(layers.heat[z].astype(np.float32) / 255, crop)]
        _write(_sheet(planes), folder / f"{scan.case}-map.jpg", MAP_QUALITY)
    return {
        "slices": len(layers.hu),
        "z": z.tolist(),
        "tile": list(tile),
        "map": heat_tile and list(heat_tile),
        **{f"{name}_mm2": None if a is None else [round(float(v)) for v in a] for name, a in areas.items()},
        "spacing_mm": [round(value, 2) for value in spacing],
        "thumb": _resized(grey[_fullest(areas.values(), len(z))], (THUMB_PX * 3 // 4, THUMB_PX)),
    }


def _fullest(areas: Iterable[np.ndarray | None], count: int) -> int:
    """Place of the slice with the largest area of either mask, the middle one without any."""
    known = [area for area in areas if area is not None and area.any()]
    return int(np.argmax(max(known, key=np.max))) if known else count // 2


def write_thumbs(thumbs: Sequence[np.ndarray], path: Path) -> None:
    """Write the small pictures of a data set's cases on one sheet."""
    _write(_sheet(thumbs), path, IMAGE_QUALITY)


def _read(scan: Scan, mask: Path, maps: Sequence[Path]) -> Layers:
    hu, _ = scan.volume()
    heat = next((file for folder in maps if (file := folder / f"{scan.case}.nii.gz").is_file()), None)
    files = {"mask of the prediction": mask if mask.is_file() else None, "map": heat}
    volumes = {name: read_nifti(file)[0] if file else None for name, file in files.items()}
    volumes["reference mask"] = scan.reference()
    for name, volume in volumes.items():
        if volume is not None and volume.shape != hu.shape:
            raise DataError(
                f"case {scan.case}: its {name} {volume.shape} is not on the grid of its scan {hu.shape}: "
                "make it again"
            )
    prediction = volumes["mask of the prediction"]
    return Layers(
        hu, volumes["reference mask"], None if prediction is None else prediction > 0, volumes["map"]
    )


def _tile(height: int, crop: Crop, spacing: Sequence[float]) -> tuple[int, int]:
    """Columns and rows of a tile that shows a crop in its true aspect."""
    return max(16, round(height * crop.columns * spacing[2] / (crop.rows * spacing[1]))), height


def _resized(plane: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    import cv2

    shrinks = plane.shape[0] > tile[1]
    return cv2.resize(plane, tile, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _marked(plane: np.ndarray, tile: tuple[int, int], colour: str) -> np.ndarray:
    """Fill and outline a mask (rows, columns) of 0 and 1; (rows, columns, 4), blue first, opacity last."""
    import cv2

    shares = _resized(plane, tile)
    shown = (shares >= 0.5) if (shares >= 0.5).any() else shares > 0  # a speck stays to be seen
    picture = np.zeros((*shown.shape, 4), np.uint8)
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    picture[shown] = (blue, green, red, round(255 * FILL))
    outlines, _ = cv2.findContours(shown.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, outlines, -1, (blue, green, red, round(255 * LINE)), 1)
    return picture


def _hot(plane: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """Colour a map (rows, columns) in [0, 1]; black is nothing, for it is added to the image."""
    import cv2

    values = np.rint(np.clip(_resized(plane, tile), 0, 1) * 255).astype(np.uint8)
    return np.where(values[..., None] > 0, cv2.applyColorMap(values, cv2.COLORMAP_INFERNO), np.uint8(0))


def _sheet(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Set tiles of one size side by side, eight in a row."""
    filled = [*tiles, *([np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS))]
    return np.vstack([np.hstack(filled[start : start + COLUMNS]) for start in range(0, len(filled), COLUMNS)])


def _write(image: np.ndarray, path: Path, quality: int | None = None) -> None:
    import cv2

    options = [] if quality is None else [cv2.IMWRITE_JPEG_QUALITY, quality]
    write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes(), path)
