"""The baseline: whatever is brighter than a threshold inside the skull is called blood. No learning, no
torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.errors import ConfigError
from smartnet.files import write_nifti, write_table
from smartnet.predict.scans import (
    SEGMENTATION_COLUMNS,
    Scan,
    accepted_cases,
    check_grid,
    find_scan,
    identity,
    measures,
    write_answers,
)
from smartnet.validation import DSC_COLUMNS, dsc_curve, write_validation

BONE_HU = 300
CEILING_HU = 100  # brighter is calcification, bone or metal
CLOSING_PX = 3  # half the widest gap (suture, partial volume) that is bridged
HALF_ML = 10.0  # blood volume that scores 0.5
TASKS = ("classification", "segmentation")


def inside_skull(volume_hu: np.ndarray) -> np.ndarray:
    """Voxels enclosed by bone in their slice.

    Args:
        volume_hu: (z, y, x) HU.

    Returns:
        (z, y, x) bool: bone above 300 HU closed, its interior filled slice by slice, without the bone
        itself and
        the pixel next to it (partial volume).
    """
    from scipy import ndimage

    interior = np.zeros(volume_hu.shape, dtype=bool)
    cross = ndimage.generate_binary_structure(2, 1)
    for z, plane in enumerate(volume_hu):
        bone = np.pad(plane > BONE_HU, CLOSING_PX)  # padded: a closing must not eat from the border
        if not bone.any():
            continue
        bone = ndimage.binary_closing(bone, cross, iterations=CLOSING_PX)
        inner = ndimage.binary_fill_holes(bone) & ~bone
        inner = ndimage.binary_erosion(inner, cross)
        interior[z] = inner[CLOSING_PX:-CLOSING_PX, CLOSING_PX:-CLOSING_PX]
    return interior


def bright_inside_skull(volume_hu: np.ndarray, *, threshold_hu: float) -> np.ndarray:
    """Voxels (z, y, x) inside the skull from ``threshold_hu`` up to, not including, 100 HU."""
    return (volume_hu >= threshold_hu) & (volume_hu < CEILING_HU) & inside_skull(volume_hu)


def score(blood_ml: float) -> dict[str, float]:
    """Volume in mL as ``probability`` (0 for none, 0.5 at 10 mL) and its ``logit``, always finite."""
    return {
        "logit": float(np.log((blood_ml + 1e-3) / HALF_ML)),
        "probability": blood_ml / (blood_ml + HALF_ML),
    }


def validate_threshold(
    volumes: Sequence[Path], split: Path, *, task: str, threshold_hu: float, output: Path
) -> None:
    """Answer for every validation scan.

    Args:
        volumes: volume shards of the development data sets.
        split: the study's split table.
        task: ``classification``, or ``segmentation``, whose mask is the same at every voxel probability.
        threshold_hu: from which a voxel inside the skull is blood.
        output: ``validation.csv`` to write.

    Raises:
        ConfigError: if there is no such task.
        DataError: if there is no validation case, or a mask lies on another grid.
    """
    _check_task(task)
    cases = accepted_cases(volumes, split, subset="valid")
    cases = cases[cases["hemorrhage"].notna() if task == "classification" else cases["mask"] != "none"]
    answers = []
    for case in cases["case"]:
        scan = find_scan(volumes, case)
        if task == "classification":
            answers.append(score(_blood_ml(scan, threshold_hu)))
            continue
        predicted = bright_inside_skull(scan.volume()[0], threshold_hu=threshold_hu)
        reference = scan.reference()
        check_grid(case, predicted.shape, reference)
        answers.append(dict(zip(DSC_COLUMNS, dsc_curve(predicted, reference), strict=True)))
    write_validation(cases, answers, task, output)


def predict_threshold(
    volumes: Sequence[Path],
    split: Path,
    *,
    dataset: str,
    threshold_hu: float,
    task: str,
    output: Path,
    masks: Path,
) -> None:
    """Answer for every scan of a test set.

    Args:
        volumes: volume shards of the test set.
        split: the study's split table.
        dataset: the test set.
        threshold_hu: from which a voxel inside the skull is blood.
        task: ``classification`` or ``segmentation``.
        output: CSV to write.
        masks: folder for ``{case}.nii.gz``; stays empty for a classification.

    Raises:
        ConfigError: if there is no such task.
        DataError: if there is no case, or a mask lies on another grid.
    """
    _check_task(task)
    Path(masks).mkdir(parents=True, exist_ok=True)
    rows = []
    for case in accepted_cases(volumes, split, subset="test", dataset=dataset).itertuples():
        scan = find_scan(volumes, case.case)
        if task == "classification":
            rows.append({**identity(case), **score(_blood_ml(scan, threshold_hu))})
        else:
            rows.append({**identity(case), **_segment(scan, threshold_hu, Path(masks))})
    if task == "classification":
        write_answers(rows, output)
    else:
        write_table(pd.DataFrame(rows, columns=SEGMENTATION_COLUMNS).astype({"truth": "Int64"}), output)


def _blood_ml(scan: Scan, threshold_hu: float) -> float:
    return float(bright_inside_skull(scan.volume()[0], threshold_hu=threshold_hu).sum() * scan.voxel_ml())


def _segment(scan: Scan, threshold_hu: float, masks: Path) -> dict[str, Any]:
    volume, affine = scan.volume()
    predicted = bright_inside_skull(volume, threshold_hu=threshold_hu)
    reference = scan.reference()
    check_grid(scan.case, volume.shape, reference)
    write_nifti(predicted.astype(np.uint8), affine, masks / f"{scan.case}.nii.gz")
    return measures(predicted, predicted, reference, scan.voxel_ml())


def _check_task(task: str) -> None:
    if task not in TASKS:
        raise ConfigError(f"task {task!r} does not exist: choose one of {', '.join(TASKS)}")
