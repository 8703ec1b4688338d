"""How a head lies in the gantry and which planes are scanned; world is LPS millimetres, as DICOM has it."""

from dataclasses import dataclass

import numpy as np

from smartnet.phantom.head import Head
from smartnet.phantom.sites import Site

FEWEST_SLICES, MOST_SLICES = 22, 30
BOTTOM_MM, TOP_MM = -50.0, 80.0
"""Span of the standard head that a scan must cover, along the head's own axis."""


@dataclass(frozen=True)
class Geometry:
    """Planes of one scan and the head's place.

    Attributes:
        matrix: rows and columns.
        pixel_mm: pixel spacing.
        thickness_mm: slice thickness, also the table's feed between slices.
        tilt_deg: gantry tilt (signed).
        positions: (slices, 3) ImagePositionPatient from the lowest slice up; moves along the table only.
        row: unit vector along increasing column index.
        column: unit vector along increasing row index.
        centre: the head's origin in the world.
        axes: (3, 3), columns are the head's x, y, z in the world.
    """

    matrix: int
    pixel_mm: float
    thickness_mm: float
    tilt_deg: float
    positions: np.ndarray
    row: np.ndarray
    column: np.ndarray
    centre: np.ndarray
    axes: np.ndarray

    @property
    def normal(self) -> np.ndarray:
        """Unit normal of the slices, upwards."""
        return np.cross(self.row, self.column)

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel: its base times the distance of the planes along the normal."""
        step = float((self.positions[1] - self.positions[0]) @ self.normal)
        return self.pixel_mm**2 * step / 1000

    @property
    def affine(self) -> np.ndarray:
        """(4, 4) from voxel (x, y, z) to LPS mm; sheared when the gantry is tilted."""
        affine = np.eye(4)
        affine[:3, 0] = self.row * self.pixel_mm
        affine[:3, 1] = self.column * self.pixel_mm
        affine[:3, 2] = self.positions[1] - self.positions[0]
        affine[:3, 3] = self.positions[0]
        return affine

    def head_points(self, index: int, pixels: np.ndarray, offset_mm: float = 0.0) -> tuple[np.ndarray, ...]:
        """Give pixels of a slice in the head's frame.

        Args:
            index: slice, from below.
            pixels: flat indices (row * matrix + column) into the slice.
            offset_mm: distance of the sampled plane from the slice's middle, along the normal.

        Returns:
            x, y, z float32 in mm along the head's axes from its origin.
        """
        rows, columns = np.divmod(pixels, self.matrix)
        start = self.axes.T @ (self.positions[index] + offset_mm * self.normal - self.centre)
        along = self.axes.T @ self.row * self.pixel_mm
        down = self.axes.T @ self.column * self.pixel_mm
        rows, columns = rows.astype(np.float32), columns.astype(np.float32)
        return tuple(
            np.float32(start[i]) + np.float32(along[i]) * columns + np.float32(down[i]) * rows
            for i in range(3)
        )


def _rotation(pitch: float, roll: float, yaw: float) -> np.ndarray:
    """Rotation by angles in degrees about x, then y, then z."""
    a, b, c = np.deg2rad((pitch, roll, yaw))
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def draw_geometry(rng: np.random.Generator, site: Site, head: Head, matrix: int) -> Geometry:
    """Place a head and plan its slices as the site's staff would: planes along the skull base."""
    tilt = 0.0
    if rng.random() < site.tilted_share:
        tilt = round(float(rng.uniform(0.25, 1) * site.tilt_deg * rng.choice([-1, 1])) * 2) / 2
    thickness = float(rng.choice(site.thickness_mm))
    field = round(float(rng.uniform(*site.field_mm)))
    pitch, roll, yaw = rng.normal(0, site.rotation_deg, 3)
    axes = _rotation(tilt + float(np.clip(pitch, -9, 9)), 0.6 * roll, float(np.clip(1.2 * yaw, -14, 14)))
    angle = np.deg2rad(tilt)
    row, column = np.array([1.0, 0.0, 0.0]), np.array([0.0, np.cos(angle), np.sin(angle)])
    low, high = BOTTOM_MM * head.scale[2], TOP_MM * head.scale[2] + float(rng.uniform(4, 10))
    low += float(rng.uniform(-5, 3))
    step = thickness * float(np.cos(angle))
    slices = int(np.clip(np.ceil((high - low) / step) + 1, FEWEST_SLICES, MOST_SLICES))
    spare = (slices - 1) * step - (high - low)
    low -= 0.6 * spare
    centre = np.round(np.array([rng.normal(0, 4), rng.normal(-20, 15), rng.uniform(-400, 900)]), 1)
    middle = 0.5 * (low + (slices - 1) * step + low)
    aim = centre + middle * axes[:, 2] + np.array([rng.normal(0, 3), rng.normal(0, 3), 0])
    pixel = field / matrix
    corner = aim - 0.5 * (matrix - 1) * pixel * (row + column)
    feed = (np.arange(slices) - 0.5 * (slices - 1)) * thickness
    positions = np.round(corner[None] + feed[:, None] * np.array([0.0, 0.0, 1.0]), 4)
    return Geometry(matrix, pixel, thickness, tilt, positions, row, column, centre, axes)
