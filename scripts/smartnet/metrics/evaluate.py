"""All models on all test sets and their subgroups, into one table."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table, write_table
from smartnet.metrics.classification import classification_rows
from smartnet.metrics.explanation import explanation_items
from smartnet.metrics.features import feature_items
from smartnet.metrics.predictions import bootstrap_seed, read_point, read_predictions
from smartnet.metrics.segmentation import segmentation_rows
from smartnet.metrics.subgroups import AGAINST_ALL, Subgroup, read_cases, subgroups
from smartnet.metrics.tidy import EVERY, tidy
from smartnet.statistics.interval import join_notes

MEASURE = {"classification": classification_rows, "segmentation": segmentation_rows}
OF_NORMALS = ("SPE", "FPV")
"""Metrics that say nothing of subgroups that share all scans without hemorrhage."""


def evaluate(
    predictions: Sequence[Mapping[str, Any]],
    cases: Sequence[Path | str] = (),
    *,
    output: Path,
    settings: Mapping[str, Any],
    seed: int,
    localisations: Sequence[Mapping[str, Any]] = (),
    features: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Measure every model on every test set and write the tidy table.

    Args:
        predictions: one mapping per prediction table: ``model``, ``task`` (classification or segmentation),
            ``seed``, ``dataset``, ``table`` (path of the predictions) and ``threshold`` (path of the
            operating point fixed on validation); optionally ``measures`` (path of a table whose columns are
            joined to the predictions by ``case``) and ``lesions`` (path of a table of lesions with ``case``).
        cases: ``cases.tsv`` of the test sets' volume folders, which say what subgroups there are; none: no
            subgroups.
        output: ``metrics.csv``.
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap; every model of a data set sees the same resampled patients.
        localisations: tables of how well maps lie on lesions, see ``explanation_items``.
        features: tables of how well features tell classes apart, see ``feature_items``.

    Raises:
        DataError: a table lacks a column, repeats a case, holds an impossible value or a case that was not
            accepted.
    """
    accepted = read_cases(cases) if cases else None
    groups = {} if accepted is None else subgroups(accepted, seed=seed)
    rows = explanation_items(localisations, settings=settings, seed=seed)
    rows += feature_items(features, settings=settings, seed=seed)
    for item in predictions:
        table = _read(item, accepted)
        options = {"settings": settings, "seed": bootstrap_seed(seed, item["dataset"])}
        measure = partial(MEASURE[item["task"]], point=read_point(item["threshold"]), **options)
        lesions = item.get("lesions")
        extra = {"lesions": read_table(lesions, dtype={"case": str})} if lesions else {}
        keys = {name: item[name] for name in ("model", "task", "seed", "dataset")}
        rows += [keys | {"subgroup": EVERY} | row for row in measure(table, **extra)]
        for group in groups.get(item["dataset"], ()):
            own = {name: group.of(rows_of) for name, rows_of in extra.items()}
            measured = _kept(measure(group.of(table), whole=False, **own), group)
            rows += [keys | {"subgroup": group.name} | row for row in measured]
    write_table(tidy(rows), output)


def _read(item: Mapping[str, Any], accepted: pd.DataFrame | None) -> pd.DataFrame:
    """Read predictions, with what else was measured on the same scans."""
    table = read_predictions(item["table"], item["task"])
    if accepted is not None:
        lost = table.loc[~table["case"].isin(accepted["case"]), "case"]
        if len(lost):
            raise DataError(
                f"{item['table']}: case {lost.iloc[0]} is no accepted scan of a test set; make the "
                "predictions of this model again"
            )
    if item.get("measures"):
        measures = read_table(item["measures"], dtype={"case": str})
        if sorted(measures["case"]) != sorted(table["case"]):
            raise DataError(f"{item['measures']}: measures are of other cases; measure the masks again")
        new = ["case", *measures.columns.difference(table.columns, sort=False)]
        table = table.merge(measures[new], on="case", validate="one_to_one")
    return table


def _kept(rows: Sequence[Mapping[str, Any]], group: Subgroup) -> list[dict[str, Any]]:
    """Leave out what says nothing about a subgroup; note how the others came about."""
    shared = OF_NORMALS if group.note == AGAINST_ALL else ()
    return [
        {**row, "note": join_notes(row["note"], group.note)} for row in rows if row["metric"] not in shared
    ]
