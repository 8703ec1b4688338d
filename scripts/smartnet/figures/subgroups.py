"""How the reference does in the subgroups of every test set: a forest plot and a table."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from smartnet.figures import forest, style
from smartnet.figures.latex import MISSING, estimates, with_seeds, write_both
from smartnet.figures.names import KINDS, display_dataset, display_name, sort_datasets
from smartnet.metrics.tidy import read_metrics

METRICS = {"classification": ("AUC", "SEN", "SPE"), "segmentation": ("DSC", "FPV")}
DIGITS = {"AUC": 3, "SEN": 3, "SPE": 3, "DSC": 3, "FPV": 2}
UNITS = {"FPV": "FPV (mL)"}
DRAWN = {"classification": "AUC", "segmentation": "DSC"}
ORDER = {
    "kind": list(KINDS),
    "volume": ["mild", "moderate", "severe"],
    "thickness": ["up to 2.5 mm", "2.5 to 5 mm", "above 5 mm"],
    "tilt": ["no", "yes"],
    "vendor": [],
}
TITLES = {"volume": "Volume: ", "thickness": "Slices ", "tilt": "Tilted: "}


def display_subgroup(name: str) -> str:
    """Name a subgroup ``criterion=value`` as figures and tables do."""
    criterion, _, value = name.partition("=")
    return f"{TITLES.get(criterion, '')}{value}" if value else "All scans"


def sort_subgroups(names: pd.Series) -> list[str]:
    """Order subgroups: all, then by criterion and value."""

    def key(name: str) -> tuple[int, int, str]:
        criterion, _, value = name.partition("=")
        values = ORDER.get(criterion, [])
        rank = list(ORDER).index(criterion) if criterion in ORDER else len(ORDER)
        return -1 if name == "all" else rank, values.index(value) if value in values else len(values), name

    return sorted(names.unique(), key=key)


def _shown(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Give data set, subgroup and rows; a subgroup that holds every scan says nothing new and is left out."""
    for dataset in sort_datasets(table["dataset"]):
        part = table[table["dataset"] == dataset]
        everything = None
        for name in sort_subgroups(part["subgroup"]):
            found = part[part["subgroup"] == name]
            size = _counts(found)
            if name != "all" and size == everything:
                continue
            everything = size if name == "all" else everything
            yield dataset, name, found


def _counts(rows: pd.DataFrame) -> tuple[int, int]:
    """Scans with and without hemorrhage (segmenters leave out those without a reference mask)."""
    return int(rows["n_positive"].max()), int(rows["n_negative"].max())


def table_subgroups(
    metrics: Path, references: Mapping[str, str], *, output_csv: Path, output_tex: Path
) -> None:
    """Write the reference models in every subgroup of every test set.

    Args:
        metrics: ``metrics.csv``.
        references: the model of each task.
        output_csv: values with 95 % intervals, mean and standard deviation over several seeds; empty: a
            metric of scans without hemorrhage, where the subgroup has all of them.
        output_tex: the same for LaTeX.
    """
    table = read_metrics(metrics)
    shown = [table["task"].eq(task) & table["metric"].isin(METRICS[task]) for task in references]
    table = table[table["model"].isin(list(references.values())) & np.logical_or.reduce(shown)]
    head = with_seeds("Subgroup", table)
    rows = []
    for dataset, name, found in _shown(table):
        with_, without = _counts(found)
        row = {"Test set": display_dataset(dataset), head: display_subgroup(name)}
        row |= {"With": str(with_), "Without": str(without)}
        for task, model in references.items():
            for metric in METRICS[task]:
                values = found[(found["model"] == model) & (found["metric"] == metric)]
                cell = estimates(values, digits=DIGITS[metric]) if len(values) else ""
                row[UNITS.get(metric, metric)] = cell
        rows.append(row)
    write_both(pd.DataFrame(rows), output_csv, output_tex, groups=["Test set"], stacked=True)


@style.styled()
def draw_subgroups(
    metrics: Path,
    references: Mapping[str, str],
    baselines: Mapping[str, str],
    *,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw AUC and DSC of the reference models and of the baselines in every subgroup of every test set.

    Args:
        metrics: ``metrics.csv``.
        references: the model of each task.
        baselines: likewise, drawn behind.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    table = read_metrics(metrics)
    shown = [*references.values(), *baselines.values()]
    table = table[table["model"].isin(shown) & table["metric"].isin(list(DRAWN.values()))]
    parts: dict[str, dict[str, pd.DataFrame]] = {}
    for dataset, name, found in _shown(table):
        parts.setdefault(dataset, {})[name] = found
    heights = [len(groups) * forest.ROW_MM + 6 for groups in parts.values()]
    figure = style.new_figure(style.DOUBLE_MM, sum(heights) + 8)
    grid = figure.subplots(len(parts), len(references), squeeze=False, height_ratios=heights, sharex="col")
    palette = style.colours(shown)
    for line, (dataset, groups) in zip(grid, parts.items(), strict=True):
        for number, (axes, task) in enumerate(zip(line, references, strict=True)):
            models = [baselines.get(task), references[task]]
            _panel(axes, groups, task, [model for model in models if model], palette, label=number == 0)
            if number == 0:
                axes.set_title(display_dataset(dataset), loc="left", fontsize=7, pad=3)
    for axes, task in zip(grid[-1], references, strict=True):
        axes.set_xlabel(DRAWN[task])
        axes.set_xlim(*forest.limits(table[table["task"] == task]))
    _legend(grid[0, -1], [*references.values()][:1] + [*baselines.values()][:1], palette)
    style.save(figure, output_pdf, output_png)


def _panel(
    axes: Axes,
    groups: Mapping[str, pd.DataFrame],
    task: str,
    models: list[str],
    palette: Mapping[str, str],
    *,
    label: bool,
) -> None:
    """Draw one task on one test set, a row per subgroup with the number of scans behind it."""
    names = [display_subgroup(name) for name in groups]
    forest.rows(axes, names, bold=[name == "all" for name in groups], show=label)
    for row, found in enumerate(groups.values()):
        of_task = found[found["task"] == task]
        for model in models:
            ours = model == models[-1]
            place = row - 0.14 if ours else row + 0.32
            part = of_task[of_task["model"] == model]
            look = {"size": 4, "bold": True} if ours else {"size": 3, "missing": ""}
            forest.estimate(axes, place, part, palette[model], **look)
        counts = _counts(of_task) if len(of_task) else None
        text = MISSING if counts is None else f"{counts[0]}" + f" / {counts[1]}" * (task == "classification")
        forest.right(axes, row, text, size=5.5, shift=4)


def _legend(axes: Axes, models: list[str], palette: Mapping[str, str]) -> None:
    for model in models:
        axes.plot([], [], "o-", color=palette[model], markersize=3, label=display_name(model))
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(models), borderaxespad=0.2, handlelength=1.2
    )
