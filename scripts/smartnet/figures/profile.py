"""Slice-importance profile: where along the scan the classifier's evidence lies, beside the true lesion."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from smartnet.errors import DataError
from smartnet.figures import overlay, style
from smartnet.figures.names import display_dataset
from smartnet.files import read_table

STRIP = 6  # slices shown per case
LEFT_MM, PLOT_MM, SIDE_MM, GAP_MM = 17.0, 45.0, 18.7, 0.6  # labels, plot, slice, between slices
TOP_MM, TICKS_MM, BOTTOM_MM = 6.0, 5.5, 12.0  # legend, numbers below a plot, colour scale
RATIO = 0.82  # width to height of a slice
MARGIN = 1.06
TEXT = {"case": str, "patient": str, "dataset": str}


@style.styled()
def draw_profile(
    maps: Path,
    cases: Path,
    volumes: Sequence[Path],
    predictions: Sequence[Path],
    *,
    start: str,
    output_pdf: Path,
    output_png: Path,
) -> None:
    """Draw per case the profile of the evidence and of the lesion's area, and slices with Grad-CAM.

    Args:
        maps: folder with ``profile.csv`` and ``volumes/{case}_gradcam.nii.gz``.
        cases: table of the chosen cases, severe first.
        volumes: volume folders of the test sets, with the reference masks.
        predictions: the classifier's answers on the test sets.
        start: whose maps these are; it gives the colour.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    table = read_table(cases, dtype=TEXT)
    profiles = read_table(Path(maps) / "profile.csv", dtype=TEXT)
    answers = pd.concat([read_table(path, dtype=TEXT) for path in predictions]).set_index("case")
    height = SIDE_MM / RATIO
    figure = overlay.sheet(style.DOUBLE_MM, TOP_MM + (height + GAP_MM) * len(table) + BOTTOM_MM)
    for number, row in enumerate(table.itertuples()):
        own = profiles[profiles["case"] == row.case]
        if own.empty:
            raise DataError(f"{maps}: no profile of case {row.case}; compute the maps again")
        top = TOP_MM + (height + GAP_MM) * number
        plot = overlay.place(figure, LEFT_MM, top, PLOT_MM, height - TICKS_MM)
        left = style.DOUBLE_MM - STRIP * (SIDE_MM + GAP_MM)
        panels = [
            overlay.place(figure, left + (SIDE_MM + GAP_MM) * i, top, SIDE_MM, height) for i in range(STRIP)
        ]
        shown = strip_slices(own, count=STRIP)
        _plot(plot, own, shown, style.colours([start])[start])
        plot.set_ylabel(_label(row, answers["probability"].get(row.case, np.nan)), fontsize=6.5, labelpad=3)
        _strip(panels, own, shown, overlay.read(row.case, volumes, maps, "gradcam"))
        if not number:
            plot.legend(loc="lower left", bbox_to_anchor=(-0.03, 1), ncols=2, columnspacing=1.2)
    plot.set_xlabel("Slice, from inferior to superior", labelpad=2)
    middle = left + STRIP * (SIDE_MM + GAP_MM) / 2
    bar = overlay.place(figure, middle - 25, top + height + 2.5, 50, 1.8)
    overlay.scale(bar, "Evidence, relative to the scan's maximum")
    style.save(figure, output_pdf, output_png)


def _label(row: object, probability: float) -> str:
    size = f"{str(row.severity).capitalize()}, {row.lesion_ml:.1f} mL"
    return f"{size}\n{display_dataset(row.dataset)}\nP = {probability:.2f}"


def strip_slices(profile: pd.DataFrame, *, count: int) -> list[int]:
    """Choose slices by rule: evenly along the scan, among them those with most lesion and most evidence.

    Args:
        profile: of one case, ``z evidence lesion_mm2``, in the order of z.
        count: slices to choose; all where there are fewer.

    Returns:
        their z, ascending.
    """
    z = profile["z"].to_numpy()
    if len(z) <= count:
        return z.tolist()
    chosen = np.linspace(0, len(z) - 1, count + 2).round().astype(int)[1:-1]  # the ends show little brain
    kept = np.zeros(count, dtype=bool)
    for leading in (profile["lesion_mm2"].to_numpy().argmax(), profile["evidence"].to_numpy().argmax()):
        if leading in chosen:
            kept[chosen == leading] = True
            continue
        nearest = np.where(kept, np.inf, np.abs(chosen - leading)).argmin()
        chosen[nearest], kept[nearest] = leading, True
    return sorted(z[chosen].tolist())


def _plot(plot: Axes, own: pd.DataFrame, shown: Sequence[int], colour: str) -> None:
    """Both profiles, relative to their largest slice, with marks below the slices that are shown."""
    z, area = own["z"].to_numpy(), own["lesion_mm2"].to_numpy() / 100
    truth = style.colour("outlines", "truth")
    relative = area / area.max() if area.any() else area
    label = "Area of the reference lesion"
    plot.bar(z, relative, width=1.0, color=truth, alpha=0.35, linewidth=0, label=label)
    plot.plot(z, own["evidence"], color=colour, marker="o", markersize=1.8, label="Evidence")
    plot.plot(shown, np.full(len(shown), -0.09), linestyle="", marker="^", markersize=2.5, color="0.3")
    plot.set_xlim(z[0] - 0.7, z[-1] + 0.7)
    plot.set_ylim(-0.16, 1.3)
    plot.set_yticks([0, 0.5, 1])
    place = {"xy": (1, 1), "xycoords": "axes fraction", "xytext": (0, 0), "textcoords": "offset points"}
    text = f"largest {area.max():.1f} cm\N{SUPERSCRIPT TWO}"
    plot.annotate(text, **place, ha="right", va="top", fontsize=6, color=truth)


def _strip(panels: Sequence[Axes], own: pd.DataFrame, shown: Sequence[int], scan: overlay.Scan) -> None:
    skull = overlay.skull_mm(scan.volume, scan.spacing)
    height = max(np.ptp(skull[1]), np.ptp(skull[2]) / RATIO) * MARGIN
    place = {"middle_mm": skull.mean(axis=1), "size_mm": (0, height, height * RATIO)}
    by_slice = own.set_index("z")["evidence"]
    for panel, z in zip(panels, shown, strict=False):
        cut = overlay.Cut(0, z)
        overlay.show(panel, cut, scan, **place)
        overlay.outline(panel, cut, scan.truth, scan.spacing, style.colour("outlines", "truth"))
        overlay.note(panel, str(z))
        overlay.note(panel, f"{by_slice[z]:.2f}", right=True)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
