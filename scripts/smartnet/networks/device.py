"""Where a network runs."""

import logging

import torch

logger = logging.getLogger(__name__)


def choose_device(gpu: int, needed: int = 1) -> torch.device:
    """Give the GPU if one is asked for and there, else the CPU; says so when the wish cannot be met.

    Args:
        gpu: GPUs asked for.
        needed: GPUs that the work is written for; with fewer it runs on the CPU.
    """
    if not gpu:
        return torch.device("cpu")
    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if min(gpu, there) >= needed:
        return torch.device("cuda")
    found = f"only {min(gpu, there)} of the {needed} needed are" if there else "none is"
    logger.warning("%d GPU asked for, but %s available to this torch: running on the CPU", gpu, found)
    return torch.device("cpu")
