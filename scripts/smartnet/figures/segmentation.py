"""Segmentation panel: image, reference, and what each method outlines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from smartnet.figures import style
from smartnet.figures.images import WINDOW_HU, crop_box, find_file, read_mask, read_volume
from smartnet.figures.names import OURS, display_dataset, display_name, sort_models, start_of
from smartnet.files import read_table


@style.styled()
def draw_segmentation(
    masks: Mapping[str, Sequence[Path]],
    cases: Path,
    volumes: Sequence[Path],
    *,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw the chosen cases at window 0..80 HU; the corner holds the DSC of the whole scan.

    Args:
        masks: model -> folders (one per data set) with its predicted ``{case}.nii.gz``.
        cases: table of the chosen cases, severe first.
        volumes: volume folders of the test sets, with the reference masks.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    table = read_table(cases, dtype={"case": str, "dataset": str})
    models = sort_models(masks)
    columns = 2 + len(models)
    width = min(style.DOUBLE_MM, 34.0 * columns + 8)
    side = (width - 8) / columns
    line = 0.8 if columns <= style.WIDE else 0.5
    heads = ["Image", "Reference", *map(display_name, models)]
    figure = style.new_figure(width, side * len(table) + 2 + style.heads_mm(heads))
    style.reserve_heads(figure, heads, side_mm=side)
    grid = figure.subplots(len(table), columns, squeeze=False)
    for row, axes in zip(table.itertuples(), grid, strict=True):
        volume, labels, spacing = read_volume(volumes, row.case)
        truth = labels > 0
        box = crop_box(volume)
        options = {"vmin": WINDOW_HU[0], "vmax": WINDOW_HU[1], "aspect": spacing[1] / spacing[2]}
        for panel in axes:
            style.show_image(panel, volume[row.z][box], **options)
        axes[0].set_ylabel(
            f"{str(row.severity).capitalize()}\n{row.lesion_ml:.1f} mL\n{display_dataset(row.dataset)}",
            fontsize=7 if columns <= style.WIDE else 5.5,
        )
        style.outline(axes[1], truth[row.z][box], style.colour("outlines", "truth"), width=line)
        for panel, model in zip(axes[2:], models, strict=True):
            if find_file(masks[model], f"{row.case}.nii.gz") is None:
                _corner(panel, "no prediction" if columns <= style.WIDE else "none", columns)
                continue
            called = read_mask(masks[model], f"{row.case}.nii.gz", volume.shape) > 0
            style.outline(panel, called[row.z][box], _colour(model), width=line)
            _corner(panel, f"{'DSC ' * (columns <= style.WIDE)}{dice(truth, called):.2f}", columns)
    for panel, head, model in zip(grid[0], heads, ("", "", *models), strict=True):
        style.head(panel, head, columns=columns, bold=start_of(model) == OURS)
    for number, model in enumerate(models, start=2):
        if start_of(model) == OURS:
            for panel in grid[:, number]:
                style.frame(panel, style.colour("outlines", "ours"))
    style.save(figure, output_pdf, output_png)


def _corner(panel: Axes, text: str, columns: int) -> None:
    """Write into the lower left corner, readable over bone and air."""
    size, pad = (6.5, 1.2) if columns <= style.WIDE else (5, 0.8)
    box = {"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": pad}
    place = {"xy": (0, 0), "xytext": (2.2, 2.8), "textcoords": "offset points", "xycoords": "axes fraction"}
    panel.annotate(text, **place, color="white", fontsize=size, bbox=box)


def dice(truth: np.ndarray, called: np.ndarray) -> float:
    """Dice similarity of two masks of one shape; NaN when both are empty."""
    size = int(truth.sum()) + int(called.sum())
    return 2 * int((truth & called).sum()) / size if size else float("nan")


def _colour(model: str) -> str:
    return style.colour("outlines", "ours" if start_of(model) == OURS else "prediction")
