"""The raw grid of a scan that masks are matched with, and how a mask can fail to match."""

from dataclasses import dataclass

import numpy as np

from smartnet.volume.straighten import to_lps


class MaskError(Exception):
    """A mask cannot be used; the text goes on from "its mask file" and says what to do."""


class MisfitError(MaskError):
    """A mask has another shape or place than its scan.

    Attributes:
        given: the mask as it was given, (z, y, x) bool on the scan's grid, for a picture.
        placed_by: what ``given`` goes by: ``voxel indices`` or ``world position``.
    """

    def __init__(self, text: str, given: np.ndarray, placed_by: str) -> None:
        """Keep what the picture needs beside the text."""
        super().__init__(text)
        self.given = given
        self.placed_by = placed_by


@dataclass(frozen=True)
class Scan:
    """A raw stack in LPS axes, before straightening.

    Attributes:
        case: its name, for messages.
        hu: (z, y, x) int16 HU.
        affine: (4, 4) voxel (x, y, z) to world LPS mm, third column the mean travel; sheared if tilted.
        origins_mm: (z, 3) world LPS of each slice's first voxel.
        series_uid: SeriesInstanceUID, empty if unknown; never shown.
        study_uid: StudyInstanceUID, likewise.
        instance_uids: SOPInstanceUID of its files, likewise.
        plane: ``axial``, ``coronal`` or ``sagittal``; all but ``hu`` and ``affine`` count on axial slices.
    """

    case: str
    hu: np.ndarray
    affine: np.ndarray
    origins_mm: np.ndarray
    series_uid: str = ""
    study_uid: str = ""
    instance_uids: frozenset[str] = frozenset()
    plane: str = "axial"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return self.hu.shape

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """(gap along the normal, between rows, between columns)."""
        x, y = np.linalg.norm(self.affine[:3, :2], axis=0)
        return float(self.affine[:3, 2] @ self.normal), float(y), float(x)

    @property
    def pixel_mm(self) -> float:
        """The smaller side of a pixel."""
        return min(self.spacing_mm[1:])

    @property
    def allowed_in_plane_mm(self) -> float:
        """Half a pixel: beyond it a mask voxel belongs to the neighbour."""
        return self.pixel_mm / 2

    @property
    def allowed_across_mm(self) -> float:
        """A tenth of the gap: slices of an accepted stack are even to 2 % of it."""
        return self.spacing_mm[0] / 10

    @property
    def normal(self) -> np.ndarray:
        """Unit normal of the slices, towards superior."""
        normal = np.cross(self.affine[:3, 0], self.affine[:3, 1])
        return normal / np.linalg.norm(normal) * np.sign(normal @ self.affine[:3, 2])

    def slice_affine(self, z: int) -> np.ndarray:
        """Give the affine of slice ``z``, with its own position."""
        return plane_affine(self, self.origins_mm[z], self.affine[:3, 0], self.affine[:3, 1])

    def nearest_slice(self, points_mm: np.ndarray) -> tuple[int, float]:
        """Give the slice whose plane (n, 3) world points lie nearest to, and the farthest one's mm off it."""
        along = np.atleast_2d(points_mm) @ self.normal
        planes = self.origins_mm @ self.normal
        z = int(np.argmin(np.abs(planes - along.mean())))
        return z, float(np.abs(along - planes[z]).max())


def plane_affine(scan: Scan, origin_mm: np.ndarray, x_mm: np.ndarray, y_mm: np.ndarray) -> np.ndarray:
    """Make the (4, 4) affine of one plane; its third axis is the scan's, so that both turn to LPS alike."""
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1], matrix[:3, 2], matrix[:3, 3] = x_mm, y_mm, scan.affine[:3, 2], origin_mm
    return matrix


def turn_plane(plane: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn one plane (y, x) to LPS axes; give it and its affine."""
    turned, turned_affine = to_lps(plane[None], affine)
    return turned[0], turned_affine


def corner_offsets(first: np.ndarray, second: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """(8, 3) mm between the corners of one grid of ``shape`` (z, y, x) under two affines."""
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in shape[::-1]], indexing="ij")).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    return ((first - second) @ corners)[:3].T


def paint(given: np.ndarray, plane: np.ndarray, affine: np.ndarray, scan: Scan) -> None:
    """Mark in ``given`` (z, y, x), by world position, the voxels of the scan that a mask's plane covers.

    Args:
        given: bool, on the scan's grid, changed in place.
        plane: (y, x), above 0 is marked; whatever direction it faces.
        affine: (4, 4) of it, its own z at 0.
        scan: the scan.
    """
    # Pixels coarser than the scan's are split, or they would leave holes.
    split = np.ceil(np.linalg.norm(affine[:3, :2], axis=0) / scan.pixel_mm).astype(int)
    y, x = np.nonzero(np.repeat(np.repeat(plane > 0, split[1], axis=0), split[0], axis=1))
    inside = np.stack([x + 0.5, y + 0.5]) / split[:, None] - 0.5
    to_scan = np.linalg.inv(scan.affine) @ affine
    voxels = np.rint(to_scan[2::-1, :2] @ inside + to_scan[2::-1, 3:]).astype(int)
    voxels = voxels[:, ((voxels >= 0) & (voxels < np.array(scan.shape)[:, None])).all(axis=0)]
    given[tuple(voxels)] = True


def shape_text(shape: tuple[int, ...]) -> str:
    """Write a shape as 7x48x48."""
    return "x".join(map(str, shape))
