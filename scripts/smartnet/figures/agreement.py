"""Do predicted and reference volumes agree: Bland-Altman, one panel per segmenter."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from smartnet.figures import style
from smartnet.figures.latex import number
from smartnet.figures.names import OURS, display_dataset, display_name, sort_datasets, sort_models, start_of
from smartnet.files import read_table
from smartnet.statistics.agreement import bland_altman
from smartnet.statistics.interval import Interval

COLUMNS = 4  # panels side by side; one more where there are many
MANY = 8
STEPS_ML = (0, 1, 10, 50, 100, 200, 500)
MINUS = "\N{MINUS SIGN}"


@style.styled()
def draw_agreement(predictions: Sequence[Mapping[str, Any]], *, output_pdf: Path, output_png: Path) -> None:
    """Draw difference against mean of both volumes, with bias and limits of agreement over all test sets.

    Axes are cube roots: volumes span decades, and unlike a logarithm a cube root knows zero and signs.

    Args:
        predictions: as for ``smartnet.metrics.evaluate``; of each segmenter one seed, each test set once.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    volumes = pd.concat([_volumes(item) for item in predictions], ignore_index=True)
    models = sort_models(item["model"] for item in predictions)
    datasets = sort_datasets(item["dataset"] for item in predictions)
    palette = style.colours(models)
    columns = min(COLUMNS + (len(models) > MANY), len(models))
    rows = -(-len(models) // columns)
    width = style.DOUBLE_MM * max(columns, 2) / COLUMNS if columns < COLUMNS else style.DOUBLE_MM
    figure = style.new_figure(width, 14 + (48 if columns <= COLUMNS else 42) * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    limits = {model: _limits(volumes[volumes["model"] == model]) for model in models}
    for axes, model in zip(grid.flat, models, strict=False):
        _panel(axes, volumes[volumes["model"] == model], limits[model], datasets, palette[model])
        weight = "bold" if start_of(model) == OURS else "normal"
        axes.set_title(display_name(model), loc="left", fontsize=7, fontweight=weight, pad=11)
    drawn = [
        volumes["difference"].abs().max(),
        *(abs(line.value) for of in limits.values() for line in of.values()),
    ]
    _scale(grid, {"x": volumes["mean"].max(), "y": np.nanmax([0, *drawn])}, len(models))
    figure.supxlabel("Mean of predicted and reference volume (mL)", fontsize=7)
    figure.supylabel(f"Predicted {MINUS} reference volume (mL)", fontsize=7)
    handles = [
        grid.flat[0].plot([], [], marker, color="0.3", markersize=3.5, label=display_dataset(name))[0]
        for name, marker in zip(datasets, style.markers(datasets), strict=True)
    ]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(len(datasets), 2 * columns), handletextpad=0.2
    )
    style.save(figure, output_pdf, output_png)


def _volumes(item: Mapping[str, Any]) -> pd.DataFrame:
    """Volumes in mL of the scans with hemorrhage and reference mask."""
    table = read_table(item["table"])
    table = table[(table["truth"] == 1) & (table["truth_ml"] > 0)]
    return pd.DataFrame(
        {
            "model": item["model"],
            "dataset": item["dataset"],
            "mean": (table["predicted_ml"] + table["truth_ml"]) / 2,
            "difference": table["predicted_ml"] - table["truth_ml"],
        }
    )


def _limits(volumes: pd.DataFrame) -> dict[str, Interval]:
    return bland_altman(volumes["difference"].to_numpy(), np.zeros(len(volumes)))


def _panel(
    axes: Axes, volumes: pd.DataFrame, limits: Mapping[str, Interval], datasets: list[str], colour: str
) -> None:
    axes.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    for name, estimate in limits.items():
        if np.isfinite(estimate.value):
            dash = "-" if name == "bias" else (0, (4, 2))
            axes.axhline(estimate.value, color="black", linewidth=0.8, linestyle=dash)
            axes.axhspan(estimate.low, estimate.high, color="0.5", alpha=0.15, linewidth=0, zorder=0)
    for dataset, marker in zip(datasets, style.markers(datasets), strict=True):
        part = volumes[volumes["dataset"] == dataset]
        options = {"s": 9, "marker": marker, "color": colour, "alpha": 0.75, "linewidths": 0, "zorder": 3}
        axes.scatter(part["mean"], part["difference"], **options)
    bias, low, high = (number(line.value, digits=1).replace("-", MINUS) for line in limits.values())
    axes.text(0, 1.03, f"{bias} ({low} to {high}) mL", transform=axes.transAxes, va="bottom", fontsize=6)


def _scale(grid: np.ndarray, largest: Mapping[str, float], shown: int) -> None:
    """Give all panels the same cube-root axes, up to the largest volumes; hide those that show nothing."""
    for name, volume in largest.items():
        far = 1.15 * volume if volume > 0 else 1.0
        steps = [step for step in STEPS_ML if step <= far]
        ticks = steps if name == "x" else sorted({sign * step for step in steps for sign in (-1, 1)})
        labels = [f"{tick:g}".replace("-", MINUS) for tick in ticks]
        getattr(grid.flat[0], f"set_{name}scale")("function", functions=(np.cbrt, _cube))
        grid.flat[0].set(**{f"{name}lim": (0 if name == "x" else -far, far)})
        axis = getattr(grid.flat[0], f"{name}axis")
        axis.set_ticks(ticks, labels)
        axis.set_minor_locator(NullLocator())
    columns = grid.shape[1]
    for place, axes in enumerate(grid.flat):
        if place >= shown:
            axes.set_axis_off()
        elif place + columns >= shown:
            axes.tick_params(labelbottom=True)


def _cube(values: np.ndarray) -> np.ndarray:
    return np.asarray(values) ** 3
