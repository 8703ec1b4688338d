"""The Lightning modules: how one step goes, upstream and downstream."""

import math
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import nn
from torch.nn import functional as F

from smartnet.errors import ModelError
from smartnet.losses import (
    classification_loss,
    consistency_loss,
    dice_loss,
    dice_sums,
    segmentation_loss,
    upstream_losses,
)
from smartnet.networks import min_max
from smartnet.training.augmentation import augment, generators
from smartnet.training.data import Batch, Batches, Share, TrainingBatches, ValidationBatches
from smartnet.training.group import summed
from smartnet.training.schedule import learning_rate

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class TrainingModule(LightningModule, ABC):
    """What all training runs share.

    Args:
        network: to train.
        settings: complete training settings.
        augmentation: complete augmentation settings.
        seed: of the run.
        train: the plan and the loader of the training batches, see ``Batches``.
        valid: likewise for validation.
    """

    share = Share()  # of every batch; set before a fit

    def __init__(
        self,
        network: nn.Module,
        *,
        settings: Mapping[str, Any],
        augmentation: Mapping[str, Any],
        seed: int,
        train: tuple[Callable, Callable],
        valid: tuple[Callable, Callable],
    ) -> None:
        """Keep the arguments."""
        super().__init__()
        self.network = network
        self.settings, self.augmentation, self.seed = settings, augmentation, seed
        self._train, self._valid = train, valid
        self._batches: list[Batches] = []
        self.slices_seen = 0
        self.sums: dict[str, float] = defaultdict(float)
        self.valid_sums: dict[str, Any] = defaultdict(float)

    def train_dataloader(self) -> Batches:
        """Training batches, drawn anew each epoch."""
        return self._keep(TrainingBatches(*self._train, lambda: self.current_epoch, self.share))

    def val_dataloader(self) -> Batches:
        """Validation batches, always the same."""
        return self._keep(ValidationBatches(*self._valid, lambda: self.current_epoch, self.share))

    def largest_batch(self) -> int:
        """Items of the largest training batch."""
        return max(len(items) for items in self._train[0](0))

    def _keep(self, batches: Batches) -> Batches:
        self._batches.append(batches)
        return batches

    @property
    def waited(self) -> float:
        """Seconds that were spent on loading so far."""
        return sum(batches.waited for batches in self._batches)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam or AdamW over all parameters; frozen ones have no gradient and stay."""
        return OPTIMIZERS[self.settings["optimizer"]](
            self.network.parameters(),
            lr=self.settings["learning_rate"],
            betas=tuple(self.settings["betas"]),
            weight_decay=self.settings["weight_decay"],
            fused=True,  # one pass over all parameters; else a small network waits for the optimiser
        )

    def on_train_epoch_start(self) -> None:
        """Start an epoch with random numbers that depend on seed and epoch alone."""
        state = np.random.SeedSequence([self.seed, self.current_epoch]).generate_state(1, np.uint64)
        torch.manual_seed(int(state[0] >> 1))
        self.sums.clear()
        self.valid_sums.clear()  # of an epoch that ran out of memory while it was validated

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set this step's learning rate."""
        steps = self.trainer.num_training_batches
        progress = (self.current_epoch + (batch_idx + 1) / steps) / self.settings["epochs"]
        self.rate = learning_rate(
            progress,
            peak=self.settings["learning_rate"],
            final=self.settings["final_learning_rate"],
            warmup=self.settings["warmup"],
            constant=self.settings["constant"],
        )
        for group in self.optimizers().param_groups:
            group["lr"] = self.rate

    def inputs(self, batch: Batch, *, training: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Slices as the network takes them, (S, 1, H, W) in [0, 1], and masks (S, 1, H, W) in {0, 1} or
        None; in full precision whatever the network runs in."""
        with torch.autocast(self.device.type, enabled=False):
            return self._inputs(batch, training=training)

    def _inputs(self, batch: Batch, *, training: bool) -> tuple[torch.Tensor, torch.Tensor | None]:
        slices = batch["slices"].float() / 255
        masks = None if batch["masks"] is None else batch["masks"].float()
        if training:
            slices, masks = augment(
                slices,
                masks,
                batch["volume"].cpu(),
                volumes=batch["volumes"],
                settings=self.augmentation,
                generators=generators(
                    self.seed, self.current_epoch, batch["step"], slices.device, part=batch["part"]
                ),
            )
        return min_max(slices), masks

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """Weighted sum of the loss terms of one batch, or of this process's part of it.

        Raises:
            ModelError: if the loss is not finite, naming the cases.
        """
        slices, masks = self.inputs(batch, training=True)
        terms = self.terms(batch, slices, masks)
        total = self.weighted(terms)
        self.sums["batches"] += 1
        self.sums["slices"] += len(slices)
        named = {**terms, "loss": total}
        # one copy to the host: a GPU need not be waited for again for every term
        values = dict(zip(named, torch.stack(list(named.values())).tolist(), strict=True))
        self.check(values["loss"], batch)
        for name, value in values.items():
            self.sums[name] += value * batch["weight"]
        return total * batch["weight"]

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one batch to the sums over all validation slices."""
        slices, masks = self.inputs(batch, training=False)
        for name, value in self.valid_terms(batch, slices, masks).items():
            self.valid_sums[name] = self.valid_sums[name] + value * batch["weight"]

    def weighted(self, terms: Mapping[str, Any]) -> Any:
        """Weighted sum of loss terms."""
        return sum(self.settings["loss_weights"][name] * value for name, value in terms.items())

    def check(self, total: float, batch: Batch) -> None:
        """Stop at a loss that is not finite.

        Raises:
            ModelError: naming the cases.
        """
        if not math.isfinite(total):
            raise ModelError(
                f"the loss is {total} in epoch {self.current_epoch}, "
                f"step {batch['step']}, cases {', '.join(dict.fromkeys(batch['cases']))}: "
                "check these images or lower learning_rate"
            )

    def train_means(self) -> dict[str, float]:
        """Loss terms of the epoch, averaged over its steps; counts the slices that all processes saw."""
        sums = summed(dict(self.sums))
        count = sums.pop("batches")
        self.slices_seen += int(sums.pop("slices"))
        return {name: value / count for name, value in sums.items()}

    def valid_means(self) -> dict[str, float]:
        """Loss terms over all validation data since the last call, with their weighted sum as ``loss``."""
        sums, self.valid_sums = summed(dict(self.valid_sums)), defaultdict(float)
        count = float(sums.pop("count"))
        dice = sums.pop("dice", None)
        terms = {name: float(value) / count for name, value in sums.items()}
        if dice is not None:
            terms["seg"] += float(dice_loss(dice))
        return {**terms, "loss": float(self.weighted(terms))}

    @abstractmethod
    def terms(
        self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """Loss terms of a training batch, unweighted."""

    @abstractmethod
    def valid_terms(self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None) -> dict[str, Any]:
        """Sums for validation: each term times ``count``, and ``dice`` (the sums of soft Dice)."""


class UpstreamModule(TrainingModule):
    """Slices, up to three heads. ``consistency`` is the pooling of the consistency term or None."""

    consistency: str | None = None

    def terms(
        self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """The terms of the heads and the consistency term."""
        return upstream_losses(self.answers(slices), slices, masks, consistency=self.consistency)

    def answers(self, slices: torch.Tensor) -> dict[str, torch.Tensor]:
        """The heads' answers in full precision, for the losses sum over many pixels."""
        return {name: value.float() for name, value in self.network(slices).items()}

    def valid_terms(self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None) -> dict[str, Any]:
        """Terms over all validation slices; soft Dice is taken over all of them at once."""
        outputs = self.answers(slices)
        sums: dict[str, Any] = {"count": len(slices)}
        if "seg" in outputs:
            sums["dice"] = dice_sums(outputs["seg"], masks)
            sums["seg"] = F.binary_cross_entropy_with_logits(outputs["seg"], masks) * len(slices)
        rest = {name: value for name, value in outputs.items() if name != "seg"}
        terms = upstream_losses(rest, slices, masks)
        if self.consistency:
            terms["consistency"] = consistency_loss(outputs["cls"], outputs["seg"], pooling=self.consistency)
        return sums | {name: value * len(slices) for name, value in terms.items()}


class ScanModule(TrainingModule):
    """What the classifier and the segmenter of whole scans share."""

    def logits(self, batch: Batch, slices: torch.Tensor) -> torch.Tensor:
        """The network's answers for packed slices, in full precision for the losses."""
        return self.network.forward_packed(slices, batch["depths"]).float()


class ClassifierModule(ScanModule):
    """Whole scans, one logit each."""

    def terms(
        self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """Binary cross-entropy."""
        return {"cls": classification_loss(self.logits(batch, slices), batch["truth"])}

    def valid_terms(self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None) -> dict[str, Any]:
        """Binary cross-entropy over all validation scans."""
        count = len(batch["depths"])
        return {"count": count, "cls": self.terms(batch, slices, masks)["cls"] * count}


class SegmenterModule(ScanModule):
    """Whole scans, one logit per pixel of every slice."""

    def terms(
        self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None
    ) -> dict[str, torch.Tensor]:
        """Soft Dice plus binary cross-entropy, over the real slices of the batch."""
        return {"seg": segmentation_loss(self.logits(batch, slices), masks)}

    def valid_terms(self, batch: Batch, slices: torch.Tensor, masks: torch.Tensor | None) -> dict[str, Any]:
        """The same over all validation slices."""
        logits, count = self.logits(batch, slices), len(slices)
        bce = F.binary_cross_entropy_with_logits(logits, masks)
        return {"count": count, "dice": dice_sums(logits, masks), "seg": bce * count}
