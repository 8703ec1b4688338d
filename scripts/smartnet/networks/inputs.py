"""What a stored slice becomes before it enters a network, in training and in prediction alike."""

import torch


def min_max(slices: torch.Tensor) -> torch.Tensor:
    """Stretch every slice to [0, 1]; a slice of one value becomes 0.

    Args:
        slices: (N, 1, H, W), 8-bit or float.

    Returns:
        float32 of the same shape.
    """
    low, high = slices.flatten(1).aminmax(dim=1)
    low, span = (v.float()[:, None, None, None] for v in (low, high.float() - low.float()))
    return (slices.float() - low) / torch.where(span > 0, span, torch.ones_like(span))
