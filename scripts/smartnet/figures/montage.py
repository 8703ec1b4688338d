"""Montage of scans: what the data look like, one row per kind of hemorrhage and one without."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.images import WINDOW_HU, crop_box, read_volume
from smartnet.figures.names import KINDS, display_dataset
from smartnet.files import read_table

SHARE = 0.2  # of the largest soft-tissue area: a slice with less shows bone and air


@style.styled()
def draw_montage(volumes: Sequence[Path], *, output_pdf: Path, output_png: Path, columns: int = 8) -> None:
    """Draw evenly spaced slices at window 0..80 HU with the outline of the reference mask.

    Args:
        volumes: volume folders, each with ``cases.tsv``.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
        columns: slices per case, from skull base (left) to vertex.

    Raises:
        DataError: no accepted scan.
    """
    cases = montage_cases(volumes)
    width = style.DOUBLE_MM
    figure = style.new_figure(width, (width - 12) / columns * len(cases) + 2)
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    grid = figure.subplots(len(cases), columns, squeeze=False)
    for row, axes in zip(cases.itertuples(), grid, strict=True):
        volume, mask, spacing = read_volume(volumes, row.case)
        box = crop_box(volume)
        for panel, z in zip(axes, montage_slices(volume, mask, columns), strict=False):
            aspect = spacing[1] / spacing[2]
            style.show_image(panel, volume[z][box], vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], aspect=aspect)
            style.outline(panel, (mask[z] > 0)[box], style.colour("outlines", "ours"), width=0.6)
        for panel in axes[volume.shape[0] :]:
            panel.set_axis_off()
        axes[0].set_ylabel(_label(row), fontsize=6.5)
    style.save(figure, output_pdf, output_png)


def montage_cases(volumes: Sequence[Path]) -> pd.DataFrame:
    """Choose by rule: per kind the scan of median volume from the data set shown least, then one without.

    Returns:
        rows of ``cases.tsv`` with a column ``shown``: the kinds in it.

    Raises:
        DataError: no accepted scan.
    """
    tables = [
        read_table(Path(folder) / "cases.tsv", dtype={"case": str, "dataset": str}) for folder in volumes
    ]
    filled = [table for table in tables if len(table)]
    cases = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame({"verdict": []})
    cases = cases[cases["verdict"] == "accepted"]
    if cases.empty:
        raise DataError(
            f"montage: no accepted scan in {len(volumes)} volume folders; see the catalog's reasons"
        )
    bleeding = cases[(cases["hemorrhage"] == 1) & (cases["mask"] == "reference")]
    chosen: list[int] = []
    for kind in KINDS:
        _choose(bleeding[bleeding[kind] == 1], cases, chosen)
    _choose(cases[cases["hemorrhage"] == 0], cases, chosen)
    table = cases.loc[chosen].copy()
    table["shown"] = [" ".join(kind for kind in KINDS if row.get(kind) == 1) for _, row in table.iterrows()]
    return table


def _choose(candidates: pd.DataFrame, cases: pd.DataFrame, chosen: list[int]) -> None:
    """Add to ``chosen`` the index of the median candidate of the data set that was shown least."""
    left = candidates[~candidates.index.isin(chosen)]
    if left.empty:
        return
    shown = cases.loc[chosen, "dataset"].value_counts()
    dataset = min(sorted(left["dataset"].unique()), key=lambda name: shown.get(name, 0))
    ordered = left[left["dataset"] == dataset].sort_values(["lesion_ml", "case"])
    chosen.append(int(ordered.index[len(ordered) // 2]))


def montage_slices(volume: np.ndarray, mask: np.ndarray, columns: int) -> list[int]:
    """Give evenly spaced slices from the skull base to the last with brain in it.

    The one nearest to the largest lesion area is moved there.

    Args:
        volume: HU (D, H, W), inferior first.
        mask: labels (D, H, W).
        columns: how many; all slices when there are fewer.
    """
    soft = ((volume > WINDOW_HU[0]) & (volume < WINDOW_HU[1])).sum(axis=(1, 2))
    head = np.flatnonzero(soft > SHARE * soft.max())
    first, last = (int(head[0]), int(head[-1])) if len(head) else (0, len(volume) - 1)
    chosen = sorted({int(z) for z in np.linspace(first, last, min(columns, len(volume))).round()})
    area = (mask > 0).sum(axis=(1, 2))
    if area.any():
        largest = int(area.argmax())
        nearest = min(range(len(chosen)), key=lambda number: abs(chosen[number] - largest))
        chosen[nearest] = largest
    return chosen


def _label(row: object) -> str:
    lesion = "no hemorrhage" if not row.shown else f"{row.shown}\n{row.lesion_ml:.1f} mL"
    return f"{display_dataset(row.dataset)}\n{lesion}"
