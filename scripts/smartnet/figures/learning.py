"""Learning curves: one panel per stage and loss; start beside start, then operator beside operator."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.names import OPERATORS, display_name, sort_models, start_of
from smartnet.files import read_table

COLUMNS = 3
CROWDED = 6  # more runs in a panel have thinner lines
PANEL_MM, LINE_MM, ENTRY_MM = 45, 4, 42  # height of a panel and of a line of the legend, width of its entry
TITLES = {
    "loss": "Total loss",
    "cls": "CLS loss",
    "seg": "SEG loss",
    "rec": "REC loss",
    "consistency": "Consistency loss",
    "restoration": "Restoration loss",
    "words": "Visual-word loss",
}


@dataclass(frozen=True)
class Panel:
    """One term of the runs of one stage."""

    title: str
    term: str
    runs: list[str]


@style.styled()
def draw_learning(
    histories: Mapping[str, Path], compared: Collection[str], *, output_pdf: Path, output_png: Path
) -> None:
    """Draw training (dashed) and validation (solid) values over the epochs.

    Args:
        histories: start or model -> ``history.csv`` with ``epoch train_<term>... valid_<term>...``.
        compared: models that are drawn start beside start; others are drawn beside those of their own start,
            operator beside operator.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.

    Raises:
        DataError: no history holds a curve.
    """
    tables = {name: read_table(histories[name]) for name in sort_models(histories)}
    terms = {name: _terms(table) for name, table in tables.items()}
    starts = _panels(terms, {name: _stage(name) for name in tables if name in compared or "_" not in name})
    models = [name for name in tables if "_" in name]
    several = {start_of(name) for name in models if name not in compared}
    siblings = {name: f"{_start(name)} by operator" for name in models if start_of(name) in several}
    operators = [panel for panel in _panels(terms, siblings) if len(panel.runs) > 1]
    sections = [panels for panels in (starts, operators) if panels]
    if not sections:
        raise DataError(f"learning curves: no train_ or valid_ column in {', '.join(tables)}; train again")
    columns = min(COLUMNS, max(map(len, sections)))
    width = style.SINGLE_MM if columns == 1 else style.DOUBLE_MM * columns / COLUMNS
    legends = [_legend(panels, by_operator=panels is operators) for panels in sections]
    heights = [_height(*both, columns=columns, width=width) for both in zip(sections, legends, strict=True)]
    figure = style.new_figure(width, sum(heights))
    parts = figure.subfigures(len(sections), 1, height_ratios=heights, squeeze=False).ravel()
    for part, panels, legend in zip(parts, sections, legends, strict=True):
        _section(part, panels, tables, legend, columns=columns, width=width)
    style.save(figure, output_pdf, output_png)


def _stage(name: str) -> str:
    """Say what was trained: the start itself, or the 3D operator behind it."""
    operator = name.partition("_")[2]
    return OPERATORS.get(operator, operator) or "Upstream"


def _start(name: str) -> str:
    return display_name(start_of(name))


def _terms(table: pd.DataFrame) -> list[str]:
    """List the terms that have values; a total of one term is left out."""
    columns = [name for name in table.columns if name.startswith(("train_", "valid_"))]
    terms = {name.split("_", 1)[1] for name in columns if table[name].notna().any()}
    ordered = sorted(terms, key=[*TITLES, *sorted(terms)].index)
    return [term for term in ordered if term != "loss" or len(ordered) != 2]


def _panels(terms: Mapping[str, list[str]], groups: Mapping[str, str]) -> list[Panel]:
    """One panel per group and term, upstream first, then in the order of the groups."""
    panels = []
    for group in sorted(dict.fromkeys(groups.values()), key=lambda group: group != "Upstream"):
        members = [name for name in groups if groups[name] == group]
        found = {term for name in members for term in terms[name]}
        for term in sorted(found, key=[*TITLES, *sorted(found)].index):
            runs = [name for name in members if term in terms[name]]
            panels.append(Panel(f"{group}: {TITLES.get(term, term)}", term, runs))
    return panels


def _legend(panels: Sequence[Panel], *, by_operator: bool) -> dict[str, tuple[str, str]]:
    """Give name and colour of every run: the start's, or its operator's where these are compared."""
    runs = sort_models(name for panel in panels for name in panel.runs)
    if not by_operator:
        palette = style.colours(runs)
        return {name: (_start(name), palette[name]) for name in runs}
    operators = {name: name.partition("_")[2] for name in runs}
    return {name: (_stage(name), style.colour("operators", operators[name])) for name in runs}


def _legend_columns(width: float) -> int:
    return max(1, int(width // ENTRY_MM))


def _height(
    panels: Sequence[Panel], legend: Mapping[str, tuple[str, str]], *, columns: int, width: float
) -> float:
    lines = -(-(len(set(legend.values())) + 2) // _legend_columns(width))
    return PANEL_MM * -(-len(panels) // columns) + LINE_MM * (lines + 1)


def _section(
    part: SubFigure,
    panels: Sequence[Panel],
    tables: Mapping[str, pd.DataFrame],
    legend: Mapping[str, tuple[str, str]],
    *,
    columns: int,
    width: float,
) -> None:
    """Draw panels with the legend of their own below them."""
    grid = part.subplots(-(-len(panels) // columns), columns, squeeze=False).ravel()
    for axes, panel in zip(grid, panels, strict=False):
        for name in panel.runs:
            _curves(axes, tables[name], panel.term, legend[name][1], crowded=len(panel.runs) > CROWDED)
        axes.set_title(panel.title, loc="left", fontsize=7)
        axes.set_xlabel("Epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.margins(x=0.02)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    handles = [Line2D([], [], color=colour, label=label) for label, colour in dict.fromkeys(legend.values())]
    handles += [
        Line2D([], [], color="0.4", linestyle="-", label="validation"),
        Line2D([], [], color="0.4", linestyle=style.DASHES[1], linewidth=0.8, label="training"),
    ]
    part.legend(handles=handles, loc="outside lower center", ncols=_legend_columns(width))


def _curves(axes: Axes, table: pd.DataFrame, term: str, colour: str, *, crowded: bool) -> None:
    looks = {
        "train": {"linestyle": style.DASHES[1], "linewidth": 0.8, "alpha": 0.8},
        "valid": {"linestyle": "-"},
    }
    if crowded:
        looks["train"] |= {"linewidth": 0.5, "alpha": 0.6}
        looks["valid"] |= {"linewidth": 0.8}
    for part, look in looks.items():
        column = f"{part}_{term}"
        if column in table.columns:
            seen = table[["epoch", column]].dropna()
            single = {"marker": "o", "markersize": 2.5} if len(seen) == 1 else {}
            axes.plot(seen["epoch"] + 1, seen[column], color=colour, **look, **single)
