"""The segmenter's answer in three dimensions, beside the reference."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from smartnet.figures import style
from smartnet.figures.images import read_mask, read_volume
from smartnet.figures.names import display_dataset, display_name
from smartnet.figures.raycast import render_head
from smartnet.files import read_table
from smartnet.metrics.predictions import dsc

ROOM = 18  # rows of the picture above and below the head that hold nothing


@style.styled()
def draw_rendering(
    model: str,
    predictions: Sequence[Path],
    cases: Path,
    volumes: Sequence[Path],
    *,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw reference (above) and prediction (below) inside the head, one column per severity.

    Args:
        model: the segmenter.
        predictions: its tables of the test sets, each beside the folder of its masks.
        cases: table of the chosen cases, severe first; the first of each severity is drawn.
        volumes: volume folders of the test sets, with the reference masks.
        output_pdf: figure; the pictures in it have one pixel per millimetre of the head.
        output_png: the same at 300 dpi.
    """
    chosen = read_table(cases, dtype={"case": str, "dataset": str}).drop_duplicates("severity")
    tables = [read_table(path, dtype={"case": str}) for path in predictions]
    measured = pd.concat(tables).set_index("case")
    measured = measured.assign(dsc=dsc(measured))
    side = (style.DOUBLE_MM - 9) / 3
    figure = style.new_figure(max(style.SINGLE_MM, side * len(chosen) + 9), side * 1.7 + 8)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.02, wspace=0, hspace=0)
    grid = figure.subplots(2, len(chosen), squeeze=False)
    masks = [Path(path).with_suffix("") for path in predictions]
    colours = {kind: style.colour("outlines", kind) for kind in ("truth", "ours")}
    for row, column in zip(chosen.itertuples(), grid.T, strict=True):
        volume, labels, spacing = read_volume(volumes, row.case)
        called = read_mask(masks, f"{row.case}.nii.gz", volume.shape)
        lesions = {colours["truth"]: labels > 0, colours["ours"]: called > 0}
        for axes, picture in zip(column, render_head(volume, lesions, spacing), strict=True):
            style.show_image(axes, picture[ROOM:-ROOM], interpolation="bicubic")
        _name(column, row, measured.loc[row.case])
    for axes, name, colour in zip(
        grid[:, 0], ("Reference", display_name(model)), colours.values(), strict=True
    ):
        axes.set_ylabel(name, color=colour, fontweight="bold")
    style.save(figure, output_pdf, output_png)


def _name(column: Sequence[Axes], row: Any, measured: pd.Series) -> None:
    """Write what is seen: severity and data set above, volumes and DSC below the pictures."""
    column[0].set_title(f"{str(row.severity).capitalize()}, {display_dataset(row.dataset)}")
    for axes, text in zip(
        column,
        (f"{measured['truth_ml']:.1f} mL", f"{measured['predicted_ml']:.1f} mL, DSC {measured['dsc']:.2f}"),
        strict=True,
    ):
        axes.set_xlabel(text, labelpad=1)
