"""Which scans of a test set belong together: by hemorrhage, thickness, tilt and vendor."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from smartnet.dicom.labels import KINDS
from smartnet.files import read_table
from smartnet.strata import SEVERITIES, TILTED_DEG, by_volume

THICKNESS = {
    "up to 2.5 mm": (0.0, 2.5),  # thin slices
    "2.5 to 5 mm": (2.5, 5.0),  # what head protocols mostly have
    "above 5 mm": (5.0, float("inf")),
}
"""Bins of slice thickness, mm; the upper limit belongs to the bin."""
AGAINST_ALL = "its scans with hemorrhage against all of the data set without"


class Subgroup(NamedTuple):
    """Some scans of one data set.

    Attributes:
        name: ``criterion=value``, such as ``kind=EDH``.
        cases: which scans.
        note: how they were chosen, where the name does not say it all.
    """

    name: str
    cases: frozenset[str]
    note: str = ""

    def of(self, table: pd.DataFrame) -> pd.DataFrame:
        """Give the rows of a table with a column ``case`` that belong to the subgroup."""
        return table[table["case"].isin(self.cases)]


def subgroups(cases: pd.DataFrame, *, seed: int) -> dict[str, list[Subgroup]]:
    """Sort the scans of the test sets into the subgroups that occur in them.

    Kinds and thirds of the volume concern scans with hemorrhage; these are set against all scans without.
    The thirds are of the ranks over all test sets, as in the panels of maps. A scan may be in several
    subgroups, and in none where its header lacks the value.

    Args:
        cases: accepted scans: ``case dataset hemorrhage EDH IPH IVH SAH SDH mask lesion_ml tilt_deg
            slice_thickness_mm manufacturer``.
        seed: orders scans of equal volume.

    Returns:
        Subgroups by data set.
    """
    lesions = cases[(cases["mask"] == "reference") & (cases["lesion_ml"] > 0)]
    severity = by_volume(lesions, seed=seed).set_index("case")["severity"]
    cases = cases.assign(severity=cases["case"].map(severity))
    return {
        str(dataset): [*_by_hemorrhage(part), *_by_scan(part)]
        for dataset, part in cases.groupby("dataset", sort=True)
    }


def read_cases(tables: Sequence[Path | str]) -> pd.DataFrame:
    """Read the accepted scans out of the shards' ``cases.tsv`` of the volumes stage."""
    text = dict.fromkeys(["case", "patient", "dataset", "manufacturer", "mask"], str)
    read = [read_table(path, dtype=text) for path in tables]
    table = pd.concat([shard for shard in read if len(shard)], ignore_index=True)
    return table[table["verdict"] == "accepted"].reset_index(drop=True)


def _by_hemorrhage(cases: pd.DataFrame) -> Iterator[Subgroup]:
    """Subgroups of the scans with hemorrhage, each with all scans without."""
    normal = cases["hemorrhage"] == 0
    chosen = {f"kind={kind}": cases[kind] == 1 for kind in KINDS}
    chosen |= {f"volume={name}": cases["severity"] == name for name in reversed(SEVERITIES)}
    for name, rows in chosen.items():
        if (bleeding := rows & ~normal).any():
            yield Subgroup(name, frozenset(cases.loc[bleeding | normal, "case"]), AGAINST_ALL)


def _by_scan(cases: pd.DataFrame) -> Iterator[Subgroup]:
    """Subgroups of scans with and without hemorrhage alike."""
    thickness, tilt = cases["slice_thickness_mm"].astype(float), cases["tilt_deg"].astype(float).abs()
    chosen = {
        f"thickness={name}": (thickness > low) & (thickness <= high)
        for name, (low, high) in THICKNESS.items()
    }
    chosen |= {"tilt=no": tilt <= TILTED_DEG, "tilt=yes": tilt > TILTED_DEG}
    vendors = sorted(cases["manufacturer"].dropna().unique())
    chosen |= {f"vendor={vendor}": cases["manufacturer"] == vendor for vendor in vendors}
    for name, rows in chosen.items():
        if rows.any():
            yield Subgroup(name, frozenset(cases.loc[rows, "case"]))
