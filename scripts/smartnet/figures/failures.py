"""Where the models fail worst: cases chosen by rule, one row per kind of failure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from smartnet.figures import style
from smartnet.figures.images import WINDOW_HU, crop_box, read_mask, read_volume
from smartnet.figures.names import display_dataset
from smartnet.files import read_json, read_table
from smartnet.metrics.predictions import dsc

COLUMNS = 5
TEXT = {"case": str, "dataset": str}


@dataclass(frozen=True)
class Failure:
    """One kind of failure: what it is called and the cases that show it, worst first, with a word on each."""

    name: str
    cases: pd.DataFrame


def missed_and_alarms(table: pd.DataFrame, threshold: float) -> list[Failure]:
    """Rank the failures of a classifier; equal ones by the name of the case.

    Args:
        table: its predictions on all test sets.
        threshold: its operating point.

    Returns:
        missed hemorrhages, lowest probability first, and false alarms, highest first.
    """
    table = table.assign(order=table["logit"], text=table["probability"].map("p = {:.2f}".format))
    bleeding, normal = (table[table["truth"] == value] for value in (1, 0))
    missed = bleeding[bleeding["probability"] < threshold]
    alarms = normal[normal["probability"] >= threshold]
    return [
        _failure(f"Missed\n{len(missed)} of {len(bleeding)} scans", missed),
        _failure(f"False alarm\n{len(alarms)} of {len(normal)} scans", alarms.assign(order=-alarms["order"])),
    ]


def poor_and_false(table: pd.DataFrame) -> list[Failure]:
    """Rank the failures of a segmenter; equal ones by the name of the case.

    Args:
        table: its predictions on all test sets.

    Returns:
        scans with hemorrhage and reference by DSC, lowest first, and scans without by false-positive volume.
    """
    overlap = dsc(table)
    poor = table.assign(order=overlap, text=overlap.map("DSC {:.2f}".format))
    poor = poor[(table["truth"] == 1) & (table["truth_ml"] > 0)]
    volume = table["predicted_ml"]
    false = table.assign(order=-volume, text=volume.map("{:.1f} mL".format))[table["truth"] == 0]
    wrong = false[false["predicted_ml"] > 0]
    return [
        _failure(f"Lowest DSC\nof {len(poor)} scans", poor),
        _failure(f"False volume\n{len(wrong)} of {len(false)} scans", wrong),
    ]


def _failure(name: str, table: pd.DataFrame) -> Failure:
    worst = table.sort_values(["order", "case"])[["case", "dataset", "text"]]
    return Failure(name, worst.reset_index(drop=True))


@style.styled()
def draw_failures(
    runs: Sequence[Mapping[str, Any]], volumes: Sequence[Path], *, output_pdf: Path, output_png: Path
) -> None:
    """Draw the worst cases of every kind of failure, the reference and the prediction outlined.

    Args:
        runs: of a classifier, a segmenter or both on every test set, as for ``smartnet.metrics.evaluate``.
        volumes: volume folders of the test sets, with the reference masks.
        output_pdf: figure.
        output_png: the same at 300 dpi.
    """
    kinds, masks = [], []
    for task in dict.fromkeys(run["task"] for run in runs):
        part = [run for run in runs if run["task"] == task]
        table = pd.concat([read_table(run["table"], dtype=TEXT) for run in part])
        if task == "classification":
            kinds += missed_and_alarms(table, read_json(part[0]["threshold"])["threshold"])
        else:
            kinds += poor_and_false(table)
            masks = [Path(run["table"]).with_suffix("") for run in part]
    side = (style.DOUBLE_MM - 8) / COLUMNS
    figure = style.new_figure(style.DOUBLE_MM, (side + 4.5) * len(kinds) + 2)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    grid = figure.subplots(len(kinds), COLUMNS, squeeze=False)
    for kind, row in zip(kinds, grid, strict=True):
        _row(row, kind, masks, volumes)
    style.save(figure, output_pdf, output_png)


def _row(row: Sequence[Axes], kind: Failure, masks: Sequence[Path], volumes: Sequence[Path]) -> None:
    for axes in row:
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    row[0].set_ylabel(kind.name)
    if kind.cases.empty:
        row[0].text(0.5, 0.5, "none", ha="center", va="center", color="0.5", transform=row[0].transAxes)
    for axes, case in zip(row, kind.cases.itertuples(), strict=False):
        volume, labels, spacing = read_volume(volumes, case.case)
        truth, called = labels > 0, read_mask(masks, f"{case.case}.nii.gz", volume.shape) > 0
        z, box = shown_slice(truth, called), crop_box(volume)
        aspect = spacing[1] / spacing[2]
        style.show_image(axes, volume[z][box], vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], aspect=aspect)
        style.outline(axes, truth[z][box], style.colour("outlines", "truth"))
        style.outline(axes, called[z][box], style.colour("outlines", "ours"), width=0.6)
        axes.set_title(f"{display_dataset(case.dataset)}, {case.text}", fontsize=6.5, pad=2)


def shown_slice(truth: np.ndarray, called: np.ndarray) -> int:
    """Choose the slice with the largest lesion, without one that of the prediction, else the middle one."""
    for mask in (truth, called):
        if mask.any():
            return int(mask.sum(axis=(1, 2)).argmax())
    return len(truth) // 2
