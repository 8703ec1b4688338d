"""Evidence over CT: cuts through a volume in millimetres, a colour that is clear where nothing is shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.images import BONE_HU, WINDOW_HU, read_mask, read_volume

FULL_MAP = 255  # how the volumes of maps are stored
OPAQUE, OPACITY = 0.3, 0.75  # from this evidence on the colour is as strong as it gets


class Cut(NamedTuple):
    """A plane through a volume.

    Attributes:
        axis: of (z, y, x) that the plane is perpendicular to.
        index: along this axis.
    """

    axis: int
    index: int

    def of(self, volume: np.ndarray) -> np.ndarray:
        """The plane of a volume (z, y, x): rows are z, from below, unless the plane is axial."""
        return np.take(volume, self.index, axis=self.axis)

    def axes(self) -> tuple[int, int]:
        """Axes of the volume along the rows and the columns of the plane."""
        rows, columns = (axis for axis in range(3) if axis != self.axis)
        return rows, columns


class Scan(NamedTuple):
    """What is drawn of a case, on one grid (z, y, x).

    Attributes:
        volume: HU.
        truth: reference, bool.
        evidence: from 0 to ``FULL_MAP``.
        prediction: bool, all False where it was not asked for.
        spacing: of the voxels in mm (z, y, x).
    """

    volume: np.ndarray
    truth: np.ndarray
    evidence: np.ndarray
    prediction: np.ndarray
    spacing: tuple[float, float, float]


def read(case: str, volumes: Sequence[Path], maps: Path, name: str, masks: Sequence[Path] = ()) -> Scan:
    """Read a case with one of its maps.

    Args:
        case: its name.
        volumes: volume folders of the test sets, with the reference masks.
        maps: folder with ``volumes/{case}_{name}.nii.gz``.
        name: of the map.
        masks: folders with the predicted masks.

    Raises:
        DataError: there is no such map, or something lies on another grid.
    """
    volume, labels, spacing = read_volume(volumes, case)
    folder = Path(maps) / "volumes"
    if not (folder / f"{case}_{name}.nii.gz").is_file():
        raise DataError(f"{folder}: no {name} map of case {case}; compute the maps again")
    evidence = read_mask([folder], f"{case}_{name}.nii.gz", volume.shape)
    prediction = read_mask(masks, f"{case}.nii.gz", volume.shape) > 0
    return Scan(volume, labels > 0, evidence, prediction, spacing)


def colours() -> ListedColormap:
    """Give the scale of evidence: magma without its ends, clear at 0."""
    values = np.linspace(0, 1, 256)
    table = mpl.colormaps["magma"](0.35 + 0.45 * values)
    table[:, 3] = OPACITY * np.clip(values / OPAQUE, 0, 1)
    return ListedColormap(table)


def skull_mm(volume: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Find where the skull begins and ends along (z, y, x), (3, 2) in mm from the volume's corner.

    Args:
        volume: HU (z, y, x).
        spacing: of the voxels in mm (z, y, x).
    """
    bone = volume > BONE_HU
    ends = []
    for axis, size in enumerate(spacing):
        others = tuple(other for other in range(3) if other != axis)
        found = np.flatnonzero(bone.sum(axis=others) > 1)
        first, last = (found[0], found[-1]) if len(found) else (0, volume.shape[axis] - 1)
        ends.append((first * size, (last + 1) * size))
    return np.array(ends)


def show(panel: Axes, cut: Cut, scan: Scan, *, middle_mm: Sequence[float], size_mm: Sequence[float]) -> None:
    """Show a cut at window 0..80 HU with the evidence over it, every millimetre as long as any other.

    Args:
        panel: where to.
        cut: which plane.
        scan: its volume and evidence.
        middle_mm: of the panel, along (z, y, x) from the volume's corner.
        size_mm: of the panel along (z, y, x).
    """
    extent = _extent(cut, scan.volume.shape, scan.spacing)
    upright = "upper" if cut.axis == 0 else "lower"
    options = {"extent": extent, "origin": upright, "aspect": "equal"}
    style.show_image(panel, cut.of(scan.volume), vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], **options)
    panel.imshow(
        cut.of(scan.evidence) / FULL_MAP, cmap=colours(), vmin=0, vmax=1, interpolation="bilinear", **options
    )
    panel.set_facecolor("black")
    rows, columns = cut.axes()
    panel.set_xlim(*(middle_mm[columns] + side * size_mm[columns] / 2 for side in (-1, 1)))
    low, high = (middle_mm[rows] + side * size_mm[rows] / 2 for side in (-1, 1))
    panel.set_ylim(*((high, low) if cut.axis == 0 else (low, high)))


def outline(
    panel: Axes, cut: Cut, mask: np.ndarray, spacing: Sequence[float], edge: str, *, width: float = 0.8
) -> None:
    """Draw the border of a mask (z, y, x) in a cut that ``show`` drew."""
    plane = cut.of(mask)
    if plane.any():
        rows, columns = ((np.arange(mask.shape[axis]) + 0.5) * spacing[axis] for axis in cut.axes())
        panel.contour(columns, rows, plane.astype(float), levels=[0.5], colors=[edge], linewidths=width)


def note(panel: Axes, text: str, *, right: bool = False, size: float = 5.5) -> None:
    """Write into a lower corner, readable over bone and air."""
    box = {"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 0.8}
    place = {"xy": (int(right), 0), "xytext": (-2.2 if right else 2.2, 2.4), "textcoords": "offset points"}
    panel.annotate(
        text,
        **place,
        xycoords="axes fraction",
        ha="right" if right else "left",
        color="white",
        fontsize=size,
        bbox=box,
    )


def scale(panel: Axes, label: str) -> None:
    """Fill a panel with the colour scale, over the grey of brain."""
    colour = mpl.cm.ScalarMappable(norm=mpl.colors.Normalize(0, 1), cmap=colours())
    bar = panel.figure.colorbar(colour, cax=panel, orientation="horizontal", ticks=[0, 0.5, 1])
    panel.set_facecolor("0.45")
    bar.set_label(label, labelpad=1)
    bar.outline.set_linewidth(0.4)


def sheet(width_mm: float, height_mm: float) -> Figure:
    """Make a figure of the given size in mm whose panels are placed by hand."""
    figure = style.new_figure(width_mm, height_mm)
    figure.set_layout_engine("none")
    return figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add a panel at a place in mm from the figure's upper left corner."""
    full_width, full_height = figure.get_size_inches() / style.MM
    bottom = full_height - top - height
    shares = (left / full_width, bottom / full_height, width / full_width, height / full_height)
    return figure.add_axes(shares)


def _extent(cut: Cut, shape: Sequence[int], spacing: Sequence[float]) -> tuple[float, float, float, float]:
    rows, columns = cut.axes()
    width, height = shape[columns] * spacing[columns], shape[rows] * spacing[rows]
    return (0, width, height, 0) if cut.axis == 0 else (0, width, 0, height)
