"""Writing files so that the same content is always the same bytes, and never half a file.

Every writer goes to a temporary name beside the target and is renamed when complete.
"""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

FLOAT_FORMAT = "%.6f"


def _temporary(path: Path, process: int | str) -> str:
    return f".{path.name}.{process}.tmp"


@contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Give a temporary name beside ``path``; rename it to ``path`` when the block ends well."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(_temporary(path, os.getpid()))
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def unfinished(path: Path | str) -> list[Path]:
    """Temporary files of ``path`` that killed processes left."""
    path = Path(path)
    return sorted(path.parent.glob(_temporary(Path(escape(path.name)), "[0-9]*")))


def write_bytes(data: bytes, path: Path | str) -> None:
    """Write ``data`` to ``path`` in one piece."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(content: Any, path: Path | str) -> None:
    """Write ``content`` as indented JSON with sorted keys."""
    write_bytes((json.dumps(content, indent=2, sort_keys=True) + "\n").encode(), path)


def read_json(path: Path | str) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text())


def _separator(path: Path | str) -> str:
    return "," if str(path).endswith(".csv") else "\t"


def write_table(table: pd.DataFrame, path: Path | str) -> None:
    """Write a table as CSV or TSV (by suffix), floats with six decimals, missing values empty."""
    style = {"sep": _separator(path), "index": False, "float_format": FLOAT_FORMAT}
    text = table.to_csv(**style, lineterminator="\n")
    if "\r" in text:  # maybe of a file name: no reader takes it for a line's end if it is quoted, as here
        text = table.to_csv(**style, lineterminator="\r\n")
    write_bytes(text.encode(errors="surrogateescape"), path)  # file names may be no UTF-8


def read_table(path: Path | str, **options: Any) -> pd.DataFrame:
    """Read a CSV or TSV table (by suffix); only an empty field is a missing value."""
    style = {"sep": _separator(path), "keep_default_na": False, "na_values": [""]}
    return pd.read_csv(path, **style, **{"encoding_errors": "surrogateescape"} | options)


def write_array(array: np.ndarray, path: Path | str) -> None:
    """Write an array as ``.npy`` (memory-mappable)."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_nifti(array: np.ndarray, affine: np.ndarray, path: Path | str) -> None:
    """Write a volume as ``.nii.gz`` without dates, so that equal volumes are equal bytes.

    Args:
        array: voxels, axes (z, y, x); int16 HU or uint8 labels.
        affine: (4, 4) float64, from voxel (x, y, z) to world mm in **LPS** (as DICOM has it); it may
            hold the shear of a tilted gantry, which then only the sform can carry.
        path: target, ending in ``.nii.gz``.
    """
    import nibabel  # slow to import, needed by few stages

    ras = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(affine, dtype=np.float64)
    image = nibabel.Nifti1Image(np.ascontiguousarray(array.transpose(2, 1, 0)), ras)
    image.header.set_xyzt_units("mm")
    columns = ras[:3, :3] / np.linalg.norm(ras[:3, :3], axis=0)
    orthogonal = np.allclose(columns.T @ columns, np.eye(3), atol=1e-5)
    image.set_sform(ras, code=1)
    image.set_qform(ras if orthogonal else None, code=1 if orthogonal else 0)
    write_bytes(gzip.compress(image.to_bytes(), compresslevel=4, mtime=0), path)


def read_nifti(path: Path | str) -> tuple[np.ndarray, np.ndarray]:
    """Read a NIfTI volume.

    Returns:
        voxels with axes (z, y, x) in their stored type, and the (4, 4) affine from voxel (x, y, z) to
        world mm in LPS.
    """
    import nibabel

    image = nibabel.load(path)
    array = np.asarray(image.dataobj)
    return array.transpose(2, 1, 0), np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine
