"""Convolutional operators on the decoder's feature maps."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from smartnet.networks.decoders import initialise_decoder, initialise_head
from smartnet.networks.volumes import VolumeSegmenter


class Conv3dSegmenter(VolumeSegmenter):
    """SMART-Net-SEG: two Conv3D(3x3x3) - BatchNorm - ReLU blocks, then Conv3D to one logit.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (16 channels at 1).
        attention: scSE in ``all`` decoder blocks, the ``last``, or ``none``.
    """

    def __init__(self, *, depth: int, width: float, attention: str) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width, attention=attention)
        channels = self.seg_decoder.channels
        self.conv1 = nn.Conv3d(channels, channels, 3, padding=1)
        self.bn1 = nn.BatchNorm3d(channels)
        self.conv2 = nn.Conv3d(channels, channels, 3, padding=1)
        self.bn2 = nn.BatchNorm3d(channels)
        self.relu = nn.ReLU()
        self.head = nn.Conv3d(channels, 1, 3, padding=1)
        for convolution in (self.conv1, self.conv2):
            initialise_decoder(convolution)
        initialise_head(self.head)

    @staticmethod
    def _convolve(convolution: nn.Conv3d, x: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """The 3D convolution of packed slices (S, C, H, W) -> (S, outputs, H, W), zero beyond every
        volume's ends.

        Written as a 2D convolution over each slice and its two neighbours: the same sums, but with few
        channels
        several times faster on a CPU, and without any padding slice.
        """
        starts = torch.tensor(depths).cumsum(0) - torch.tensor(depths)
        inside = torch.ones(len(x), 1, 1, 1)
        inside[starts] = (
            0  # the first slice of a volume has nothing below it, so the one before has nothing above
        )
        inside = inside.to(x)
        below = F.pad(x[:-1], (0, 0, 0, 0, 0, 0, 1, 0)) * inside
        above = F.pad(x[1:] * inside[1:], (0, 0, 0, 0, 0, 0, 0, 1))
        weight = convolution.weight.transpose(1, 2).flatten(1, 2)
        return F.conv2d(torch.cat((below, x, above), 1), weight, convolution.bias, padding=1)

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Decoder features (S, C, H, W) -> logits (S, 1, H, W)."""
        x = features
        for convolution, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2)):
            x = self._convolve(convolution, x, depths)
            x = self.relu(norm(x.unsqueeze(2)).squeeze(2))  # statistics over all real voxels of the batch
        return self._convolve(self.head, x, depths)
