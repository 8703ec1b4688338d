"""Does Grad-CAM depend on what was learnt: its similarity to that of ever more random weights."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.names import OURS, display_name, sort_models
from smartnet.files import read_table

PANELS = {"ssim": "Structural similarity", "spearman": "Rank correlation"}
STEPS = {"trained": "Trained", "head": "Head", "operator": "3D operator"} | {
    f"layer{stage}": f"Stage {stage}" for stage in (4, 3, 2, 1)
}
STEPS |= {"stem": "Stem"}


@style.styled()
def draw_randomisation(tables: Mapping[str, Path], *, output_pdf: Path, output_png: Path) -> None:
    """Draw a curve per start: the mean over cases and draws after every step of the cascade.

    Args:
        tables: start -> ``randomisation.csv``.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.

    Raises:
        DataError: a table holds no case.
    """
    starts = sort_models(tables)
    colours = style.colours(starts)
    figure = style.new_figure(style.DOUBLE_MM, max(62.0, 22 + 4.2 * len(starts)))
    panels = dict(zip(PANELS, figure.subplots(1, len(PANELS), sharex=True, sharey=True), strict=True))
    for number, start in enumerate(starts):
        means = mean_curves(read_table(tables[start], dtype={"case": str}), tables[start])
        for measure, panel in panels.items():
            places = [list(STEPS).index(step) for step in means.index]
            options = {"color": colours[start], "linestyle": style.DASHES[number % len(style.DASHES)]}
            width = style.setting("line_pt") * (1.6 if start == OURS else 1)
            panel.plot(places, means[measure], marker="o", markersize=2.2, linewidth=width, **options)
    for (measure, panel), letter in zip(panels.items(), "ab", strict=True):
        _finish(panel, PANELS[measure], letter)
    first, last = panels.values()
    first.set_ylabel("Similarity to the trained map")
    names = [display_name(start) for start in starts]
    lines = last.get_lines()[: len(starts)]
    figure.legend(lines, names, loc="outside right center", handlelength=2.4)
    figure.supxlabel("Weights drawn anew, from the logit down to ...", fontsize=style.setting("font_pt"))
    style.save(figure, output_pdf, output_png)


def mean_curves(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Average over cases and draws per step, in the order of the cascade, leaving undefined ones out.

    Raises:
        DataError: there is none.
    """
    if table.empty:
        raise DataError(f"{path}: no case in it; compute the maps again")
    means = table.groupby("step")[list(PANELS)].mean()
    means.loc["trained"] = 1.0
    return means.loc[[step for step in STEPS if step in means.index]]


def _finish(panel: Axes, title: str, letter: str) -> None:
    panel.set_title(f"({letter}) {title}", loc="left")
    panel.axhline(0, color="0.6", linewidth=0.6, zorder=0)
    panel.set_xticks(range(len(STEPS)), list(STEPS.values()), rotation=40, ha="right", rotation_mode="anchor")
    lowest = min(np.nanmin(line.get_ydata()) for line in panel.get_lines())
    panel.set_ylim(min(-0.2, lowest - 0.05), 1.05)
