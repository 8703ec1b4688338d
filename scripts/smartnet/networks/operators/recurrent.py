"""Recurrent operators on pooled slice features."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from smartnet.networks.operators.tail import TailedClassifier

LONGEST = 32  # slices that an untrained memory bridges; an ordinary head scan


def bridging(hidden: int) -> torch.Tensor:
    """Draw biases (hidden,) with which a gate keeps its memory over 1 to ``LONGEST`` slices.

    Chrono initialisation (Tallec and Ollivier, ICLR 2018).
    """
    return torch.empty(hidden).uniform_(1, LONGEST - 1).log()


def initialise_memory(layers: nn.LSTM | nn.GRU) -> None:
    """Set the biases so that the memory bridges a scan.

    The paper reads the answer at either end of the scan. With zero biases an untrained cell forgets half of
    its state at every slice, and what the middle of the scan shows hardly reaches the ends.
    """
    hidden = layers.hidden_size
    with torch.no_grad():
        for name, bias in layers.named_parameters():
            if name.startswith("bias_ih"):
                keep = bridging(hidden)
                bias.zero_()  # gates of an LSTM: input, forget, cell, output; of a GRU: reset, update, new
                bias[hidden : 2 * hidden] = keep
                if isinstance(layers, nn.LSTM):
                    bias[:hidden] = -keep
            elif name.startswith("bias_hh"):
                bias.zero_()


class RecurrentClassifier(TailedClassifier):
    """Base of what walks along the scan: two layers, the last hidden state of each direction, the tail."""

    cell: type[nn.LSTM] | type[nn.GRU] = nn.LSTM
    directions = 2

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the layers; the recurrent ones are called as their kind."""
        super().__init__(depth=depth, width=width)
        layers = self.cell(
            self.encoder.channels[-1],
            self.hidden,
            num_layers=2,
            bidirectional=self.directions == 2,
            batch_first=True,
        )
        self.add_module(self.cell.__name__, layers)
        self.add_tail(self.directions * self.hidden)
        initialise_memory(layers)
        self.initialise_tail()

    def summarise(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) -> the last layer's last hidden states, directions joined (B, F)."""
        sequences = pack_sequence(features.split(list(depths)), enforce_sorted=False)
        _, state = getattr(self, self.cell.__name__)(sequences)
        hidden = state[0] if isinstance(state, tuple) else state
        return torch.cat(tuple(hidden[-self.directions :]), 1)


class BiLSTMClassifier(RecurrentClassifier):
    """SMART-Net-CLS: a 2-layer bidirectional LSTM."""


class LSTMClassifier(RecurrentClassifier):
    """A 2-layer LSTM from the first slice to the last."""

    directions = 1


class GRUClassifier(RecurrentClassifier):
    """A 2-layer bidirectional GRU."""

    cell = nn.GRU
