"""Grad-CAM through the segmenter's 3D operator: three cuts through the lesion of each chosen case."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from smartnet.figures import overlay, style
from smartnet.figures.names import display_dataset
from smartnet.files import read_table

BLOCKS = 2  # cases beside each other
LABEL_MM, GAP_MM, TOP_MM, BOTTOM_MM = 8.0, 0.6, 4.5, 13.5
MARGIN_MM = 6.0  # around the head
PLANES = ("Axial", "Coronal", "Sagittal")


@style.styled()
def draw_volumetric(
    maps: Path,
    cases: Path,
    volumes: Sequence[Path],
    masks: Sequence[Path],
    *,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw axial, coronal and sagittal cuts with evidence, reference and prediction, all to one scale in mm.

    Args:
        maps: folder with ``volumes/{case}_segcam.nii.gz``.
        cases: table of the chosen cases, severe first.
        volumes: volume folders of the test sets, with the reference masks.
        masks: folders with the segmenter's masks of the test sets.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    table = read_table(cases, dtype={"case": str, "dataset": str})
    scans = [overlay.read(case, volumes, maps, "segcam", masks) for case in table["case"]]
    blocks = min(BLOCKS, len(scans))
    full = style.DOUBLE_MM / (BLOCKS - blocks + 1)
    skulls = [np.ptp(overlay.skull_mm(scan.volume, scan.spacing), axis=1) for scan in scans]
    size = np.max(skulls, axis=0) + 2 * MARGIN_MM
    widths = size[[2, 2, 1]]  # of the three cuts: left to right twice, then front to back
    paper = (full / blocks - LABEL_MM - 3 * GAP_MM) / widths.sum()  # mm on paper per mm of the head
    height, lefts = size[1] * paper, np.cumsum([0, *widths[:-1]]) * paper + GAP_MM * np.arange(3)
    rows = -(-len(scans) // blocks)
    figure = overlay.sheet(full, TOP_MM + rows * (height + 2 * GAP_MM) + BOTTOM_MM)
    for number, (row, scan) in enumerate(zip(table.itertuples(), scans, strict=True)):
        left = full / blocks * (number % blocks) + LABEL_MM
        top = TOP_MM + (height + 2 * GAP_MM) * (number // blocks)
        spots = zip(lefts + left, widths * paper, strict=True)
        panels = [overlay.place(figure, spot, top, width, height) for spot, width in spots]
        _draw(panels, scan, row.z, size)
        label = f"{str(row.severity).capitalize()}, {row.lesion_ml:.1f} mL\n{display_dataset(row.dataset)}"
        panels[0].set_ylabel(label, fontsize=6.5, labelpad=2)
        if number < blocks:
            for panel, name in zip(panels, PLANES, strict=True):
                panel.set_title(name, fontsize=7, pad=2)
    _legend(figure, top + height)
    style.save(figure, output_pdf, output_png)


def cuts_through(lesion: np.ndarray, z: int) -> tuple[overlay.Cut, overlay.Cut, overlay.Cut]:
    """Choose the axial cut at ``z`` and, there, the coronal and the sagittal one through most lesion.

    Args:
        lesion: (z, y, x) bool.
        z: index of a slice; without lesion in it, all slices count.
    """
    plane = lesion[z] if lesion[z].any() else lesion.any(axis=0)
    rows, columns = plane.sum(axis=1), plane.sum(axis=0)
    return overlay.Cut(0, z), overlay.Cut(1, int(rows.argmax())), overlay.Cut(2, int(columns.argmax()))


def _draw(panels: Sequence[Axes], scan: overlay.Scan, z: int, size: np.ndarray) -> None:
    """Draw the three cuts into panels of one height, the head's length."""
    middle = overlay.skull_mm(scan.volume, scan.spacing).mean(axis=1)
    cuts = cuts_through(scan.truth, z)
    for panel, cut in zip(panels, cuts, strict=True):
        size_mm = (size[1], size[1], size[2])
        overlay.show(panel, cut, scan, middle_mm=middle, size_mm=size_mm)
        for name, mask in (("prediction", scan.prediction), ("truth", scan.truth)):
            overlay.outline(panel, cut, mask, scan.spacing, style.colour("outlines", name), width=0.7)
        _marks(panel, cut, cuts, scan.spacing)


def _marks(panel: Axes, cut: overlay.Cut, cuts: Sequence[overlay.Cut], spacing: Sequence[float]) -> None:
    """Mark at the border where the other two cuts lie."""
    rows, columns = cut.axes()
    at = {other.axis: (other.index + 0.5) * spacing[other.axis] for other in cuts}
    line = {"color": "white", "linewidth": 0.6}
    for low, high in ((0, 0.05), (0.95, 1)):
        panel.axvline(at[columns], low, high, **line)
        panel.axhline(at[rows], low, high, **line)


def _legend(figure: Figure, top: float) -> None:
    full = figure.get_size_inches()[0] / style.MM
    overlay.scale(
        overlay.place(figure, full / 2 - 25, top + 3, 50, 1.8), "Evidence, relative to the scan's maximum"
    )
    lines = [
        Line2D([], [], color=style.colour("outlines", name), linewidth=1.5, label=label)
        for name, label in (("truth", "Reference"), ("prediction", "Prediction"))
    ]
    figure.legend(handles=lines, loc="lower right", bbox_to_anchor=(1, 0), ncols=2, handlelength=1.4)
