"""From the slices that a network sees back onto the grid of the scan."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch.nn import functional as F

from smartnet.slices.preprocess import Crop, overlap


def on_grid(
    slices: Iterable[torch.Tensor], z: np.ndarray, shape: tuple[int, int, int], *, crop: Crop | None = None
) -> Iterator[tuple[tuple[int, slice, slice], np.ndarray]]:
    """Resize what a network says of each slice to the part of the plane that the slice shows.

    Args:
        slices: (1, H, W) each, in order.
        z: (S,) index of each slice in the scan.
        shape: (z, y, x) of the scan.
        crop: what the slices show of the plane; None: all of it.

    Yields:
        index into the scan (z, rows, columns) and the values there, resized linearly in the plane, voxel
        centres aligned as in the slices' own resize.
    """
    crop = crop or Crop(0, 0, *shape[1:])
    image, own = overlap(crop, shape[1:])
    for index, values in zip(z, slices, strict=True):
        native = F.interpolate(values[None], size=crop[2:], mode="bilinear", align_corners=False)
        yield (int(index), *image), native[0, 0].cpu().numpy()[own]
