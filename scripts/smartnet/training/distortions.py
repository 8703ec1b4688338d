"""The distortions of Models Genesis, of a whole batch on the training device (Zhou et al., Medical Image
Analysis 2021, section 2).

Every slice is drawn for on its own, in the published order: local pixel shuffling, a non-linear map of its
intensities, then in- or out-painting. What is restored is the slice as it was before.
"""

from collections.abc import Mapping

import torch

PUBLISHED = {"shuffle": 0.5, "nonlinear": 0.9, "paint": 0.9, "inpaint": 0.2}
"""Probabilities (release of Models Genesis, 2019): of shuffling, of the map, of painting, and of in-painting
given painting; else it is out-painting."""

CURVE_POINTS = 1000  # a cubic Bezier curve by straight pieces
WINDOWS, GO_ON = 5, 0.95  # painted windows at most, and the chance of one more
INSIDE = (1 / 6, 1 / 3)  # side of a window that in-painting fills, fraction of the image's
KEPT = (3 / 7, 4 / 7)  # side of a window that out-painting keeps
BORDER = 3 / 64  # of the image that no window touches
SHUFFLED = 1 / 10  # longest side of a window whose pixels change places

Generators = tuple[torch.Generator, torch.Generator]


def distort(
    slices: torch.Tensor, generators: Generators, *, probabilities: Mapping[str, float] = PUBLISHED
) -> torch.Tensor:
    """Distort every slice by its own draw.

    Args:
        slices: (S, 1, H, W) in [0, 1].
        generators: of parameters (CPU) and noise (the slices' device), see ``augmentation.generators``.
        probabilities: keys as in ``PUBLISHED``.

    Returns:
        (S, 1, H, W) in [0, 1]; the input stays as it is.
    """
    count, numbers = len(slices), generators[0]
    chance = torch.rand(4, count, generator=numbers)
    shuffled, mapped = chance[0] < probabilities["shuffle"], chance[1] < probabilities["nonlinear"]
    painted, inside = chance[2] < probabilities["paint"], chance[3] < probabilities["inpaint"]
    slices = _choose(shuffled, shuffle(slices, generators), slices)
    slices = _choose(mapped, map_intensities(slices, *draw_curves(count, numbers)), slices)
    noise = torch.rand(slices.shape, generator=generators[1], device=slices.device)
    filled = draw_windows(count, slices.shape[2:], sides=INSIDE, first=GO_ON, generator=numbers)
    kept = draw_windows(count, slices.shape[2:], sides=KEPT, first=1.0, generator=numbers)
    hidden = torch.where(inside[:, None, None, None], filled, ~kept) & painted[:, None, None, None]
    return torch.where(hidden.to(slices.device), noise, slices)


def _choose(chosen: torch.Tensor, changed: torch.Tensor, slices: torch.Tensor) -> torch.Tensor:
    return torch.where(chosen.to(slices.device)[:, None, None, None], changed, slices)


def draw_curves(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Cubic Bezier curves from (0, 0) to (1, 1) with two random control points, half of them turned upside
    down.

    Published curves that rise are sorted, so that they are functions; here falling ones are too.

    Returns:
        x and y, (count, points) each: x rises from 0 to 1, y goes from 0 to 1 or from 1 to 0, never back.
    """
    t = torch.linspace(0, 1, CURVE_POINTS)
    control = torch.rand(2, count, 2, 1, generator=generator)
    first, second = 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2
    x, y = (first * point[:, 0] + second * point[:, 1] + t**3 for point in control)
    x, y = x.sort(1).values, y.sort(1).values
    falls = torch.rand(count, generator=generator) < 0.5
    return x, torch.where(falls[:, None], y.flip(1), y)


def map_intensities(slices: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Put every pixel through its slice's curve.

    Args:
        slices: (S, 1, H, W) in [0, 1].
        x: (S, points), rising from 0 to 1.
        y: (S, points), in [0, 1].
    """
    x, y, values = x.to(slices.device), y.to(slices.device), slices.flatten(1)
    above = torch.searchsorted(x, values.contiguous(), right=True).clamp_(1, x.shape[1] - 1)
    low, high = x.gather(1, above - 1), x.gather(1, above)
    part = ((values - low) / (high - low).clamp_min(1e-12)).clamp_(0, 1)
    return torch.lerp(y.gather(1, above - 1), y.gather(1, above), part).view_as(slices)


def _grid(count: int, side: int, generator: torch.Generator) -> torch.Tensor:
    """(count, side): the number of the window that a row or column falls into; their sides are random."""
    longest = max(1, int(side * SHUFFLED))
    ends = torch.randint(1, longest + 1, (count, side), generator=generator).cumsum(1)
    places = torch.arange(side).expand(count, side).contiguous()
    return torch.searchsorted(ends, places, right=True)


def windows_of(count: int, size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """(count, H, W): the number of the shuffled window that a pixel belongs to."""
    rows, columns = (_grid(count, side, generator) for side in size)
    return rows[:, :, None] * size[1] + columns[:, None, :]


def shuffle(slices: torch.Tensor, generators: Generators) -> torch.Tensor:
    """Let the pixels of each window change places; the windows tile the slice, (S, 1, H, W).

    A stable sort by window and one by window and chance pair old and new places, for all windows at once.
    """
    size = tuple(slices.shape[2:])
    window = windows_of(len(slices), size, generators[0]).flatten(1).to(slices.device)
    chance = torch.rand(window.shape, generator=generators[1], device=slices.device, dtype=torch.float64)
    source = (window + chance).argsort(dim=1, stable=True)
    target = window.argsort(dim=1, stable=True)
    values = slices.flatten(1)
    return torch.empty_like(values).scatter_(1, target, values.gather(1, source)).view_as(slices)


def draw_windows(
    count: int,
    size: tuple[int, int],
    *,
    sides: tuple[float, float],
    first: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Up to five windows per slice, which may overlap.

    Args:
        count: slices.
        size: rows and columns.
        sides: shortest and longest side of a window, fractions of the image's.
        first: chance of the first window; each further one comes with ``GO_ON`` if all before came.
        generator: on the CPU.

    Returns:
        (count, 1, H, W) bool: what lies in any window.
    """
    chance = torch.rand(count, WINDOWS, generator=generator)
    chance[:, 1:] /= GO_ON
    chance[:, 0] /= first
    there = (chance < 1).cumprod(1).bool()
    spans = [_spans(count, side, sides, generator) for side in size]
    inside = spans[0][:, :, :, None] & spans[1][:, :, None, :] & there[:, :, None, None]
    return inside.any(1, keepdim=True)


def _spans(count: int, side: int, sides: tuple[float, float], generator: torch.Generator) -> torch.Tensor:
    """(count, windows, side) bool: the rows or columns of each window."""
    low, high, border = (int(side * fraction) for fraction in (*sides, BORDER))
    length = torch.randint(max(1, low), high + 1, (count, WINDOWS), generator=generator)
    free = side - length - 2 * border + 1
    start = border + (torch.rand(count, WINDOWS, generator=generator) * free).long()
    place = torch.arange(side)
    return (place >= start[..., None]) & (place < (start + length)[..., None])
