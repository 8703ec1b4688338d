"""Learning curves: one panel per loss, one colour per run."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.names import OPERATORS, display_name, sort_models
from smartnet.files import read_table

COLUMNS = 3
TITLES = {
    "loss": "Total loss",
    "cls": "CLS loss",
    "seg": "SEG loss",
    "rec": "REC loss",
    "consistency": "Consistency loss",
    "restoration": "Restoration loss",
    "words": "Visual-word loss",
    "auc": "AUC",
    "dsc": "DSC",
}


@style.styled()
def draw_learning(histories: Mapping[str, Path], *, output_pdf: Path, output_png: Path) -> None:
    """Draw training (dashed) and validation (solid) values over the epochs.

    Args:
        histories: run -> ``history.csv`` with ``epoch train_<term>... valid_<term>...``; a run may be named
            by its start or its model, with ``/seed-N`` behind it where there are several.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.

    Raises:
        DataError: no history holds a curve.
    """
    tables = {name: read_table(path) for name, path in histories.items()}
    panels = _panels(tables)
    if not panels:
        raise DataError(f"learning curves: no train_ or valid_ column in {', '.join(tables)}; train again")
    palette = style.colours(list(tables))
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width = style.SINGLE_MM if columns == 1 else style.DOUBLE_MM * columns / COLUMNS
    runs = {_run_name(name): palette[name] for name in sort_models(tables)}
    legend_columns = max(1, int(width // 42))
    figure = style.new_figure(width, 45 * rows + 4 * -(-(len(runs) + 2) // legend_columns) + 4)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (group, term) in zip(grid, panels, strict=False):
        for name in sort_models(name for name in tables if _group(name) == group):
            _curves(axes, tables[name], term, palette[name])
        axes.set_title(f"{group}: {TITLES.get(term, term)}", loc="left", fontsize=7)
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.margins(x=0.02)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=colour, label=label) for label, colour in runs.items()]
    handles += [
        Line2D([], [], color="0.4", linestyle="-", label="validation"),
        Line2D([], [], color="0.4", linestyle=style.DASHES[1], linewidth=0.8, label="training"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=legend_columns)
    style.save(figure, output_pdf, output_png)


def _group(name: str) -> str:
    """Say what was trained: the start itself, or the 3D operator behind it."""
    operator = name.partition("/")[0].partition("_")[2]
    return OPERATORS.get(operator, operator) or "Upstream"


def _panels(tables: Mapping[str, pd.DataFrame]) -> list[tuple[str, str]]:
    """List pairs of group and term, upstream first; without values, or a total of one term, is left out."""
    groups = sorted({_group(name) for name in tables}, key=lambda group: (group != "Upstream", group))
    pairs = [
        (group, column.split("_", 1)[1])
        for group in groups
        for name in sort_models(tables)
        if _group(name) == group
        for column in tables[name].columns
        if column.startswith(("train_", "valid_")) and tables[name][column].notna().any()
    ]
    terms = Counter(group for group, _ in set(pairs))
    return [pair for pair in dict.fromkeys(pairs) if pair[1] != "loss" or terms[pair[0]] != 2]


def _curves(axes: Axes, table: pd.DataFrame, term: str, colour: str) -> None:
    looks = {
        "train": {"linestyle": style.DASHES[1], "linewidth": 0.8, "alpha": 0.8},
        "valid": {"linestyle": "-"},
    }
    for part, look in looks.items():
        column = f"{part}_{term}"
        if column in table.columns:
            seen = table[["epoch", column]].dropna()
            single = {"marker": "o", "markersize": 2.5} if len(seen) == 1 else {}
            axes.plot(seen["epoch"] + 1, seen[column], color=colour, **look, **single)


def _run_name(name: str) -> str:
    head, _, rest = name.partition("/")
    return f"{display_name(head)} {rest.replace('-', ' ')}".strip()
