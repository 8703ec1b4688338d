"""The Lightning module of visual words: the network restores distorted crops and says which word they are."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from smartnet.losses import word_loss
from smartnet.training.data import Batch
from smartnet.training.restoration import RestorationModule
from smartnet.training.sampling import batches, slice_batches
from smartnet.training.words import WordSet, cut, open_words, words_state

__all__ = ["WordsModule", "open_words", "words_module", "words_state"]


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
    images = {i: np.zeros(count, dtype=bool) for i, count in enumerate(train.images)}
    every = [(i, k) for i, count in enumerate(valid.images) for k in range(count)]

    return WordsModule(
        network,
        settings=settings,
        augmentation={**augmentation, "flip": "none"},
        seed=seed,
        train=(partial(slice_batches, images, settings=settings, seed=seed), train.load),
        valid=(lambda epoch: batches(every, settings["max_slices"]), valid.load),
    )
