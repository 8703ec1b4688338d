"""Augmentation of a whole batch on the training device, the same for all slices of one volume (paper,
section 3).

Order: one affine resampling (shift, scale, rotation, flips), brightness and contrast, noise, blur. The
stretch to
[0, 1] that ends it is ``smartnet.networks.min_max``, which prediction shares.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

GAUSSIAN, MOTION, MEDIAN = range(3)


def generators(
    seed: int, epoch: int, step: int, device: torch.device, *stream: int, part: int = 0
) -> tuple[torch.Generator, torch.Generator]:
    """The random numbers of one step: for parameters (on the CPU; every part of a batch draws them all) and
    for noise (on ``device``; each part draws its own).

    Another ``stream``, a number above 0, gives others at the same step.
    """
    state = np.random.SeedSequence([seed, epoch, step, *stream]).generate_state(2 + part, np.uint64) >> 1
    return (
        torch.Generator().manual_seed(int(state[0])),
        torch.Generator(device).manual_seed(int(state[1 + part])),
    )


class _Draw:
    """Parameters per volume, drawn in a fixed order whatever the settings."""

    def __init__(self, volumes: int, generator: torch.Generator) -> None:
        """Keep the arguments."""
        self.volumes, self.generator = volumes, generator

    def uniform(self, low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(self.volumes, generator=self.generator)

    def chance(self, probability: float) -> torch.Tensor:
        return torch.rand(self.volumes, generator=self.generator) < probability

    def choice(self, count: int) -> torch.Tensor:
        return torch.randint(count, (self.volumes,), generator=self.generator)


def augment(
    slices: torch.Tensor,
    masks: torch.Tensor | None,
    volume: torch.Tensor,
    *,
    volumes: int,
    settings: Mapping[str, Any],
    generators: tuple[torch.Generator, torch.Generator],
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Augment a batch.

    Args:
        slices: (S, 1, H, W) in [0, 1].
        masks: (S, 1, H, W) in {0, 1}, or None.
        volume: (S,) on the CPU: which volume of the batch a slice belongs to, 0..B-1.
        volumes: B, of the whole batch where these slices are a part of it.
        settings: complete augmentation settings.
        generators: of this step, see ``generators``.

    Returns:
        slices in [0, 1] (before the stretch) and masks, same shapes.
    """
    draw = _Draw(volumes, generators[0])
    slices, masks = _move(slices, masks, volume, _affine(draw, settings, slices.shape[2:]))
    slices = _shade(slices, volume, draw, settings)
    slices = _add_noise(slices, volume, draw, settings, generators[1])
    return _blur(slices, volume, draw, settings), masks


def _affine(draw: _Draw, settings: Mapping[str, Any], size: tuple[int, int]) -> torch.Tensor:
    """(B, 2, 3): from output to input position, both in [-1, 1], (x, y)."""
    p = settings["probability"]
    moved = draw.chance(p).float()
    shift = [moved * draw.uniform(-settings["shift"], settings["shift"]) * 2 for _ in range(2)]
    scale = 1 + moved * draw.uniform(-settings["scale"], settings["scale"])
    angle = moved * draw.uniform(-1, 1) * math.radians(settings["rotation_deg"])
    flipped, axis = draw.chance(p if settings["flip"] != "none" else 0), draw.choice(3)  # x, y or both
    if settings["flip"] == "left-right":
        axis = torch.zeros_like(axis)
    flip_x = 1 - 2 * (flipped & (axis != 1)).float()
    flip_y = 1 - 2 * (flipped & (axis != 0)).float()
    cosine, sine, aspect = angle.cos() / scale, angle.sin() / scale, size[0] / size[1]
    rows = (
        cosine * flip_x,
        -sine * flip_y * aspect,
        shift[0],
        sine * flip_x / aspect,
        cosine * flip_y,
        shift[1],
    )
    return torch.stack(rows, 1).view(-1, 2, 3)


def _rows(chosen: torch.Tensor, volume: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Indices of the slices whose volume is chosen."""
    return chosen[volume].nonzero()[:, 0].to(device)


def _move(
    slices: torch.Tensor, masks: torch.Tensor | None, volume: torch.Tensor, theta: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor | None]:
    still = (theta - torch.eye(2, 3)).abs().amax((1, 2)) == 0
    rows = _rows(~still, volume, slices.device)
    if not len(rows):
        return slices, masks
    stack = slices if masks is None else torch.cat((slices, masks), 1)
    chosen = stack[rows]
    grid = F.affine_grid(theta, [len(theta), 1, *slices.shape[2:]], align_corners=False).to(slices.device)
    grid = grid[volume.to(slices.device)[rows]]
    moved = F.grid_sample(chosen, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    slices = slices.index_copy(0, rows, moved[:, :1])
    if masks is not None:
        masks = masks.index_copy(0, rows, (moved[:, 1:] >= 0.5).to(masks.dtype))
    return slices, masks


def _shade(
    slices: torch.Tensor, volume: torch.Tensor, draw: _Draw, settings: Mapping[str, Any]
) -> torch.Tensor:
    on = draw.chance(settings["probability"]).float()
    gain = 1 + on * draw.uniform(-settings["contrast"], settings["contrast"])
    offset = on * draw.uniform(-settings["brightness"], settings["brightness"])
    gain, offset = (v[volume].to(slices.device)[:, None, None, None] for v in (gain, offset))
    return (slices * gain + offset).clamp_(0, 1)


def _add_noise(
    slices: torch.Tensor,
    volume: torch.Tensor,
    draw: _Draw,
    settings: Mapping[str, Any],
    generator: torch.Generator,
) -> torch.Tensor:
    on, variance = draw.chance(settings["probability"]), draw.uniform(*settings["noise_variance"])
    rows = _rows(on, volume, slices.device)
    if not len(rows):
        return slices
    deviation = variance.sqrt()[volume].to(slices.device)[rows][:, None, None, None]
    noise = torch.randn(len(rows), *slices.shape[1:], generator=generator, device=slices.device)
    return slices.index_add(0, rows, noise.mul_(deviation)).clamp_(0, 1)


def _kernels(kind: torch.Tensor, direction: torch.Tensor, size: int) -> torch.Tensor:
    """(B, size, size): Gaussian (OpenCV's sigma for the size) or a line in one of four directions
    (motion)."""
    position = torch.arange(size) - (size - 1) / 2
    bell = torch.exp(-0.5 * (position / (0.3 * ((size - 1) * 0.5 - 1) + 0.8)) ** 2)
    line, middle = torch.eye(size) / size, torch.zeros(size, size)
    middle[size // 2] = 1 / size
    lines = torch.stack([middle, middle.T, line, line.flip(0)])
    gaussian = torch.outer(bell, bell) / bell.sum() ** 2
    return torch.where((kind == GAUSSIAN)[:, None, None], gaussian, lines[direction])


def _blur(
    slices: torch.Tensor, volume: torch.Tensor, draw: _Draw, settings: Mapping[str, Any]
) -> torch.Tensor:
    size = settings["blur_px"]
    on, kind, direction = draw.chance(settings["probability"]), draw.choice(3), draw.choice(4)
    if size == 1:
        return slices
    linear = _rows(on & (kind != MEDIAN), volume, slices.device)
    if len(linear):
        weights = _kernels(kind, direction, size)[volume].to(slices.device)[linear]
        padded = F.pad(slices[linear], [size // 2] * 4, mode="reflect").transpose(0, 1)
        blurred = F.conv2d(padded, weights.unsqueeze(1), groups=len(linear)).transpose(0, 1)
        slices = slices.index_copy(0, linear, blurred)
    ranked = _rows(on & (kind == MEDIAN), volume, slices.device)
    if len(ranked):
        padded = F.pad(slices[ranked], [size // 2] * 4, mode="reflect")
        windows = padded.unfold(2, size, 1).unfold(3, size, 1).flatten(4)
        slices = slices.index_copy(0, ranked, windows.sort(-1).values[..., size**2 // 2])
    return slices
