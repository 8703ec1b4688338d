"""Which lesions are found: sensitivity by volume, one panel per test set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.names import (
    OURS,
    bin_label,
    display_dataset,
    display_name,
    sort_datasets,
    sort_models,
    start_of,
)
from smartnet.metrics.convention import LESION_SENSITIVITY, lower_edge
from smartnet.metrics.tidy import read_metrics

COLUMNS = 2
PREFIX = f"{LESION_SENSITIVITY}@"
SPREAD = 0.74  # of the room of a bin that its models share


@style.styled()
def draw_lesions(metrics: Path, models: Sequence[str], *, output_pdf: Path, output_png: Path) -> None:
    """Draw the share of lesions that every segmenter finds, by the volume of the lesion.

    Args:
        metrics: ``metrics.csv``.
        models: those that are shown.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.

    Raises:
        DataError: the table has no lesions.
    """
    table = read_metrics(metrics)
    shown = (table["subgroup"] == "all") & table["model"].isin(models)
    table = table[shown & table["metric"].str.startswith(PREFIX)]
    if table.empty:
        raise DataError(f"{metrics}: no '{PREFIX}...' in it; measure the masks and make the metrics again")
    table = table.assign(bin=table["metric"].str.removeprefix(PREFIX))
    bins = sorted(table["bin"].unique(), key=lower_edge)
    datasets, models = sort_datasets(table["dataset"]), sort_models(table["model"])
    columns = min(COLUMNS, len(datasets))
    rows = -(-len(datasets) // columns)
    across = 4 if columns > 1 else 2
    figure = style.new_figure(
        style.DOUBLE_MM if columns > 1 else 110, 12 + 4 * -(-len(models) // across) + 46 * rows
    )
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, dataset in zip(grid, datasets, strict=False):
        _panel(axes, table[table["dataset"] == dataset], bins, models)
        axes.set_title(display_dataset(dataset), loc="left")
    for axes in grid[len(datasets) :]:
        axes.set_axis_off()
    figure.supxlabel("Volume of the lesion (n lesions)", fontsize=7)
    figure.supylabel("Lesions found", fontsize=7)
    figure.legend(
        *grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=across, handlelength=1.2
    )
    style.save(figure, output_pdf, output_png)


def _panel(axes: Axes, table: pd.DataFrame, bins: list[str], models: list[str]) -> None:
    palette = style.colours(models)
    for place, model in enumerate(models):
        of_model = table[table["model"] == model].groupby("bin")
        value = of_model["value"].mean().reindex(bins).to_numpy()
        several = len(of_model.size()) and of_model.size().max() > 1
        low = of_model["value" if several else "low"].min().reindex(bins).to_numpy()
        high = of_model["value" if several else "high"].max().reindex(bins).to_numpy()
        left = np.arange(len(bins)) + SPREAD * ((place + 0.5) / len(models) - 0.5)
        ours = start_of(model) == OURS
        axes.errorbar(
            left,
            value,
            yerr=np.maximum(np.stack([value - low, high - value]), 0),
            fmt="D" if ours else "o",
            markersize=3.4 if ours else 2.6,
            color=palette[model],
            elinewidth=1.4 if ours else 0.8,
            label=display_name(model),
            clip_on=False,
        )
    counts = table.groupby("bin")["n_positive"].max().reindex(bins).fillna(0).astype(int)
    axes.set_xticks(
        range(len(bins)), [f"{bin_label(name)}\n({count})" for name, count in counts.items()], fontsize=6.5
    )
    axes.set(xlim=(-0.5, len(bins) - 0.5), ylim=(0, 1), yticks=np.linspace(0, 1, 6))
    axes.tick_params(axis="x", length=0)
    for edge in range(1, len(bins)):
        axes.axvline(edge - 0.5, color="0.85", linewidth=0.6, zorder=0)
