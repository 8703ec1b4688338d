"""The two decoders: segmentation (with skips) and reconstruction (without)."""

from collections.abc import Sequence

import torch
from torch import nn

from smartnet.networks.attention import Attention
from smartnet.networks.encoder import scaled
from smartnet.networks.layout import PlanarConv2d

WIDTHS = (256, 128, 64, 32)
LAST_WIDTH = 16


def convolution(inputs: int, outputs: int, *, norm: bool) -> nn.Sequential:
    """conv3x3 (- BatchNorm) - ReLU; the convolution has a bias only without BatchNorm."""
    layers: list[nn.Module] = [PlanarConv2d(inputs, outputs, 3, padding=1, bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


class PixelShuffleUpsample(nn.Module):
    """conv1x1 to four times the channels, then PixelShuffle(2) (Shi et al., CVPR 2016)."""

    def __init__(self, channels: int) -> None:
        """Build the layers."""
        super().__init__()
        self.upsample = nn.Sequential(nn.Conv2d(channels, 4 * channels, 1), nn.PixelShuffle(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) -> (N, C, 2H, 2W)."""
        return self.upsample(x)


class DecoderBlock(nn.Module):
    """Attention, (conv - ReLU), (conv - ReLU), attention, after an optional upsampling and skip.

    Args:
        inputs: channels from the block below.
        skip: channels of the encoder's map to concatenate (0 = none).
        outputs: channels of the answer.
        upsample: ``nearest``, ``shuffle`` or ``none``.
        norm: with BatchNorm.
        attention: with scSE.
    """

    def __init__(
        self, inputs: int, skip: int, outputs: int, *, upsample: str, norm: bool, attention: bool
    ) -> None:
        """Build the layers."""
        super().__init__()
        if upsample == "shuffle":
            self.upsample: nn.Module = PixelShuffleUpsample(inputs)
        else:
            self.upsample = nn.Upsample(scale_factor=2) if upsample == "nearest" else nn.Identity()
        self.conv1 = convolution(inputs + skip, outputs, norm=norm)
        self.attention1 = Attention(inputs + skip, active=attention)
        self.conv2 = convolution(outputs, outputs, norm=norm)
        self.attention2 = Attention(outputs, active=attention)

    def forward(self, x: torch.Tensor, skip: torch.Tensor | None = None) -> torch.Tensor:
        """(N, inputs, H, W) and the skip (N, skip, 2H, 2W) -> (N, outputs, 2H, 2W) (H, W without
        upsampling)."""
        x = self.upsample(x)
        if skip is not None:
            x = torch.cat((x, skip), 1)
        return self.attention2(self.conv2(self.conv1(self.attention1(x))))


class Decoder(nn.Module):
    """Four blocks, each at twice the resolution of the one before, then one at full resolution.

    Args:
        channels: of the encoder's five maps, shallow first.
        width: factor on all channel numbers.
        attention: ``all`` blocks (the paper), ``last`` block only (the release of 2022), ``none``.
        skips: segmentation decoder (nearest upsampling, skips, BatchNorm) or reconstruction decoder
            (PixelShuffle, no skips, BatchNorm in the last block only).
    """

    def __init__(self, channels: Sequence[int], *, width: float, attention: str, skips: bool) -> None:
        """Build the layers."""
        super().__init__()
        widths = [scaled(n, width) for n in WIDTHS]
        inputs = [channels[-1], *widths[:-1]]
        skip = list(reversed(channels[:-1])) if skips else [0] * len(widths)
        self.skips, self._frozen = skips, False
        self.channels = scaled(LAST_WIDTH, width)
        self.blocks = nn.ModuleList(
            DecoderBlock(
                *sizes, upsample="nearest" if skips else "shuffle", norm=skips, attention=attention == "all"
            )
            for sizes in zip(inputs, skip, widths, strict=True)
        )
        self.last_block = DecoderBlock(
            widths[-1], 0, self.channels, upsample="none", norm=True, attention=attention != "none"
        )

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """The encoder's five maps -> (N, ``channels``, H, W) at full resolution."""
        x = features[-1]
        for block, skip in zip(self.blocks, reversed(features[:-1]), strict=True):
            x = block(x, skip if self.skips else None)
        return self.last_block(x)

    def set_trainable(self, trainable: bool) -> None:
        """Freeze or thaw: a frozen decoder has no gradient, and its BatchNorm keeps its statistics."""
        self._frozen = not trainable
        self.requires_grad_(trainable)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Decoder":
        """Switch between training and evaluation; a frozen decoder stays in evaluation."""
        return super().train(mode and not self._frozen)


def initialise_decoder(module: nn.Module) -> None:
    """Kaiming-uniform convolutions (ReLU), BatchNorm 1 and 0, biases 0 (method of the paper)."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_uniform_(layer.weight, mode="fan_in", nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def initialise_encoder(module: nn.Module) -> None:
    """Kaiming-normal convolutions, fan-out (He et al., 2015); BatchNorm 1 and 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")


def initialise_head(module: nn.Module) -> None:
    """Xavier-uniform weights, biases 0."""
    for layer in module.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.Conv3d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
