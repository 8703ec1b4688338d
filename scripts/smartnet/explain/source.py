"""Slices and cases of several shards as one, restricted to the test sets."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table


def read_shards(folders: Sequence[Path], name: str) -> pd.DataFrame:
    """Join a table of all shards; column ``shard`` is the position of its folder in ``folders``.

    Args:
        folders: ``results/slices/{dataset}/{shard}/``.
        name: ``slices.tsv`` or ``cases.tsv``.

    Raises:
        DataError: no shard holds a row.
    """
    tables = [
        read_table(Path(folder) / name, dtype={"case": str, "patient": str, "dataset": str}).assign(shard=number)
        for number, folder in enumerate(folders)
    ]
    filled = [table for table in tables if len(table)]
    if not filled:
        raise DataError(f"{name}: none of {len(folders)} shards holds a row; check the catalog for rejected scans")
    return pd.concat(filled, ignore_index=True)


def keep_test(table: pd.DataFrame, split: Path) -> pd.DataFrame:
    """Keep the rows of test cases.

    Raises:
        DataError: a case has no split.
    """
    assigned = read_table(split, dtype=str).set_index("case")["split"]
    lost = ~table["case"].isin(assigned.index)
    if lost.any():
        raise DataError(f"{split}: case {table.loc[lost, 'case'].iloc[0]} has no split; make the split again")
    return table[table["case"].map(assigned) == "test"]


def read_case(folders: Sequence[Path], case: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read all slices of one case.

    Returns:
        images (D, H, W) uint8, masks (D, H, W) uint8 0/1, and the index in the volume of each slice (D,).

    Raises:
        DataError: no shard holds the case.
    """
    for folder in folders:
        table = read_table(Path(folder) / "slices.tsv", dtype={"case": str})
        rows = table[table["case"] == case].sort_values("z")
        if len(rows):
            images = np.load(Path(folder) / "images.npy", mmap_mode="r")
            masks = np.load(Path(folder) / "masks.npy", mmap_mode="r")
            index = rows["row"].to_numpy()
            return images[index], masks[index], rows["z"].to_numpy()
    raise DataError(f"case {case} is in none of {len(folders)} slice folders; choose the cases again")


def position_of(indices: np.ndarray, z: int, case: str) -> int:
    """Give the position of volume slice ``z`` among the kept slices of a case.

    Raises:
        DataError: the slice was not kept.
    """
    found = np.flatnonzero(indices == z)
    if not len(found):
        raise DataError(f"case {case} has no slice at z = {z}; choose the cases again")
    return int(found[0])
