"""Estimates with their intervals in rows, one below the other: what forest plots share."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

ROW_MM = 3.7
DOTS = 0.24  # rows by which the dots of the seeds lie below their mean


def estimate(
    axes: Axes,
    row: float,
    found: pd.DataFrame,
    colour: str,
    *,
    marker: str = "o",
    size: float = 4.0,
    bold: bool = False,
    missing: str = "n/a",
) -> None:
    """Draw the value of one seed with its interval, or the mean of several over a dot for each.

    Seeds that all say the same, as those of a method without training, are drawn as one.

    Args:
        axes: whose rows count downwards.
        row: where.
        found: rows of ``metrics.csv``: one metric of one model and data set, a row per seed.
        colour: of marker and interval.
        marker: of the value or mean.
        size: of the marker, points.
        bold: a stronger interval.
        missing: what is written where no seed has a value.
    """
    known = found.dropna(subset=["value"]).drop_duplicates(["value", "low", "high"])
    if known.empty:
        place = {"xycoords": ("axes fraction", "data"), "va": "center"}
        axes.annotate(missing, (0.02, row), **place, color="0.5", fontsize=5.5)
        return
    above = 0.1 if len(known) > 1 else 0.0
    if above:
        dots = {"markersize": 2.0, "markeredgewidth": 0, "alpha": 0.8, "clip_on": False, "zorder": 2.5}
        axes.plot(known["value"], [row + DOTS] * len(known), "o", color=colour, **dots)
    elif known[["low", "high"]].notna().all(axis=None):
        limits = known[["low", "high"]].to_numpy()[0]
        axes.plot(
            limits, [row, row], "-", color=colour, linewidth=1.5 if bold else 0.9, solid_capstyle="butt"
        )
    axes.plot(
        found["value"].mean(),
        row - above,
        marker,
        markersize=size,
        color=colour,
        markeredgecolor="white",
        markeredgewidth=0.4,
        clip_on=False,
        zorder=3,
    )


def rows(axes: Axes, labels: Sequence[str], *, bold: Sequence[bool], show: bool = True) -> None:
    """Count rows downwards and name them at the left; ``bold`` ones are framed by a light band."""
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_yticks(range(len(labels)), labels if show else [""] * len(labels))
    axes.tick_params(axis="y", length=0)
    for row, (text, strong) in enumerate(zip(axes.get_yticklabels(), bold, strict=True)):
        text.set_fontsize(6)
        if strong:
            text.set_fontweight("bold")
            axes.axhspan(row - 0.5, row + 0.5, color="0.92", linewidth=0, zorder=0)
    axes.grid(axis="x", color="0.9", linewidth=0.5, zorder=0)
    axes.set_axisbelow(True)


def right(axes: Axes, row: float, text: str, *, size: float = 6.0, shift: float = 2.0) -> None:
    """Write right of the axes, in line with a row."""
    axes.annotate(
        text,
        (1.0, row),
        xytext=(shift, -0.5),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        va="center",
        fontsize=size,
        annotation_clip=False,
    )


def limits(found: pd.DataFrame, *, least: float = 0.0, most: float = 1.0) -> tuple[float, float]:
    """Give limits of an axis that hold all values and intervals, in steps of a tenth."""
    numbers = found[["value", "low", "high"]].to_numpy(dtype=np.float64)
    if np.isnan(numbers).all():
        return least, most
    low = np.floor(10 * np.nanmin(numbers)) / 10
    return max(least, min(low, most - 0.2)), most
