"""Visual words from files in the layout of the TransVW release (README of fhaghighi/TransVW).

A folder holds pairs ``train_data{n}_vwGen_ex_ref_fold{f}.0.npy`` and ``train_label{n}_...``, n being the
resolution, and ``val_data1_...`` with ``val_label1_...``: cubes (N, H, W, D) in [0, 1] and their labels (N,)
or (N, 1).
"""

from pathlib import Path
from typing import Any

import numpy as np

from smartnet.errors import DataError

PREFIXES = {"train": "train", "valid": "val"}
Found = tuple[list[np.ndarray], np.ndarray]


def folder_state(folder: Path) -> list[Any]:
    """Names, sizes and times of a folder's files, which are too large to be hashed."""
    entries = [(file.name, file.stat()) for file in sorted(Path(folder).glob("*.npy"))]
    return [(name, entry.st_size, entry.st_mtime_ns) for name, entry in entries]


def read_folder(folder: Path) -> dict[str, Found]:
    """Open the cubes and read the labels.

    Args:
        folder: with files as above; nothing is unpickled.

    Returns:
        for ``train`` and ``valid`` the memory-mapped cubes of each file, (N, H, W, D), and the words of all
        cubes, int64 from 0 on without gaps.

    Raises:
        DataError: a missing or damaged file, a shape, value or label that is not as above; names the file.
    """
    found = {part: _pairs(Path(folder), prefix) for part, prefix in PREFIXES.items()}
    known = np.unique(np.concatenate(found["train"][1]))
    if len(known) < 2:
        raise DataError(f"visual words: the training labels in {folder} name only one word; give two or more")
    new = np.setdiff1d(np.concatenate(found["valid"][1]), known)
    if len(new):
        raise DataError(f"visual words: label {new[0]} of the val files in {folder} is in no train file")
    planes = {cubes.shape[1:3] for cubes in [*found["train"][0], *found["valid"][0]]}
    if len(planes) > 1:
        sizes = ", ".join(f"{rows} x {columns}" for rows, columns in sorted(planes))
        raise DataError(f"visual words: the files in {folder} hold cubes of different sizes: {sizes}")
    return {
        part: (cubes, np.searchsorted(known, np.concatenate(labels)))
        for part, (cubes, labels) in found.items()
    }


def _pairs(folder: Path, prefix: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    files = sorted(folder.glob(f"{prefix}_data*_vwGen_ex_ref_fold*.npy"))
    if not files:
        raise DataError(
            f"visual words: {folder} has no {prefix}_data1_vwGen_ex_ref_fold1.0.npy; "
            "give the folder of the TransVW files, or leave words.folder out"
        )
    cubes = [_cubes(file) for file in files]
    labels = [
        _labels(file.with_name(file.name.replace("_data", "_label", 1)), len(cube))
        for file, cube in zip(files, cubes, strict=True)
    ]
    return cubes, labels


def _open(path: Path) -> np.ndarray:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"visual words: there is no {path}; every data file needs its label file") from None
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"visual words: {path} is no plain array and is not read ({error})") from None


def _cubes(path: Path) -> np.ndarray:
    cubes = _open(path)
    if cubes.ndim == 5 and cubes.shape[1] == 1:
        cubes = cubes[:, 0]
    if cubes.ndim != 4 or not cubes.size or cubes.dtype.kind not in "fiu":
        raise DataError(
            f"visual words: {path} is {cubes.dtype} of shape {cubes.shape}, "
            "not numbers of shape (N, H, W, D) or (N, 1, H, W, D)"
        )
    low, high = float(cubes.min()), float(cubes.max())
    if not 0 <= low <= high <= 1:
        raise DataError(f"visual words: {path} has values from {low:g} to {high:g}; scale them to 0..1")
    return cubes


def _labels(path: Path, count: int) -> np.ndarray:
    labels = np.asarray(_open(path)).ravel()
    if len(labels) != count:
        raise DataError(f"visual words: {path} has {len(labels)} labels for {count} cubes")
    if labels.dtype.kind not in "fiu" or (labels % 1 != 0).any():
        raise DataError(f"visual words: {path} has labels that are no whole numbers")
    return labels.astype(np.int64)
