"""Convolutional operators, on pooled slice features and on the decoder's feature maps."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from smartnet.networks.decoders import initialise_decoder, initialise_head
from smartnet.networks.layout import PlanarConv2d
from smartnet.networks.operators.tail import TailedClassifier
from smartnet.networks.volumes import VolumeSegmenter


def neighbours(x: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
    """Join each packed slice (S, C, ...) with the one below and the one above it: (S, 3 C, ...).

    Beyond a volume's ends there are zeros. What a convolution over depth does to these channels needs no
    padding slice, and other volumes do not matter.
    """
    rest = (1,) * (x.ndim - 1)
    starts = torch.tensor(depths).cumsum(0) - torch.tensor(depths)
    inside = torch.ones(len(x), *rest)
    inside[starts] = 0  # a first slice has nothing below it, and so the one before has nothing above
    inside = inside.to(x)
    plane = (0, 0) * len(rest)
    below = F.pad(x[:-1], (*plane, 1, 0)) * inside
    above = F.pad(x[1:] * inside[1:], (*plane, 0, 1))
    return torch.cat((below, x, above), 1)


def over_neighbours(convolution: nn.Conv1d | nn.Conv3d) -> torch.Tensor:
    """A weight (outputs, inputs, 3, ...) as that of a layer over ``neighbours``, (outputs, 3 inputs, ...)."""
    return convolution.weight.transpose(1, 2).flatten(1, 2)


class Conv1dClassifier(TailedClassifier):
    """Two blocks of Conv1D(3) over depth - LayerNorm - ReLU, then the maximum over the slices.

    BatchNorm would let the other scans of a batch have their say, and cannot learn from a scan of one slice.
    """

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width)
        self.conv1 = nn.Conv1d(self.encoder.channels[-1], self.hidden, 3, padding=1)
        self.norm1 = nn.LayerNorm(self.hidden)
        self.conv2 = nn.Conv1d(self.hidden, self.hidden, 3, padding=1)
        self.norm2 = nn.LayerNorm(self.hidden)
        self.add_tail(self.hidden)
        initialise_decoder(self.conv1)
        initialise_decoder(self.conv2)
        self.initialise_tail()

    def summarise(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) of the packed slices -> (B, F)."""
        x = features
        for convolution, norm in ((self.conv1, self.norm1), (self.conv2, self.norm2)):
            x = F.linear(neighbours(x, depths), over_neighbours(convolution), convolution.bias)
            x = norm(x).relu()
        return torch.stack([scan.amax(0) for scan in x.split(list(depths))])


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
        """The 3D convolution of packed slices (S, C, H, W) -> (S, outputs, H, W).

        Written as a 2D convolution over each slice and its neighbours: the same sums, but with few channels
        several times faster on a CPU.
        """
        weight = over_neighbours(convolution)
        return F.conv2d(neighbours(x, depths), weight, convolution.bias, padding=1)

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Decoder features (S, C, H, W) -> logits (S, 1, H, W)."""
        x = features
        for convolution, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2)):
            x = self._convolve(convolution, x, depths)
            x = self.relu(norm(x.unsqueeze(2)).squeeze(2))  # statistics over all real voxels of the batch
        return self._convolve(self.head, x, depths)


class SliceSegmenter(VolumeSegmenter):
    """No 3D operator: a 3x3 convolution answers slice by slice, as upstream."""

    def __init__(self, *, depth: int, width: float, attention: str) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width, attention=attention)
        self.head = PlanarConv2d(self.seg_decoder.channels, 1, 3, padding=1)
        initialise_head(self.head)

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Decoder features (S, C, H, W) -> logits (S, 1, H, W)."""
        return self.head(features)
