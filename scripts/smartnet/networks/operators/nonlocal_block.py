"""A non-local block on the decoder's feature maps: every voxel looks at the whole scan."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from smartnet.networks.decoders import initialise_head
from smartnet.networks.encoder import STRIDE
from smartnet.networks.layout import PlanarConv2d
from smartnet.networks.volumes import VolumeSegmenter

ALIGNED = 8  # channels come in multiples of it: memory-saving attention kernels take nothing else


def aligned(channels: int) -> int:
    """The next multiple of ``ALIGNED``."""
    return -(-channels // ALIGNED) * ALIGNED


class NonLocalSegmenter(VolumeSegmenter):
    """An embedded-Gaussian non-local block (Wang et al., CVPR 2018), then a 3x3 convolution to one logit.

    What voxels look at is subsampled by a maximum in the plane, as in its paper, here over tiles of 16 x 16
    pixels: a scan of 58 slices of 256 x 256 has 14,848 of them. The block starts as the identity.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (16 channels, 8 inside the block, at 1).
        attention: scSE in ``all`` decoder blocks, the ``last``, or ``none``.
    """

    def __init__(self, *, depth: int, width: float, attention: str) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width, attention=attention)
        channels = self.seg_decoder.channels
        inner = aligned(channels // 2)
        self.query, self.value = nn.Linear(channels, inner), nn.Linear(channels, inner)
        self.key = nn.Linear(channels, inner, bias=False)  # softmax would cancel a bias
        self.back = nn.Linear(inner, channels)
        self.head = PlanarConv2d(channels, 1, 3, padding=1)
        for layer in (self.query, self.value, self.key, self.head):
            initialise_head(layer)
        nn.init.zeros_(self.back.weight)
        nn.init.zeros_(self.back.bias)

    @staticmethod
    def _tiles(x: torch.Tensor) -> torch.Tensor:
        """(S, H, W, C) -> the maxima of all tiles (S, tiles, C)."""
        tiles = x.unflatten(2, (-1, STRIDE)).unflatten(1, (-1, STRIDE))
        return tiles.amax((2, 4)).flatten(1, 2)  # unlike max_pool2d, with a deterministic gradient everywhere

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Decoder features (S, C, H, W) -> logits (S, 1, H, W)."""
        pixels = features.permute(0, 2, 3, 1)
        query = self.query(pixels).flatten(1, 2)
        key, value = self._tiles(self.key(pixels)), self._tiles(self.value(pixels))
        scans = zip(*(x.split(list(depths)) for x in (query, key, value)), strict=True)
        seen = [
            F.scaled_dot_product_attention(*(x.flatten(0, 1)[None, None] for x in scan)) for scan in scans
        ]
        context = self.back(torch.cat(seen, 2)).view_as(pixels)
        return self.head(features + context.permute(0, 3, 1, 2))
