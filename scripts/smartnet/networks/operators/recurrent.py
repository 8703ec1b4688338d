"""Recurrent operators on pooled slice features."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from smartnet.networks.decoders import initialise_head
from smartnet.networks.encoder import scaled
from smartnet.networks.volumes import VolumeClassifier

HIDDEN = 512
LONGEST = 32  # slices that an untrained memory bridges; an ordinary head scan


def initialise_memory(lstm: nn.LSTM) -> None:
    """Chrono initialisation of an LSTM's biases (Tallec and Ollivier, ICLR 2018).

    The paper reads the answer at either end of the scan. With zero biases an untrained cell forgets half of
    its state at every slice, and what the middle of the scan shows hardly reaches the ends.
    """
    hidden = lstm.hidden_size
    with torch.no_grad():
        for name, bias in lstm.named_parameters():
            if name.startswith("bias_ih"):
                forget = torch.empty(hidden).uniform_(1, LONGEST - 1).log()
                bias.zero_()  # gates stand in the order input, forget, cell, output
                bias[:hidden], bias[hidden : 2 * hidden] = (
                    -forget,
                    forget,
                )
            elif name.startswith("bias_hh"):
                bias.zero_()


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
        initialise_memory(self.LSTM)
        initialise_head(self.fc)
        initialise_head(self.head)

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) -> logits (B, 1), from the last hidden state of either direction."""
        sequences = pack_sequence(features.split(list(depths)), enforce_sorted=False)
        _, (hidden, _) = self.LSTM(sequences)
        joined = torch.cat((hidden[-2], hidden[-1]), 1)
        return self.head(self.dropout(self.relu(self.fc(joined))))
