"""The encoder: a ResNet (He et al., CVPR 2016) with a one-channel stem of stride 1."""

from collections.abc import Collection

import torch
from torch import nn
from torch.nn import functional as F

from smartnet.errors import ModelError

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
STAGES = ("stem", "layer1", "layer2", "layer3", "layer4")
STRIDE = 16  # of the deepest feature map


def scaled(channels: int, width: float) -> int:
    """Number of channels at a width factor, at least 4 so that a narrow net still has something to
    choose from."""
    return max(4, round(channels * width))


class Shortcut(nn.Conv2d):
    """A 1x1 convolution that takes every ``stride``-th pixel first: the same sums as with a stride.

    oneDNN's strided kernel crashes on backward passes of few channels in channels-last memory (torch 2.13).
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)."""
        rows, columns = self.stride
        return F.conv2d(x[:, :, ::rows, ::columns], self.weight)


def _downsample(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(Shortcut(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (ResNet-18 and -34)."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        """Build the layers."""
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _downsample(inputs, planes, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) -> (N, planes, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)) + shortcut)


class Bottleneck(nn.Module):
    """1x1, 3x3 (which carries the stride), 1x1 convolutions and a shortcut (ResNet-50)."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int) -> None:
        """Build the layers."""
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _downsample(inputs, outputs, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inputs, H, W) -> (N, 4 planes, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + shortcut)


class Encoder(nn.Module):
    """ResNet whose first feature map is at full resolution.

    Args:
        depth: 18, 34 or 50.
        width: factor on all channel numbers (1 is the published size).
    """

    def __init__(self, depth: int, width: float) -> None:
        """Build the layers."""
        super().__init__()
        block = Bottleneck if depth == 50 else BasicBlock
        planes = [scaled(channels, width) for channels in (64, 64, 128, 256, 512)]
        self.channels = (planes[0], *(n * block.expansion for n in planes[1:]))
        self._frozen: frozenset[str] = frozenset()
        self.conv1 = nn.Conv2d(1, planes[0], 7, 1, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(planes[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        for stage, count in enumerate(BLOCKS[depth], start=1):
            layers = [block(self.channels[stage - 1], planes[stage], 1 if stage == 1 else 2)]
            layers += [block(self.channels[stage], planes[stage], 1) for _ in range(count - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(*layers))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps of slices.

        Args:
            x: (N, 1, H, W) in [0, 1]; H and W divisible by 16.

        Returns:
            five maps (N, C, H', W') at 1, 1/2, 1/4, 1/8 and 1/16 of the input, C as in ``channels``.

        Raises:
            ModelError: if the shape is another.
        """
        if x.ndim != 4 or x.shape[1] != 1:
            raise ModelError(f"the encoder takes slices (N, 1, H, W), but got shape {tuple(x.shape)}")
        if x.shape[2] % STRIDE or x.shape[3] % STRIDE or 0 in x.shape:
            raise ModelError(
                f"slices of {x.shape[2]} x {x.shape[3]} pixels cannot pass the network: "
                f"height and width must be multiples of {STRIDE}; change the image size"
            )
        features = [self.relu(self.bn1(self.conv1(x)))]
        x = self.maxpool(features[0])
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            features.append(x)
        return features

    def stage(self, name: str) -> list[nn.Module]:
        """Modules that belong to one of ``STAGES``."""
        return [self.conv1, self.bn1] if name == "stem" else [getattr(self, name)]

    def set_trainable(self, stages: Collection[str]) -> None:
        """Freeze every stage that is not named: no gradient, and BatchNorm keeps its statistics.

        Args:
            stages: members of ``STAGES`` that learn.
        """
        self._frozen = frozenset(STAGES) - frozenset(stages)
        for name in STAGES:
            for module in self.stage(name):
                module.requires_grad_(name not in self._frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> "Encoder":
        """Switch between training and evaluation; frozen stages stay in evaluation."""
        super().train(mode)
        for name in self._frozen:
            for module in self.stage(name):
                module.eval()
        return self
