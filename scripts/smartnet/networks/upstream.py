"""The upstream network: one encoder and its pretext heads."""

from collections.abc import Sequence

import torch
from torch import nn

from smartnet.networks.attention import GlobalAveragePool
from smartnet.networks.decoders import Decoder, initialise_decoder, initialise_encoder, initialise_head
from smartnet.networks.encoder import Encoder
from smartnet.networks.layout import PlanarConv2d

HEADS = ("cls", "seg", "rec")  # the paper's
ALL_HEADS = (*HEADS, "words")


class UpstreamNetwork(nn.Module):
    """Slice-level multi-task network.

    Args:
        depth: of the encoder, 18, 34 or 50.
        width: factor on all channel numbers.
        attention: scSE in ``all`` decoder blocks, in the ``last``, or ``none``.
        heads: any of ``cls``, ``seg``, ``rec``, ``words``; none at all leaves the encoder alone.
        words: classes of the head ``words``.
    """

    def __init__(
        self, *, depth: int, width: float, attention: str, heads: Sequence[str], words: int | None = None
    ) -> None:
        """Build the layers."""
        super().__init__()
        self.encoder = Encoder(depth, width)
        initialise_encoder(self.encoder)
        channels = self.encoder.channels
        self.heads = tuple(head for head in ALL_HEADS if head in heads)
        if "cls" in self.heads:
            self.classification_head = nn.Sequential(
                GlobalAveragePool(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(channels[-1], 1)
            )
            initialise_head(self.classification_head)
        if "seg" in self.heads:
            self.seg_decoder = Decoder(channels, width=width, attention=attention, skips=True)
            initialise_decoder(self.seg_decoder)
            self.segmentation_head = nn.Sequential(PlanarConv2d(self.seg_decoder.channels, 1, 3, padding=1))
            initialise_head(self.segmentation_head)
        if "rec" in self.heads:
            self.rec_decoder = Decoder(channels, width=width, attention=attention, skips=False)
            initialise_decoder(self.rec_decoder)
            self.reconstruction_head = nn.Sequential(PlanarConv2d(self.rec_decoder.channels, 1, 3, padding=1))
            initialise_head(self.reconstruction_head)
        if "words" in self.heads:
            self.word_head = nn.Sequential(GlobalAveragePool(), nn.Flatten(), nn.Linear(channels[-1], words))
            initialise_head(self.word_head)

    def forward(self, slices: torch.Tensor) -> dict[str, torch.Tensor]:
        """Answers of all heads.

        Args:
            slices: (N, 1, H, W) in [0, 1].

        Returns:
            ``cls`` (N, 1) logits, ``seg`` (N, 1, H, W) logits, ``rec`` (N, 1, H, W) grey values,
            ``words`` (N, words) logits; only the heads that the network has.
        """
        features = self.encoder(slices)
        outputs = {}
        if "cls" in self.heads:
            outputs["cls"] = self.classification_head(features[-1])
        if "seg" in self.heads:
            outputs["seg"] = self.segmentation_head(self.seg_decoder(features))
        if "rec" in self.heads:
            outputs["rec"] = self.reconstruction_head(self.rec_decoder(features))
        if "words" in self.heads:
            outputs["words"] = self.word_head(features[-1])
        return outputs
