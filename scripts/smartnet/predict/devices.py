"""A trained network, ready to answer."""

from pathlib import Path
from typing import Any

import torch

from smartnet.errors import ModelError
from smartnet.networks import load_model
from smartnet.networks.device import choose_device


def ready(folder: Path, network: str, *, gpu: int, threads: int, max_slices: int) -> tuple[Any, torch.device]:
    """Load a network in evaluation mode onto the device asked for (the CPU where there is no GPU).

    Args:
        folder: of the trained network.
        network: the kind that it must be, ``classifier`` or ``segmenter``.
        gpu: GPUs asked for.
        threads: of torch on the CPU.
        max_slices: slices that pass the encoder together.

    Raises:
        ModelError: if it is of another kind.
    """
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode(
        "warn"
    )  # as use_deterministic_algorithms, but without loading Inductor
    torch.utils.deterministic.fill_uninitialized_memory = False
    device = choose_device(gpu)
    model = load_model(folder)
    if model.architecture["network"] != network:
        raise ModelError(f"{folder} holds a {model.architecture['network']}, but a {network} is needed")
    model.max_slices = max_slices
    return model.to(device), device
