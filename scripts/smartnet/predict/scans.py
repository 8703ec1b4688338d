"""Reading scans as the volumes stage left them, and measuring masks on their grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_json, read_nifti, read_table, write_table

TEXT = dict.fromkeys(["case", "patient", "dataset", "mask", "verdict", "split"], str)
SEGMENTATION_COLUMNS = [
    *["case", "patient", "dataset", "truth", "truth_ml", "predicted_ml", "overlap_ml"],
    *["predicted_half_ml", "overlap_half_ml"],
]
CLASSIFICATION_COLUMNS = ["case", "patient", "dataset", "truth", "logit", "probability"]


@dataclass(frozen=True)
class Scan:
    """One case of the volumes stage.

    Attributes:
        folder: its shard.
        case: its name.
    """

    folder: Path
    case: str

    def volume(self) -> tuple[np.ndarray, np.ndarray]:
        """Voxels (z, y, x) int16 HU and the affine to LPS millimetres."""
        return read_nifti(self.folder / f"{self.case}.nii.gz")

    def reference(self) -> np.ndarray | None:
        """Lesion (z, y, x) bool, or None where the case has no mask."""
        path = self.folder / f"{self.case}_mask.nii.gz"
        return read_nifti(path)[0] > 0 if path.is_file() else None

    def voxel_ml(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(read_json(self.folder / f"{self.case}.json")["spacing_mm"])) / 1000


def find_scan(volumes: Sequence[Path], case: str) -> Scan:
    """Find a case in the shards.

    Raises:
        DataError: if no shard has it.
    """
    for folder in volumes:
        if (Path(folder) / f"{case}.nii.gz").is_file():
            return Scan(Path(folder), case)
    raise DataError(
        f"case {case} has slices but no volume in any of {len(volumes)} shards: make the volumes again"
    )


def accepted_cases(
    volumes: Sequence[Path], split: Path, *, subset: str, dataset: str | None = None
) -> pd.DataFrame:
    """Accepted cases of a subset, sorted by data set and case.

    Args:
        volumes: volume shards.
        split: the study's split table.
        subset: ``train``, ``valid`` or ``test``.
        dataset: only this one.

    Raises:
        DataError: if there is none.
    """
    cases = pd.concat([read_table(Path(folder) / "cases.tsv", dtype=TEXT) for folder in volumes])
    cases = cases[cases["verdict"] == "accepted"]
    names = read_table(split, dtype=TEXT)[["dataset", "case", "split"]]
    cases = cases.merge(names, on=["dataset", "case"], how="inner")
    cases = cases[cases["split"] == subset]
    if dataset is not None:
        cases = cases[cases["dataset"] == dataset]
    if not len(cases):
        raise DataError(
            f"no accepted {subset} case{f' of {dataset}' if dataset else ''} in {split}: read the catalog"
        )
    return cases.sort_values(["dataset", "case"], ignore_index=True)


def identity(case: Any) -> dict[str, Any]:
    """Case, patient, data set and truth (0/1, missing where unlabelled) of a table's row."""
    truth = None if pd.isna(case.hemorrhage) else int(case.hemorrhage)
    return {"case": case.case, "patient": case.patient, "dataset": case.dataset, "truth": truth}


def write_answers(rows: Sequence[dict[str, Any]], output: Path | str) -> None:
    """Write a classifier's answers, one row of ``CLASSIFICATION_COLUMNS`` per scan.

    Numbers have all their digits, as those from which the operating point was chosen have: among confident
    answers six decimals would round a scan across the threshold.
    """
    table = pd.DataFrame(rows, columns=CLASSIFICATION_COLUMNS).astype({"truth": "Int64"})
    numbers = ["logit", "probability"]
    write_table(table.assign(**{name: table[name].map(str) for name in numbers}), output)


def measures(
    predicted: np.ndarray, half: np.ndarray, reference: np.ndarray | None, voxel_ml: float
) -> dict[str, float | None]:
    """Volumes of a prediction against its reference.

    Args:
        predicted: (z, y, x) bool, at the operating point.
        half: (z, y, x) bool, at probability 0.5.
        reference: (z, y, x) bool, or None where there is none.
        voxel_ml: volume of a voxel.

    Returns:
        the columns ``truth_ml`` to ``overlap_half_ml``, in mL; without a reference ``truth_ml`` is None and
        nothing overlaps.
    """
    known = reference is not None
    return {
        "truth_ml": reference.sum() * voxel_ml if known else None,
        "predicted_ml": predicted.sum() * voxel_ml,
        "overlap_ml": (predicted & reference).sum() * voxel_ml if known else 0.0,
        "predicted_half_ml": half.sum() * voxel_ml,
        "overlap_half_ml": (half & reference).sum() * voxel_ml if known else 0.0,
    }


def check_grid(case: str, shape: tuple[int, ...], reference: np.ndarray | None) -> None:
    """Check that a reference mask lies on its scan's grid.

    Raises:
        DataError: if not.
    """
    if reference is not None and reference.shape != shape:
        raise DataError(
            f"case {case}: mask {reference.shape} is not on the grid of its scan {shape}: "
            "make the volumes again"
        )
