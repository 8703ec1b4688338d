"""Where a network runs."""

import logging

import torch

logger = logging.getLogger(__name__)


def choose_device(gpu: int) -> torch.device:
    """Give the GPU if one is asked for and there, else the CPU; says so when the wish cannot be met."""
    if gpu and not torch.cuda.is_available():
        logger.warning("%d GPU asked for, but none is available to this torch: running on the CPU", gpu)
    return torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")
