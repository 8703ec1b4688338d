"""Predicted masks against reference masks, scan by scan and lesion by lesion."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from smartnet.errors import DataError
from smartnet.files import read_json, read_nifti, read_table, write_table
from smartnet.metrics.lesions import LESION_COLUMNS, predicted_components, reference_lesions
from smartnet.metrics.surface import compare_surfaces
from smartnet.parallel import map_processes
from smartnet.predict.scans import check_grid, find_scan

COLUMNS = [
    *["case", "dsc", "surface_dice", "hd95_mm", "missed_ml", "false_ml"],
    *["lesions", "found_lesions", "components", "false_components"],
]


def measure_masks(
    table: Path,
    masks: Path,
    volumes: Sequence[Path],
    *,
    output: Path,
    output_lesions: Path,
    tolerance_mm: float,
    min_lesion_ml: float,
    lesion_overlap: float,
    threads: int = 1,
) -> None:
    """Measure every predicted mask of a model on a test set.

    Args:
        table: predictions of the model, one row per scan.
        masks: folder of its masks ``{case}.nii.gz``, on the grid of the scans.
        volumes: volume shards of the test set, with the reference masks.
        output: one row per scan, ``COLUMNS``.
        output_lesions: one row per lesion of the reference, ``LESION_COLUMNS``.
        tolerance_mm: of the surface Dice.
        min_lesion_ml: smaller components are neither lesions nor false components.
        lesion_overlap: share of a lesion that must be predicted for it to be found; 0: any voxel.
        threads: processes that share the scans.

    Raises:
        DataError: a mask is missing or lies on another grid.
    """
    cases = list(read_table(table, dtype={"case": str})["case"])
    one = partial(
        _measure_case,
        masks=Path(masks),
        volumes=volumes,
        tolerance_mm=tolerance_mm,
        lesion={"min_ml": min_lesion_ml, "min_overlap": lesion_overlap},
    )
    measured = list(map_processes(one, cases, threads=threads))
    rows = pd.DataFrame([row for row, _ in measured], columns=COLUMNS)
    counts = ["lesions", "found_lesions", "components", "false_components"]
    write_table(rows.astype(dict.fromkeys(counts, "Int64")), output)
    lesions = [found for _, found in measured if len(found)]
    write_table(pd.concat(lesions) if lesions else pd.DataFrame(columns=LESION_COLUMNS), output_lesions)


def _measure_case(
    case: str, *, masks: Path, volumes: Sequence[Path], tolerance_mm: float, lesion: dict[str, float]
) -> tuple[dict[str, Any], pd.DataFrame]:
    scan = find_scan(volumes, case)
    path = masks / f"{case}.nii.gz"
    if not path.is_file():
        raise DataError(f"case {case}: it was predicted, but has no mask; make the predictions again")
    predicted, truth = read_nifti(path)[0] > 0, scan.reference()
    check_grid(case, predicted.shape, truth)
    if truth is None:
        return {"case": case}, pd.DataFrame(columns=LESION_COLUMNS)
    spacing_mm = read_json(scan.folder / f"{case}.json")["spacing_mm"]
    row, lesions = measure_scan(truth, predicted, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm, **lesion)
    lesions.insert(0, "case", case)
    return {"case": case, **row}, lesions


def measure_scan(
    truth: np.ndarray,
    predicted: np.ndarray,
    *,
    spacing_mm: Sequence[float],
    tolerance_mm: float,
    min_ml: float,
    min_overlap: float,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Measure one mask.

    Args:
        truth: (z, y, x) bool.
        predicted: (z, y, x) bool.
        spacing_mm: voxel size (z, y, x).
        tolerance_mm: of the surface Dice.
        min_ml: least volume of a lesion and of a false component.
        min_overlap: as in ``reference_lesions``.

    Returns:
        ``COLUMNS`` after ``case``, and the scan's lesions. An empty reference has neither DSC nor surface nor
        lesions to be missed: None.
    """
    truth, predicted = _crop(truth, predicted)
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    overlap = int((truth & predicted).sum())
    true, called = int(truth.sum()), int(predicted.sum())
    lesions = reference_lesions(truth, predicted, voxel_ml=voxel_ml, min_ml=min_ml, min_overlap=min_overlap)
    components, false = predicted_components(predicted, truth, voxel_ml=voxel_ml, min_ml=min_ml)
    row: dict[str, Any] = dict.fromkeys(COLUMNS[1:])
    row |= {"false_ml": (called - overlap) * voxel_ml, "components": components, "false_components": false}
    if true:
        surface_dice, hd95_mm = compare_surfaces(
            truth, predicted, spacing_mm=spacing_mm, tolerance_mm=tolerance_mm
        )
        row |= {"dsc": 2 * overlap / (true + called), "surface_dice": surface_dice, "hd95_mm": hd95_mm}
        row |= {"missed_ml": (true - overlap) * voxel_ml}
        row |= {"lesions": len(lesions), "found_lesions": int(lesions["found"].sum())}
    return row, lesions


def _crop(*masks: np.ndarray) -> list[np.ndarray]:
    """Cut masks to the box that holds all of them; nothing outside of it can change a measure."""
    box = ndimage.find_objects(np.logical_or.reduce(masks).astype(np.uint8))
    return [mask[box[0]] for mask in masks] if box else list(masks)
