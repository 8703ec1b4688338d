"""The last layers that all classifiers share."""

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import nn

from smartnet.networks.decoders import initialise_head
from smartnet.networks.encoder import scaled
from smartnet.networks.volumes import VolumeClassifier

HIDDEN = 512


class TailedClassifier(VolumeClassifier):
    """A classifier that sums a scan up in one vector; linear, ReLU, dropout, linear make it a logit.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (512 hidden units at 1).
    """

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the encoder; subclasses add their own layers, then the tail."""
        super().__init__(depth=depth, width=width)
        self.hidden = scaled(HIDDEN, width)

    def add_tail(self, inputs: int) -> None:
        """Build the layers after the summary (B, inputs), under the names of released checkpoints."""
        self.fc = nn.Linear(inputs, self.hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(self.hidden, 1)

    def initialise_tail(self) -> None:
        """Draw the tail's weights; apart from building it, so that seeds give what they always gave."""
        initialise_head(self.fc)
        initialise_head(self.head)

    @abstractmethod
    def summarise(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) of the packed slices -> one vector per volume (B, F)."""

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) of the packed slices -> logits (B, 1)."""
        return self.head(self.dropout(self.relu(self.fc(self.summarise(features, depths)))))
