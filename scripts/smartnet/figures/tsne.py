"""t-SNE of the pooled encoder features of slices, one panel per start."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.lines import Line2D

from smartnet.figures import style
from smartnet.figures.latex import number
from smartnet.figures.names import OURS, display_dataset, display_name, sort_datasets, sort_models, start_of
from smartnet.files import read_table
from smartnet.metrics.tidy import EVERY, FEATURES, read_metrics

COLUMNS = 4


@style.styled()
def draw_tsne(
    tables: Mapping[str, Path], metrics: Path, *, seed: int, output_pdf: Path, output_png: Path
) -> None:
    """Draw hemorrhage against normal slices; the marker is the data set, a possible confounder.

    Args:
        tables: start -> ``tsne.tsv`` (``case dataset z hemorrhage x y``).
        metrics: ``metrics.csv``; below a panel stand the numbers of the features that do not hang on it.
        seed: training seed of the starts that are drawn.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    starts = sort_models(tables)
    numbers = read_metrics(metrics)
    every = (numbers["task"] == FEATURES) & (numbers["dataset"] == EVERY)
    numbers = numbers[every & (numbers["seed"] == seed)]
    points = {start: read_table(tables[start]) for start in starts}
    datasets = sort_datasets(name for table in points.values() for name in table["dataset"])
    columns = min(COLUMNS, len(starts))
    rows = -(-len(starts) // columns)
    width = min(style.DOUBLE_MM, max(style.SINGLE_MM, 60.0 * columns))
    figure = style.new_figure(width, rows * (width / columns + 8) + 10)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    palette = [style.colour("classes", name) for name in ("negative", "positive")]
    for axes, start in zip(grid, starts, strict=False):
        table = points[start]
        for value, colour in enumerate(palette):
            for dataset, marker in zip(datasets, style.markers(datasets), strict=True):
                part = table[(table["hemorrhage"] == value) & (table["dataset"] == dataset)]
                axes.scatter(part["x"], part["y"], s=7, c=colour, marker=marker, linewidths=0, alpha=0.75)
        axes.set_title(display_name(start), fontweight="bold" if start_of(start) == OURS else "normal")
        axes.set_xlabel(_numbers(numbers, start), fontsize=6.5, labelpad=3)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.margins(0.06)
        axes.set_box_aspect(1)
        axes.spines[:].set_visible(True)
        axes.spines[:].set_color("0.7")
    for axes in grid[len(starts) :]:
        axes.set_axis_off()
    handles = [
        _handle("o", palette[1], "slice with hemorrhage"),
        _handle("o", palette[0], "normal slice"),
    ]
    handles += [
        _handle(marker, "0.45", display_dataset(name))
        for name, marker in zip(datasets, style.markers(datasets), strict=True)
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles) if columns > 2 else 3)
    style.save(figure, output_pdf, output_png)


def _numbers(metrics: pd.DataFrame, start: str) -> str:
    """Write how well a linear probe and the neighbours tell the classes apart."""
    values = metrics[metrics["model"] == start].set_index("metric")["value"]
    shown = {"probe AUC": "probe AUC", "kNN purity": "purity"}
    return ", ".join(f"{name} {number(values.get(metric), digits=2)}" for metric, name in shown.items())


def _handle(marker: str, colour: str, label: str) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=marker, color=colour, markeredgewidth=0, markersize=4, label=label
    )
