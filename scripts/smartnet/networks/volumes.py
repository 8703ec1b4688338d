"""Volume-level networks: the encoder over all slices of a batch at once, then a 3D operator.

Slices travel *packed*: the real slices of all volumes one after the other, (S, 1, H, W), with the depth
of each
volume beside them. Padding is never computed, so it cannot change an answer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional as F

from smartnet.errors import ModelError
from smartnet.networks.decoders import Decoder, initialise_decoder, initialise_encoder
from smartnet.networks.encoder import Encoder

MAX_SLICES = 64


def pack(volumes: torch.Tensor, depths: torch.Tensor | Sequence[int]) -> tuple[torch.Tensor, list[int]]:
    """Take the real slices out of padded volumes.

    Args:
        volumes: (B, 1, D, H, W); slices from ``depths[b]`` on are padding.
        depths: (B,) numbers of real slices.

    Returns:
        (S, 1, H, W) with S the sum of the depths, and the depths.

    Raises:
        ModelError: if volumes and depths do not belong together.
    """
    if volumes.ndim != 5 or volumes.shape[1] != 1:
        raise ModelError(f"volumes must have shape (B, 1, D, H, W), but got {tuple(volumes.shape)}")
    numbers = [int(depth) for depth in depths]
    if len(numbers) != len(volumes) or any(not 1 <= n <= volumes.shape[2] for n in numbers):
        raise ModelError(
            f"depths {numbers} do not fit volumes of shape {tuple(volumes.shape)}: one number from 1 to "
            f"{volumes.shape[2]} is needed per volume"
        )
    parts = [volume[0, :depth] for volume, depth in zip(volumes, numbers, strict=True)]
    return torch.cat(parts).unsqueeze(1), numbers


def unpack(slices: torch.Tensor, depths: Sequence[int], depth: int) -> torch.Tensor:
    """Packed slices (S, 1, H, W) -> padded volumes (B, 1, ``depth``, H, W); padding is 0."""
    parts = slices[:, 0].split(list(depths))
    return torch.stack([F.pad(part, (0, 0, 0, 0, 0, depth - len(part))) for part in parts]).unsqueeze(1)


def in_chunks(
    function: Callable[[torch.Tensor], torch.Tensor], slices: torch.Tensor, limit: int
) -> torch.Tensor:
    """Apply ``function`` to slices (S, ...) in equal chunks of at most ``limit``, and join the answers."""
    chunks = -(-len(slices) // limit)
    if chunks <= 1:
        return function(slices)
    return torch.cat([function(chunk) for chunk in slices.tensor_split(chunks)])


class VolumeNetwork(nn.Module, ABC):
    """What classifiers and segmenters share: an encoder and packed slices.

    Args:
        depth: of the encoder, 18, 34 or 50.
        width: factor on all channel numbers.
    """

    def __init__(self, *, depth: int, width: float) -> None:
        """Build the layers."""
        super().__init__()
        self.encoder = Encoder(depth, width)
        initialise_encoder(self.encoder)
        self.max_slices = MAX_SLICES  # how many slices pass the encoder together; bounds the memory

    @abstractmethod
    def forward_packed(self, slices: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Answer for packed slices (S, 1, H, W) in [0, 1] of volumes of the given depths."""

    def encode(self, function: Callable[[torch.Tensor], torch.Tensor], slices: torch.Tensor) -> torch.Tensor:
        """Run ``function`` (encoder and what follows it slice by slice) in chunks under ``max_slices``.

        Where a BatchNorm is learning, all slices pass together: its statistics, and so the result, must not
        depend on a memory limit (and the activations are kept for the gradient anyway).
        """
        norms = (nn.BatchNorm2d, nn.SyncBatchNorm)  # the latter where several GPUs share a batch
        parts = ("encoder.", "seg_decoder.")
        learning = any(
            m.training for name, m in self.named_modules() if name.startswith(parts) and isinstance(m, norms)
        )
        return in_chunks(function, slices, len(slices) if learning else self.max_slices)


class VolumeClassifier(VolumeNetwork):
    """Base of all classifiers; a 3D operator implements ``operate`` on the pooled slice features."""

    @abstractmethod
    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Pooled features (S, C) of the packed slices -> logits (B, 1)."""

    def _pooled(self, slices: torch.Tensor) -> torch.Tensor:
        return self.encoder(slices)[-1].mean((2, 3))

    def forward_packed(self, slices: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Packed slices (S, 1, H, W) in [0, 1] -> logits (B, 1)."""
        return self.operate(self.encode(self._pooled, slices), depths)

    def forward(self, volumes: torch.Tensor, depths: torch.Tensor | Sequence[int]) -> torch.Tensor:
        """Padded volumes (B, 1, D, H, W) in [0, 1] and their depths (B,) -> logits (B, 1)."""
        return self.forward_packed(*pack(volumes, depths))


class VolumeSegmenter(VolumeNetwork):
    """Base of all segmenters; a 3D operator implements ``operate`` on the decoder's feature maps.

    Args:
        depth: of the encoder.
        width: factor on all channel numbers.
        attention: scSE in ``all`` decoder blocks, the ``last``, or ``none``.
    """

    def __init__(self, *, depth: int, width: float, attention: str) -> None:
        """Build the layers."""
        super().__init__(depth=depth, width=width)
        self.seg_decoder = Decoder(self.encoder.channels, width=width, attention=attention, skips=True)
        initialise_decoder(self.seg_decoder)

    @abstractmethod
    def operate(self, features: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Decoder features (S, C, H, W) of the packed slices -> logits (S, 1, H, W)."""

    def _decoded(self, slices: torch.Tensor) -> torch.Tensor:
        return self.seg_decoder(self.encoder(slices))

    def forward_packed(self, slices: torch.Tensor, depths: Sequence[int]) -> torch.Tensor:
        """Packed slices (S, 1, H, W) in [0, 1] -> logits (S, 1, H, W)."""
        return self.operate(self.encode(self._decoded, slices), depths)

    def forward(self, volumes: torch.Tensor, depths: torch.Tensor | Sequence[int]) -> torch.Tensor:
        """Padded volumes (B, 1, D, H, W) in [0, 1] and depths (B,) -> logits (B, 1, D, H, W), 0 in the
        padding."""
        slices, numbers = pack(volumes, depths)
        return unpack(self.forward_packed(slices, numbers), numbers, volumes.shape[2])
