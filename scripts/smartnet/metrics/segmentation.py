"""Where is the blood: overlap on scans with hemorrhage, false volume on scans without.

Empty scans never enter a mean of DSC: a scan without hemorrhage has no DSC and is judged by what was drawn in
it (the paper reports DSC and FPV in the same way; ``metrics.convention`` has the whole of it).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from smartnet.metrics.convention import LESION_SENSITIVITY, bin_names
from smartnet.metrics.predictions import dsc
from smartnet.metrics.tidy import metric_row
from smartnet.statistics.agreement import bland_altman, icc_agreement
from smartnet.statistics.bootstrap import bootstrap_mean, cluster_bootstrap, of_independent
from smartnet.statistics.interval import Interval, undefined
from smartnet.statistics.proportion import patient_proportion

CUTS = {"": ("predicted_ml", "overlap_ml"), "@0.5": ("predicted_half_ml", "overlap_half_ml")}
NO_LESION_SCAN = "no scan with hemorrhage and reference mask"
NO_NORMAL_SCAN = "no scan without hemorrhage"


def segmentation_rows(
    table: pd.DataFrame,
    point: Mapping[str, Any],
    *,
    settings: Mapping[str, Any],
    seed: int,
    lesions: pd.DataFrame | None = None,
    whole: bool = True,
) -> list[dict]:
    """Measure one segmenter on one test set, or on a subgroup of it.

    Args:
        table: one row per scan: ``patient``, ``truth`` (0/1), ``truth_ml`` (empty without reference mask) and
            the predicted and overlapping volumes in mL at the operating point and at 0.5; where the masks
            were measured, the columns of ``metrics.measures`` too.
        point: content of ``threshold.json``, fixed on validation.
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap.
        lesions: one row per lesion, as ``metrics.measures`` writes them; other cases' are passed over.
        whole: False of a subgroup, which has DSC, FNV and FPV at the operating point alone.

    Returns:
        Rows of DSC, FNV (missed volume, mL), SurfaceDice and HD95 (mm), means over scans with hemorrhage; FPV
        (false-positive volume, mL: mean, median, 95th percentile), FPC (false components) and FP scans (share
        of scans with any), over scans without; DSC, FNV and FPV also ``@0.5``; bias, LoA low, LoA high (mL)
        and ICC of predicted against reference volume, over scans with hemorrhage; lesion SEN, also by volume.
        Counts are the scans behind a value; of lesion SEN ``n_positive`` counts lesions.
    """
    bleeding = table["truth"] == 1
    measured = table[bleeding & (table["truth_ml"] > 0)]
    normal = table[~bleeding]
    counts = {"n_positive": len(measured), "n_negative": len(normal)}
    left_out = int(bleeding.sum()) - len(measured)
    note = f"{left_out} scans with hemorrhage left out: no reference mask or an empty one" if left_out else ""
    mean = partial(bootstrap_mean, replicates=settings["replicates"], seed=seed)
    if not whole:
        return _overlap_rows(measured, normal, counts, mean, note, cuts=("",))
    rows = _overlap_rows(measured, normal, counts, mean, note, cuts=tuple(CUTS))
    rows += _spread_rows(normal, counts, settings, seed)
    rows += [metric_row(name, value, **counts, note=note) for name, value in _agreement(measured).items()]
    if "surface_dice" in table:
        rows += _surface_rows(measured, counts, mean, note)
        rows += _component_rows(normal, counts, mean)
    if lesions is not None:
        patients = measured.set_index("case")["patient"]
        rows += _lesion_rows(lesions[lesions["case"].isin(patients.index)], patients, settings, seed)
    point = Interval(point["threshold"], np.nan, np.nan, "operating point, from validation")
    return [*rows, metric_row("threshold", point, **counts)]


def _overlap_rows(
    measured: pd.DataFrame,
    normal: pd.DataFrame,
    counts: dict[str, int],
    mean: partial,
    note: str,
    *,
    cuts: Sequence[str],
) -> list[dict]:
    rows = []
    for suffix in cuts:
        predicted, overlap = CUTS[suffix]
        missed = measured["truth_ml"] - measured[overlap]
        estimates = {
            "DSC": mean(
                dsc(measured, predicted=predicted, overlap=overlap), measured["patient"], empty=NO_LESION_SCAN
            ),
            "FNV": mean(missed, measured["patient"], empty=NO_LESION_SCAN),
        }
        rows += [metric_row(name + suffix, value, **counts, note=note) for name, value in estimates.items()]
        false = mean(normal[predicted], normal["patient"], empty=NO_NORMAL_SCAN)
        rows.append(metric_row("FPV" + suffix, false, **counts))
    return rows


def _spread_rows(
    normal: pd.DataFrame, counts: dict[str, int], settings: Mapping[str, Any], seed: int
) -> list[dict]:
    """Median and 95th percentile of the false volume: its mean hides that most scans have little of it."""
    rows = []
    for name, share in (("FPV median", 0.5), ("FPV P95", 0.95)):
        estimate = undefined(NO_NORMAL_SCAN)
        if len(normal):
            quantile = partial(weighted_quantile, normal["predicted_ml"].to_numpy(dtype=np.float64), share)
            estimate = cluster_bootstrap(
                quantile, normal["patient"].to_numpy(), replicates=settings["replicates"], seed=seed
            )
        rows.append(metric_row(name, estimate, **counts))
    return rows


def weighted_quantile(values: np.ndarray, share: float, weights: np.ndarray) -> np.ndarray:
    """Quantile of weighted samples: the smallest value that reaches the share.

    Args:
        values: (n,).
        share: in (0, 1].
        weights: (k, n) counts.

    Returns:
        (k,)
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1)
    return values[order][(reached >= share * reached[:, -1:]).argmax(axis=1)]


def _agreement(measured: pd.DataFrame) -> dict[str, Interval]:
    predicted, truth = (measured[name].to_numpy(dtype=np.float64) for name in ("predicted_ml", "truth_ml"))
    estimates = bland_altman(predicted, truth) | {"ICC": icc_agreement(np.stack([predicted, truth], axis=1))}
    return {name: of_independent(value, measured["patient"], "interval") for name, value in estimates.items()}


def _surface_rows(measured: pd.DataFrame, counts: dict[str, int], mean: partial, note: str) -> list[dict]:
    known = measured[measured["hd95_mm"].notna()]
    empty = len(measured) - len(known)
    notes = [note] if note else []
    if empty:
        notes.append(f"{empty} of {len(measured)} scans left out: nothing predicted, no distance")
    reason = NO_LESION_SCAN if not len(measured) else "nothing predicted in any scan with hemorrhage"
    dice = mean(measured["surface_dice"], measured["patient"], empty=NO_LESION_SCAN)
    distance = mean(known["hd95_mm"], known["patient"], empty=reason)
    return [
        metric_row("SurfaceDice", dice, **counts, note=note),
        metric_row("HD95", distance, **counts | {"n_positive": len(known)}, note="; ".join(notes)),
    ]


def _component_rows(normal: pd.DataFrame, counts: dict[str, int], mean: partial) -> list[dict]:
    known = normal[normal["false_components"].notna()]  # all but those without a mask, be it an empty one
    false = known["false_components"].astype(float)
    share = undefined(NO_NORMAL_SCAN)
    if len(known):
        share = patient_proportion(false > 0, known["patient"])
    counts = counts | {"n_negative": len(known)}
    return [
        metric_row("FPC", mean(false, known["patient"], empty=NO_NORMAL_SCAN), **counts),
        metric_row("FP scans", share, **counts),
    ]


def _lesion_rows(
    lesions: pd.DataFrame, patients: pd.Series, settings: Mapping[str, Any], seed: int
) -> list[dict]:
    """Sensitivity over lesions, of all and by volume."""
    rows = []
    volume = lesions["volume_ml"].astype(float)
    bins = [("", np.full(len(lesions), True))]
    edges = [0.0, *settings["lesion_bins_ml"], np.inf]
    for name, (low, high) in zip(bin_names(settings["lesion_bins_ml"]), pairwise(edges), strict=True):
        bins.append((f"@{name}", ((volume >= low) & (volume < high)).to_numpy()))
    for suffix, chosen in bins:
        part = lesions[chosen]
        estimate = _lesion_sensitivity(part["found"], part["case"].map(patients), settings, seed)
        counts = {"n_positive": len(part), "n_negative": 0}
        rows.append(metric_row(LESION_SENSITIVITY + suffix, estimate, **counts))
    return rows


def _lesion_sensitivity(
    found: pd.Series, patients: pd.Series, settings: Mapping[str, Any], seed: int
) -> Interval:
    if not len(found):
        return undefined("no such lesion")
    if found.nunique() == 1:  # every resample is the same: the bootstrap would claim certainty
        note = f"all equal: Wilson interval of {patients.nunique()} patients"
        return patient_proportion(found, patients)._replace(note=note)
    return bootstrap_mean(found, patients, replicates=settings["replicates"], seed=seed)
