"""What was found in each data set: counts, reasons, geometry and Hounsfield units as a table of texts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from smartnet.figures.latex import MISSING, write_both
from smartnet.figures.names import display_dataset, sort_datasets
from smartnet.files import read_json
from smartnet.volume.build import read_catalog

NUMBERS = {
    "Pixel (mm)": ("pixel_spacing_mm", 2),
    "Gap (mm)": ("slice_spacing_mm", 2),
    "Thickness (mm)": ("slice_thickness_mm", 2),
    "Tilt (deg)": ("tilt_deg", 1),
    "Slices": ("slices", 0),
    "kVp": ("kvp", 0),
    "Air (HU)": ("air_hu", 0),
    "Tissue (HU)": ("tissue_hu", 0),
}
TEXTS = {"Vendor": "manufacturer", "Kernel": "kernel"}


def read_cases(volumes: Sequence[Path]) -> pd.DataFrame:
    """Read every series found, with the HU that were measured in those that are accepted.

    Args:
        volumes: folders of shards of volumes, of any data sets.

    Returns:
        the rows of their ``cases.tsv`` with ``air_hu`` and ``tissue_hu``.
    """
    tables = []
    for folder in volumes:
        table = read_catalog(Path(folder) / "cases.tsv")
        sidecars = [_sidecar(Path(folder), row) for row in table[["case", "verdict"]].to_numpy()]
        for name in ("air_hu", "tissue_hu"):
            table[name] = pd.Series([sidecar.get(name) for sidecar in sidecars], dtype=float)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _sidecar(folder: Path, row: Sequence[str]) -> Mapping:
    case, verdict = row
    return read_json(folder / f"{case}.json") if verdict == "accepted" else {}


def summarise(cases: pd.DataFrame) -> pd.DataFrame:
    """Make one row per data set; numbers are median (smallest to largest) over accepted cases."""
    rows = []
    for dataset in sort_datasets(cases["dataset"]):
        found = cases[cases["dataset"] == dataset]
        taken = found[found["verdict"] == "accepted"]
        rows.append(
            {
                "Data set": display_dataset(dataset),
                "Series": len(found),
                "Accepted": len(taken),
                "Rejected": len(found) - len(taken),
                "Flagged": int((taken["flags"] != "").sum()),
                **{head: _range(taken[name], digits) for head, (name, digits) in NUMBERS.items()},
                **{head: ", ".join(count(taken[name])) or MISSING for head, name in TEXTS.items()},
            }
        )
    return pd.DataFrame(rows)


def _range(values: "pd.Series[float]", digits: int) -> str:
    values = values.dropna().astype(float)
    if values.empty:
        return MISSING
    middle, low, high = (f"{v:.{digits}f}" for v in (values.median(), values.min(), values.max()))
    return middle if low == high else f"{middle} ({low} to {high})"


def count(values: Iterable[str]) -> dict[str, int]:
    """Count texts, most frequent first; empty ones are left out."""
    counts = pd.Series([value for value in values if value], dtype=object).value_counts()
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def kind_of(text: str) -> str:
    """Shorten a reason or flag to its kind: without numbers and what follows a colon or bracket."""
    kind = re.split("[:(]", text, maxsplit=1)[0]
    return " ".join(re.sub(r"(?<![\w-])\d[\d.]*(?![\w-])", " ", kind).split())


def table_quality(volumes: Sequence[Path], *, output_csv: Path, output_tex: Path) -> None:
    """Write the summary of every data set.

    Args:
        volumes: folders of all shards of volumes.
        output_csv: table.
        output_tex: the same for LaTeX.
    """
    write_both(summarise(read_cases(volumes)), output_csv, output_tex, stacked=True)
