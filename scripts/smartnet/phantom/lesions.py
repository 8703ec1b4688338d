"""Hemorrhages: where each kind forms, what shape it takes, how dense it is.

Every hemorrhage is a level function over the points where its kind can be (higher is more inside); the level
is then set so that exactly the wanted volume lies above it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from smartnet.phantom.anatomy import Sample, Shift
from smartnet.phantom.fields import Field, smooth_field, smoothstep
from smartnet.phantom.head import Head

KINDS = ("EDH", "IPH", "IVH", "SAH", "SDH")
"""Order of columns; the label value is the position plus one."""

SHARE = {"EDH": 0.15, "IPH": 0.30, "IVH": 0.12, "SAH": 0.20, "SDH": 0.23}
MEDIAN_ML = {"EDH": 12.0, "IPH": 12.0, "IVH": 7.0, "SAH": 9.0, "SDH": 14.0}
LOG_SD = 1.1
SMALLEST_ML, LARGEST_ML = 0.3, 110.0
SECOND_SHARE = 0.35
SECOND = {
    "EDH": ("SDH", "SAH"),
    "IPH": ("IVH", "SAH"),
    "IVH": ("SAH",),
    "SAH": ("IVH", "SDH"),
    "SDH": ("SAH", "IPH"),
}


@dataclass(frozen=True)
class Bleed:
    """One hemorrhage to be drawn.

    Attributes:
        kind: one of ``KINDS``.
        volume_ml: volume wanted.
        side: -1 right, 1 left.
        centre: its middle in the head's frame, mm.
        stretch: semi-axes relative to each other (IPH) or extent along the skull (SDH, EDH; mm).
        turn: rotation of its long axis in the axial plane, radians.
        hu: mean density.
        texture: irregularity of its border and density.
        layered: dense part settled at the back (SDH).
    """

    kind: str
    volume_ml: float
    side: int
    centre: tuple[float, float, float]
    stretch: tuple[float, float, float]
    turn: float
    hu: float
    texture: Field
    layered: bool


def _place_iph(rng: np.random.Generator, side: int) -> tuple[float, float, float]:
    where = rng.choice(4, p=[0.45, 0.12, 0.36, 0.07])
    jitter = rng.normal(0, 2.5, 3)
    if where == 0:
        spot = (25 * side, -4, 5)
    elif where == 1:
        spot = (11 * side, 11, 5)
    elif where == 3:
        spot = (22 * side, 46, -40)
    else:
        angle, height = rng.uniform(-2.6, 2.6), rng.uniform(0, 44)
        wide = np.sqrt(1 - (height / 74) ** 2) * rng.uniform(0.52, 0.74)
        spot = (side * max(abs(np.sin(angle)) * 67 * wide, 14), -np.cos(angle) * 83 * wide, height)
    return tuple(float(v) for v in np.add(spot, jitter))


def _place_surface(rng: np.random.Generator, side: int, kind: str) -> tuple[float, float, float]:
    angle = rng.uniform(0.75, 2.3) if kind == "SDH" else rng.uniform(0.5, 2.6)
    height = float(rng.uniform(-2, 34))
    wide = np.sqrt(1 - (height / 74) ** 2)
    return float(side * np.sin(angle) * 67 * wide), float(-np.cos(angle) * 83 * wide), height


def draw_bleed(rng: np.random.Generator, kind: str, share: float = 1.0) -> Bleed:
    """Draw one hemorrhage of a kind; ``share`` scales its volume (second hemorrhages are smaller)."""
    side = int(rng.choice([-1, 1]))
    volume = float(np.clip(share * MEDIAN_ML[kind] * np.exp(LOG_SD * rng.normal()), SMALLEST_ML, LARGEST_ML))
    if kind == "IPH":
        centre = _place_iph(rng, side)
        stretch = tuple(float(v) for v in np.exp(rng.normal((-0.12, 0.18, -0.05), 0.16)))
    elif kind in ("SDH", "EDH"):
        centre = _place_surface(rng, side, kind)
        wide = 12.5 * volume**0.4 if kind == "SDH" else 10.5 * volume ** (1 / 3)
        wide *= rng.uniform(0.85, 1.15)
        stretch = (float(wide), float(rng.uniform(0.7, 1.0)), 0.0)
    else:
        spots = (
            (38.0 * side, -8.0, 2.0),
            (0.0, -8.0, -22.0),
            (50.0 * side, -15.0, 40.0),
            (45.0 * side, 40.0, 30.0),
        )
        centre = spots[int(rng.choice(4, p=[0.35, 0.3, 0.18, 0.17]))]
        stretch = (1.0, 1.0, 1.0)
    return Bleed(
        kind=kind,
        volume_ml=volume,
        side=side,
        centre=centre,
        stretch=stretch,
        turn=float(rng.normal(0, 0.35)),
        hu=float(rng.uniform(53, 68) if kind in ("SAH", "SDH") else rng.uniform(57, 74)),
        texture=smooth_field(rng, 9.0 if kind == "IPH" else 12.0),
        layered=bool(kind == "SDH" and rng.random() < 0.2),
    )


def draw_bleeds(rng: np.random.Generator) -> list[Bleed]:
    """Draw the hemorrhages of one case: one kind, sometimes with a second that goes with it."""
    first = str(rng.choice(KINDS, p=[SHARE[kind] for kind in KINDS]))
    bleeds = [draw_bleed(rng, first)]
    if rng.random() < SECOND_SHARE:
        bleeds.append(draw_bleed(rng, str(rng.choice(SECOND[first])), share=0.5))
    return bleeds


def mass_effect(bleeds: list[Bleed]) -> Shift | None:
    """Give the shift of the brain that the greatest space-occupying hemorrhage makes."""
    masses = [bleed for bleed in bleeds if bleed.kind in ("EDH", "IPH", "SDH") and bleed.volume_ml > 8]
    if not masses:
        return None
    great = max(masses, key=lambda bleed: bleed.volume_ml)
    x, y, z = great.centre
    amount = min(0.11 * great.volume_ml, 9.0) * (0.7 if great.kind == "IPH" else 1.0)
    return Shift(-great.side * amount, (0.45 * x, 0.6 * y, z), 45.0)


def _room(bleed: Bleed, s: Sample) -> np.ndarray:
    """Tell at which points a hemorrhage of this kind can be."""
    inside = s.depth > (1.0 if bleed.kind in ("EDH", "SDH") else 1.2)
    if bleed.kind == "IPH":
        return inside & (s.depth > 2.5) & (s.ventricle > 0) & ((s.x * bleed.side > 1.0) | s.below)
    if bleed.kind == "IVH":
        return s.ventricle < 0.3
    if bleed.kind == "SAH":
        return inside & (s.csf < 0.9) & (s.ventricle > 1.0)
    return inside & (s.x * bleed.side > 1.5) & ~s.below & (s.wall < 32)


def _iph_level(bleed: Bleed, s: Sample, rough: np.ndarray) -> np.ndarray:
    x, y, z = (np.float32(c) for c in bleed.centre)
    cos, sin = np.float32(np.cos(bleed.turn * bleed.side)), np.float32(np.sin(bleed.turn * bleed.side))
    dx, dy, dz = s.x - x, s.y - y, s.z - z
    u, v, w = (cos * dx + sin * dy), (cos * dy - sin * dx), dz
    far = np.sqrt(sum(np.square(d / np.float32(r)) for d, r in zip((u, v, w), bleed.stretch, strict=True)))
    size = np.float32((bleed.volume_ml * 1000 * 0.239) ** (1 / 3))
    return -far + np.float32(0.25) * size * np.clip(rough, -1.8, 1.8)


def _ivh_level(bleed: Bleed, s: Sample, rough: np.ndarray) -> np.ndarray:
    """Blood settles at the back: the head lies supine."""
    return s.y - np.float32(0.25) * s.z + 14 * (s.x * bleed.side > 0) + 3 * rough


def _sah_level(bleed: Bleed, s: Sample, rough: np.ndarray) -> np.ndarray:
    x, y, z = (np.float32(c) for c in bleed.centre)
    far = np.sqrt(np.square(s.x - x) + np.square(s.y - y) + np.square(np.float32(1.3) * (s.z - z)))
    return -far + 9 * rough


def _shell_level(bleed: Bleed, s: Sample, rough: np.ndarray) -> np.ndarray:
    """Lens or crescent: thickness below the inner table falls off with the distance along it."""
    x, y, z = (np.float32(c) for c in bleed.centre)
    away = np.square(s.x - x) + np.square(s.y - y) + np.square((s.z - z) / np.float32(bleed.stretch[1]))
    away = away / np.float32(bleed.stretch[0] ** 2)
    hump = 1 - away if bleed.kind == "EDH" else 1 - away * away + np.float32(0.12) * rough
    return hump / np.maximum(s.wall, np.float32(0.6))


_LEVEL: dict[str, Callable[[Bleed, Sample, np.ndarray], np.ndarray]] = {
    "EDH": _shell_level,
    "IPH": _iph_level,
    "IVH": _ivh_level,
    "SAH": _sah_level,
    "SDH": _shell_level,
}


def _density(bleed: Bleed, s: Sample, at: np.ndarray, rough: np.ndarray) -> np.ndarray:
    hu = bleed.hu + 3.0 * rough
    if bleed.layered:
        hu = hu + 6 * smoothstep(s.y[at], bleed.centre[1] - 8, bleed.centre[1] + 8) - 8
    return np.clip(hu, 50, 80).astype(np.float32)


def _oedema(s: Sample, head: Head, level: np.ndarray, cut: float, width_mm: float) -> None:
    """Darken the white matter around a hemorrhage."""
    at = np.flatnonzero(
        (level > cut - width_mm) & (s.depth > 3) & (s.csf > 0) & (s.ventricle > 0) & (s.hu < 45)
    )
    fade = np.clip((level[at] - (cut - width_mm)) / np.float32(0.4 * width_mm), 0, 1)
    wet = np.minimum(s.hu[at], np.float32(head.white_hu - 8))
    s.hu[at] += fade * (wet - s.hu[at])


def paint_bleed(bleed: Bleed, s: Sample, head: Head, point_ml: float, volume_ml: float) -> np.ndarray:
    """Paint one hemorrhage into a sample.

    Args:
        bleed: the hemorrhage.
        s: the sampled head; ``hu`` is changed in place.
        head: the person.
        point_ml: volume that one sample point stands for.
        volume_ml: volume wanted (usually ``bleed.volume_ml``); at most 70 % of the space that there is.

    Returns:
        indices of the points that are blood.
    """
    at = np.flatnonzero(_room(bleed, s))
    inner = s.take(at)
    rough = bleed.texture(inner.x, inner.y, inner.z)
    level = _LEVEL[bleed.kind](bleed, inner, rough)
    count = int(np.clip(round(volume_ml / point_ml), 1, max(1, int(0.7 * level.size))))
    cut = float(np.partition(level, level.size - count)[level.size - count])
    if bleed.kind == "IPH":
        _oedema(inner, head, level, cut, 2.5 + 0.8 * bleed.volume_ml ** (1 / 3))
        s.hu[at] = inner.hu
    blood = np.flatnonzero(level >= cut)
    s.hu[at[blood]] = _density(bleed, inner, blood, rough[blood])
    return at[blood]
