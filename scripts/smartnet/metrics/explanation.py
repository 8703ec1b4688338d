"""Do the maps of a start lie on the lesions: means over scans, beside trivial and random maps."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table
from smartnet.metrics.predictions import bootstrap_seed
from smartnet.metrics.tidy import EVERY, EXPLANATION, metric_row
from smartnet.statistics.bootstrap import bootstrap_mean

MAPS = ("gradcam", "segcam", "activation", "threshold", "random", "ideal")
MEASURES = {"pointing": "pointing", "energy": "energy", "AUPRC": "auprc"}
SHARE = "lesion-share"
NEEDED = ["case", "patient", "dataset", "map", *MEASURES.values(), "lesion_share", "empty"]


def explanation_items(
    items: Sequence[Mapping[str, Any]], *, settings: Mapping[str, Any], seed: int
) -> list[dict]:
    """Measure the maps of every start on every test set.

    Args:
        items: one mapping per localisation table: ``model`` (the start), ``seed``, ``datasets`` (the test
            sets) and ``table`` (its path).
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap; every start sees the same resampled patients of a data set.

    Returns:
        whole rows of the tidy table.

    Raises:
        DataError: a table lacks a column, or repeats a case and map.
    """
    rows = []
    for item in items:
        table = read_localisation(item["table"])
        for dataset in item["datasets"]:
            keys = {"model": item["model"], "task": EXPLANATION, "seed": item["seed"], "dataset": dataset}
            own = table[table["dataset"] == dataset]
            measured = explanation_rows(own, settings=settings, seed=bootstrap_seed(seed, dataset))
            rows += [keys | {"subgroup": EVERY} | row for row in measured]
    return rows


def read_localisation(path: Any) -> pd.DataFrame:
    """Read one localisation table.

    Raises:
        DataError: a column is missing, or a case and map stand in it twice.
    """
    table = read_table(path, dtype={"case": str, "patient": str, "dataset": str, "map": str})
    missing = [name for name in NEEDED if name not in table.columns]
    if missing:
        raise DataError(f"{path}: column {missing[0]} is missing; measure the localisation again")
    repeated = table[table.duplicated(["case", "map"])]
    if len(repeated):
        case, name = repeated.iloc[0][["case", "map"]]
        raise DataError(f"{path}: map {name} of case {case} stands there twice; measure it again")
    return table


def explanation_rows(table: pd.DataFrame, *, settings: Mapping[str, Any], seed: int) -> list[dict]:
    """Measure the maps of one start on one test set.

    Args:
        table: one row per scan and map, as rule ``localisation`` writes it.
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap.

    Returns:
        Rows of ``pointing:{map}``, ``energy:{map}`` and ``AUPRC:{map}`` of every map, means over scans with
        patient-clustered bootstrap intervals, and of ``lesion-share``, the mean share of voxels that are
        lesion (energy and AUPRC of chance). Empty maps count as misses, and the note says how many are.
    """
    reason = "no scan with hemorrhage and reference mask"
    mean = partial(bootstrap_mean, replicates=settings["replicates"], seed=seed, empty=reason)
    rows = []
    for name in MAPS:
        own = table[table["map"] == name]
        known = own[own["auprc"].notna()]  # of a small lesion the share is 0 in six decimals
        counts = {"n_positive": len(known), "n_negative": 0}
        notes = {
            "scans left out: lesion lost at the networks' resolution": len(own) - len(known),
            f"of {len(known)} maps empty": int(known["empty"].sum()),
        }
        note = "; ".join(f"{count} {text}" for text, count in notes.items() if count)
        for metric, column in MEASURES.items():
            rows.append(
                metric_row(f"{metric}:{name}", mean(known[column], known["patient"]), **counts, note=note)
            )
    return [*rows, metric_row(SHARE, mean(known["lesion_share"], known["patient"]), **counts)]
