"""ROC curves, one panel per test set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import roc_curve

from smartnet.figures import style
from smartnet.figures.latex import estimates
from smartnet.figures.names import OURS, display_dataset, display_name, sort_datasets, sort_models, start_of
from smartnet.files import read_table
from smartnet.metrics.tidy import read_metrics

CROWDED = 7  # from so many curves on, the legend has one line for each, and no intervals


@style.styled()
def draw_roc(
    predictions: Sequence[Mapping[str, Any]], metrics: Path, *, output_pdf: Path, output_png: Path
) -> None:
    """Draw classifiers on every test set.

    Args:
        predictions: as for ``smartnet.metrics.evaluate``; segmenters are passed over.
        metrics: ``metrics.csv``; AUC, interval and operating point are read from it, never computed here.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    items = [item for item in predictions if item["task"] == "classification"]
    table = read_metrics(metrics)
    datasets = sort_datasets(item["dataset"] for item in items)
    models = sort_models(item["model"] for item in items)
    palette = style.colours(models)
    height = 48 if len(models) >= CROWDED else 56
    figure, grid = style.panel_per_set(len(datasets), panel_mm=height, more_mm=8)
    for axes, dataset in zip(grid, datasets, strict=True):
        chosen = [item for item in items if item["dataset"] == dataset]
        _panel(axes, dataset, sorted(chosen, key=lambda item: models.index(item["model"])), table, palette)
    style.save(figure, output_pdf, output_png)


def _panel(
    axes: Axes,
    dataset: str,
    items: Sequence[Mapping[str, Any]],
    metrics: pd.DataFrame,
    palette: Mapping[str, str],
) -> None:
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.6)
    seen: dict[str, Any] = {}
    counts = (0, 0)
    crowded = len({item["model"] for item in items}) >= CROWDED
    for number, item in enumerate(items):
        model = item["model"]
        table = read_table(item["table"])
        counts = (int((table["truth"] == 1).sum()), int((table["truth"] == 0).sum()))
        label = _label(model, dataset, metrics, crowded=crowded) if model not in seen else None
        seen[model] = True
        ours = start_of(model) == OURS
        options = {"color": palette[model], "zorder": 3 if ours else 2}
        if not all(counts):
            axes.plot([], [], label=label, **options)
            continue
        false_alarm, found, _ = roc_curve(table["truth"], table["logit"], drop_intermediate=False)
        dash = "-" if ours else style.DASHES[number % len(style.DASHES)]
        axes.plot(
            false_alarm,
            found,
            linestyle=dash,
            linewidth=1.6 if ours else 0.8 if crowded else 1.0,
            label=label,
            clip_on=False,
            **options,
        )
        point = _operating_point(metrics, item)
        axes.plot(
            *point,
            "o",
            markersize=3 if crowded else 4,
            markeredgecolor="white",
            markeredgewidth=0.5,
            clip_on=False,
            **options,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="1 \N{MINUS SIGN} specificity", ylabel="Sensitivity")
    axes.set_box_aspect(1)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_title(f"{display_dataset(dataset)} ({counts[0]} with, {counts[1]} without)", loc="left")
    if not all(counts):
        axes.text(0.5, 0.5, "AUC undefined:\none class only", ha="center", va="center")
    if crowded:  # a legend taller than the axes hangs down, away from the title
        options = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.02), "labelspacing": 0.3, "fontsize": 6}
    else:
        options = {"loc": "center left", "bbox_to_anchor": (1.02, 0.5), "labelspacing": 0.7}
    axes.legend(handlelength=2.0, **options)


def _rows(metrics: pd.DataFrame, model: str, dataset: str, metric: str) -> pd.DataFrame:
    keep = (metrics["model"] == model) & (metrics["dataset"] == dataset) & (metrics["metric"] == metric)
    return metrics[keep & (metrics["subgroup"] == "all") & (metrics["task"] == "classification")]


def _label(model: str, dataset: str, metrics: pd.DataFrame, *, crowded: bool) -> str:
    """Name the model with its AUC: the interval for one seed, mean and standard deviation over several."""
    rows = _rows(metrics, model, dataset, "AUC")
    value = rows["value"].mean()
    if np.isnan(value):
        return f"{display_name(model)}{'  ' if crowded else chr(10)}undefined"
    if crowded:
        return f"{display_name(model)}  {value:.3f}"
    if len(rows) > 1:
        return f"{display_name(model)}\n{estimates(rows)} ({len(rows)} seeds)"
    return f"{display_name(model)}\n{estimates(rows)}"


def _operating_point(metrics: pd.DataFrame, item: Mapping[str, Any]) -> tuple[float, float]:
    """Give (1 - SPE, SEN) of one run at the operating point from validation."""
    values = []
    for metric in ("SPE", "SEN"):
        rows = _rows(metrics, item["model"], item["dataset"], metric)
        values.append(rows.loc[rows["seed"] == item["seed"], "value"].iloc[0])
    return 1 - values[0], values[1]
