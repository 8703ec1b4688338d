"""The scanner: from a head and planes to slices in Hounsfield units, with their truth."""

from dataclasses import dataclass

import cv2
import numpy as np

from smartnet.phantom import anatomy
from smartnet.phantom.anatomy import Sample
from smartnet.phantom.fields import smoothstep
from smartnet.phantom.geometry import Geometry
from smartnet.phantom.head import Head
from smartnet.phantom.lesions import KINDS, Bleed, mass_effect, paint_bleed
from smartnet.phantom.sites import Site

PLANES = 4
"""Planes sampled through the thickness of a slice: partial volume along z."""
LEAST_VOXELS = 3


@dataclass(frozen=True)
class Scan:
    """A scan before it is written.

    Attributes:
        hu: (z, y, x) float32, slices from below.
        labels: (z, y, x) uint8, 0 or the kind's label value.
        brain: (z, y, x) bool, inside the inner table.
    """

    hu: np.ndarray
    labels: np.ndarray
    brain: np.ndarray


@dataclass(frozen=True)
class _Column:
    """Where the sample points of one slice lie in the flat sample: ``start`` on, planes x pixels."""

    pixels: np.ndarray
    start: int

    def planes(self, flat: np.ndarray) -> np.ndarray:
        """View this slice's points as (planes, pixels)."""
        return flat[self.start : self.start + PLANES * self.pixels.size].reshape(PLANES, self.pixels.size)


def _head_pixels(geometry: Geometry, head: Head, index: int) -> np.ndarray:
    """Give the flat indices of the pixels of a slice in which there may be head (coarse search)."""
    every = 4
    lines = np.arange(every // 2, geometry.matrix, every)
    coarse = (lines[:, None] * geometry.matrix + lines[None]).reshape(-1)
    reach = geometry.thickness_mm + anatomy.SKIN_MARGIN_MM + every * geometry.pixel_mm
    near = anatomy.skin_distance(geometry.head_points(index, coarse), head) < reach
    blocks = np.arange(geometry.matrix) // every
    blocks = np.minimum(blocks, lines.size - 1)
    return np.flatnonzero(near.reshape(lines.size, lines.size)[blocks[:, None], blocks[None]])


def _sample(geometry: Geometry, head: Head, bleeds: list[Bleed]) -> tuple[Sample, list[_Column]]:
    """Sample the head in every slice on several planes, only where there is head."""
    shift = mass_effect(bleeds)
    offsets = ((np.arange(PLANES) + 0.5) / PLANES - 0.5) * geometry.thickness_mm
    samples, columns, start = [], [], 0
    for index in range(len(geometry.positions)):
        pixels = _head_pixels(geometry, head, index)
        columns.append(_Column(pixels, start))
        if not pixels.size:
            continue
        planes = [geometry.head_points(index, pixels, float(offset)) for offset in offsets]
        points = tuple(np.concatenate([plane[i] for plane in planes]) for i in range(3))
        samples.append(anatomy.render(points, head, shift, planes=PLANES))
        start += PLANES * pixels.size
    return Sample.join(samples), columns


def _bleed_into(
    sample: Sample, columns: list[_Column], head: Head, bleeds: list[Bleed], voxel_ml: float
) -> np.ndarray:
    """Paint hemorrhages; give each point's label. One that is lost to partial volume is drawn larger."""
    labels = np.zeros(sample.hu.shape, dtype=np.uint8)
    for bleed in bleeds:
        before = sample.hu.copy()
        volume = bleed.volume_ml
        for _ in range(8):
            at = paint_bleed(bleed, sample, head, voxel_ml / PLANES, volume)
            painted = labels.copy()
            painted[at] = KINDS.index(bleed.kind) + 1
            seen = sum(
                int((column.planes(painted == KINDS.index(bleed.kind) + 1).mean(0) >= 0.5).sum())
                for column in columns
            )
            if seen >= LEAST_VOXELS:
                break
            sample.hu[:] = before
            volume *= 1.6
        labels = painted
    return labels


def _majority(labels: np.ndarray) -> np.ndarray:
    """Label of pixels from (planes, pixels): hemorrhage where at least half is, the kind with most of it."""
    out = np.zeros(labels.shape[1], dtype=np.uint8)
    full = np.flatnonzero((labels > 0).mean(axis=0) >= 0.5)
    if full.size:
        shares = np.stack([(labels[:, full] == value).sum(axis=0) for value in range(1, len(KINDS) + 1)])
        out[full] = shares.argmax(axis=0) + 1
    return out


def _couch(geometry: Geometry, index: int) -> np.ndarray:
    """Air with headrest and table in one slice, HU, (rows * columns,)."""
    grid = np.arange(geometry.matrix, dtype=np.float32) * np.float32(geometry.pixel_mm)
    corner = geometry.positions[index]
    x = grid[None] + np.float32(corner[0] - geometry.centre[0])
    y = grid[:, None] * np.float32(geometry.column[1]) + np.float32(corner[1] - geometry.centre[1])
    around = np.sqrt(x * x + (y - 4) ** 2)
    behind = smoothstep(y - 4 - np.float32(0.45) * np.abs(x), -3, 3)
    pad = np.clip(np.float32(0.5) - (np.abs(around - 108) - 5) / 1.5, 0, 1) * behind
    shell = np.clip(np.float32(0.5) - (np.abs(around - 115) - 1.3) / 1.5, 0, 1) * behind
    return (-1000 + 90 * pad + 1000 * shell).reshape(-1)


def _streaks(rng: np.random.Generator, geometry: Geometry, index: int, pixels: np.ndarray) -> np.ndarray:
    """Beam hardening between the petrous bones, HU at the pixels of a slice: dark and bright bands."""
    x, y, z = geometry.head_points(index, pixels)
    strength = np.exp(-np.square((z + 41) * np.float32(1 / 8)))
    bands = np.zeros(x.shape, dtype=np.float32)
    for _ in range(5):
        at, slope, width = rng.uniform(2, 26), rng.normal(0, 0.10), rng.uniform(1.5, 4.5)
        bands += np.float32(rng.normal(-2, 14)) * np.exp(-np.square((y - at - slope * x) / np.float32(width)))
    return bands * strength * np.clip((56 - np.abs(x)) / 14, 0, 1)


def _noise(
    rng: np.random.Generator, geometry: Geometry, site: Site, tube_ma: float, slices: int
) -> np.ndarray:
    """Correlated noise (z, y, x), HU: band-passed as reconstruction leaves it, stronger in the middle."""
    side, pixel = geometry.matrix, geometry.pixel_mm
    noise = rng.standard_normal((slices, side, side), dtype=np.float32)
    grain = max(site.grain_mm / pixel, 0.3)
    for plane in noise:
        fine = cv2.GaussianBlur(plane, (0, 0), grain, borderType=cv2.BORDER_REFLECT)
        coarse = cv2.GaussianBlur(plane, (0, 0), 3 * grain, borderType=cv2.BORDER_REFLECT)
        plane[:] = fine - np.float32(0.6) * coarse
    noise /= noise.std()
    grid = (np.arange(side, dtype=np.float32) - side / 2) * np.float32(pixel / 100)
    centre = np.clip(1.1 - 0.45 * (grid[None] ** 2 + grid[:, None] ** 2), 0.5, None)
    height = (geometry.positions - geometry.centre) @ geometry.axes[:, 2]
    base = 1 + 0.45 * np.exp(-np.square((height + 48) / 16))
    scale = site.noise_hu * np.sqrt(200 / tube_ma * 5 / geometry.thickness_mm)
    return noise * (np.float32(scale) * centre * base.astype(np.float32)[:, None, None])


def scan(
    rng: np.random.Generator,
    site: Site,
    *,
    head: Head,
    bleeds: list[Bleed],
    geometry: Geometry,
    tube_ma: float,
) -> Scan:
    """Scan a head.

    Args:
        rng: source of noise and streaks.
        site: how the hospital scans.
        head: the person.
        bleeds: hemorrhages, may be empty.
        geometry: the planes.
        tube_ma: tube current.

    Returns:
        slices with partial volume, blur, streaks and noise, and the truth.
    """
    sample, columns = _sample(geometry, head, bleeds)
    marks = _bleed_into(sample, columns, head, bleeds, geometry.voxel_ml)
    shape = (len(columns), geometry.matrix, geometry.matrix)
    hu = np.empty((shape[0], shape[1] * shape[2]), dtype=np.float32)
    labels = np.zeros(hu.shape, dtype=np.uint8)
    brain = np.zeros(hu.shape, dtype=bool)
    blur = max(site.blur_mm / geometry.pixel_mm, 0.3)
    for index, column in enumerate(columns):
        air = _couch(geometry, index)
        hu[index] = air
        if column.pixels.size:
            skin = column.planes(sample.skin).mean(0)
            around = (air[column.pixels] + 1000) * np.clip(np.float32(0.5) + skin / np.float32(1.2), 0, 1)
            hu[index, column.pixels] = column.planes(sample.hu).mean(0) + around
            hu[index, column.pixels] += _streaks(rng, geometry, index, column.pixels) * (skin < 0)
            brain[index, column.pixels] = column.planes(sample.depth).mean(0) > 0
            if bleeds:
                labels[index, column.pixels] = _majority(column.planes(marks))
        plane = hu[index].reshape(shape[1:])
        plane[:] = cv2.GaussianBlur(plane, (0, 0), blur, borderType=cv2.BORDER_REPLICATE)
    hu = hu.reshape(shape) + _noise(rng, geometry, site, tube_ma, shape[0])
    return Scan(np.clip(hu, -1024, 3071), labels.reshape(shape), brain.reshape(shape))
