"""Tables of the study, drawn from ``metrics.csv`` alone."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smartnet.figures.latex import MISSING, number, with_interval, write_both
from smartnet.figures.names import (
    DEFAULT_OPERATORS,
    bin_label,
    display_dataset,
    display_name,
    sort_datasets,
    sort_models,
)
from smartnet.files import read_table
from smartnet.metrics.convention import EMPTY_CONVENTION, LESION_SENSITIVITY, lower_edge
from smartnet.metrics.tidy import read_metrics

CLASSIFICATION = {"AUC": 3, "AP": 3, "F1": 3, "SEN": 3, "SPE": 3}
SEGMENTATION = {
    **{"DSC": 3, "SurfaceDice": 3, "HD95": 1, "FNV": 2, LESION_SENSITIVITY: 3},
    **{"FPV": 2, "FPC": 2},
}
AGREEMENT = {"bias": 1, "LoA low": 1, "LoA high": 1, "ICC": 3}
HEADS = {
    "FPV": "FPV (mL)",
    "FNV": "Missed (mL)",
    "SurfaceDice": "Surface Dice",
    "HD95": "HD95 (mm)",
    "FPC": "False components",
    LESION_SENSITIVITY: "Lesion SEN",
    "bias": "Bias (mL)",
    "LoA low": "Lower limit (mL)",
    "LoA high": "Upper limit (mL)",
}
PHANTOM = "phantoms, not patients: numbers do not compare"


def table_classification(metrics: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write classifiers on every test set, at the operating point from validation and at 0.5.

    Args:
        metrics: ``metrics.csv``.
        models: those that are shown.
        output_csv: table with values and 95 % intervals.
        output_tex: the same for LaTeX.
    """
    half = {"F1@0.5": 3, "SEN@0.5": 3, "SPE@0.5": 3}
    write_both(_table(metrics, models, "classification", CLASSIFICATION | half), output_csv, output_tex)


def table_segmentation(metrics: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write segmenters on every test set: overlap, surfaces and lesions of scans with hemorrhage, else FPV.

    Args:
        metrics: ``metrics.csv``.
        models: those that are shown.
        output_csv: table with values and 95 % intervals, at the operating point.
        output_tex: the same for LaTeX.
    """
    table = _table(metrics, models, "segmentation", SEGMENTATION)
    _write_segmentation(table, output_csv, output_tex)


def table_agreement(metrics: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write bias, limits of agreement and ICC of predicted against reference volumes, on every test set.

    Args:
        metrics: ``metrics.csv``.
        models: those that are shown.
        output_csv: table with values and 95 % intervals.
        output_tex: the same for LaTeX.
    """
    table = _table(metrics, models, "segmentation", AGREEMENT).drop(columns="Without")
    _write_segmentation(table, output_csv, output_tex)


def table_lesions(metrics: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write which share of the lesions is found, of all and by volume, on every test set.

    Args:
        metrics: ``metrics.csv``.
        models: those that are shown.
        output_csv: table with values and 95 % intervals; the first row of a test set counts its lesions.
        output_tex: the same for LaTeX.
    """
    every = read_metrics(metrics)
    every = every[every["model"].isin(models) & (every["subgroup"] == "all")]
    every = every[every["metric"].str.startswith(LESION_SENSITIVITY)]
    bins = set(every["metric"]) - {LESION_SENSITIVITY}
    names = [LESION_SENSITIVITY, *sorted(bins, key=lambda name: lower_edge(name.partition("@")[2]))]
    heads = {name: _head(name) for name in names}
    table = _table(metrics, models, "segmentation", dict.fromkeys(names, 3)).drop(columns=["With", "Without"])
    counts = every.pivot_table("n_positive", "dataset", "metric", "max")
    counts = counts[names].astype(int).astype(str).rename(columns=heads, index=display_dataset)
    blocks = [
        block
        for dataset, part in table.groupby("Test set", sort=False)
        for block in (pd.DataFrame([{"Test set": dataset, "Model": "Lesions", **counts.loc[dataset]}]), part)
    ]
    _write_segmentation(pd.concat(blocks, ignore_index=True), output_csv, output_tex)


def _write_segmentation(table: pd.DataFrame, output_csv: Path, output_tex: Path) -> None:
    options = {"groups": ["Test set"], "note": EMPTY_CONVENTION, "stacked": True}
    write_both(table, output_csv, output_tex, **options)


def _table(metrics: Path, models: Sequence[str], task: str, digits: dict[str, int]) -> pd.DataFrame:
    """One row per test set and model; the number of scans behind the cells stands in each row."""
    table = read_metrics(metrics)
    table = table[(table["task"] == task) & (table["subgroup"] == "all") & table["model"].isin(models)]
    rows = []
    for dataset in sort_datasets(table["dataset"]):
        part = table[table["dataset"] == dataset]
        for model in sort_models(part["model"]):
            of_model = part[part["model"] == model]
            first = of_model.iloc[0]
            row = {
                "Test set": display_dataset(dataset),
                "Model": display_name(model),
                "With": str(first["n_positive"]),
                "Without": str(first["n_negative"]),
            }
            if of_model["seed"].nunique() > 1:
                row["Model"] += f" ({of_model['seed'].nunique()} seeds)"
            for metric, places in digits.items():
                row[_head(metric)] = _cell(of_model, metric, places)
            rows.append(row)
    return pd.DataFrame(rows)


def _head(metric: str) -> str:
    """Name the column of a metric: what it is, at which cut or for which lesions."""
    name, _, of = metric.partition("@")
    if name == LESION_SENSITIVITY:
        return bin_label(of) if of else HEADS[name]
    return HEADS.get(name, name) + (f" at {of}" if of else "")


def _cell(rows: pd.DataFrame, metric: str, digits: int) -> str:
    """Value with its 95 % interval for one seed; mean and range over several."""
    found = rows[rows["metric"] == metric]
    if found["value"].isna().all():
        return MISSING
    if len(found) == 1:
        row = found.iloc[0]
        return with_interval(row["value"], row["low"], row["high"], digits=digits)
    mean, low, high = (
        number(getattr(found["value"], part)(), digits=digits) for part in ("mean", "min", "max")
    )
    return f"{mean} ({low} to {high})"


def table_published(
    metrics: Path, published: Path, *, phantoms: bool, output_csv: Path, output_tex: Path
) -> None:
    """Set this study's numbers beside the paper's; of each start only the paper's operators compare.

    Args:
        metrics: ``metrics.csv``.
        published: ``resources/published.csv`` (``model task dataset metric value stars source``).
        phantoms: the study ran on phantoms; every row then says that the numbers do not compare.
        output_csv: table.
        output_tex: the same for LaTeX.
    """
    ours = read_metrics(metrics)
    ours = ours[ours["subgroup"] == "all"]
    theirs = read_table(published, dtype=str)
    rows = []
    for row in theirs.itertuples():
        same = ours["model"].isin([f"{row.model}_{operator}" for operator in DEFAULT_OPERATORS])
        same &= ours["task"] == row.task
        same &= (ours["dataset"] == row.dataset) & (ours["metric"] == _published_metric(row.metric))
        rows.append(
            {
                "Task": row.task.capitalize(),
                "Test set": display_dataset(row.dataset),
                "Metric": _published_metric(row.metric).replace("@", " at "),
                "Model": display_name(row.model),
                "Paper": row.value + ("" if pd.isna(row.stars) else f" {row.stars}"),
                "This study": _cell(ours[same], _published_metric(row.metric), _digits(row.value)),
                "Data of this study": PHANTOM if phantoms else "own data: another test set than the paper's",
            }
        )
    write_both(pd.DataFrame(rows), output_csv, output_tex, note=EMPTY_CONVENTION)


def _published_metric(metric: str) -> str:
    """Give our name: the paper takes its calls at a probability of 0.5."""
    return f"{metric}@0.5" if metric in ("F1", "SEN", "SPE", "DSC", "FPV") else metric


def _digits(value: str) -> int:
    return len(value.partition(".")[2])
