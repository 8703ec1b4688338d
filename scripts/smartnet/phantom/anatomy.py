"""One head at given points: from scanner millimetres to Hounsfield units."""

from dataclasses import dataclass, fields

import numpy as np

from smartnet.phantom import brain, skull
from smartnet.phantom.canvas import Canvas
from smartnet.phantom.head import Head

SKIN_MARGIN_MM = 6.0
Points = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class Sample:
    """A head seen at a set of points; all flat float32, mm and HU.

    Attributes:
        x: to the left in the head's own frame.
        y: to the back.
        z: upwards.
        hu: tissue.
        depth: below the inner table.
        ventricle: signed distance to the ventricles (50 where far).
        csf: signed distance to the fluid spaces outside the brain.
        below: under the tentorium (bool).
        skin: signed distance to the skin.
        wall: below the inner table of the vault, the floor left aside.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    hu: np.ndarray
    depth: np.ndarray
    ventricle: np.ndarray
    csf: np.ndarray
    below: np.ndarray
    skin: np.ndarray
    wall: np.ndarray

    def take(self, at: np.ndarray) -> "Sample":
        """Give the sample at some of its points (a copy)."""
        return Sample(*(getattr(self, part.name)[at] for part in fields(self)))

    @staticmethod
    def join(samples: "list[Sample]") -> "Sample":
        """Put samples one after the other."""
        return Sample(*(np.concatenate([getattr(s, part.name) for s in samples]) for part in fields(Sample)))


@dataclass(frozen=True)
class Shift:
    """Brain pushed sideways by a mass.

    Attributes:
        x_mm: greatest shift along x, mm (sign: direction).
        centre: where it is greatest, mm in the head's frame.
        reach_mm: how far it reaches.
    """

    x_mm: float
    centre: tuple[float, float, float]
    reach_mm: float


def to_head(points: Points, head: Head, planes: int) -> Points:
    """Take points in mm (rotation undone already) to the standard head: size and individual bends.

    The bends are so smooth that they are read once for all planes of a slice.
    """
    scaled = tuple(axis / np.float32(scale) for axis, scale in zip(points, head.scale, strict=True))
    stacks = [axis.reshape(planes, -1) for axis in scaled]
    middle = [0.5 * (stack[0] + stack[-1]) for stack in stacks]
    bends = (
        np.float32(amount) * warp(*middle) for amount, warp in zip((1.8, 2.2, 2.2), head.warp, strict=True)
    )
    return tuple((stack + bend).reshape(-1) for stack, bend in zip(stacks, bends, strict=True))


def skin_distance(points: Points, head: Head) -> np.ndarray:
    """Give a quick signed distance (mm) to the skin, without the individual bends."""
    x, y, z = (axis / np.float32(scale) for axis, scale in zip(points, head.scale, strict=True))
    return skull.skin_distance(Canvas(x, y, z), head)


def render(points: Points, head: Head, shift: Shift | None = None, *, planes: int = 1) -> Sample:
    """Paint a head at points.

    Args:
        points: x, y, z in mm from the head's centre, along the head's axes; flat float32.
        head: the person.
        shift: brain displaced by a hemorrhage.
        planes: the points are this many planes one after the other, all with the same pixels.

    Returns:
        the tissue and the spaces in which hemorrhages form.
    """
    x, y, z = to_head(points, head, planes)
    canvas = Canvas(x, y, z)
    depth, vault = skull.cavity_depth(canvas, head)
    skin = skull.skin_distance(canvas, head)
    patch = head.patches(z, x, y)
    skull.paint_outside(canvas, head, skin, patch)
    skull.paint_skull(canvas, head, depth, vault, patch)
    skull.paint_base(canvas, head)

    ventricle = np.full(x.shape, 50, dtype=np.float32)
    csf = np.full(x.shape, 50, dtype=np.float32)
    below = np.zeros(x.shape, dtype=bool)
    inside = np.flatnonzero(depth > -1.5)
    if inside.size:
        deep = depth[inside]
        bx, by, bz = x[inside], y[inside], z[inside]
        if shift is not None:
            bx = bx - _push(bx, by, bz, deep, shift)
        content = Canvas(bx, by, bz, 0.0)
        spaces = brain.paint_brain(content, head, deep)
        content.hu += np.float32(6.5) * np.exp(-np.maximum(deep, 0) * np.float32(1 / 4.5))
        cover = np.clip(np.float32(0.5) + deep * np.float32(1 / 1.2), 0, 1)
        canvas.hu[inside] += cover * (content.hu - canvas.hu[inside])
        ventricle[inside], csf[inside], below[inside] = spaces.ventricle, spaces.csf, spaces.below
    return Sample(x, y, z, canvas.hu, depth, ventricle, csf, below, skin, -vault)


def _push(x: np.ndarray, y: np.ndarray, z: np.ndarray, depth: np.ndarray, shift: Shift) -> np.ndarray:
    """Displacement along x (mm) at each point; none at the inner table."""
    cx, cy, cz = shift.centre
    far = (np.square(x - cx) + np.square(y - cy) + np.square(z - cz)) * np.float32(
        1 / (2 * shift.reach_mm**2)
    )
    return np.float32(shift.x_mm) * np.exp(-far) * np.clip(depth * np.float32(1 / 25), 0, 1)
