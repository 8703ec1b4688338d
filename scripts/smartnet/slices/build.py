"""The slices of one shard: all accepted cases' preprocessed slices in two arrays, and their tables."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.dicom.labels import KINDS
from smartnet.errors import ConfigError, DataError
from smartnet.files import read_nifti, read_table, write_table
from smartnet.slices.preprocess import (
    CROP_COLUMNS,
    cut,
    filled_range,
    head_crop,
    prepare_image,
    prepare_mask,
    window,
)
from smartnet.slices.store import growing_array

logger = logging.getLogger(__name__)

SLICE_COLUMNS = ["row", "case", "patient", "dataset", "z", "hemorrhage", "lesion_px"]
CASE_COLUMNS = [
    *["case", "patient", "dataset", "first", "count", "hemorrhage", *KINDS],
    *["mask", "lesion_ml", "tilt_deg", "slice_thickness_mm", "manufacturer", "content"],
    *CROP_COLUMNS,
]
_TEXT = ["case", "patient", "dataset", "mask", "manufacturer"]


def build_shard(
    volumes: Path,
    output: Path,
    *,
    size: Sequence[int],
    level: float,
    width: float,
    clahe_clip: float,
    clahe_tiles: int,
    min_speck_px: int,
    crop_margin: float | None = None,
) -> None:
    """Preprocess the volumes of one shard into 8-bit slices.

    Args:
        volumes: folder of the shard's volumes.
        output: folder to write ``images.npy``, ``masks.npy``, ``slices.tsv`` and ``cases.tsv`` to.
        size: rows and columns of the slices.
        level: centre of the window in HU.
        width: width of the window in HU.
        clahe_clip: clip limit of CLAHE, 0 for none.
        clahe_tiles: CLAHE tiles per side.
        min_speck_px: mask regions with fewer pixels are dropped.
        crop_margin: cut the planes to the head with this free border, a fraction of its length, in the aspect
            ratio of ``size``; None takes the whole image.

    Raises:
        ConfigError: a size, width or number of tiles below 1.
        DataError: a volume is missing, or nothing in it lies inside the window.
    """
    _check(rows=size[0], columns=size[1], width=width, clahe_tiles=clahe_tiles)
    cases = read_table(volumes / "cases.tsv", dtype=dict.fromkeys(_TEXT, str))
    accepted = cases[cases["verdict"] == "accepted"].sort_values("case").to_dict("records")
    slice_rows, case_rows = [], []
    with (
        growing_array(output / "images.npy", *size) as images,
        growing_array(output / "masks.npy", *size) as masks,
    ):
        for case in accepted:
            windowed, lesions, start = _load(volumes, case, level=level, width=width)
            crop = None if crop_margin is None else head_crop(windowed, margin=crop_margin, shape=size)
            if crop is not None:
                windowed, lesions = cut(windowed, crop), cut(lesions, crop)
            rows, digest = [], hashlib.sha256()
            for z, (plane, lesion) in enumerate(zip(windowed, lesions, strict=True), start=start):
                image = prepare_image(plane, shape=size, clahe_clip=clahe_clip, clahe_tiles=clahe_tiles)
                small = prepare_mask(lesion, shape=size, min_speck_px=min_speck_px)
                rows.append(_slice_row(case, images.count, z, small))
                images.append(image)
                masks.append(small)
                digest.update(image)
            own = {"first": rows[0]["row"], "count": len(rows), "content": digest.hexdigest()[:16]}
            place = dict(zip(CROP_COLUMNS, crop or (None,) * 4, strict=True))
            case_rows.append(case | own | place)
            slice_rows += rows
            logger.info("case %s: %d slices", case["case"], len(rows))
    _write_tables(slice_rows, case_rows, output)


def _check(**values: float) -> None:
    for name, value in values.items():
        if value < 1:
            raise ConfigError(f"slices: {name} is {value}, but must be at least 1")


def _load(volumes: Path, case: dict, *, level: float, width: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Read one case: filled slices windowed to [0, 1], their mask (0 if unknown), the first one's z."""
    name = case["case"]
    paths = [volumes / f"{name}.nii.gz"] + [volumes / f"{name}_mask.nii.gz"] * (case["mask"] != "none")
    for path in paths:
        if not path.is_file():
            raise DataError(f"case {name}: {path} is missing: run the volumes of this shard again")
    windowed = window(read_nifti(paths[0])[0], level=level, width=width)
    mask = read_nifti(paths[1])[0] if len(paths) > 1 else np.zeros(windowed.shape, np.uint8)
    start, stop = filled_range(windowed, mask)
    if start == stop:
        raise DataError(
            f"case {name}: no slice has anything inside the window {level - width / 2:g} to "
            f"{level + width / 2:g} HU: correct level and width, or remove the scan"
        )
    return windowed[start:stop], mask[start:stop], start


def _slice_row(case: dict, row: int, z: int, mask: np.ndarray) -> dict:
    same = {name: case[name] for name in ("case", "patient", "dataset")}
    lesion_px = None if case["mask"] == "none" else int(mask.sum())
    truth = {"hemorrhage": None if lesion_px is None else int(lesion_px > 0), "lesion_px": lesion_px}
    return {"row": row, **same, "z": z, **truth}


def _write_tables(slice_rows: list[dict], case_rows: list[dict], output: Path) -> None:
    slices = pd.DataFrame(slice_rows, columns=SLICE_COLUMNS)
    slices = slices.astype({"hemorrhage": "Int64", "lesion_px": "Int64"})
    cases = pd.DataFrame(case_rows, columns=CASE_COLUMNS)
    cases = cases.astype(dict.fromkeys(["hemorrhage", *KINDS, *CROP_COLUMNS], "Int64"))
    write_table(slices, output / "slices.tsv")
    write_table(cases, output / "cases.tsv")
