"""One style for all figures: sizes, colours, fonts, and files whose bytes depend on the content alone."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from smartnet.figures.names import OPERATORS, OURS, sort_models, start_of
from smartnet.files import atomic_path

MM = 1 / 25.4
SINGLE_MM, DOUBLE_MM = 85.0, 180.0  # one and two columns of a journal page
DPI = 300

# Okabe and Ito, Color Universal Design, 2008: told apart under the common colour-vision deficiencies.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY = "#7F7F7F"
OURS_COLOUR, TRUTH = VERMILION, GREEN
POSITIVE, NEGATIVE = VERMILION, BLUE
COLOURS = {  # a start keeps its colour in every figure; beyond eight, Tol's muted scheme (SRON/EPS/TN/09-002)
    "scratch": BLUE,
    "imagenet": BLACK,
    "models-genesis": "#DDCC77",
    "transvw": "#AA4499",
    "cls": SKY,
    "seg": "#332288",
    "rec": "#44AA99",
    "cls-seg": PURPLE,
    "cls-seg-consistency": "#882255",
    "cls-rec": "#999933",
    "seg-rec": ORANGE,
    "cls-seg-rec": GREEN,
    OURS: OURS_COLOUR,
    "checkpoint": "#661100",
}
# Where the operators of one start are compared, these have the colours.
OPERATOR_COLOURS = dict(zip(OPERATORS, COLOURS.values(), strict=False))
SPARE = ("#6699CC", "#888888", YELLOW)
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))

STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.1,
    "image.interpolation": "nearest",
    "pdf.fonttype": 42,
    "savefig.facecolor": "white",
}
WIDE = 6  # up to so many columns a name fits above its panel
LETTER_MM, BOLD_MM = 0.95, 1.3  # height that a letter of a slanted name takes; likewise its width, if bold


def styled() -> AbstractContextManager:
    """Give the style as a context or a decorator; nothing outside it is changed."""
    return mpl.rc_context(STYLE)


def new_figure(width_mm: float, height_mm: float) -> Figure:
    """Make a figure of the given size in mm, laid out so that nothing overlaps."""
    figure = Figure(figsize=(width_mm * MM, height_mm * MM), layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.02)
    return figure


def save(figure: Figure, path_pdf: Path | str, path_png: Path | str) -> None:
    """Write a figure as PDF (TrueType fonts) and PNG (300 dpi), without dates and program versions."""
    with styled():
        with atomic_path(path_pdf) as temporary:
            metadata = {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None}
            figure.savefig(temporary, format="pdf", metadata=metadata, dpi=DPI)
        with atomic_path(path_png) as temporary:
            figure.savefig(temporary, format="png", metadata={"Software": None}, dpi=DPI)


def colours(models: list[str]) -> dict[str, str]:
    """Give each model its colour: a known start always the same, thresholds grey, the rest in order."""
    unknown = [name for name in sort_models(models) if _colour(name) is None]
    spare = {name: SPARE[number % len(SPARE)] for number, name in enumerate(unknown)}
    return {name: _colour(name) or spare[name] for name in models}


def _colour(model: str) -> str | None:
    start = start_of(model)
    return GREY if start.startswith("threshold") else COLOURS.get(start)


def show_image(axes: Axes, image: np.ndarray, **options: object) -> None:
    """Show a slice (H, W) without ticks or frame; options go to ``imshow``."""
    axes.imshow(image, **({"cmap": "gray"} | options))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def outline(axes: Axes, mask: np.ndarray, colour: str, *, width: float = 0.8) -> None:
    """Draw the border of a mask (H, W), if it has one."""
    if mask.any():
        axes.contour(mask.astype(float), levels=[0.5], colors=[colour], linewidths=width)


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


def frame(axes: Axes, colour: str, *, width: float = 1.5) -> None:
    """Frame a panel."""
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(colour)
    axes.spines[:].set_linewidth(width)
