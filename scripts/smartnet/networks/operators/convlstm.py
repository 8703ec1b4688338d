"""Convolutional LSTM over depth, on the decoder's feature maps."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, unpack_sequence

from smartnet.networks.decoders import initialise_head
from smartnet.networks.layout import PlanarConv2d
from smartnet.networks.operators.recurrent import bridging
from smartnet.networks.volumes import VolumeSegmenter


class ConvLSTM(nn.Module):
    """An LSTM whose products are 3x3 convolutions (Shi et al., NeurIPS 2015), from first slice to last.

    Without peepholes, whose weights would tie it to one image size. Its biases start as those of the BiLSTM.
    """

    def __init__(self, channels: int) -> None:
        """Build the layers."""
        super().__init__()
        self.channels = channels
        self.gates = PlanarConv2d(2 * channels, 4 * channels, 3, padding=1)
        initialise_head(self.gates)
        with torch.no_grad():
            keep = bridging(channels)
            self.gates.bias[: 2 * channels] = torch.cat((-keep, keep))  # input, forget, cell, output

    def forward(self, scans: PackedSequence) -> PackedSequence:
        """Slices (S, C, H, W) of a batch in step, longest scan first -> hidden states of the same shape."""
        sizes = scans.batch_sizes.tolist()
        hidden = memory = scans.data.new_zeros(sizes[0], *scans.data.shape[1:])
        states = []
        for slices in scans.data.split(sizes):
            running = len(slices)  # scans that are not over yet
            gates = self.gates(torch.cat((slices, hidden[:running]), 1))
            enter, keep, content, leave = gates.chunk(4, 1)
            memory = keep.sigmoid() * memory[:running] + enter.sigmoid() * content.tanh()
            hidden = leave.sigmoid() * memory.tanh()
            states.append(hidden)
        return PackedSequence(torch.cat(states), *scans[1:])


class ConvLSTMSegmenter(VolumeSegmenter):
    """A ConvLSTM up the scan and one down, their states joined, then a 3x3 convolution to one logit.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (16 channels per direction at 1).
        attention: scSE in ``all`` decoder blocks, the ``last``, or ``none``.
    """

    def __init__(self, *, depth: int, width: float, attention: str) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width, attention=attention)
        channels = self.seg_decoder.channels
        self.up, self.down = ConvLSTM(channels), ConvLSTM(channels)
        self.head = PlanarConv2d(2 * channels, 1, 3, padding=1)
        initialise_head(self.head)

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Decoder features (S, C, H, W) -> logits (S, 1, H, W)."""
        scans = features.split(list(depths))
        up = unpack_sequence(self.up(pack_sequence(scans, enforce_sorted=False)))
        turned = [scan.flip(0) for scan in scans]
        down = unpack_sequence(self.down(pack_sequence(turned, enforce_sorted=False)))
        states = torch.cat((torch.cat(up), torch.cat([scan.flip(0) for scan in down])), 1)
        return self.head(states)
