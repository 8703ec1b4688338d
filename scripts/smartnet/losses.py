"""Losses of Kyung et al., 2022: CLS, SEG, REC and the consistency between CLS and SEG; of the
self-supervised starts: restoration and visual words."""

from collections.abc import Mapping

import torch
from torch.nn import functional as F

from smartnet.errors import ModelError

POOL_PX = 16
GEM_POWER = 3.0


def classification_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of logits (N, 1) with targets (N, 1) in {0, 1}, averaged."""
    return F.binary_cross_entropy_with_logits(logits, target)


def dice_sums(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """What soft Dice is made of; sums of several batches may be added.

    Args:
        logits: any shape.
        mask: same shape, in {0, 1}.

    Returns:
        (3,): overlap of probability and mask, sum of probability, sum of mask.
    """
    probability = logits.sigmoid()
    return torch.stack([(probability * mask).sum(), probability.sum(), mask.sum()])


def over_processes(sums: torch.Tensor) -> torch.Tensor:
    """Sums over all processes that share a batch, with gradient; where there is one, as they are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        from torch.distributed.nn.functional import all_reduce

        return all_reduce(sums)
    return sums


def dice_loss(sums: torch.Tensor) -> torch.Tensor:
    """1 - soft Dice from ``dice_sums``; 0 (without gradient) where there is no lesion at all."""
    overlap, predicted, true = sums
    dice = 2 * overlap / (predicted + true).clamp_min(1e-7)
    return (1 - dice) * (true > 0)


def segmentation_loss(logits: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Soft Dice over the whole batch at once plus binary cross-entropy, of logits and mask (N, 1, H, W)."""
    dice = dice_loss(over_processes(dice_sums(logits, mask)))
    return dice + F.binary_cross_entropy_with_logits(logits, mask)


def reconstruction_loss(grey: torch.Tensor, slices: torch.Tensor) -> torch.Tensor:
    """L1 between the reconstruction and the slices that went in, (N, 1, H, W) both."""
    return F.l1_loss(grey, slices)


def restoration_loss(grey: torch.Tensor, slices: torch.Tensor) -> torch.Tensor:
    """Mean squared error between the restored and the undistorted slices, (N, 1, H, W) both (Zhou et al.,
    2021)."""
    return F.mse_loss(grey, slices)


def word_loss(logits: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of logits (N, K) with visual words (N,) in 0..K-1, averaged (Haghighi et al., 2021)."""
    return F.cross_entropy(logits, words)


def consistency_loss(
    cls_logits: torch.Tensor, seg_logits: torch.Tensor, *, pooling: str = "max-avg"
) -> torch.Tensor:
    """Mean squared difference between the CLS probability and the pooled SEG probability.

    Args:
        cls_logits: (N, 1).
        seg_logits: (N, 1, H, W).
        pooling: ``max-avg`` takes the maximum in tiles of 16 x 16 pixels and averages over the tiles (paper);
            ``gem`` is the generalised mean with power 3 (release of 2024-10).

    Raises:
        ModelError: if the shapes are others, or a map is smaller than a tile of ``max-avg``.
    """
    if seg_logits.ndim != 4 or seg_logits.shape[1] != 1 or cls_logits.shape != (len(seg_logits), 1):
        raise ModelError(
            "the consistency term takes CLS logits (N, 1) and SEG logits (N, 1, H, W), but got shapes "
            f"{tuple(cls_logits.shape)} and {tuple(seg_logits.shape)}"
        )
    probability = seg_logits.sigmoid()
    if pooling == "gem":
        pooled = probability.clamp_min(1e-6).pow(GEM_POWER).mean((2, 3)).pow(1 / GEM_POWER)
    elif pooling == "max-avg":
        if min(seg_logits.shape[2:]) < POOL_PX:
            rows, columns = seg_logits.shape[2:]
            raise ModelError(
                f"maps of {rows} x {columns} pixels hold no tile of {POOL_PX} x {POOL_PX}, over which the "
                "consistency term pools: choose larger images or consistency_pooling gem"
            )
        pooled = F.max_pool2d(probability, POOL_PX).mean((2, 3))
    else:
        raise ValueError(f"pooling is max-avg or gem, not {pooling!r}")
    return F.mse_loss(cls_logits.sigmoid(), pooled)


def upstream_losses(
    outputs: Mapping[str, torch.Tensor],
    slices: torch.Tensor,
    masks: torch.Tensor,
    *,
    consistency: str | None = None,
) -> dict[str, torch.Tensor]:
    """All loss terms of the heads that answered, unweighted.

    Args:
        outputs: of ``UpstreamNetwork``.
        slices: (N, 1, H, W) in [0, 1], as they went in.
        masks: (N, 1, H, W) in {0, 1}.
        consistency: the pooling of the consistency term, or None to leave the term out.

    Returns:
        scalars by name: ``cls``, ``seg``, ``rec``, ``consistency``.
    """
    terms = {}
    if "cls" in outputs:
        terms["cls"] = classification_loss(outputs["cls"], masks.flatten(1).amax(1, keepdim=True))
    if "seg" in outputs:
        terms["seg"] = segmentation_loss(outputs["seg"], masks)
    if "rec" in outputs:
        terms["rec"] = reconstruction_loss(outputs["rec"], slices)
    if consistency is not None:
        terms["consistency"] = consistency_loss(outputs["cls"], outputs["seg"], pooling=consistency)
    return terms
