"""One case from its files to a straightened volume with its mask."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.dicom.geometry import GeometryError, Stack
from smartnet.dicom.grouping import stack_of
from smartnet.dicom.pixels import PixelError, Slice, read_slice
from smartnet.errors import DataError
from smartnet.volume.masks import Scan, load_mask
from smartnet.volume.plausibility import ImplausibleError, Plausibility, check_hu
from smartnet.volume.straighten import Shear, measure_shear, straighten, to_lps


class RejectedError(ValueError):
    """The case cannot become a volume; the text is the reason, ready for a table."""


@dataclass(frozen=True)
class Volume:
    """A case on its straight grid.

    Attributes:
        hu: (z, y, x) int16, slices from inferior to superior, rows to posterior, columns to the left.
        mask: (z, y, x) uint8 labels on the same grid, None if there is no reference.
        shear: shifts that were applied, and the affine.
        plausibility: what the HU check measured.
        slices: slice map, one row per z.
        tilt_deg: gantry tilt that was undone.
    """

    hu: np.ndarray
    mask: np.ndarray | None
    shear: Shear
    plausibility: Plausibility
    slices: pd.DataFrame
    tilt_deg: float

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """(z, y, x)."""
        x, y, z = np.linalg.norm(self.shear.affine[:3, :3], axis=0)
        return float(z), float(y), float(x)

    @property
    def lesion_ml(self) -> float | None:
        """Volume of the reference mask, None without one."""
        if self.mask is None:
            return None
        return float(np.count_nonzero(self.mask) * np.prod(self.spacing_mm) / 1000)


def load_case(
    case: str, files: pd.DataFrame, *, mask_file: Path | None, mask_state: str, pictures: Path
) -> Volume:
    """Read, orient, straighten and check one case.

    Args:
        case: its name, for messages.
        files: its rows of the identity table, in any order.
        mask_file: reference mask, if there is one.
        mask_state: the catalog's ``mask``: ``reference``, ``empty`` or ``none``.
        pictures: folder for the picture of a mask that does not fit.

    Returns:
        the volume; the same whatever names and order the files have.

    Raises:
        RejectedError: unreadable pixels, a wrong size or implausible HU.
        DataError: the reference mask does not fit the scan.
    """
    try:
        stack = stack_of(files)
        ordered = files.iloc[stack.order]
        planes = [_read(z, path) for z, path in enumerate(ordered["path"])]
        raw, raw_affine = to_lps(_pile(planes), stack.affine)
        plausibility = check_hu(raw)
    except (GeometryError, PixelError, ImplausibleError) as error:
        raise RejectedError(str(error)) from error
    shear = measure_shear(raw_affine, stack.positions_mm, stack.normal)
    scan = _scan(case, files, stack, raw, raw_affine)
    mask = _load_mask(scan, mask_file, mask_state, pictures)
    return Volume(
        hu=straighten(raw, shear, order=1),
        mask=None if mask is None else straighten(mask, shear, order=0),
        shear=shear,
        plausibility=plausibility,
        slices=_slice_map(ordered, stack, planes, shear),
        tilt_deg=stack.tilt_deg,
    )


def _read(z: int, path: str) -> Slice:
    try:
        return read_slice(path)
    except PixelError as error:
        raise PixelError(f"slice {z}: {error}") from error


def _pile(planes: list[Slice]) -> np.ndarray:
    shapes = {plane.hu.shape for plane in planes}
    if len(shapes) > 1:
        raise PixelError(f"slices of mixed size: {', '.join(sorted(f'{y}x{x}' for y, x in shapes))}")
    return np.stack([plane.hu for plane in planes])


def _scan(case: str, files: pd.DataFrame, stack: Stack, raw: np.ndarray, raw_affine: np.ndarray) -> Scan:
    return Scan(
        case=case,
        hu=raw,
        affine=raw_affine,
        origins_mm=stack.positions_mm + (raw_affine[:3, 3] - stack.positions_mm[0]),
        series_uid=files["series_uid"].iloc[0],
        study_uid=files["study_uid"].iloc[0],
        instance_uids=frozenset(files["instance_uid"]),
    )


def _load_mask(scan: Scan, mask_file: Path | None, mask_state: str, pictures: Path) -> np.ndarray | None:
    """Give the mask on the raw grid: the reference, zeros for a scan labelled 0, None if unknown."""
    if mask_state == "empty":
        return np.zeros(scan.shape, dtype=np.uint8)
    if mask_state == "none":
        return None
    if mask_file is None:
        raise DataError(f"case {scan.case} has a reference mask, but no masks folder is given: give one")
    return load_mask(mask_file, scan, pictures=pictures)


def _slice_map(ordered: pd.DataFrame, stack: Stack, planes: list[Slice], shear: Shear) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "z": range(len(planes)),
            "instance": ordered["instance"].to_numpy(),
            "position_mm": stack.projections_mm,
            "slope": [plane.slope for plane in planes],
            "intercept": [plane.intercept for plane in planes],
            "interpolated": shear.interpolated.astype(int),
        }
    )
