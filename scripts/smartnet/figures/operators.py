"""3D operators side by side: what turns slice features into one answer per scan."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from smartnet.errors import DataError
from smartnet.figures import forest, style
from smartnet.figures.names import (
    OPERATORS,
    display_dataset,
    display_name,
    sort_datasets,
    sort_models,
    start_of,
)
from smartnet.metrics.tidy import read_metrics

SHOWN = {"classification": "AUC", "segmentation": "DSC"}
TITLE_MM, GAP = 13, 0.3  # height of title and axis; rows between the starts of one operator


@style.styled()
def draw_operators(metrics: Path, models: Sequence[str], *, output_pdf: Path, output_png: Path) -> None:
    """Draw the AUC or DSC of every 3D operator, one row of panels per test set.

    Args:
        metrics: ``metrics.csv``.
        models: those whose operators are compared, ``{start}_{operator}``; a start keeps its colour.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.

    Raises:
        DataError: none of the models was measured.
    """
    table = read_metrics(metrics)
    table = table[(table["subgroup"] == "all") & table["model"].isin(models)]
    table = table[table["metric"].eq(table["task"].map(SHOWN))]
    if table.empty:
        raise DataError(f"{metrics}: no AUC or DSC of {', '.join(models)}; make the table again")
    datasets = sort_datasets(table["dataset"])
    tasks = [task for task in SHOWN if (table["task"] == task).any()]
    most = max(_operators(part).size for _, part in table.groupby("task"))
    height = most * (forest.ROW_MM + 0.3) + TITLE_MM
    width = style.DOUBLE_MM if len(tasks) > 1 else style.SINGLE_MM + 20
    figure = style.new_figure(width, height * len(datasets) + 5)
    grid = figure.subplots(len(datasets), len(tasks), squeeze=False)
    for dataset, panels in zip(datasets, grid, strict=True):
        for axes, task in zip(panels, tasks, strict=True):
            part = table[table["task"] == task]
            _panel(axes, part, dataset)
            axes.set_xlim(*forest.limits(part))
    starts = sort_models({start_of(model) for model in table["model"]})
    palette = style.colours(starts)
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=4, color=palette[name], label=display_name(name))
        for name in starts
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))
    style.save(figure, output_pdf, output_png)


def _operators(table: pd.DataFrame) -> np.ndarray:
    """Operators of the models, in the order of the paper's name list."""
    found = {model.partition("_")[2] for model in table["model"]}
    return np.array([name for name in OPERATORS if name in found])


def _panel(axes: Axes, table: pd.DataFrame, dataset: str) -> None:
    """Draw all operators of a task on one test set; the first of the list, the paper's own, is framed."""
    operators = _operators(table)
    starts = sort_models({start_of(model) for model in table["model"]})
    palette = style.colours(starts)
    chosen = table[table["dataset"] == dataset]
    labels = [OPERATORS[name] for name in operators]
    forest.rows(axes, labels, bold=[number == 0 for number in range(len(operators))])
    offsets = (np.arange(len(starts)) - (len(starts) - 1) / 2) * GAP
    for row, operator in enumerate(operators):
        for start, offset in zip(starts, offsets, strict=True):
            found = chosen[chosen["model"] == f"{start}_{operator}"]
            if len(found):
                forest.estimate(axes, row + offset, found, palette[start], bold=len(starts) == 1)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.set_xlabel(table["metric"].iloc[0], labelpad=1)
    axes.set_title(f"{display_dataset(dataset)}, {table['task'].iloc[0]}", loc="left", fontsize=7, pad=3)
