"""Recurrent operators on pooled slice features."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from smartnet.networks.decoders import initialise_head
from smartnet.networks.encoder import scaled
from smartnet.networks.volumes import VolumeClassifier

HIDDEN = 512


class BiLSTMClassifier(VolumeClassifier):
    """SMART-Net-CLS: a 2-layer bidirectional LSTM, then two linear layers.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (512 hidden units at 1).
    """

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width)
        hidden = scaled(HIDDEN, width)
        self.LSTM = nn.LSTM(
            self.encoder.channels[-1], hidden, num_layers=2, bidirectional=True, batch_first=True
        )
        self.fc = nn.Linear(2 * hidden, hidden)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(hidden, 1)
        initialise_head(self.fc)
        initialise_head(self.head)

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) -> logits (B, 1), from the last hidden state of either direction."""
        sequences = pack_sequence(features.split(list(depths)), enforce_sorted=False)
        _, (hidden, _) = self.LSTM(sequences)
        joined = torch.cat((hidden[-2], hidden[-1]), 1)
        return self.head(self.dropout(self.relu(self.fc(joined))))
