"""Every model against one reference model on the same scans: differences, tests, Holm's adjustment."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import write_table
from smartnet.metrics.predictions import bootstrap_seed, dsc, read_point, read_predictions
from smartnet.metrics.tidy import COMPARISON
from smartnet.statistics.bootstrap import bootstrap_mean
from smartnet.statistics.delong import delong_difference
from smartnet.statistics.interval import Interval, PairedTest, join_notes, undefined
from smartnet.statistics.multiplicity import holm
from smartnet.statistics.paired import mcnemar, signed_rank

FAMILY = ["task", "seed", "metric"]
"""What is tested together: all models on all test sets, by one metric."""
GROUP = ("task", "seed", "dataset")


def compare(
    predictions: Sequence[Mapping[str, Any]],
    references: Mapping[str, str],
    *,
    output: Path,
    settings: Mapping[str, Any],
    seed: int,
) -> None:
    """Test every model against the reference of its task, on every test set and for every training seed.

    Args:
        predictions: as for ``smartnet.metrics.evaluate``.
        references: the reference model of each task; a task without one is passed over.
        output: ``comparisons.csv``, one row per task, seed, data set, metric and model.
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap, as for ``smartnet.metrics.evaluate``.

    Raises:
        DataError: the reference was not evaluated, or a model and the reference answered for other scans.
    """
    rows = []
    items = sorted(predictions, key=lambda item: [str(item[key]) for key in (*GROUP, "model")])
    for keys, group in itertools.groupby(items, key=lambda item: [item[key] for key in GROUP]):
        task, _, dataset = keys
        if task not in references:
            continue
        tables = {item["model"]: _answers(item) for item in group}
        reference = references[task]
        if reference not in tables:
            raise DataError(
                f"comparisons: the reference {reference} has no {task} on {dataset}; predict with it, or "
                "choose another 'evaluation.reference'"
            )
        draw = partial(bootstrap_mean, replicates=settings["replicates"], seed=bootstrap_seed(seed, dataset))
        for model in tables.keys() - {reference}:
            pairs = _pair(tables[model], tables[reference], names=(model, reference, dataset))
            names = dict(zip(GROUP, keys, strict=True)) | {"model": model, "reference": reference}
            rows += [names | row for row in TESTS[task](pairs, draw)]
    table = pd.DataFrame(rows, columns=COMPARISON)
    if rows:
        table["p_holm"] = table.groupby(FAMILY)["p"].transform(lambda p: holm(p.to_numpy()))
    write_table(table.sort_values([*FAMILY, "dataset", "model"], ignore_index=True), output)


def _answers(item: Mapping[str, Any]) -> pd.DataFrame:
    """Read predictions; whether a scan is called positive stands in ``called``."""
    table = read_predictions(item["table"], item["task"])
    if item["task"] == "classification":
        table["called"] = (table["probability"] >= read_point(item["threshold"])["threshold"]).astype(int)
    return table


def _pair(table: pd.DataFrame, other: pd.DataFrame, *, names: tuple[str, str, str]) -> pd.DataFrame:
    """Set the answers of two models for the same scans side by side, the reference's with ``_reference``."""
    pairs = table.merge(other, on="case", how="outer", suffixes=("", "_reference"), indicator=True)
    unlike = (pairs["_merge"] != "both") | (pairs["truth"] != pairs["truth_reference"])
    if unlike.any():
        model, reference, dataset = names
        raise DataError(
            f"comparisons: {model} and {reference} have different scans or truths on {dataset} "
            f"(case {pairs.loc[unlike, 'case'].iloc[0]}); make the predictions of both again"
        )
    return pairs


def _classifiers(pairs: pd.DataFrame, draw: partial) -> Iterator[dict[str, Any]]:
    """Compare AUC, and the calls on scans with (SEN) and without hemorrhage (SPE)."""
    truth, patients = pairs["truth"].to_numpy(), pairs["patient"].to_numpy()
    if 0 < truth.sum() < len(truth):
        auc = delong_difference(truth, pairs["logit"], pairs["logit_reference"], patients)
    else:
        auc = undefined("one class only"), PairedTest(np.nan, np.nan)
    yield _row("AUC", "DeLong", *auc, pairs)
    for metric, kind in (("SEN", 1), ("SPE", 0)):
        part = pairs[pairs["truth"] == kind]
        right, reference = (part[name] == kind for name in ("called", "called_reference"))
        gain = draw(right.astype(int) - reference.astype(int), part["patient"])
        yield _row(metric, "McNemar", gain, mcnemar(right, reference, part["patient"]), part)


def _segmenters(pairs: pd.DataFrame, draw: partial) -> Iterator[dict[str, Any]]:
    """Compare DSC on scans with hemorrhage and reference mask, false volume on scans without."""
    bleeding = pairs[(pairs["truth"] == 1) & (pairs["truth_ml"] > 0)]
    normal = pairs[pairs["truth"] == 0]
    overlaps = [
        dsc(bleeding, predicted=f"predicted_ml{which}", overlap=f"overlap_ml{which}")
        for which in ("", "_reference")
    ]
    volume = [normal["predicted_ml"], normal["predicted_ml_reference"]]
    for metric, part, (values, reference) in (("DSC", bleeding, overlaps), ("FPV", normal, volume)):
        gain = draw(values - reference, part["patient"])
        test = signed_rank(values, reference, part["patient"])
        yield _row(metric, "Wilcoxon", gain, test, part)


TESTS = {"classification": _classifiers, "segmentation": _segmenters}


def _row(metric: str, name: str, gain: Interval, test: PairedTest, pairs: pd.DataFrame) -> dict[str, Any]:
    """Make a row (without the names of models and data); repeated scans of a patient are told."""
    patients = pairs["patient"].nunique()
    return {
        "metric": metric,
        "test": name,
        "difference": gain.value,
        "low": gain.low,
        "high": gain.high,
        "statistic": test.statistic,
        "p": test.p,
        "n": len(pairs),
        "note": join_notes(gain.note, test.note, f"of {patients} patients" if patients < len(pairs) else ""),
    }
