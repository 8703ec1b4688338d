"""Reading the slices of one subset of the study, memory-mapped, without any framework."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table
from smartnet.slices.preprocess import CROP_COLUMNS, Crop

SUBSETS = ("train", "valid", "test")
_TEXT = dict.fromkeys(["case", "patient", "dataset", "mask", "manufacturer", "content", "split"], str)


class SliceSet:
    """The slices of one subset (train, valid or test), case by case.

    Attributes:
        cases: one row per case: the columns of the shards' ``cases.tsv``, ``folder`` (index of its shard) and
            ``offset`` (its first slice counted over this whole set). ``hemorrhage`` may be missing (NaN).
        slices: one row per slice in the same order: the columns of ``slices.tsv`` and ``index`` of the case.
    """

    def __init__(self, folders: Sequence[Path], cases: pd.DataFrame, slices: pd.DataFrame) -> None:
        """Take shard folders and the tables of the cases to show; use :meth:`open` to read them."""
        self._folders = [Path(folder) for folder in folders]
        self._arrays: dict[tuple[int, str], np.ndarray] = {}
        self.cases, self.slices = cases, slices
        # a table's cell takes longer to find than a slice to read
        self._places = cases[["folder", "first", "count"]].to_numpy(dtype=np.int64).tolist()
        self._names = cases["case"].astype(str).tolist()

    @classmethod
    def open(
        cls, folders: Sequence[Path], split: Path, *, subset: str, datasets: Sequence[str] | None = None
    ) -> "SliceSet":
        """Open the cases of one subset.

        Args:
            folders: slice shards of any data sets, in any order.
            split: the study's split table.
            subset: ``train``, ``valid`` or ``test``.
            datasets: only these data sets, None for all.

        Raises:
            DataError: an unknown subset, a shard without its tables, a case that the split does not know.
        """
        if subset not in SUBSETS:
            raise DataError(f"subset {subset!r} does not exist: choose one of {', '.join(SUBSETS)}")
        tables = [_read_shard(Path(folder), number) for number, folder in enumerate(folders)]
        tables = [(cases, slices) for cases, slices in tables if len(cases)]
        if not tables:
            raise DataError(f"the {len(folders)} slice folders hold no case: read the catalogs' reasons")
        cases = pd.concat([table for table, _ in tables], ignore_index=True)
        cases = cases.merge(_read_split(split), on=["dataset", "case"], how="left")
        lost = cases["case"][cases["split"].isna()]
        if len(lost):
            raise DataError(f"case {lost.iloc[0]} is missing in {split}: make the split again")
        wanted = cases["split"] == subset
        if datasets is not None:
            wanted &= cases["dataset"].isin(list(datasets))
        cases = cases[wanted].sort_values(["dataset", "case"], ignore_index=True)
        cases["offset"] = cases["count"].cumsum() - cases["count"]
        keys = cases[["folder", "case"]].assign(index=range(len(cases)))
        slices = pd.concat([table for _, table in tables], ignore_index=True).merge(
            keys, on=["folder", "case"]
        )
        slices = slices.sort_values(["index", "row"], ignore_index=True).drop(columns="folder")
        return cls(folders, cases, slices)

    def __len__(self) -> int:
        """Count the cases."""
        return len(self.cases)

    def volume(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Give all slices of case ``i``.

        Returns:
            images (D, H, W) uint8 and masks (D, H, W) uint8 of 0 and 1, memory-mapped and read-only, from
            inferior to superior. Where ``cases.mask`` is ``none`` the mask is all 0 and means nothing.
        """
        folder, first, count = self._places[i]
        rows = slice(first, first + count)
        return self._array(folder, "images")[rows], self._array(folder, "masks")[rows]

    def name(self, i: int) -> str:
        """Give the name of case ``i``."""
        return self._names[i]

    def count(self, i: int) -> int:
        """Give the number of slices of case ``i``."""
        return self._places[i][2]

    def z(self, i: int) -> np.ndarray:
        """Give the places (D,) of the slices of case ``i`` in its volume (empty ones at the ends lack)."""
        offset, count = self.cases[["offset", "count"]].iloc[i]
        return self.slices["z"].to_numpy()[offset : offset + count]

    def crop(self, i: int) -> Crop | None:
        """Give the part of the plane that the slices of case ``i`` show, None for all of it."""
        crop = self.cases[CROP_COLUMNS].iloc[i]
        return None if crop.isna().any() else Crop(*map(int, crop))

    def slice(self, i: int, z: int) -> tuple[np.ndarray, np.ndarray]:
        """Give image and mask, (H, W) uint8, of the ``z``-th stored slice (0 <= z < count) of case ``i``.

        Raises:
            IndexError: the case has no such slice.
        """
        folder, first, count = self._places[i]
        if not 0 <= z < count:
            raise IndexError(f"case {self.name(i)} has slices 0 to {count - 1}, not {z}")
        return self._array(folder, "images")[first + z], self._array(folder, "masks")[first + z]

    def _array(self, folder: int, name: str) -> np.ndarray:
        if (folder, name) not in self._arrays:
            path = self._folders[folder] / f"{name}.npy"
            self._arrays[folder, name] = np.load(path, mmap_mode="r", allow_pickle=False)
        return self._arrays[folder, name]

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open maps out: a worker process opens its own instead of getting copies of the data."""
        return self.__dict__ | {"_arrays": {}}


def _read_shard(folder: Path, number: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    for name in ("cases.tsv", "slices.tsv", "images.npy", "masks.npy"):
        if not (folder / name).is_file():
            raise DataError(f"slice folder {folder} has no {name}: make the slices of this shard again")
    cases, slices = (read_table(folder / name, dtype=_TEXT) for name in ("cases.tsv", "slices.tsv"))
    return cases.assign(folder=number), slices.assign(folder=number)


def _read_split(path: Path) -> pd.DataFrame:
    if not Path(path).is_file():
        raise DataError(f"split table {path} does not exist: make the split first")
    return read_table(path, dtype=_TEXT)[["dataset", "case", "split"]]
