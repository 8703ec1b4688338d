"""One case of the test sets, found by its name."""

from pathlib import Path

import numpy as np

from smartnet.errors import DataError
from smartnet.slices.dataset import SliceSet


def find_case(slices: SliceSet, case: str, *, table: Path) -> int:
    """Find a case of the test sets.

    Args:
        slices: the test sets.
        case: its name.
        table: where the case was named, for the message.

    Returns:
        index of the case in ``slices``.

    Raises:
        DataError: the case is not in a test set.
    """
    found = np.flatnonzero(slices.cases["case"] == case)
    if not len(found):
        raise DataError(f"{table}: case {case} is not a test case; choose the cases again")
    return int(found[0])


def find_slice(slices: SliceSet, case: str, z: int, *, table: Path) -> tuple[int, int]:
    """Find a slice of the volume among the stored ones.

    Args:
        slices: the test sets.
        case: its name.
        z: index in the volume (leading empty slices are not stored).
        table: where the case was named, for the message.

    Returns:
        index of the case in ``slices`` and position of the slice in the case.

    Raises:
        DataError: the case is not in a test set, or the slice was not stored.
    """
    index = find_case(slices, case, table=table)
    position = np.flatnonzero(slices.z(index) == z)
    if not len(position):
        raise DataError(f"{table}: case {case} has no slice at z = {z}; choose the cases again")
    return index, int(position[0])
