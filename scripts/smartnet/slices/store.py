"""A ``.npy`` file that grows slice by slice, so that a shard is never held in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from smartnet.files import atomic_path


class GrowingArray:
    """Writes (n, H, W) uint8 in the ``.npy`` format while n is not yet known."""

    def __init__(self, file: BinaryIO, height: int, width: int) -> None:
        """Start an empty array of H x W slices in a file opened for writing."""
        self._file, self._plane, self.count = file, (height, width), 0
        self._write_header()
        self._header_bytes = file.tell()

    def append(self, plane: np.ndarray) -> None:
        """Add one (H, W) uint8 slice.

        Raises:
            ValueError: the slice has another shape or type.
        """
        if plane.shape != self._plane or plane.dtype != np.uint8:
            raise ValueError(f"slice is {plane.dtype} {plane.shape}, the array takes uint8 {self._plane}")
        self._file.write(np.ascontiguousarray(plane).tobytes())
        self.count += 1

    def finish(self) -> None:
        """Put the final n into the header; numpy leaves room there for the growth of the first axis.

        Raises:
            RuntimeError: the header does not fit its room (a numpy that leaves none).
        """
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._header_bytes:
            raise RuntimeError("this numpy writes .npy headers of changing length: install the pinned one")

    def _write_header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self._plane)}
        npy.write_array_header_1_0(self._file, header)


@contextmanager
def growing_array(path: Path, height: int, width: int) -> Iterator[GrowingArray]:
    """Write ``path`` as a growing array of H x W slices; it appears when the block ends well."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        array = GrowingArray(file, height, width)
        yield array
        array.finish()
