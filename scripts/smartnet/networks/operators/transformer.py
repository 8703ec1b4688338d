"""Transformer encoders: over the slices of a scan, and over the patches of all its slices."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from smartnet.networks.decoders import initialise_head
from smartnet.networks.encoder import STRIDE, scaled
from smartnet.networks.layout import PlanarConv2d
from smartnet.networks.operators.nonlocal_block import aligned
from smartnet.networks.operators.tail import TailedClassifier
from smartnet.networks.volumes import VolumeSegmenter

LAYERS, HEADS, HEAD_SIZE = 4, 8, 64
PATCH = STRIDE  # pixels per side


def token_size(width: float) -> int:
    """Length of a token: 512 at width 1."""
    return HEADS * aligned(scaled(HEAD_SIZE, width))


def encoder_layers(size: int) -> nn.TransformerEncoder:
    """Four pre-norm layers on tokens (T, B, size).

    Tokens come first, not the batch, because PyTorch's shortcut for evaluation (batch first only) holds the
    whole attention matrix; dropout inside the attention would as well, on a CPU. The layers of
    ``nn.TransformerEncoder`` start as copies of one, so all are drawn anew.
    """
    layer = nn.TransformerEncoderLayer(size, HEADS, 4 * size, dropout=0, activation="gelu", norm_first=True)
    layers = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(size), enable_nested_tensor=False)
    for parameter in layers.parameters():
        if parameter.ndim > 1:
            nn.init.xavier_uniform_(parameter)
    return layers


def sincos(positions: torch.Tensor, channels: int) -> torch.Tensor:
    """Code positions of any size as sines and cosines (Vaswani et al., NeurIPS 2017).

    Args:
        positions: (N, axes); each axis has an equal share of the channels.
        channels: length of the code; what the shares leave over is 0.

    Returns:
        (N, channels) in [-1, 1].
    """
    share = channels // (2 * positions.shape[1])
    rates = 1e4 ** (-torch.arange(share, device=positions.device) / share)
    angles = positions[..., None] * rates
    code = torch.cat((angles.sin(), angles.cos()), -1).flatten(1)
    return F.pad(code, (0, channels - code.shape[1]))


class TransformerClassifier(TailedClassifier):
    """A class token reads the slices of a scan, as in BERT (Devlin et al., 2019; release of 2024-10).

    Smaller than the release's (4 layers, not 12); positions are computed, so that no scan is too long.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (tokens of 512 at 1).
    """

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width)
        size = token_size(width)
        self.embed = nn.Linear(self.encoder.channels[-1], size)
        self.token = nn.Parameter(torch.empty(1, size).normal_(std=0.02))
        self.transformer = encoder_layers(size)
        self.add_tail(size)
        initialise_head(self.embed)
        self.initialise_tail()

    def summarise(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) of the packed slices -> what the class tokens became (B, F)."""
        numbers = torch.tensor(depths, device=features.device)
        positions = torch.cat([torch.arange(depth, device=features.device) for depth in depths])
        slices = self.embed(features)
        slices = slices + sincos(positions[:, None], slices.shape[1]).to(slices)
        tokens = pad_sequence([torch.cat((self.token, scan)) for scan in slices.split(list(depths))])
        padding = torch.arange(len(tokens), device=features.device) > numbers[:, None]
        return self.transformer(tokens, src_key_padding_mask=padding)[0]


class ViT3dSegmenter(VolumeSegmenter):
    """A vision transformer over 16 x 16 patches of all slices of a scan (release of 2024-10).

    What it says is added to the decoder's features; a 3x3 convolution makes them one logit. Unlike the
    release's, a patch is one slice deep and positions are computed, so that a scan may have any depth.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers (tokens of 512 at 1).
        attention: scSE in ``all`` decoder blocks, the ``last``, or ``none``.
    """

    def __init__(self, *, depth: int, width: float, attention: str) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width, attention=attention)
        channels, size = self.seg_decoder.channels, token_size(width)
        self.embed = nn.Linear(channels * PATCH**2, size)
        self.transformer = encoder_layers(size)
        self.back = nn.Linear(size, channels * PATCH**2)
        self.head = PlanarConv2d(channels, 1, 3, padding=1)
        for layer in (self.embed, self.back, self.head):
            initialise_head(layer)

    def _look(self, tokens: torch.Tensor) -> torch.Tensor:
        """The patches of one scan (D, h, w, F) -> the same, each knowing of all others."""
        axes = (torch.arange(n, device=tokens.device) for n in tokens.shape[:3])
        positions = torch.cartesian_prod(*axes)
        flat = tokens.flatten(0, 2)
        flat = flat + sincos(positions, flat.shape[1]).to(flat)
        return self.transformer(flat[:, None])[:, 0].view_as(tokens)

    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Decoder features (S, C, H, W) -> logits (S, 1, H, W)."""
        tokens = self.embed(F.pixel_unshuffle(features, PATCH).permute(0, 2, 3, 1))
        seen = torch.cat([self._look(scan) for scan in tokens.split(list(depths))])
        context = F.pixel_shuffle(self.back(seen).permute(0, 3, 1, 2), PATCH)
        return self.head(features + context)
