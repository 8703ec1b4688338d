"""Concurrent spatial and channel squeeze-excitation (scSE; Roy et al., MICCAI 2018)."""

import torch
from torch import nn

from smartnet.networks.layout import PooledConv2d, planar

REDUCTION = 16


class GlobalAveragePool(nn.Module):
    """Mean over the image plane; unlike adaptive pooling its gradient is deterministic on every device."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, 1, 1)."""
        return x.mean((2, 3), keepdim=True)


class SCSE(nn.Module):
    """The channel gate and the spatial gate of a feature map, summed."""

    def __init__(self, channels: int) -> None:
        """Build the layers."""
        super().__init__()
        squeezed = max(1, channels // REDUCTION)
        self.cSE = nn.Sequential(
            GlobalAveragePool(),
            PooledConv2d(channels, squeezed, 1),
            nn.ReLU(inplace=True),
            PooledConv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )
        self.sSE = nn.Sequential(nn.Conv2d(channels, 1, 1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> same shape: ``x * cSE(x) + x * sSE(x)``, with the factor taken out."""
        x = planar(x)
        return x * (self.cSE(x) + self._spatial(x))

    def _spatial(self, x: torch.Tensor) -> torch.Tensor:
        """``self.sSE(x)`` as matrix products: a convolution to one channel is slow, above all backwards."""
        convolution, sigmoid = self.sSE
        weight = convolution.weight.flatten(1).expand(len(x), -1, -1)
        weighted = torch.bmm(weight, x.flatten(2)) + convolution.bias
        return sigmoid(weighted).unflatten(2, x.shape[2:])


class Attention(nn.Module):
    """scSE or nothing, under the name that released checkpoints use."""

    def __init__(self, channels: int, *, active: bool) -> None:
        """Build the layers."""
        super().__init__()
        self.attention = SCSE(channels) if active else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> same shape."""
        return self.attention(x)
