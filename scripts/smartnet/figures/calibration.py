"""Reliability diagrams, one panel per test set, before and after temperature scaling."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import expit

from smartnet.figures import style
from smartnet.figures.latex import number
from smartnet.figures.names import display_dataset, display_name, sort_datasets, sort_models
from smartnet.files import read_json, read_table
from smartnet.metrics.calibration import equal_mass_bins
from smartnet.metrics.tidy import read_metrics
from smartnet.statistics.proportion import proportion_interval

CROWDED = 7  # from so many curves on, the legend has one line for each
STRIP = 20  # columns of the distribution below a panel
ARROW = "\N{RIGHTWARDS ARROW}"


@style.styled()
def draw_calibration(
    predictions: Sequence[Mapping[str, Any]], metrics: Path, *, output_pdf: Path, output_png: Path
) -> None:
    """Draw how often scans of a predicted probability do have a hemorrhage.

    Args:
        predictions: as for ``smartnet.metrics.evaluate``; segmenters are passed over. The temperature is
            read from the operating point, and the last model in the order of all figures stands out.
        metrics: ``metrics.csv``; ECE is read from it, never computed here.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    items = [item for item in predictions if item["task"] == "classification"]
    datasets = sort_datasets(item["dataset"] for item in items)
    models = sort_models(item["model"] for item in items)
    table = read_metrics(metrics)
    table = table[(table["task"] == "classification") & (table["subgroup"] == "all")]
    errors = table.groupby(["model", "dataset", "metric"])["value"].mean()
    height = 54 if len(models) >= CROWDED else 64
    figure, grid = style.panel_per_set(len(datasets), panel_mm=height, more_mm=6)
    for axes, dataset in zip(grid, datasets, strict=True):
        chosen = {item["model"]: item for item in items if item["dataset"] == dataset}
        _panel(axes, dataset, {model: chosen[model] for model in models if model in chosen}, errors)
    style.save(figure, output_pdf, output_png)


def reliability(truth: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Reliability table of predictions.

    Args:
        truth: (n,) 0 or 1.
        probability: (n,) in [0, 1].

    Returns:
        one row per bin of equal mass: ``predicted`` (mean probability), ``observed`` (share of hemorrhage)
        with its Wilson limits ``low`` and ``high``, ``count``.
    """
    table = pd.DataFrame({"truth": truth, "probability": probability})
    rows = []
    for _, part in table.groupby(equal_mass_bins(probability)):
        share = proportion_interval(int(part["truth"].sum()), len(part))
        row = {"predicted": part["probability"].mean(), "observed": share.value}
        rows.append(row | {"low": share.low, "high": share.high, "count": len(part)})
    return pd.DataFrame(rows)


def _panel(axes: Axes, dataset: str, items: Mapping[str, Mapping[str, Any]], errors: pd.Series) -> None:
    palette = style.colours(list(items))
    crowded = len(items) >= CROWDED
    axes.plot([0, 1], [0, 1], color="0.8", linewidth=0.6)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="Share with hemorrhage")
    axes.set_box_aspect(1)
    axes.set_yticks(np.linspace(0, 1, 6))
    axes.set_xticks(np.linspace(0, 1, 6), [])
    for place, (model, item) in enumerate(items.items()):
        table = read_table(item["table"])
        truth, logit = table["truth"].to_numpy(), table["logit"].to_numpy(dtype=np.float64)
        probability = expit(logit / read_json(item["threshold"])["temperature"])
        bins = reliability(truth, probability)
        label = _label(model, dataset, errors, crowded=crowded)
        if place < len(items) - 1:
            options = {"linestyle": style.DASHES[place % len(style.DASHES)], "linewidth": 0.7, "alpha": 0.6}
            axes.plot(bins["predicted"], bins["observed"], color=palette[model], label=label, **options)
            continue
        _main(axes, bins, reliability(truth, expit(logit)), palette[model], label)
        _strip(axes.inset_axes((0, -0.27, 1, 0.2)), truth, probability)
        _legend(axes, bins, crowded=crowded)
        counts = f"({truth.sum()} with, {(1 - truth).sum()} without)"
        axes.set_title(f"{display_dataset(dataset)} {counts}", loc="left")


def _main(axes: Axes, bins: pd.DataFrame, before: pd.DataFrame, colour: str, label: str) -> None:
    """Draw the model that stands out: bins with limits, and those before scaling, dashed."""
    limits = [bins["observed"] - bins["low"], bins["high"] - bins["observed"]]
    bars = axes.errorbar(
        bins["predicted"], bins["observed"], limits, fmt="none", ecolor=colour, elinewidth=0.6
    )
    bars[2][0].set_clip_on(False)
    axes.plot(
        bins["predicted"],
        bins["observed"],
        color=colour,
        linewidth=1.6,
        marker="o",
        markersize=3.5,
        markeredgecolor="white",
        markeredgewidth=0.5,
        clip_on=False,
        zorder=4,
        label=label,
    )
    axes.plot(
        before["predicted"],
        before["observed"],
        color=colour,
        linestyle=style.DASHES[1],
        linewidth=0.8,
        marker="o",
        markersize=2.5,
        markerfacecolor="white",
        markeredgewidth=0.6,
        clip_on=False,
        zorder=3,
        label="before scaling",
    )


def _strip(axes: Axes, truth: np.ndarray, probability: np.ndarray) -> None:
    """Draw how many scans of each class have which probability, with hemorrhage upwards."""
    edges = np.linspace(0, 1, STRIP + 1)
    tallest = 1
    for sign, name, value in ((1, "positive", 1), (-1, "negative", 0)):
        count = np.histogram(probability[truth == value], edges)[0]
        tallest = max(tallest, count.max())
        axes.bar(edges[:-1], sign * count, 1 / STRIP, align="edge", color=style.colour("classes", name))
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set(xlim=(0, 1), ylim=(-1.1 * tallest, 1.1 * tallest), xlabel="Predicted probability")
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_yticks([-0.55 * tallest, 0.55 * tallest], ["without", "with"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _label(model: str, dataset: str, errors: pd.Series, *, crowded: bool) -> str:
    """Name the model with its ECE before and after scaling, of many models after it only."""
    before, after = (errors.get((model, dataset, metric), np.nan) for metric in ("ECE", "ECE@T"))
    return (
        f"{display_name(model)}  {number(after)}"
        if crowded
        else f"{display_name(model)}\n{number(before)} {ARROW} {number(after)}"
    )


def _legend(axes: Axes, bins: pd.DataFrame, *, crowded: bool) -> None:
    what = "after scaling" if crowded else f"before {ARROW} after scaling"
    size = 6 if crowded else style.setting("font_pt") - 0.5
    counts = " to ".join(map(str, sorted({bins["count"].min(), bins["count"].max()})))
    axes.legend(
        loc="upper left",  # taller than the axes it hangs down, away from the title
        bbox_to_anchor=(1.02, 1.02),
        handlelength=2.0,
        labelspacing=0.3 if crowded else 0.6,
        fontsize=size,
        title=f"ECE {what}\n{len(bins)} bins of {counts} scans",
        title_fontsize=size,
        alignment="left",
    )
