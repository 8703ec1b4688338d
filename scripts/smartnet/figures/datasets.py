"""What the study is made of: a table and a figure of the data sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.latex import EN_DASH, MISSING, write_both
from smartnet.figures.names import KINDS, display_dataset, sort_datasets
from smartnet.files import read_table
from smartnet.strata import TILTED_DEG

TEXT = {"case": str, "patient": str, "dataset": str}


def _read(cases: Sequence[Path]) -> pd.DataFrame:
    """Join the shards' ``cases.tsv`` of the volumes stage, rejected scans included."""
    tables = [read_table(path, dtype=TEXT) for path in cases]
    filled = [table for table in tables if len(table)]
    if not filled:
        raise DataError(
            f"data sets: none of {len(cases)} tables holds a scan; check the paths in the configuration"
        )
    return pd.concat(filled, ignore_index=True)


def table_datasets(cases: Sequence[Path], split: Path, *, output_csv: Path, output_tex: Path) -> None:
    """Write one row per data set: patients, scans, hemorrhages by kind, volumes, geometry, vendors, rejects.

    Args:
        cases: ``cases.tsv`` of every volume shard.
        split: ``split.tsv``; says which use a data set has.
        output_csv: table.
        output_tex: the same for LaTeX.
    """
    table = _read(cases)
    use = read_table(split, dtype=str).set_index("case")["split"]
    rows = []
    for dataset in sort_datasets(table["dataset"]):
        every = table[table["dataset"] == dataset]
        kept = every[every["verdict"] == "accepted"]
        bleeding = kept[kept["hemorrhage"] == 1]
        splits = kept["case"].map(use).value_counts()
        rows.append(
            {
                "Data set": display_dataset(dataset),
                "Use": ", ".join(
                    f"{name} {splits[name]}" for name in ("train", "valid", "test") if name in splits
                ),
                "Patients": kept["patient"].nunique(),
                "Scans": len(kept),
                "Rejected": len(every) - len(kept),
                "Hemorrhage": f"{len(bleeding)} ({100 * len(bleeding) / max(1, len(kept)):.0f} %)",
                **{kind: int((kept[kind] == 1).sum()) for kind in KINDS},
                "Volume (mL)": _spread(bleeding["lesion_ml"]),
                "Slices": _range(kept["slices"], 0),
                "Thickness (mm)": _range(kept["slice_thickness_mm"], 1),
                "Tilted": int((kept["tilt_deg"].abs() > TILTED_DEG).sum()),
                "Vendors": ", ".join(sorted(kept["manufacturer"].dropna().astype(str).unique())) or MISSING,
            }
        )
    write_both(pd.DataFrame(rows), output_csv, output_tex)


def _spread(values: pd.Series) -> str:
    """Median and quartiles."""
    known = values.dropna().astype(float)
    if known.empty:
        return MISSING
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    return f"{middle:.1f} ({low:.1f}{EN_DASH}{high:.1f})"


def _range(values: pd.Series, digits: int) -> str:
    known = values.dropna().astype(float)
    if known.empty:
        return MISSING
    low, high = f"{known.min():.{digits}f}", f"{known.max():.{digits}f}"
    return low if low == high else f"{low}{EN_DASH}{high}"


@style.styled()
def draw_datasets(cases: Sequence[Path], *, output_pdf: Path, output_png: Path) -> None:
    """Draw scans with and without hemorrhage, kinds, and lesion volumes of every data set.

    Args:
        cases: ``cases.tsv`` of every volume shard.
        output_pdf: vector figure.
        output_png: the same at 300 dpi.
    """
    table = _read(cases)
    table = table[table["verdict"] == "accepted"]
    datasets = sort_datasets(table["dataset"])
    figure = style.new_figure(style.DOUBLE_MM, 18 + 7 * len(datasets))
    positive = style.colour("classes", "positive")
    scans, kinds, volumes = figure.subplots(1, 3, sharey=True)
    _bars(
        scans,
        table,
        datasets,
        {"with hemorrhage": table["hemorrhage"] == 1, "without": table["hemorrhage"] == 0},
        {"with hemorrhage": positive, "without": style.colour("classes", "negative")},
    )
    groups = {kind: table[kind] == 1 for kind in KINDS}
    _bars(kinds, table, datasets, groups, {kind: style.colour("kinds", kind) for kind in KINDS})
    scans.set(xlabel="Scans", yticks=range(len(datasets)), yticklabels=[display_dataset(d) for d in datasets])
    scans.invert_yaxis()
    kinds.set_xlabel("Hemorrhages (a scan may hold several)")
    for row, dataset in enumerate(datasets):
        part = table[(table["dataset"] == dataset) & (table["lesion_ml"] > 0)]
        known = part["lesion_ml"].astype(float).sort_values().to_numpy()
        height = row + 0.3 * np.sin(2.4 * np.arange(len(known)))  # spread, so that equal volumes stay apart
        volumes.scatter(known, height, s=5, color=positive, linewidths=0, alpha=0.7)
        if len(known):
            volumes.plot([np.median(known)] * 2, [row - 0.38, row + 0.38], color="black", linewidth=1.2)
    volumes.set(xscale="log", xlabel="Hemorrhage volume (mL), bar: median")
    low, high = volumes.get_xlim()
    ticks = [tick for tick in (0.01, 0.1, 1, 10, 100, 1000) if low / 3 <= tick <= high * 3]
    volumes.set_xlim(min(low, ticks[0]), max(high, ticks[-1]))
    volumes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    volumes.xaxis.set_minor_formatter(NullFormatter())
    for axes in (scans, kinds, volumes):
        axes.tick_params(axis="y", length=0)
    style.save(figure, output_pdf, output_png)


def _bars(
    axes: Axes,
    table: pd.DataFrame,
    datasets: list[str],
    groups: dict[str, pd.Series],
    colours: dict[str, str],
) -> None:
    """Draw stacked bars of counts, one per data set."""
    left = np.zeros(len(datasets))
    for name, chosen in groups.items():
        counts = np.array([int((chosen & (table["dataset"] == dataset)).sum()) for dataset in datasets])
        axes.barh(range(len(datasets)), counts, left=left, color=colours[name], label=name, height=0.7)
        left += counts
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(groups), handlelength=0.9, columnspacing=0.9
    )
