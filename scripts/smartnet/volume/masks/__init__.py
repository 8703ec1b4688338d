"""Reference masks, brought onto the raw grid of their scan by geometry, never by order or assumption."""

from pathlib import Path

import numpy as np

from smartnet.errors import DataError
from smartnet.volume.masks.dicom import is_dicom, read_dicom_mask
from smartnet.volume.masks.nifti import read_nifti_mask
from smartnet.volume.masks.overlay import draw_overlay
from smartnet.volume.masks.scan import MaskError, MisfitError, Scan

__all__ = ["Scan", "load_mask"]


def load_mask(path: Path, scan: Scan, *, pictures: Path) -> np.ndarray:
    """Read a reference mask and put it onto the scan's raw grid.

    Args:
        path: NIfTI file, DICOM SEG or DICOM RTSTRUCT, told apart by content; or a folder with one such file.
        scan: the scan it must belong to, before straightening.
        pictures: folder for ``{case}-mask.png``, which is written if the mask does not fit the scan.

    Returns:
        (z, y, x) uint8 labels: 0 background, 1..5 the kind of hemorrhage, other values of a NIfTI kept up to
        255. Where segments of a DICOM file overlap, the higher label wins.

    Raises:
        DataError: the mask cannot be read, has another shape than the scan, lies elsewhere, refers to another
            series, or holds something that is no label.
    """
    picture = Path(pictures) / f"{scan.case}-mask.png"
    picture.unlink(missing_ok=True)  # of an earlier run
    try:
        file = _single_file(Path(path))
        return read_dicom_mask(file, scan) if is_dicom(file) else read_nifti_mask(file, scan)
    except MaskError as error:
        seen = ""
        if isinstance(error, MisfitError):
            draw_overlay(scan, error.given, error.placed_by, picture)
            seen = f"; see {picture}"
        raise DataError(
            f"case {scan.case}: its mask file (named in resources/identity/) {error}{seen}"
        ) from error


def _single_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    if len(files) != 1:
        raise MaskError(
            f"is a folder with {len(files)} files: leave the one file that holds the mask, or name it in "
            "labels.tsv"
        )
    return files[0]
