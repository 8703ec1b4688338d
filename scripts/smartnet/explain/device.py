"""Where the networks of the explanations run."""

import logging

import torch

logger = logging.getLogger(__name__)


def choose_device(gpu: int, threads: int) -> torch.device:
    """Give the GPU when asked for and there, else the CPU with a warning; set the number of threads."""
    torch.set_num_threads(threads)
    if gpu and not torch.cuda.is_available():
        logger.warning("a GPU was asked for, but none is there: running on the CPU")
    return torch.device("cuda" if gpu and torch.cuda.is_available() else "cpu")
