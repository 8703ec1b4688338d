"""Tells from names and shapes of tensors which network they belong to."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from smartnet.errors import ModelError
from smartnet.networks.encoder import BLOCKS, scaled
from smartnet.networks.store import tensors_of

PLANES = (64, 64, 128, 256, 512)  # channels of stem and stages at width 1, before a bottleneck's expansion
LARGEST_WIDTH = 4
HEAD_PARTS = {
    "cls": {"classification_head"},
    "seg": {"seg_decoder", "segmentation_head"},
    "rec": {"rec_decoder", "reconstruction_head"},
}
RELEASED = {"upstream": "Up_SMART_Net", "classifier": "Down_SMART_Net_CLS", "segmenter": "Down_SMART_Net_SEG"}


def encoder_size(tensors: Mapping[str, torch.Tensor], source: Path | str) -> tuple[int, float]:
    """Tell depth and width of a ResNet under torchvision's names (``layer1.0.conv1.weight`` and so on).

    Args:
        tensors: of the encoder alone.
        source: where they come from, for messages.

    Returns:
        depth (18, 34 or 50), and the factor on all channel numbers, a short decimal where several give them.

    Raises:
        ModelError: these are no tensors of a ResNet, or of one of another depth.
    """
    blocks = [
        {
            re.match(rf"layer{stage}\.(\d+)\.", name)[1]
            for name in tensors
            if re.match(rf"layer{stage}\.\d+\.", name)
        }
        for stage in (1, 2, 3, 4)
    ]
    try:
        stem, *stages = (
            tensors[f"{name}conv1.weight"] for name in ("", *(f"layer{n}.0." for n in (1, 2, 3, 4)))
        )
        planes = [weight.shape[0] for weight in (stem, *stages)]
    except (KeyError, IndexError):
        raise ModelError(
            f"{source} holds no ResNet under torchvision's names (conv1.weight, layer1.0.conv1.weight, ...); "
            f"it begins with {next(iter(tensors), 'nothing')[:80]!r}"
        ) from None
    counts, bottleneck = tuple(map(len, blocks)), "layer1.0.conv3.weight" in tensors
    for depth, wanted in BLOCKS.items():
        if counts == wanted and bottleneck == (depth == 50):
            return depth, _width(planes, source)
    kind = "bottleneck" if bottleneck else "basic"
    raise ModelError(
        f"{source} holds a ResNet of {'-'.join(map(str, counts))} {kind} blocks, which is none of depth "
        f"{', '.join(map(str, BLOCKS))}: take weights of one of these"
    )


def _width(planes: list[int], source: Path | str) -> float:
    exact = planes[-1] / PLANES[-1]
    if not 0 < exact <= LARGEST_WIDTH:
        raise ModelError(
            f"{source} holds a ResNet with {planes[-1]} channels, {exact:g} times the published number; up "
            f"to {LARGEST_WIDTH} times can be used"
        )
    if (exact * PLANES[0]).is_integer():
        return exact  # no number of channels was rounded
    for decimals in range(1, 7):
        width = round(exact, decimals)
        if width and [scaled(n, width) for n in PLANES] == planes:
            return width
    return exact


def architecture_of(tensors: Mapping[str, torch.Tensor], source: Path | str) -> dict[str, Any]:
    """Tell the architecture of a network with the module names of the 2022 release.

    Args:
        tensors: of the whole network.
        source: where they come from, for messages.

    Returns:
        arguments of :func:`smartnet.networks.build`; whether every tensor fits is not looked at.

    Raises:
        ModelError: no encoder, or one of another kind.
    """
    encoder = tensors_of(tensors, "encoder")
    if not encoder:
        raise ModelError(
            f"{source} holds no tensor named encoder.*, so it is none of {', '.join(RELEASED.values())}; "
            f"it begins with {next(iter(tensors))[:80]!r}"
        )
    depth, width = encoder_size(encoder, source)
    shared = {"depth": depth, "width": width, "attention": _attention(tensors)}
    tops = {name.partition(".")[0] for name in tensors}
    if "LSTM" in tops:
        return {"network": "classifier", **shared, "operator": "bilstm"}
    if "conv1" in tops:
        return {"network": "segmenter", **shared, "operator": "conv3d"}
    heads = [head for head, parts in HEAD_PARTS.items() if parts & tops]
    return {"network": "upstream", **shared, "heads": heads}


def _attention(names: Collection[str]) -> str:
    gates = [name for name in names if ".cSE." in name]
    if any(".blocks." in name for name in gates):
        return "all"
    return "last" if gates else "none"


def describe(architecture: Mapping[str, Any]) -> str:
    """Say in a few words what a network is, by its name in the release."""
    words = [f"{RELEASED[architecture['network']]} with ResNet-{architecture['depth']}"]
    words.append(f"width {architecture['width']:g}")
    if "heads" in architecture:
        words.append(f"heads {'+'.join(architecture['heads']) or 'none'}")
    if "operator" in architecture:
        words.append(f"operator {architecture['operator']}")
    return ", ".join([*words, f"attention {architecture['attention']}"])
