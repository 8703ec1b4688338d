"""Map panels: what each start looks at, from severe to mild cases."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smartnet.errors import DataError
from smartnet.explain.source import find_slice
from smartnet.figures import overlay, style
from smartnet.figures.names import OURS, display_dataset, display_name, sort_models, start_of
from smartnet.files import read_table
from smartnet.slices.dataset import SliceSet

SPLIT_MM = 0.4  # between two rows
TALLEST_MM = 225  # a page with room for the caption


def draw_activation(
    maps: Mapping[str, Path],
    cases: Path,
    slices: Sequence[Path],
    *,
    split: Path,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw the activation maps of every start (figure 1 of the paper).

    Args:
        maps: start -> folder with ``activation.npy``, ``gradcam.npy``, ``maps.tsv``.
        cases: table of the chosen cases, severe first.
        slices: slice folders of the test sets.
        split: ``split.tsv``.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    _draw(
        maps,
        "activation.npy",
        "Activation, stretched per slice",
        cases=cases,
        slices=slices,
        split=split,
        output_pdf=output_pdf,
        output_png=output_png,
    )


def draw_gradcam(
    maps: Mapping[str, Path],
    cases: Path,
    slices: Sequence[Path],
    *,
    split: Path,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw Grad-CAM of the volume logit for every start; arguments as for ``draw_activation``."""
    _draw(
        maps,
        "gradcam.npy",
        "Evidence, relative to the scan's maximum",
        cases=cases,
        slices=slices,
        split=split,
        output_pdf=output_pdf,
        output_png=output_png,
    )


@style.styled()
def _draw(
    maps: Mapping[str, Path],
    name: str,
    label: str,
    *,
    cases: Path,
    slices: Sequence[Path],
    split: Path,
    output_pdf: Path,
    output_png: Path,
) -> None:
    table = read_table(cases, dtype={"case": str, "dataset": str})
    test = SliceSet.open(slices, split, subset="test")
    starts = sort_models(maps)
    arrays = {start: _read_maps(maps[start], name, table) for start in starts}
    columns = 1 + len(starts)
    width = min(style.DOUBLE_MM, 34.0 * columns + 8)
    heads = ["Reference", *map(display_name, starts)]
    rows, across = next(iter(arrays.values())).shape[1:]
    portrait, above = max(1.0, rows / across), 12 + style.heads_mm(heads)
    side = min((width - 8) / columns, ((TALLEST_MM - above) / len(table) - SPLIT_MM) / portrait)
    width, height = side * columns + 8, side * portrait + SPLIT_MM
    figure = style.new_figure(width, height * len(table) + above)
    style.reserve_heads(figure, heads, side_mm=side)
    grid = figure.subplots(len(table), columns, squeeze=False)
    for number, row in enumerate(table.itertuples()):
        image, mask = test.slice(*find_slice(test, row.case, row.z, table=cases))
        style.show_image(grid[number, 0], image, vmin=0, vmax=255)
        style.outline(grid[number, 0], mask, style.colour("outlines", "truth"))
        grid[number, 0].set_ylabel(_row_label(row), fontsize=7 if columns <= style.WIDE else 5.5)
        for axes, start in zip(grid[number, 1:], starts, strict=True):
            style.show_image(axes, image, vmin=0, vmax=255)
            colours = overlay.colours()  # not the paper's jet, which is no scale for the colour-blind
            axes.imshow(arrays[start][number], cmap=colours, vmin=0, vmax=1, interpolation="bilinear")
    for axes, head, start in zip(grid[0], heads, ("", *starts), strict=True):
        style.head(axes, head, columns=columns, bold=start_of(start) == OURS)
    for column, start in enumerate(starts, start=1):
        if start_of(start) == OURS:
            for axes in grid[:, column]:
                style.frame(axes, style.colour("outlines", "ours"))
    _scale(figure, grid[-1, :].tolist() if len(table) == 1 else grid.ravel().tolist(), label)
    style.save(figure, output_pdf, output_png)


def _read_maps(folder: Path, name: str, cases: pd.DataFrame) -> np.ndarray:
    """Read maps (cases, H, W) and check that they belong to the chosen cases."""
    have = read_table(Path(folder) / "maps.tsv", dtype={"case": str})
    if list(have["case"]) != list(cases["case"]) or list(have["z"]) != list(cases["z"]):
        raise DataError(f"{folder}: maps are of other cases than the panel; compute the maps again")
    return np.load(Path(folder) / name)


def _row_label(row: object) -> str:
    return f"{str(row.severity).capitalize()}\n{row.lesion_ml:.1f} mL\n{display_dataset(row.dataset)}"


def _scale(figure: Figure, panels: list[Axes], label: str) -> None:
    """Put the colour scale below the panels, over the grey of brain."""
    colours = mpl.cm.ScalarMappable(norm=mpl.colors.Normalize(0, 1), cmap=overlay.colours())
    bar = figure.colorbar(colours, ax=panels, location="bottom", shrink=0.4, aspect=35, pad=0.02)
    bar.ax.set_facecolor("0.45")
    bar.set_label(label)
    bar.set_ticks([0, 0.5, 1])
    bar.outline.set_linewidth(0.4)
