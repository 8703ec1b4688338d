"""Operators that pool the slice features of a scan, blind to the order of the slices."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import nn

from smartnet.networks.decoders import initialise_head
from smartnet.networks.encoder import scaled
from smartnet.networks.operators.tail import TailedClassifier

ATTENTION = 128  # units of the gated attention, as in its paper


class PoolingClassifier(TailedClassifier):
    """Base of the poolings: each scan's slices become one vector of as many features."""

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width)
        self.add_tail(self.encoder.channels[-1])
        self.initialise_tail()

    @abstractmethod
    def pool(self, scan: torch.Tensor) -> torch.Tensor:
        """The slices of one scan (D, C) -> (C,)."""

    def summarise(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) of the packed slices -> (B, C)."""
        return torch.stack([self.pool(scan) for scan in features.split(list(depths))])


class MeanClassifier(PoolingClassifier):
    """The mean over the slices."""

    def pool(self, scan: torch.Tensor) -> torch.Tensor:
        """The slices of one scan (D, C) -> (C,)."""
        return scan.mean(0)


class MaxClassifier(PoolingClassifier):
    """The maximum of each feature over the slices."""

    def pool(self, scan: torch.Tensor) -> torch.Tensor:
        """The slices of one scan (D, C) -> (C,)."""
        return scan.amax(0)


class AttentionClassifier(PoolingClassifier):
    """Gated attention of multiple-instance learning: a weighted mean (Ilse et al., ICML 2018).

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (128 attention units at 1).
    """

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width)
        channels, units = self.encoder.channels[-1], scaled(ATTENTION, width)
        self.content = nn.Linear(channels, units)
        self.gate = nn.Linear(channels, units)
        self.weight = nn.Linear(units, 1, bias=False)  # softmax would cancel a bias
        for layer in (self.content, self.gate, self.weight):
            initialise_head(layer)

    def attend(self, scan: torch.Tensor) -> torch.Tensor:
        """The slices of one scan (D, C) -> their weights (D, 1), which sum to 1."""
        return self.weight(self.content(scan).tanh() * self.gate(scan).sigmoid()).softmax(0)

    def pool(self, scan: torch.Tensor) -> torch.Tensor:
        """The slices of one scan (D, C) -> (C,)."""
        return (self.attend(scan) * scan).sum(0)
