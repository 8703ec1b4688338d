"""Reference masks from RT Structure Sets (DICOM PS3.3 C.8.8.5 and C.8.8.6): contours in patient mm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from smartnet.volume.masks.names import labels_of
from smartnet.volume.masks.scan import MaskError, MisfitError, Scan

_AREAS = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_ON_OUTLINE_PX = 0.01  # coordinates are often written with two decimals of a mm
_ADVICE = "export it for exactly this series, or correct the mask's name in labels.tsv"


@dataclass(frozen=True)
class Contour:
    """A closed polygon: ``points_mm`` (n, 3) world LPS, of region of interest ``roi``."""

    roi: int
    points_mm: np.ndarray


def read_rtstruct(dataset: Dataset, scan: Scan) -> np.ndarray:
    """Bring the contours of a structure set onto the scan's grid, each to the slice on whose plane it lies.

    A voxel belongs to a region if its centre is inside an odd number of times (see :func:`fill`): a contour
    within another one cuts a hole, and so does a keyhole (a hole joined to its rim by a channel of no width).
    A contour that stands twice counts once. Points (markers) are passed over.

    Args:
        dataset: the structure set.
        scan: the scan, tilted or not.

    Returns:
        (z, y, x) uint8 labels; where regions overlap, the higher label wins.

    Raises:
        MaskError: it is damaged, has open contours, or a region's name is no hemorrhage.
        MisfitError: a contour lies on no slice, or reaches beyond the image.
    """
    try:
        names = {int(item.ROINumber): _names(item) for item in dataset.get("StructureSetROISequence") or []}
        contours = _read_contours(dataset)
        labels = labels_of({roi: names[roi] for roi in sorted({contour.roi for contour in contours})})
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise MaskError(f"is a damaged RTSTRUCT ({type(error).__name__}): export it again") from error
    _check_places(contours, scan)
    mask = np.zeros(scan.shape, np.uint8)
    for (roi, z), region in _regions(contours, scan).items():
        np.maximum(mask[z], labels[roi] * region, out=mask[z], casting="unsafe")
    return mask


def _names(roi: Dataset) -> list[str]:
    return [str(roi.get(keyword) or "") for keyword in ("ROIName", "ROIDescription")]


def _read_contours(dataset: Dataset) -> list[Contour]:
    contours, seen = [], set()
    for item in dataset.get("ROIContourSequence") or []:
        for contour in item.get("ContourSequence") or []:
            kind = str(contour.ContourGeometricType)
            if kind == "POINT":
                continue
            if kind not in _AREAS:
                raise MaskError(f"has contours of type {kind}, which enclose nothing: close them")
            points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
            if not np.isfinite(points).all():
                raise ValueError("a coordinate is no number")
            key = int(item.ReferencedROINumber), points.tobytes()
            if key not in seen:
                seen.add(key)
                contours.append(Contour(key[0], points))
    return contours


def _check_places(contours: Sequence[Contour], scan: Scan) -> None:
    """Demand that every contour lies in the plane of a slice and within its image.

    Raises:
        MisfitError: one does not.
    """
    across_mm, beyond_mm = 0.0, 0.0
    for contour in contours:
        z, off_mm = scan.nearest_slice(contour.points_mm)
        across_mm = max(across_mm, off_mm)
        pixels = _to_pixels(contour.points_mm, scan, z)
        outside = np.maximum(-pixels, pixels - np.array(scan.shape[:0:-1]) + 1).max(axis=0)
        beyond_mm = max(beyond_mm, float((outside * scan.spacing_mm[:0:-1]).max()))
    half_mm = max(scan.spacing_mm[1:]) / 2
    for off_mm, where, share, allowed_mm in (
        (across_mm, "off the plane of every slice", "a tenth of the gap", scan.allowed_across_mm),
        (beyond_mm, "beyond the image", "half a pixel", half_mm),
    ):
        if off_mm > allowed_mm:
            raise MisfitError(
                f"has contours up to {off_mm:.2f} mm {where} ({share}, {allowed_mm:.2f} mm, is allowed): "
                f"{_ADVICE}",
                _given(contours, scan),
                "world position",
            )


def _given(contours: Sequence[Contour], scan: Scan) -> np.ndarray:
    given = np.zeros(scan.shape, bool)
    for (_, z), region in _regions(contours, scan).items():
        given[z] |= region
    return given


def _regions(contours: Sequence[Contour], scan: Scan) -> dict[tuple[int, int], np.ndarray]:
    """Fill the contours: (y, x) bool by region of interest and slice."""
    groups: dict[tuple[int, int], list[np.ndarray]] = {}
    for contour in contours:
        z, _ = scan.nearest_slice(contour.points_mm)
        groups.setdefault((contour.roi, z), []).append(_to_pixels(contour.points_mm, scan, z))
    return {key: fill(polygons, scan.shape[1:]) for key, polygons in groups.items()}


def _to_pixels(points_mm: np.ndarray, scan: Scan, z: int) -> np.ndarray:
    """Turn (n, 3) world points in the plane of slice ``z`` to (n, 2) pixels (x, y), 0 at a pixel's centre."""
    return (points_mm - scan.origins_mm[z]) @ np.linalg.pinv(scan.affine[:3, :2]).T


def fill(polygons: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Fill closed polygons by the even-odd rule at pixel centres.

    OpenCV's and Pillow's fills also mark the pixels that an outline only touches, which adds half a pixel
    all around.

    Args:
        polygons: each (n, 2), pixels (x, y), 0 at the centre of the first pixel.
        shape: (rows, columns).

    Returns:
        (rows, columns) bool: centres that lie in an odd number of the polygons (or of the loops of one), and
        those on an outline, as programs that trace a mask draw through the centres of its border.
    """
    rows, columns = shape
    crossings = np.zeros((rows, columns + 1), np.int32)  # from this pixel on, one is once more in or out
    outline = np.zeros(shape, bool)
    for polygon in polygons:
        for ends in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            (x0, y0), (x1, y1) = sorted(map(tuple, ends), key=lambda point: point[1])
            y = np.arange(max(0, int(np.ceil(y0))), min(rows, int(np.ceil(y1))))
            if len(y):
                x = x0 + (y - y0) * ((x1 - x0) / (y1 - y0))
                crossings[y, np.clip(np.ceil(x), 0, columns).astype(int)] += 1
            outline[tuple(_centres_on(np.array(ends), shape).T)] = True
    return (crossings[:, :columns].cumsum(axis=1) % 2 == 1) | outline


def _centres_on(ends: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Give the (n, 2) pixels (row, column) whose centres lie on an edge, given by its ends (x, y)."""
    start, stop = ends
    along = int(np.argmax(np.abs(stop - start)))  # every centre on the edge is a whole number along here
    first, last = sorted(ends[:, along])
    first = max(0, np.ceil(first - _ON_OUTLINE_PX))
    whole = np.arange(first, min(shape[1 - along] - 1, np.floor(last + _ON_OUTLINE_PX)) + 1)
    slope = (stop - start)[1 - along] / ((stop - start)[along] or 1)
    across = start[1 - along] + (whole - start[along]) * slope
    near = (
        (np.abs(across - np.rint(across)) < _ON_OUTLINE_PX) & (across > -0.5) & (across < shape[along] - 0.5)
    )
    found = np.stack([whole, np.rint(across)] if along else [np.rint(across), whole], axis=1)
    return found[near].astype(int)
