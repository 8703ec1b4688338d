"""Memory layout of narrow feature maps on a CPU.

Convolutions run fastest with the channels last in memory, everything between them plane by plane; where a
map has few channels, copying it back and forth costs less than working in the wrong layout.
"""

import torch
from torch import nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

NARROW = 16  # channels up to which the copies pay


def narrow(x: torch.Tensor) -> bool:
    """Whether a map (N, C, H, W) is worth copying."""
    return x.shape[1] <= NARROW and not x.is_cuda


class _Copy(torch.autograd.Function):
    """Copy a map into a layout; its gradient goes back in the layout that the map came in."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: torch.Tensor, layout: torch.memory_format) -> torch.Tensor:
        ctx.source = torch.contiguous_format if x.is_contiguous() else torch.channels_last
        return x.contiguous(memory_format=layout)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient.contiguous(memory_format=ctx.source), None


def planar(x: torch.Tensor) -> torch.Tensor:
    """(N, C, H, W) plane by plane if it is narrow, else as it is."""
    return _Copy.apply(x, torch.contiguous_format) if narrow(x) else x


class PlanarConv2d(nn.Conv2d):
    """A convolution between narrow maps that lie plane by plane."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W')."""
        return planar(super().forward(_Copy.apply(x, torch.channels_last) if narrow(x) else x))


class PooledConv2d(nn.Conv2d):
    """A 1x1 convolution of a pooled map, as the matrix product that it is."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, 1, 1) -> (N, outputs, 1, 1)."""
        return F.linear(x.flatten(1), self.weight.flatten(1), self.bias)[..., None, None]
