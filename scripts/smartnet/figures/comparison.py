"""Models side by side and against the reference: a forest plot and the table of the tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes

from smartnet.figures import forest, style
from smartnet.figures.latex import estimates, write_both
from smartnet.figures.names import display_dataset, display_name, sort_datasets, sort_models
from smartnet.figures.significance import p_value, stars
from smartnet.metrics.tidy import read_comparisons, read_metrics

SHOWN = {"classification": "AUC", "segmentation": "DSC"}
DIGITS = {"AUC": 3, "SEN": 3, "SPE": 3, "DSC": 3, "FPV": 2}
UNITS = {"FPV": "FPV (mL)"}
CHANCE = {"AUC": 0.5}
COLUMNS = 4  # of test sets beside each other


@style.styled()
def draw_comparison(
    metrics: Path,
    comparisons: Path,
    references: Mapping[str, str],
    *,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw the AUC of every classifier and the DSC of every segmenter on every test set, with intervals.

    Args:
        metrics: ``metrics.csv``.
        comparisons: ``comparisons.csv``, for the stars.
        references: the reference model of each task, which is framed.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    table, tests = read_metrics(metrics), read_comparisons(comparisons)
    table = table[(table["subgroup"] == "all") & table["metric"].isin(list(SHOWN.values()))]
    datasets = sort_datasets(table["dataset"])
    models = {task: sort_models(part["model"]) for task in SHOWN if len(part := table[table["task"] == task])}
    bands = -(-len(datasets) // COLUMNS)
    heights = [len(names) * forest.ROW_MM + 12 for names in models.values() for _ in range(bands)]
    columns = min(len(datasets), COLUMNS)
    figure = style.new_figure(style.DOUBLE_MM, sum(heights) + 2)
    grid = figure.subplots(len(heights), columns, squeeze=False, height_ratios=heights)
    for block, (task, names) in enumerate(models.items()):
        part = table[table["task"] == task]
        panels = grid[block * bands : (block + 1) * bands].ravel()
        for number, (axes, dataset) in enumerate(zip(panels, datasets, strict=False)):
            _panel(
                axes,
                part,
                dataset,
                names,
                tests=tests,
                reference=references.get(task),
                label=number % columns == 0,
            )
        for axes in panels[len(datasets) :]:
            axes.set_axis_off()
    style.save(figure, output_pdf, output_png)


def _panel(
    axes: Axes,
    table: pd.DataFrame,
    dataset: str,
    models: Sequence[str],
    *,
    tests: pd.DataFrame,
    reference: str | None,
    label: bool,
) -> None:
    """Draw all models of a task on one test set."""
    metric = table["metric"].iloc[0]
    chosen = table[table["dataset"] == dataset]
    palette = style.colours(models)
    forest.rows(
        axes, [display_name(model) for model in models], bold=[m == reference for m in models], show=label
    )
    for row, model in enumerate(models):
        found = chosen[chosen["model"] == model]
        ours = model == reference
        forest.estimate(axes, row, found, palette[model], size=5 if ours else 4, bold=ours)
        forest.right(axes, row, stars(tests, model, dataset, metric))
        if ours:
            axes.axvline(found["value"].mean(), color=palette[model], linewidth=0.6, alpha=0.6, zorder=1)
    if metric in CHANCE:
        axes.axvline(CHANCE[metric], color="0.6", linewidth=0.6, linestyle=":", zorder=1)
    axes.set_xlim(*forest.limits(table))
    axes.set_xlabel(metric, labelpad=1)
    counts = chosen[["n_positive", "n_negative"]].max()
    scans = f"{counts['n_positive']} with" + (f", {counts['n_negative']} without" if metric == "AUC" else "")
    axes.set_title(f"{display_dataset(dataset)}\n{scans}", loc="left", fontsize=6.5, pad=3, linespacing=1.15)


def table_comparisons(comparisons: Path, *, output_csv: Path, output_tex: Path) -> None:
    """Write every model's difference to the reference, per test set and metric, with p and Holm's p.

    Args:
        comparisons: ``comparisons.csv``.
        output_csv: differences with 95 % intervals and p of one seed; over several, mean and standard
            deviation of the differences, and the largest p.
        output_tex: the same for LaTeX.
    """
    table = read_comparisons(comparisons)
    several = table["seed"].nunique() > 1
    largest = f" (largest of {table['seed'].nunique()} seeds)" if several else ""
    heads = ["Test set", "Metric", "Test", "Scans", "Model", "Reference", "Difference"]
    rows = []
    for dataset in sort_datasets(table["dataset"]):
        for metric, digits in DIGITS.items():
            part = table[(table["dataset"] == dataset) & (table["metric"] == metric)]
            for model in sort_models(part["model"]):
                found = part[part["model"] == model]
                first = found.iloc[0]
                texts = [display_dataset(dataset), UNITS.get(metric, metric), first["test"], str(first["n"])]
                texts += [display_name(model), display_name(first["reference"])]
                texts += [estimates(found, value="difference", digits=digits)]
                rows.append([*texts, p_value(found["p"]), p_value(found["p_holm"])])
    written = pd.DataFrame(rows, columns=[*heads, f"p{largest}", f"Holm's p{largest}"])
    write_both(written, output_csv, output_tex, groups=heads[:4])
