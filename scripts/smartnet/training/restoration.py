"""The Lightning module of self-supervised restoration: the network gives back what distorted slices were."""

from collections.abc import Mapping
from typing import Any

import torch

from smartnet.losses import restoration_loss
from smartnet.training.augmentation import generators
from smartnet.training.data import Batch
from smartnet.training.distortions import distort
from smartnet.training.modules import TrainingModule

TRAIN_STREAM, VALID_STREAM = 1, 2  # of random numbers, beside those of the augmentation


class RestorationModule(TrainingModule):
    """Distorted slices; the REC head gives back what they were (Models Genesis, Zhou et al., 2021)."""

    def _inputs(self, batch: Batch, *, training: bool) -> tuple[torch.Tensor, None]:
        """Undistorted slices, (S, 1, H, W) in [0, 1]; masks have nothing to teach here."""
        return super()._inputs({**batch, "masks": None}, training=training)

    def answers(self, batch: Batch, slices: torch.Tensor, *, training: bool) -> dict[str, torch.Tensor]:
        """What the network makes of the distorted slices; in validation they are the same each epoch."""
        stream, epoch = (TRAIN_STREAM, self.current_epoch) if training else (VALID_STREAM, 0)
        numbers = generators(self.seed, epoch, batch["step"], slices.device, stream, batch["part"])
        with torch.autocast(self.device.type, enabled=False):
            distorted = distort(slices, numbers)
        return self.network(distorted)

    def losses(
        self, batch: Batch, outputs: Mapping[str, torch.Tensor], slices: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Mean squared error to the undistorted slices."""
        return {"restoration": restoration_loss(outputs["rec"].float(), slices)}

    def terms(
        self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """Losses of a training batch."""
        return self.losses(batch, self.answers(batch, slices, training=True), slices)

    def valid_terms(self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None) -> dict[str, Any]:
        """The same over all validation slices."""
        losses = self.losses(batch, self.answers(batch, slices, training=False), slices)
        return {"count": len(slices)} | {name: value * len(slices) for name, value in losses.items()}
