"""Points of a head that are being painted with tissue."""

from collections.abc import Callable

import numpy as np

from smartnet.phantom.fields import Vector, capsule, ellipsoid

EDGE_MM = 1.2
"""Width over which one tissue gives way to the next: about a pixel."""


class Canvas:
    """Sample points in one head's frame (mm) with the HU painted so far.

    Attributes:
        x: to the left, flat float32, mm.
        y: to the back.
        z: upwards.
        ax: distance from the midline.
        hu: float32 HU, painted in place.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, z: np.ndarray, hu: float | np.ndarray = -1000.0) -> None:
        """Take points, and either one HU for all or the HU to go on with."""
        self.x, self.y, self.z = x, y, z
        self.ax = np.abs(x)
        self.hu = np.full(x.shape, hu, dtype=np.float32) if np.isscalar(hu) else hu
        self._low = float(z.min()) if z.size else 0.0
        self._high = float(z.max()) if z.size else 0.0

    def paint(self, distance: np.ndarray, hu: float | np.ndarray, edge_mm: float = EDGE_MM) -> None:
        """Paint every point with a negative signed ``distance`` (mm), with a soft edge."""
        cover = np.clip(np.float32(0.5) - distance * np.float32(1 / edge_mm), 0, 1)
        cover *= hu - self.hu
        self.hu += cover

    def reaches(self, low_mm: float, high_mm: float) -> bool:
        """Tell whether any point lies between two heights (mm)."""
        return self._high >= low_mm and self._low <= high_mm

    def paint_near(
        self,
        low: Vector,
        high: Vector,
        shape: Callable[..., np.ndarray],
        hu: float | Callable,
        mirrored: bool = True,
    ) -> None:
        """Paint a shape inside a box only, so that small things cost little.

        Args:
            low: lower corner of the box in mm; with ``mirrored``, x is the distance from the midline.
            high: upper corner.
            shape: function of (x, y, z) that gives the signed distance in mm.
            hu: the tissue, or a function of (x, y, z, present hu).
            mirrored: draw it on both sides.
        """
        if not self.reaches(low[2], high[2]):
            return
        x = self.ax if mirrored else self.x
        inside = (x > low[0]) & (x < high[0]) & (self.y > low[1]) & (self.y < high[1])
        inside &= (self.z > low[2]) & (self.z < high[2])
        at = np.flatnonzero(inside)
        if not at.size:
            return
        part = Canvas(x[at], self.y[at], self.z[at], self.hu[at])
        value = hu(self.x[at], part.y, part.z, part.hu) if callable(hu) else hu
        part.paint(shape(part.x, part.y, part.z), value)
        self.hu[at] = part.hu

    def blob(self, centre: Vector, radii: Vector, hu: float | Callable, mirrored: bool = True) -> None:
        """Paint an ellipsoid."""
        cx, cy, cz = (np.float32(value) for value in centre)
        low = tuple(c - r - EDGE_MM for c, r in zip(centre, radii, strict=True))
        high = tuple(c + r + EDGE_MM for c, r in zip(centre, radii, strict=True))
        self.paint_near(low, high, lambda x, y, z: ellipsoid(x - cx, y - cy, z - cz, radii), hu, mirrored)

    def rod(
        self,
        start: Vector,
        end: Vector,
        radii: tuple[float, float],
        hu: float | Callable,
        mirrored: bool = True,
    ) -> None:
        """Paint a rod whose radius goes from ``radii[0]`` at ``start`` to ``radii[1]`` at ``end``."""
        reach = max(radii) + EDGE_MM
        low = tuple(min(a, b) - reach for a, b in zip(start, end, strict=True))
        high = tuple(max(a, b) + reach for a, b in zip(start, end, strict=True))
        self.paint_near(
            low, high, lambda x, y, z: capsule(x, y, z, start=start, end=end, radii=radii), hu, mirrored
        )
