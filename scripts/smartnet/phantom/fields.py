"""Random fields in space and signed distances: the two things that anatomy is drawn with.

Points are given as flat float32 arrays x, y, z in mm, in the head's own frame (x to the left, y to the
back, z up, as DICOM has them). A signed distance is negative inside.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Field:
    """A periodic field on a cubic lattice, read anywhere by linear interpolation.

    Attributes:
        values: (n + 1, n + 1, n + 1) float32, axes (z, y, x), the first plane repeated as the last.
        spacing_mm: distance of the lattice points.
    """

    values: np.ndarray
    spacing_mm: float

    def __call__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Give the field at points in mm (flat float32 arrays of one shape)."""
        side = self.values.shape[0]
        period = np.float32(side - 1)
        flat = self.values.ravel()
        base = np.zeros(x.shape, dtype=np.int32)
        fractions = []
        for axis, stride in ((z, side * side), (y, side), (x, 1)):
            at = axis / np.float32(self.spacing_mm)
            at -= np.floor(at / period) * period
            whole = np.minimum(at.astype(np.int32), side - 2)
            fractions.append(at - whole)
            base += whole * stride
        fz, fy, fx = fractions

        def row(offset: int) -> np.ndarray:
            low = flat.take(base + offset)
            return low + fx * (flat.take(base + (offset + 1)) - low)

        def plane(offset: int) -> np.ndarray:
            low = row(offset)
            return low + fy * (row(offset + side) - low)

        bottom = plane(0)
        return bottom + fz * (plane(side * side) - bottom)


def _wrap(values: np.ndarray, spacing_mm: float) -> Field:
    return Field(
        np.ascontiguousarray(np.pad(values, ((0, 1),) * 3, mode="wrap"), dtype=np.float32), spacing_mm
    )


def smooth_field(rng: np.random.Generator, scale_mm: float, side: int = 24) -> Field:
    """Draw a smooth field of mean 0 and standard deviation 1 with bumps about ``2 * scale_mm`` wide."""
    white = rng.standard_normal((side,) * 3, dtype=np.float32)
    smooth = ndimage.gaussian_filter(white, 1.6, mode="wrap")
    smooth -= smooth.mean()
    return _wrap(smooth / smooth.std(), scale_mm / 1.6)


def crease_field(rng: np.random.Generator, wavelength_mm: float, side: int = 48) -> Field:
    """Draw a field whose zero surfaces form a labyrinth, as the sulci do, and that reads as distance to them.

    A band-passed Gaussian field is divided by the length of its gradient, so that near its zeros the value
    is the distance in mm.
    """
    spacing = wavelength_mm / 7.0
    white = rng.standard_normal((side,) * 3, dtype=np.float32)
    band = ndimage.gaussian_filter(white, 1.5, mode="wrap") - ndimage.gaussian_filter(white, 2.3, mode="wrap")
    band /= band.std()
    steep = np.sqrt(
        sum((np.roll(band, -1, axis) - np.roll(band, 1, axis)) ** 2 for axis in range(3)) / (2 * spacing) ** 2
    )
    return _wrap(np.clip(band / (steep + 0.25 * steep.mean()), -15, 15), spacing)


def smoothstep(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Rise smoothly from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((value - low) * np.float32(1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def ellipsoid(x: np.ndarray, y: np.ndarray, z: np.ndarray, radii: Vector) -> np.ndarray:
    """Give the approximate signed distance in mm to an ellipsoid about the origin (exact on its surface)."""
    u, v, w = x / np.float32(radii[0]), y / np.float32(radii[1]), z / np.float32(radii[2])
    level = np.sqrt(u * u + v * v + w * w) + np.float32(1e-4)
    u /= np.float32(radii[0])
    v /= np.float32(radii[1])
    w /= np.float32(radii[2])
    return level * (level - 1) / (np.sqrt(u * u + v * v + w * w) + np.float32(1e-5))


def capsule(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, *, start: Vector, end: Vector, radii: tuple[float, float]
) -> np.ndarray:
    """Give the signed distance in mm to a rod from ``start`` to ``end`` of two radii."""
    axis = np.subtract(end, start)
    px, py, pz = x - np.float32(start[0]), y - np.float32(start[1]), z - np.float32(start[2])
    ux, uy, uz = (axis / np.dot(axis, axis)).astype(np.float32)
    t = np.clip(px * ux + py * uy + pz * uz, 0, 1)
    ax, ay, az = axis.astype(np.float32)
    px -= t * ax
    py -= t * ay
    pz -= t * az
    return np.sqrt(px * px + py * py + pz * pz) - (np.float32(radii[0]) + t * np.float32(radii[1] - radii[0]))
