"""Tables of the study, drawn from ``metrics.csv`` and ``comparisons.csv`` alone."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from smartnet.figures.latex import estimates, number, with_seeds, write_both
from smartnet.figures.names import (
    DEFAULT_OPERATORS,
    bin_label,
    display_dataset,
    display_name,
    sort_datasets,
    sort_models,
)
from smartnet.figures.significance import stars
from smartnet.files import read_table
from smartnet.metrics.convention import EMPTY_CONVENTION, LESION_SENSITIVITY, lower_edge
from smartnet.metrics.tidy import read_comparisons, read_metrics

CLASSIFICATION = {"AUC": 3, "AP": 3, "F1": 3, "SEN": 3, "SPE": 3}
SEGMENTATION = {
    **{"DSC": 3, "SurfaceDice": 3, "HD95": 1, "FNV": 2, LESION_SENSITIVITY: 3},
    **{"FPV": 2, "FPC": 2},
}
AGREEMENT = {"bias": 1, "LoA low": 1, "LoA high": 1, "ICC": 3}
OPERATING = {"threshold": 3, "SEN": 3, "SPE": 3, "PPV": 3, "NPV": 3, "alarms per 100": 1}
CALIBRATION = {"Brier": 3, "Brier@T": 3, "ECE": 3, "ECE@T": 3}
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
    "threshold": "Threshold",
    "alarms per 100": "Alarms per 100",
    "Brier@T": "Brier scaled",
    "ECE@T": "ECE scaled",
}
STARRED = ("AUC", "DSC")
PHANTOM = "phantoms, not patients: numbers do not compare"


def table_classification(
    metrics: Path, comparisons: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path
) -> None:
    """Write classifiers on every test set, at the operating point from validation and at 0.5.

    Args:
        metrics: ``metrics.csv``.
        comparisons: ``comparisons.csv``, for the stars.
        models: those that are shown.
        output_csv: table with values and 95 % intervals, mean and standard deviation over several seeds.
        output_tex: the same for LaTeX.
    """
    half = {"F1@0.5": 3, "SEN@0.5": 3, "SPE@0.5": 3}
    table = _table(metrics, comparisons, models, "classification", CLASSIFICATION | half)
    write_both(table, output_csv, output_tex, groups=["Test set"], stacked=True)


def table_segmentation(
    metrics: Path, comparisons: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path
) -> None:
    """Write segmenters on every test set: overlap, surfaces and lesions of scans with hemorrhage, else FPV.

    Args:
        metrics: ``metrics.csv``.
        comparisons: ``comparisons.csv``, for the stars.
        models: those that are shown.
        output_csv: table with values and 95 % intervals, at the operating point.
        output_tex: the same for LaTeX.
    """
    table = _table(metrics, comparisons, models, "segmentation", SEGMENTATION)
    _write_segmentation(table, output_csv, output_tex)


def table_agreement(metrics: Path, models: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write bias, limits of agreement and ICC of predicted against reference volumes, on every test set.

    Args:
        metrics: ``metrics.csv``.
        models: those that are shown.
        output_csv: table with values and 95 % intervals, mean and standard deviation over several seeds.
        output_tex: the same for LaTeX.
    """
    table = _table(metrics, None, models, "segmentation", AGREEMENT).drop(columns="Without")
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
    table = _table(metrics, None, models, "segmentation", dict.fromkeys(names, 3)).drop(
        columns=["With", "Without"]
    )
    counts = every.pivot_table("n_positive", "dataset", "metric", "max")
    counts = counts[names].astype(int).astype(str).rename(columns=heads, index=display_dataset)
    blocks = [
        block
        for dataset, part in table.groupby("Test set", sort=False)
        for block in (
            pd.DataFrame([{"Test set": dataset, table.columns[1]: "Lesions", **counts.loc[dataset]}]),
            part,
        )
    ]
    _write_segmentation(pd.concat(blocks, ignore_index=True), output_csv, output_tex)


def _write_segmentation(table: pd.DataFrame, output_csv: Path, output_tex: Path) -> None:
    options = {"groups": ["Test set"], "note": EMPTY_CONVENTION, "stacked": True}
    write_both(table, output_csv, output_tex, **options)


def table_operating(
    metrics: Path, models: Sequence[str], prevalences: Sequence[float], *, output_csv: Path, output_tex: Path
) -> None:
    """Write what a reader meets at the operating point of each classifier, and how its probabilities hold.

    Args:
        metrics: ``metrics.csv``.
        models: those that are shown.
        prevalences: those that it has predictive values for.
        output_csv: table; SEN, SPE and the PPV at each prevalence with 95 % intervals.
        output_tex: the same for LaTeX.
    """
    in_practice = {f"PPV@prevalence={prevalence:g}": 3 for prevalence in sorted(prevalences)}
    digits = OPERATING | in_practice | CALIBRATION
    plain = digits.keys() - in_practice.keys() - {"SEN", "SPE"}
    table = _table(metrics, None, models, "classification", digits, plain=plain)
    write_both(table, output_csv, output_tex, groups=["Test set"], stacked=True)


def _table(
    metrics: Path,
    comparisons: Path | None,
    models: Sequence[str],
    task: str,
    digits: dict[str, int],
    *,
    plain: Collection[str] = (),
) -> pd.DataFrame:
    """One row per test set and model, and the number of scans behind its cells; ``plain`` has no limits."""
    table = read_metrics(metrics)
    tests = None if comparisons is None else read_comparisons(comparisons)
    table = table[(table["task"] == task) & (table["subgroup"] == "all") & table["model"].isin(models)]
    head = with_seeds("Model", table)
    rows = []
    for dataset in sort_datasets(table["dataset"]):
        part = table[table["dataset"] == dataset]
        for model in sort_models(part["model"]):
            of_model = part[part["model"] == model]
            first = of_model.iloc[0]
            row = {
                "Test set": display_dataset(dataset),
                head: display_name(model),
                "With": str(first["n_positive"]),
                "Without": str(first["n_negative"]),
            }
            for metric, places in digits.items():
                found = of_model[of_model["metric"] == metric]
                if metric in plain:
                    cell = number(found["value"].mean(), digits=places)
                else:
                    cell = estimates(found, digits=places)
                if tests is not None and metric in STARRED:
                    cell = f"{cell} {stars(tests, model, dataset, metric)}".rstrip()
                row[_head(metric)] = cell
            rows.append(row)
    return pd.DataFrame(rows)


def _head(metric: str) -> str:
    """Head a column: the metric, and where or of what it was taken."""
    name, _, place = metric.partition("@")
    if name == LESION_SENSITIVITY and place:
        return bin_label(place)
    if metric in HEADS or not place:
        return HEADS.get(metric, name)
    place = f"{100 * float(place.split('=')[1]):g} %" if "=" in place else place
    return f"{HEADS.get(name, name)} at {place}"


def table_published(
    metrics: Path,
    comparisons: Path,
    published: Path,
    *,
    phantoms: bool,
    output_csv: Path,
    output_tex: Path,
) -> None:
    """Set this study's numbers beside the paper's; of each start only the paper's operators compare.

    Args:
        metrics: ``metrics.csv``.
        comparisons: ``comparisons.csv``, for the stars of this study's AUC.
        published: ``resources/published.csv`` (``model task dataset metric value stars source``).
        phantoms: the study ran on phantoms; every row then says that the numbers do not compare.
        output_csv: table.
        output_tex: the same for LaTeX.
    """
    ours, tests = read_metrics(metrics), read_comparisons(comparisons)
    ours = ours[ours["subgroup"] == "all"]
    theirs = read_table(published, dtype=str)
    rows = []
    for row in theirs.itertuples():
        same = ours["model"].isin([f"{row.model}_{operator}" for operator in DEFAULT_OPERATORS])
        same &= ours["task"] == row.task
        same &= (ours["dataset"] == row.dataset) & (ours["metric"] == _published_metric(row.metric))
        cell = estimates(ours[same], digits=_digits(row.value))
        for model in ours.loc[same, "model"].unique():
            cell = f"{cell} {stars(tests, model, row.dataset, _published_metric(row.metric))}".rstrip()
        rows.append(
            {
                "Task": row.task.capitalize(),
                "Test set": display_dataset(row.dataset),
                "Metric": _published_metric(row.metric).replace("@", " at "),
                "Model": display_name(row.model),
                "Paper": row.value + ("" if pd.isna(row.stars) else f" {row.stars}"),
                "This study": cell,
                "Data of this study": PHANTOM if phantoms else "own data: another test set than the paper's",
            }
        )
    write_both(pd.DataFrame(rows), output_csv, output_tex, note=EMPTY_CONVENTION)


def _published_metric(metric: str) -> str:
    """Give our name: the paper takes its calls at a probability of 0.5."""
    return f"{metric}@0.5" if metric in ("F1", "SEN", "SPE", "DSC", "FPV") else metric


def _digits(value: str) -> int:
    return len(value.partition(".")[2])
