"""Learning curves: one panel per loss, one colour per run."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.names import display_name, sort_models
from smartnet.files import read_table

COLUMNS = 3
TITLES = {
    "loss": "Total loss",
    "cls": "CLS loss",
    "seg": "SEG loss",
    "rec": "REC loss",
    "consistency": "Consistency loss",
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
    order = sort_models(tables)
    terms = list(
        dict.fromkeys(
            column.split("_", 1)[1]
            for name in order
            for column in tables[name].columns
            if column.startswith(("train_", "valid_"))
        )
    )
    if not terms:
        raise DataError(
            f"learning curves: no train_ or valid_ column in {', '.join(map(str, histories.values()))}"
        )
    palette = style.colours(order)
    columns = min(COLUMNS, len(terms))
    rows = -(-len(terms) // columns)
    width = {1: style.SINGLE_MM}.get(columns, style.DOUBLE_MM * columns / COLUMNS)
    legend_columns = max(1, int(width // 42))
    legend_rows = -(-(len(order) + 2) // legend_columns)
    figure = style.new_figure(width, 45 * rows + 4 * legend_rows + 4)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, term in zip(grid, terms, strict=False):
        for name in order:
            _curves(axes, tables[name], term, palette[name])
        axes.set_title(TITLES.get(term, term), loc="left")
        axes.set_xlabel("Epoch")
        axes.margins(x=0.02)
    for axes in grid[len(terms) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=palette[name], label=_run_name(name)) for name in order]
    handles += [
        Line2D([], [], color="0.4", linestyle="-", label="validation"),
        Line2D([], [], color="0.4", linestyle=style.DASHES[1], linewidth=0.8, label="training"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=legend_columns)
    style.save(figure, output_pdf, output_png)


def _curves(axes: Axes, table: object, term: str, colour: str) -> None:
    looks = {
        "train": {"linestyle": style.DASHES[1], "linewidth": 0.8, "alpha": 0.8},
        "valid": {"linestyle": "-"},
    }
    for part, look in looks.items():
        column = f"{part}_{term}"
        if column in table.columns:
            seen = table[["epoch", column]].dropna()
            single = {"marker": "o", "markersize": 2.5} if len(seen) == 1 else {}
            axes.plot(seen["epoch"], seen[column], color=colour, **look, **single)


def _run_name(name: str) -> str:
    head, _, rest = name.partition("/")
    return f"{display_name(head)} {rest.replace('-', ' ')}".strip()
