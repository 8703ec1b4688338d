"""From files of weights to networks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from smartnet.checkpoint.files import read_tensors
from smartnet.checkpoint.recognise import architecture_of, describe, encoder_size
from smartnet.errors import ModelError
from smartnet.networks import build, load_model, save_model
from smartnet.networks.encoder import scaled
from smartnet.networks.store import WEIGHTS, fit_weights

STEM = "conv1.weight"
COUNTER = "num_batches_tracked"  # of BatchNorm; files from before PyTorch 0.4.1 lack it


def load_checkpoint(source: Path | str) -> nn.Module:
    """Load a network from a checkpoint of the 2022 release, or a folder that training or the import wrote.

    Args:
        source: file or folder.

    Returns:
        the network in evaluation mode, on the CPU.

    Raises:
        ModelError: the file cannot be read, is of another network, or not every tensor fits.
    """
    source = Path(source)
    if source.is_dir():
        return load_model(source)
    tensors = read_tensors(source)
    architecture = architecture_of(tensors, source)
    with torch.random.fork_rng(devices=[]):
        model = build(architecture)
    try:
        fit_weights(model, tensors, f"{source}, read as {describe(model.architecture)},")
    except ModelError as error:
        raise ModelError(f"{error}; only whole networks of the 2022 release can be taken over") from None
    _refuse_infinite(model, source)
    return model.eval()


def load_imagenet(source: Path | str, network: Mapping[str, Any]) -> nn.Module:
    """Load an encoder from a ResNet of torchvision; the stem's RGB kernels are summed to one channel.

    Args:
        source: .pth or .safetensors file with torchvision's names; its classifier ``fc`` is left out.
        network: ``depth``, ``width``, ``attention`` of the study.

    Returns:
        an upstream network without heads, in evaluation mode, on the CPU.

    Raises:
        ModelError: the file cannot be read, or is no ResNet of this depth and width.
    """
    tensors = {name: v for name, v in read_tensors(source).items() if not name.startswith("fc.")}
    depth, width = encoder_size(tensors, source)
    _need_size(depth, width, network, source)
    with torch.random.fork_rng(devices=[]):
        model = build({**network, "network": "upstream", "heads": []})
    if tensors[STEM].ndim == 4:
        tensors[STEM] = tensors[STEM].sum(1, keepdim=True)
    missing = model.encoder.state_dict().keys() - tensors.keys()
    tensors |= {name: torch.tensor(0) for name in missing if name.endswith(COUNTER)}
    fit_weights(model.encoder, tensors, source)
    _refuse_infinite(model, source)
    return model.eval()


def load_start(source: Path | str, network: Mapping[str, Any], *, decoder: bool) -> nn.Module:
    """Load what a study starts from.

    Args:
        source: as in :func:`load_checkpoint`.
        network: ``depth``, ``width``, ``attention`` of the study.
        decoder: whether the segmentation decoder goes downstream too, if there is one.

    Returns:
        the whole network of ``source``, in evaluation mode, on the CPU.

    Raises:
        ModelError: the file cannot be read, or its encoder or decoder is not the study's.
    """
    model = load_checkpoint(source)
    own = model.architecture
    _need_size(own["depth"], own["width"], network, source)
    if decoder and hasattr(model, "seg_decoder") and own["attention"] != network["attention"]:
        raise ModelError(
            f"the segmentation decoder of {source} has attention {own['attention']}, but network.attention "
            f"is {network['attention']}: change it, or set downstream.segmentation.transfer_decoder to false"
        )
    return model


def _need_size(depth: int, width: float, network: Mapping[str, Any], source: Path | str) -> None:
    sizes = [scaled(n, factor) for factor in (width, network["width"]) for n in (64, 512)]
    if depth != network["depth"] or sizes[:2] != sizes[2:]:
        raise ModelError(
            f"{source} holds a ResNet-{depth} of width {width:g}, but network.depth is {network['depth']} "
            f"and network.width {network['width']:g}: change these, or take other weights"
        )


def _refuse_infinite(model: nn.Module, source: Path | str) -> None:
    for name, value in model.state_dict().items():
        if not value.isfinite().all():
            raise ModelError(
                f"{source} holds a value in {name} that is not finite: take an earlier checkpoint"
            )


def import_checkpoint(source: Path | str, folder: Path | str) -> str:
    """Turn a checkpoint of the 2022 release into ``model.safetensors`` and ``model.json``.

    Args:
        source: the file.
        folder: where to write; must not hold a network yet.

    Returns:
        what it is, in a few words.

    Raises:
        ModelError: as :func:`load_checkpoint`, or the folder holds a network.
    """
    if Path(source).is_dir():
        raise ModelError(f"{source} is a folder: give the checkpoint, a file")
    if (Path(folder) / WEIGHTS).exists():
        raise ModelError(f"{folder} holds a network already: give another folder")
    model = load_checkpoint(source)
    save_model(model, folder)
    millions = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    return f"{describe(model.architecture)}, {millions:.1f} M parameters"
