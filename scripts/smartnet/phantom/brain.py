"""The inside of the skull: cortex, sulci, ventricles, cisterns, nuclei, cerebellum, dura, calcifications."""

from dataclasses import dataclass

import numpy as np

from smartnet.phantom.canvas import Canvas
from smartnet.phantom.fields import capsule, ellipsoid, smoothstep
from smartnet.phantom.head import Head
from smartnet.phantom.skull import CAVITY_MM, petrous_line

CSF_HU = 6.0

_HORNS = (
    ((9.0, -37, 4), (10.0, -27, 10), (2.5, 5.0)),
    ((10.0, -27, 10), (8.0, -8, 18), (5.0, 4.6)),
    ((8.0, -8, 18), (11.0, 12, 23), (4.6, 5.0)),
    ((11.0, 12, 23), (17.0, 26, 19), (5.0, 6.0)),
    ((17.0, 26, 19), (24.0, 35, 8), (6.0, 6.8)),
    ((24.0, 35, 8), (22.0, 55, 5), (6.0, 3.0)),
    ((24.0, 35, 8), (32.0, 18, -8), (5.5, 3.0)),
    ((32.0, 18, -8), (29.0, -4, -19), (3.0, 2.0)),
)
"""Lateral ventricle as rods: start, end, radii (mm), mirrored."""


@dataclass
class Spaces:
    """Where the fluid spaces are, as signed distances in mm (negative inside) at the points of a canvas.

    Attributes:
        ventricle: lateral, third and fourth ventricles.
        csf: sulci, fissures and cisterns outside the brain.
        below: 1 under the tentorium, else 0.
    """

    ventricle: np.ndarray
    csf: np.ndarray
    below: np.ndarray


def tentorium_height(ax: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Give the height (mm) of the tentorium over a point."""
    fall = np.float32(0.42) * ax + np.float32(0.22) * np.abs(y - 36)
    return -2 - np.minimum(fall, 33)


def _ventricles(canvas: Canvas, head: Head) -> np.ndarray:
    wide = np.float32(head.ventricle)
    inflate = np.float32(3.2 * (head.ventricle - 1))
    found = np.full(canvas.x.shape, 50, dtype=np.float32)
    at = np.flatnonzero((canvas.ax < 46) & (np.abs(canvas.y - 8) < 62) & (canvas.z > -62) & (canvas.z < 40))
    if not at.size:
        return found
    ax, y, z = canvas.ax[at], canvas.y[at], canvas.z[at]
    low, high = float(z.min()), float(z.max())
    best = np.full(ax.shape, 50, dtype=np.float32)
    for start, end, radii in _HORNS:
        if low < max(start[2], end[2]) + 12 and high > min(start[2], end[2]) - 12:
            best = np.minimum(best, capsule(ax, y, z, start=start, end=end, radii=radii))
    best -= inflate
    best = np.maximum(best, np.float32(1.1) - ax)
    third = np.maximum(ax - (np.float32(1.0) + np.float32(1.2) * wide * wide), np.abs(y - 6) - 15)
    third = np.maximum(third, np.abs(z + 3) - 10)
    fourth = ellipsoid(ax, y - 36 + np.float32(0.35) * ax, z + 36, (8.0 * wide, 4.6 * wide, 11))
    aqueduct = capsule(ax, y, z, start=(0, 22, -8), end=(0, 33, -28), radii=(1.2, 1.4))
    found[at] = np.minimum(np.minimum(best, third), np.minimum(fourth, aqueduct))
    return found


def _sulci(canvas: Canvas, head: Head, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the signed distance to the nearest sulcus and the depth that sulci reach there, mm."""
    level = np.sqrt(
        np.square(canvas.x / CAVITY_MM[0])
        + np.square(canvas.y / CAVITY_MM[1])
        + np.square(canvas.z / CAVITY_MM[2])
    )
    pull = np.maximum(level, 0.25) ** np.float32(-0.62)
    shift = np.where(canvas.x > 0, np.float32(31.0), np.float32(0.0))
    near = np.abs(head.sulci(canvas.x * pull + shift, canvas.y * pull, canvas.z * pull + shift)) / pull
    reach = 17 + 5 * head.sulci_depth(canvas.x + shift, canvas.y, canvas.z)
    medial = smoothstep(canvas.z, 18, 30) * 12
    reach = np.maximum(
        reach, np.minimum(depth + 1, np.where(canvas.ax < medial, np.float32(60), np.float32(0)))
    )
    half = np.float32(0.55 + 1.05 * head.atrophy) * (1 - np.float32(0.6) * np.clip(depth / 26, 0, 1))
    return near - half, reach


def _fissures(canvas: Canvas, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Give signed distances (mm) to the Sylvian fissure with its cistern, and to the midline fissure."""
    ax, y, z = canvas.ax, canvas.y, canvas.z
    wide = np.float32(0.9 + 1.6 * head.atrophy)
    midline = np.maximum(
        ax - np.float32(0.9 + 1.2 * head.atrophy), -ellipsoid(ax, y + 2, z - 6, (200, 48, 28))
    )
    midline = np.maximum(midline, tentorium_height(ax, y) - z)
    if not canvas.reaches(-30, 32):
        return np.full(ax.shape, 50, dtype=np.float32), midline
    wobble = np.clip(head.sulci_depth(y, z, canvas.x), -1.5, 1.5)
    bend = 39 - np.float32(0.010) * np.square(y + 3) + np.float32(0.06) * z + np.float32(1.3) * wobble
    taper = np.sqrt(np.clip(1 - np.square((y + 4) * np.float32(1 / 23)), 0, 1))
    wide = wide * (np.float32(0.85) + np.float32(0.45) * wobble)
    insula = np.maximum(np.abs(ax - bend) - wide * taper, np.abs(z - 3 - 3 * wobble) - 14)
    stem = np.maximum(
        np.abs(y + 22 - np.float32(0.9) * (z - 2) - np.float32(0.10) * (ax - 38) + 2.5 * wobble) - wide,
        37 - ax,
    )
    stem = np.maximum(stem, np.abs(z - 6) - 26)
    return np.minimum(insula, stem), midline


def _cisterns(canvas: Canvas, head: Head) -> np.ndarray:
    found = np.full(canvas.x.shape, 50, dtype=np.float32)
    if not canvas.reaches(-75, 12):
        return found
    more = 1 + 0.25 * head.atrophy
    ax, y, z = canvas.ax, canvas.y, canvas.z
    at = np.flatnonzero((ax < 48) & (z < 12) & (y > -45) & (y < 85))
    ax, y, z = ax[at], y[at], z[at]
    wave = np.float32(0.8) * head.patches(y, ax, z)
    angle = np.arctan2(y + 8, ax)
    star = np.sqrt(ax * ax + np.square(y + 8)) - more * (11.5 + 4.0 * np.cos(5 * angle + 1.57))
    best = np.maximum(star, np.abs(z + 23) - 7)
    stem = ellipsoid(ax, y - 14, z + 13, (16.3 * more, 14.6 * more, 10))
    for other in (
        np.maximum(stem + np.clip(wave, -0.8, 1.6), np.maximum(-30 - z, 5 - y)),
        ellipsoid(ax, y - 30, z + 5, (10 * more, 6.5 * more, 8)),
        ellipsoid(ax, y - 4, z + 38, (16, 6.5 * more, 13)),
        capsule(ax, y, z, start=(17, 8, -36), end=(30, 16, -40), radii=(3, 3.5)),
        ellipsoid(ax, y - 68, z + 55, (11, 9 * more, 10)),
        ellipsoid(ax, y - 24, z + 58, (15, 14, 9)),
        capsule(ax, y, z, start=(10, -14, -20), end=(37, -18, -8), radii=(2.2 * more, 2.0 * more)),
    ):
        best = np.minimum(best, other)
    found[at] = best
    return found


def _paint_cerebrum(
    canvas: Canvas, head: Head, depth: np.ndarray, csf: tuple[np.ndarray, ...], reach: np.ndarray
) -> None:
    """Paint white matter, the cortical ribbon along the surface and every sulcus, and the deep nuclei."""
    surface, sulci, sylvian, midline = csf
    ribbon = np.maximum(sulci - np.float32(3.0), surface_depth_limit(surface, reach) - np.float32(2.5))
    ribbon = np.minimum(ribbon, surface - np.float32(3.4))
    cortex = np.minimum(np.minimum(ribbon, sylvian - np.float32(3.4)), midline - np.float32(3.2))
    canvas.paint(cortex, head.grey_hu, 1.6)
    grey = head.grey_hu
    canvas.rod((13, -30, 6), (15, -6, 20), (5.5, 3.5), grey)
    canvas.rod((15, -6, 20), (20, 14, 22), (3.0, 2.0), grey)
    canvas.blob((25, -6, 3), (8.0, 18, 12), grey)
    canvas.blob((33.2, -4, 3), (1.1, 19, 12), head.white_hu + 1)
    canvas.blob((19.5, 0, 2), (2.0, 22, 20), head.white_hu)
    canvas.blob((10, 11, 4), (9.0, 14.5, 10), grey - 0.5)
    canvas.blob((25, -12, -22), (8, 9, 8), grey)


def surface_depth_limit(surface: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Give the signed distance (mm) below the floor of the sulci: positive deeper than they reach."""
    return surface - reach


def _paint_posterior_fossa(canvas: Canvas, head: Head, below: np.ndarray) -> None:
    """Paint cerebellum with its folia and white core, and the brain stem."""
    if not canvas.reaches(-80, 8):
        return
    at = np.flatnonzero(below > 0)
    part = Canvas(canvas.x[at], canvas.y[at], canvas.z[at], canvas.hu[at])
    folia = head.folia(part.x * np.float32(0.45), part.y, part.z * np.float32(1.3))
    part.hu[:] = head.grey_hu - 1.5 + np.float32(2.2) * np.clip(folia - 0.3, -2, 1)
    part.blob((21, 46, -42), (15, 13, 11), head.white_hu + 2)
    canvas.hu[at] = part.hu


def _paint_brain_stem(canvas: Canvas, head: Head) -> None:
    stem = head.grey_hu - 3.5
    canvas.blob((0, 14, -13), (14.5, 12.5, 14), stem, mirrored=False)
    canvas.blob((0, 15, -33), (16, 12, 13.5), stem, mirrored=False)
    canvas.rod((14, 20, -34), (24, 34, -38), (6, 7), stem)
    canvas.rod((0, 18, -44), (0, 23, -70), (8.5, 6.5), stem, mirrored=False)
    canvas.rod((0, 3.2, -26), (1, 4.5, -44), (1.9, 1.9), head.sinus_hu - 8, mirrored=False)
    canvas.rod((6, -9, -22), (30, -15, -18), (1.5, 1.3), head.sinus_hu - 10)


def _paint_dura(canvas: Canvas, head: Head, depth: np.ndarray) -> None:
    """Paint falx, tentorium and the great venous sinuses, which are denser than brain."""
    ax, y, z = canvas.ax, canvas.y, canvas.z
    tent = tentorium_height(ax, y)
    free = ellipsoid(ax, y - 6, z - 2, (200, 46, 30))
    falx = np.maximum(
        np.maximum(ax - np.float32(0.85), -free), np.maximum(tent - z, 6 - z - smoothstep(y, 20, 40) * 40)
    )
    canvas.paint(falx, head.falx_hu)
    sagittal = ax - np.clip(np.float32(5.2) - np.float32(0.75) * depth, 0, 6)
    behind = smoothstep(y * np.float32(0.6) + z, 10, 45)
    sagittal = np.maximum(np.maximum(sagittal, depth - 7.5), (1 - behind) * 6)
    sagittal = np.maximum(sagittal, -24 - z)
    canvas.paint(sagittal, head.sinus_hu)
    if canvas.reaches(-45, 10):
        notch = np.maximum(
            np.sqrt(np.square(ax * np.float32(0.9)) + np.square((y - 18) * np.float32(0.75))) - 22, 0
        )
        sheet = np.abs(z - tent) * np.float32(0.85) - np.float32(0.6)
        sheet = np.maximum(sheet, np.float32(1.0) - notch)
        canvas.paint(np.maximum(sheet, petrous_line(ax) - y), head.falx_hu - 3)
        transverse = np.maximum(np.abs(z - tent + 1) - 4.2, depth - 6.5 - np.sign(canvas.x))
        canvas.paint(np.maximum(transverse, 30 - y), head.sinus_hu)
        canvas.rod((0, 40, -1), (0, 76, -18), (2.2, 3.2), head.sinus_hu, mirrored=False)
        canvas.rod((0, 32, 3), (0, 40, -1), (2.0, 2.2), head.sinus_hu - 6, mirrored=False)
    if head.ossified:
        canvas.blob((0, -62, 30), (1.8, 7, 6), 420, mirrored=False)


def _paint_calcifications(canvas: Canvas, head: Head) -> None:
    if head.choroid_hu:
        size = 2.0 + head.choroid_hu / 130
        canvas.blob((23, 35, 12), (size, size * 1.5, size * 1.3), head.choroid_hu)
    canvas.blob((19, 30, 18), (2.2, 5.5, 2.5), 42)
    if head.pineal_hu:
        canvas.blob((0, 28, 0), (2.6, 3.0, 2.6), head.pineal_hu, mirrored=False)
    if head.pallidum_hu:
        canvas.blob((18, -3, 1), (3, 6, 4), head.pallidum_hu)


def paint_brain(canvas: Canvas, head: Head, depth: np.ndarray) -> Spaces:
    """Paint all points as if they lay inside the skull; the caller blends them in where they do.

    Args:
        canvas: points inside or near the cranial cavity; ``hu`` is overwritten.
        head: the person.
        depth: depth below the inner table, mm.

    Returns:
        the fluid spaces at these points.
    """
    tent = tentorium_height(canvas.ax, canvas.y)
    below = (canvas.z < tent) & (canvas.y > petrous_line(canvas.ax) - 1) | (canvas.z < -46)
    patch = head.patches(canvas.y, canvas.z, canvas.x)
    gap = np.float32(0.6 + 2.6 * head.atrophy) * (1 + np.float32(0.35) * np.clip(patch, -1.5, 2))
    gap = gap * (1 + np.float32(0.5) * smoothstep(-canvas.y, 30, 75)) + 0.4
    surface = depth - gap
    sulci, reach = _sulci(canvas, head, depth)
    sylvian, midline = _fissures(canvas, head)
    sulci = np.maximum(sulci, -ellipsoid(canvas.x, canvas.y + 1, canvas.z + 2, (31, 46, 25)))
    open_sulci = np.maximum(sulci, surface_depth_limit(surface, reach))
    csf = np.minimum(np.minimum(open_sulci, sylvian), midline)
    csf = np.where(below, np.float32(50), csf)
    csf = np.minimum(np.minimum(csf, surface), _cisterns(canvas, head))
    ventricle = _ventricles(canvas, head)

    canvas.hu[:] = head.white_hu + np.float32(0.5) * patch
    _paint_cerebrum(canvas, head, depth, (surface, sulci, sylvian, midline), reach)
    _paint_posterior_fossa(canvas, head, below)
    canvas.paint(csf, CSF_HU)
    _paint_brain_stem(canvas, head)
    canvas.paint(ventricle, CSF_HU)
    _paint_dura(canvas, head, depth)
    _paint_calcifications(canvas, head)
    return Spaces(ventricle=ventricle, csf=csf, below=below)
