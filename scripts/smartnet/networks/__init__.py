"""The networks of Kyung et al. (Medical Image Analysis, 2022), with the module names of the release of
2022-07."""

from typing import Any

import torch
from torch import nn

from smartnet.errors import ModelError
from smartnet.networks.encoder import BLOCKS
from smartnet.networks.inputs import min_max
from smartnet.networks.operators import OPERATORS
from smartnet.networks.store import load_model, load_weights, save_model
from smartnet.networks.upstream import ALL_HEADS, HEADS, UpstreamNetwork
from smartnet.networks.volumes import VolumeClassifier, VolumeNetwork, VolumeSegmenter, pack, unpack

__all__ = [
    "HEADS",
    "OPERATORS",
    "UpstreamNetwork",
    "VolumeClassifier",
    "VolumeNetwork",
    "VolumeSegmenter",
    "build",
    "load_model",
    "load_weights",
    "min_max",
    "pack",
    "save_model",
    "unpack",
]

ATTENTIONS = ("all", "last", "none")


def _choose(what: str, value: Any, choices: Any) -> Any:
    if value not in choices:
        raise ModelError(f"unknown {what} {value!r}: choose from {', '.join(map(str, choices))}")
    return value


def _width(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 4:
        raise ModelError(
            f"width {value!r} is impossible: give a factor above 0 and up to 4, 1 is the published size"
        )
    return float(value)


def _words(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 2:
        raise ModelError(f"words {value!r} is impossible: give the number of visual words, from 2 on")
    return value


def build(architecture: dict[str, Any]) -> nn.Module:
    """Make a network with freshly drawn weights (from torch's global generator).

    Args:
        architecture: ``network`` (upstream, classifier, segmenter), ``depth`` (18, 34, 50), ``width``
        (factor on all
            channel numbers), ``attention`` (all, last, none; not read by a classifier), and ``heads``
            (upstream; with ``words``, the number of classes, where ``words`` is one of them)
            or ``operator`` (a key of ``OPERATORS``).

    Returns:
        the network in training mode; ``architecture`` stays on it as an attribute.

    Raises:
        ModelError: naming the value and the choices.
    """
    known = {"network", "depth", "width", "attention", "heads", "words", "operator"}
    for key in architecture:
        _choose("architecture key", key, sorted(known))
    network = _choose("network", architecture.get("network"), ("upstream", *OPERATORS))
    depth = _choose("encoder depth", architecture.get("depth"), tuple(BLOCKS))
    width = _width(architecture.get("width", 1.0))
    attention = _choose("attention", architecture.get("attention", "all"), ATTENTIONS)
    plain = {"network": network, "depth": depth, "width": width, "attention": attention}
    if network == "upstream":
        heads = [_choose("head", head, ALL_HEADS) for head in architecture.get("heads", HEADS)]
        words = {"words": _words(architecture.get("words"))} if "words" in heads else {}
        model: nn.Module = UpstreamNetwork(
            depth=depth, width=width, attention=attention, heads=heads, **words
        )
        plain |= {"heads": list(model.heads), **words}
    else:
        operators = OPERATORS[network]
        operator = _choose(f"{network} operator", architecture.get("operator"), tuple(operators))
        options = {"attention": attention} if network == "segmenter" else {}
        model = operators[operator](depth=depth, width=width, **options)
        plain["operator"] = operator
    model.architecture = plain
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.to(memory_format=torch.channels_last)  # few channels run up to twice as fast on a CPU
    return model
