"""The Lightning modules of the self-supervised starts: restoring distorted slices, naming visual words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from smartnet.losses import restoration_loss, word_loss
from smartnet.training.augmentation import generators
from smartnet.training.data import Batch
from smartnet.training.distortions import distort
from smartnet.training.modules import TrainingModule
from smartnet.training.sampling import batches, draw_slices
from smartnet.training.words import WordSet, cut

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


class WordsModule(RestorationModule):
    """Distorted crops; beside restoring them the network says which word they are (TransVW, Haghighi et al.,
    2021)."""

    def _inputs(self, batch: Batch, *, training: bool) -> tuple[torch.Tensor, None]:
        """Undistorted crops, (S, 1, H, W) in [0, 1]."""
        crops = cut(batch["slices"], batch["boxes"], batch["size"])
        return super()._inputs({**batch, "slices": crops}, training=training)

    def losses(
        self, batch: Batch, outputs: Mapping[str, torch.Tensor], slices: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Cross-entropy of the words beside the restoration."""
        words = word_loss(outputs["words"].float(), batch["words"])
        return {"words": words, **super().losses(batch, outputs, slices)}


def words_module(
    network: nn.Module,
    words: Mapping[str, WordSet],
    *,
    settings: Mapping[str, Any],
    augmentation: Mapping[str, Any],
    seed: int,
) -> WordsModule:
    """The module with its batches: an epoch draws ``slices_per_volume`` images of every instance (one scan's
    crops at a word, or one cube); validation sees all images of all instances.

    Crops are never flipped: the mirror image of a word is the word of another place.
    """
    train, valid = words["train"], words["valid"]
    images = [np.zeros(count, dtype=bool) for count in train.images]
    every = [(i, k) for i, count in enumerate(valid.images) for k in range(count)]

    def plan(epoch: int) -> list[list[tuple[int, int]]]:
        drawn = draw_slices(
            images,
            sampling=settings["sampling"],
            per_volume=settings["slices_per_volume"],
            seed=seed,
            epoch=epoch,
        )
        return batches(drawn, settings["batch_size"])

    return WordsModule(
        network,
        settings=settings,
        augmentation={**augmentation, "flip": "none"},
        seed=seed,
        train=(plan, train.load),
        valid=(lambda epoch: batches(every, settings["max_slices"]), valid.load),
    )
