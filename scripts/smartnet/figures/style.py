"""One style for all figures: sizes, colours, fonts, and files whose bytes depend on the content alone.

What can be changed stands in ``style.yaml`` beside this file.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from smartnet.figures.names import sort_models, start_of
from smartnet.files import atomic_path

MM = 1 / 25.4
SINGLE_MM, DOUBLE_MM = 85.0, 180.0  # one and two columns of a journal page
MARKERS = "osD^vPX*"  # of test sets
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
WIDE = 6  # up to so many columns a name fits above its panel
LETTER_MM, BOLD_MM = 0.95, 1.3  # height that a letter of a slanted name takes; likewise its width, if bold
_settings: ContextVar[Mapping[str, Any] | None] = ContextVar("style", default=None)


@cache
def defaults() -> Mapping[str, Any]:
    """Read ``style.yaml``."""
    import yaml

    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())


@contextmanager
def using(settings: Mapping[str, Any]) -> Iterator[None]:
    """Draw with these settings instead of those of ``style.yaml``.

    Args:
        settings: as in ``style.yaml``; of the colours only the groups that the figure uses.
    """
    token = _settings.set(settings)
    try:
        yield
    finally:
        _settings.reset(token)


def setting(name: str) -> Any:
    """Give one of the settings in use."""
    return (_settings.get() or defaults())[name]


def colour(group: str, name: str) -> str:
    """Give a colour by its group and name in ``style.yaml``.

    Raises:
        KeyError: the group was not handed to the figure, or has no such name.
    """
    try:
        return setting("colours")[group][name]
    except KeyError:
        raise KeyError(
            f"no colour '{name}' in group '{group}' of the style; name the group in the figure's rule"
        ) from None


@contextmanager
def styled() -> Iterator[None]:
    """Give matplotlib the style, as a context or a decorator; nothing outside it is changed."""
    with mpl.rc_context(_parameters()):
        yield


def _parameters() -> dict[str, Any]:
    size = setting("font_pt")
    return {
        "font.family": setting("font"),
        "font.size": size,
        "axes.titlesize": size + 1,
        "axes.labelsize": size,
        "xtick.labelsize": size - 0.5,
        "ytick.labelsize": size - 0.5,
        "legend.fontsize": size - 0.5,
        "legend.frameon": False,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "lines.linewidth": setting("line_pt"),
        "image.interpolation": "nearest",
        "pdf.fonttype": 42,
        "savefig.facecolor": "white",
    }


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Make a figure of the given size in mm, laid out so that nothing overlaps."""
    figure = Figure(figsize=(width_mm * MM, height_mm * MM), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.02)
    return figure


def panel_per_set(count: int, *, panel_mm: float, more_mm: float) -> tuple[Figure, list[Axes]]:
    """Make a figure with a panel for each of so many test sets, two in a row, with room at their right.

    Args:
        count: of test sets.
        panel_mm: height of a row of panels.
        more_mm: height beside the rows.
    """
    columns = min(2, count)
    rows = -(-count // columns)
    figure = new_figure(DOUBLE_MM if columns == 2 else DOUBLE_MM / 2 + 15, more_mm + panel_mm * rows)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    return figure, list(grid[:count])


def save(figure: Figure, path_pdf: Path | str, path_png: Path | str) -> None:
    """Write a figure as PDF (TrueType fonts) and PNG (300 dpi), without dates and program versions."""
    with styled():
        with atomic_path(path_pdf) as temporary:
            metadata = {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None}
            figure.savefig(temporary, format="pdf", metadata=metadata, dpi=setting("dpi"))
        with atomic_path(path_png) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None}, dpi=setting("dpi"))


def colours(models: Sequence[str]) -> dict[str, str]:
    """Give each model the colour of its start; thresholds have their own, what is unknown shares one."""
    known = setting("colours")["starts"]
    heads = {name: start_of(name) for name in sort_models(models)}
    return {
        name: known["threshold" if head.startswith("threshold") else head if head in known else "other"]
        for name, head in heads.items()
    }


def markers(datasets: Sequence[str]) -> list[str]:
    """Give each test set its marker, the same in every figure."""
    return [MARKERS[place % len(MARKERS)] for place in range(len(datasets))]


def show_image(axes: Axes, image: np.ndarray, **options: object) -> None:
    """Show a slice (H, W) without ticks or frame; options go to ``imshow``."""
    axes.imshow(image, **({"cmap": "gray"} | options))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def outline(axes: Axes, mask: np.ndarray, edge: str, *, width: float = 0.8) -> None:
    """Draw the border of a mask (H, W), if it has one."""
    if mask.any():
        axes.contour(mask.astype(float), levels=[0.5], colors=[edge], linewidths=width)


def reserve_heads(figure: Figure, names: Sequence[str], *, side_mm: float) -> None:
    """Keep room above a grid, and at its right, for the names of columns narrower than these.

    Slanted names would push the columns apart, so the layout does not know of them.

    Args:
        figure: as tall as ``heads_mm`` more than its panels.
        names: of the columns, as ``head`` writes them.
        side_mm: width of a column.
    """
    width, height = figure.get_size_inches() / MM
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    if len(names) <= WIDE:
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.5 / height))
        return
    left = range(len(names) - 1, -1, -1)
    over = max(BOLD_MM * len(name) - (more + 0.8) * side_mm for name, more in zip(names, left, strict=True))
    rect = (0, 0, 1 - max(0.0, over + 1) / width, 1 - heads_mm(names) / height)
    figure.get_layout_engine().set(rect=rect)


def heads_mm(names: Sequence[str]) -> float:
    """Height of the names above a grid of columns."""
    return 5 if len(names) <= WIDE else 4 + LETTER_MM * max(map(len, names))


def head(axes: Axes, name: str, *, columns: int, bold: bool = False) -> None:
    """Write a column's name above it, slanted where the columns are narrower than the names."""
    weight = "bold" if bold else "normal"
    if columns <= WIDE:
        axes.set_title(name, fontsize=7, fontweight=weight)
        return
    place = {"xy": (0.2, 1.0), "xytext": (0, 3), "textcoords": "offset points", "xycoords": "axes fraction"}
    text = axes.annotate(name, **place, rotation=45, rotation_mode="anchor", fontsize=6.5, fontweight=weight)
    text.set_in_layout(False)


def frame(axes: Axes, edge: str, *, width: float = 1.5) -> None:
    """Frame a panel in a colour."""
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(edge)
    axes.spines[:].set_linewidth(width)
