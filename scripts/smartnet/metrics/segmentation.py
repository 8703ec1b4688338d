"""Where is the blood: overlap on scans with hemorrhage, false volume on scans without.

Empty scans never enter a mean of DSC: a scan without hemorrhage has no DSC and is judged by its false
volume alone (the paper reports DSC and FPV in the same way).
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from smartnet.metrics.tidy import metric_row
from smartnet.statistics.bootstrap import cluster_bootstrap
from smartnet.statistics.interval import Interval

CUTS = {"": ("predicted_ml", "overlap_ml"), "@0.5": ("predicted_half_ml", "overlap_half_ml")}


def segmentation_rows(
    table: pd.DataFrame, point: Mapping[str, Any], *, settings: Mapping[str, Any], seed: int
) -> list[dict]:
    """Measure one segmenter on one test set.

    Args:
        table: one row per scan: ``patient``, ``truth`` (0/1), ``truth_ml`` (empty without reference mask) and
            the predicted and overlapping volumes in mL at the operating point and at 0.5.
        point: content of ``threshold.json``, fixed on validation.
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap.

    Returns:
        Rows of DSC (mean over scans with hemorrhage), FNV (missed volume, mL, mean over the same scans), FPV
        (false-positive volume, mL, mean over scans without), each also ``@0.5``, with patient-clustered
        bootstrap intervals; counts are the scans behind DSC and FPV.
    """
    bleeding = table["truth"] == 1
    measured = table[bleeding & (table["truth_ml"] > 0)]
    normal = table[~bleeding]
    counts = {"n_positive": len(measured), "n_negative": len(normal)}
    left_out = int(bleeding.sum()) - len(measured)
    note = f"{left_out} scans with hemorrhage left out: no reference mask or an empty one" if left_out else ""
    rows = []
    for suffix, (predicted, overlap) in CUTS.items():
        dsc = 2 * measured[overlap] / (measured["truth_ml"] + measured[predicted])
        mean = partial(_mean, replicates=settings["replicates"], seed=seed)
        estimates = {
            "DSC": mean(dsc, measured["patient"], "no scan with hemorrhage and reference mask"),
            "FNV": mean(
                measured["truth_ml"] - measured[overlap],
                measured["patient"],
                "no scan with hemorrhage and reference mask",
            ),
        }
        rows += [metric_row(name + suffix, value, **counts, note=note) for name, value in estimates.items()]
        false = mean(normal[predicted], normal["patient"], "no scan without hemorrhage")
        rows.append(metric_row("FPV" + suffix, false, **counts))
    point = Interval(point["threshold"], np.nan, np.nan, "operating point, from validation")
    return [*rows, metric_row("threshold", point, **counts)]


def _mean(values: pd.Series, patients: pd.Series, empty: str, *, replicates: int, seed: int) -> Interval:
    """Mean over scans with its patient-clustered bootstrap interval."""
    if not len(values):
        return Interval(np.nan, np.nan, np.nan, f"undefined: {empty}")
    numbers = values.to_numpy(dtype=np.float64)
    return cluster_bootstrap(
        lambda weights: weights @ numbers / weights.sum(axis=1),
        patients.to_numpy(),
        replicates=replicates,
        seed=seed,
    )
