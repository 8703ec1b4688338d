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
from smartnet.volume.straighten import (
    Shear,
    even_places,
    interpolate_slices,
    measure_shear,
    straighten,
    to_lps,
)


class RejectedError(ValueError):
    """The case cannot become a volume; the text is the reason, ready for a table."""


@dataclass(frozen=True)
class Volume:
    """A case on its straight, even grid.

    Attributes:
        hu: (z, y, x) int16, slices from inferior to superior, rows to posterior, columns to the left.
        mask: (z, y, x) uint8 labels on the same grid, None if there is no reference.
        affine: (4, 4) voxel (x, y, z) to world LPS mm.
        plausibility: what the HU check measured.
        slices: slice map, one row per slice of the volume.
        tilt_deg: gantry tilt that was undone.
        flags: what was seen or repaired and is worth a look.
    """

    hu: np.ndarray
    mask: np.ndarray | None
    affine: np.ndarray
    plausibility: Plausibility
    slices: pd.DataFrame
    tilt_deg: float
    flags: tuple[str, ...]

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """(z, y, x)."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(z), float(y), float(x)

    @property
    def lesion_ml(self) -> float | None:
        """Volume of the reference mask, None without one."""
        if self.mask is None:
            return None
        return float(np.count_nonzero(self.mask) * np.prod(self.spacing_mm) / 1000)


def load_case(
    case: str,
    files: pd.DataFrame,
    *,
    mask_file: Path | None,
    mask_state: str,
    pictures: Path,
    uneven_spacing: str,
) -> Volume:
    """Read, orient, straighten, even out and check one case.

    Args:
        case: its name, for messages.
        files: its rows of the identity table, in any order.
        mask_file: reference mask, if there is one.
        mask_state: the catalog's ``mask``: ``reference``, ``empty`` or ``none``.
        pictures: folder for the picture of a mask that does not fit.
        uneven_spacing: ``resample`` interpolates slices as close as the closest of the scan where gaps
            differ; ``keep`` leaves them as they are, as if the gaps were their mean.

    Returns:
        the volume; the same whatever names and order the files have.

    Raises:
        RejectedError: unreadable pixels, a wrong size or implausible HU.
        DataError: the reference mask does not fit the scan, or a file that the index has is out of reach.
    """
    try:
        stack = stack_of(files)
        ordered = files.iloc[stack.order]
        planes = [_read(z, *source) for z, source in enumerate(ordered[["path", "frame"]].to_numpy())]
        raw, raw_affine = to_lps(_pile(planes), stack.affine)
        plausibility = check_hu(raw)
    except (GeometryError, PixelError, ImplausibleError) as error:
        raise RejectedError(str(error)) from error
    except OSError as error:
        raise DataError(
            f"case {case}: one of its files is out of reach ({error.strerror}), though it was there when the "
            "data set was indexed: put it back, or start again so that the data set is indexed anew"
        ) from error
    shear = measure_shear(raw_affine, stack.positions_mm, stack.normal)
    scan = _scan(case, files, stack, raw, raw_affine)
    mask = _load_mask(scan, mask_file, mask_state, pictures)
    grid = _even_grid(stack, shear, uneven_spacing)
    wrapped = sum(plane.unwrapped for plane in planes)
    return Volume(
        hu=grid.take(straighten(raw, shear, order=1), order=1),
        mask=None if mask is None else grid.take(straighten(mask, shear, order=0), order=0),
        affine=grid.affine,
        plausibility=plausibility,
        slices=_slice_map(ordered, stack, planes, shear, grid),
        tilt_deg=stack.tilt_deg,
        flags=(f"12-bit wraparound repaired in {wrapped} slices",) if wrapped else (),
    )


@dataclass(frozen=True)
class _Grid:
    """Where the volume's slices lie among the scan's: all where they are, or evenly spread."""

    places: np.ndarray
    affine: np.ndarray
    axis: int
    resampled: bool

    def take(self, volume: np.ndarray, *, order: int) -> np.ndarray:
        if not self.resampled:
            return volume
        return interpolate_slices(volume, self.places, axis=self.axis, order=order)


def _even_grid(stack: Stack, shear: Shear, uneven_spacing: str) -> _Grid:
    count = len(stack.positions_mm)
    if stack.is_even or uneven_spacing == "keep":
        return _Grid(np.arange(count, dtype=float), shear.affine, shear.axis, resampled=False)
    places = even_places(stack.projections_mm)
    affine = shear.affine.copy()
    affine[:3, 2 - shear.axis] *= (count - 1) / (len(places) - 1)
    return _Grid(places, affine, shear.axis, resampled=True)


def _read(z: int, path: str, frame: str) -> Slice:
    try:
        return read_slice(path, frame)
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
        plane=stack.plane,
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


def _slice_map(
    ordered: pd.DataFrame, stack: Stack, planes: list[Slice], shear: Shear, grid: _Grid
) -> pd.DataFrame:
    """One row per slice of the volume: which instance it came from (the nearest, where it lies between)."""
    nearest = np.rint(grid.places).astype(int)
    between = np.abs(grid.places - nearest) > 1e-6
    source_mm = stack.projections_mm
    return pd.DataFrame(
        {
            "z": range(len(nearest)),
            "axis": "zyx"[grid.axis],
            "instance": ordered["instance"].to_numpy()[nearest],
            "frame": ordered["frame"].to_numpy()[nearest],
            "position_mm": np.interp(grid.places, np.arange(len(source_mm)), source_mm),
            "source_mm": source_mm[nearest],
            "slope": [planes[k].slope for k in nearest],
            "intercept": [planes[k].intercept for k in nearest],
            "interpolated": (shear.interpolated[nearest] | between).astype(int),
        }
    )
