"""What the networks released in 2022 answer to formula weights and a formula image, and both formulas."""

import json
import zlib
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from smartnet.networks import HEADS, build

RELEASED = json.loads((Path(__file__).parent / "networks/released_2022.json").read_text())
HEAD_COMBINATIONS = [heads for n in (1, 2, 3) for heads in combinations(HEADS, n)]


def formula(name, shape):
    """Weights that anybody can compute: pseudo-random from name and index, scaled as an initialisation is."""
    n = int(np.prod(shape))
    wave = np.sin(12.9898 * np.arange(n) + zlib.crc32(name.encode()) % 1000) * 43758.5453
    s = (2 * (wave - np.floor(wave)) - 1) * np.sqrt(3)
    if name.endswith("num_batches_tracked"):
        s = np.zeros(n)
    elif name.endswith("running_mean"):
        s = 0.1 * s
    elif name.endswith("running_var"):
        s = 1 + 0.2 * s**2
    elif len(shape) > 1:
        s = s * np.sqrt(2 / (n / shape[0]))
    else:
        s = name.endswith("weight") + 0.1 * s
    kind = np.int64 if name.endswith("num_batches_tracked") else np.float32
    return torch.from_numpy(s.astype(kind).reshape(shape))


def formula_weights(architecture):
    """The state dict of a network, in the release's order."""
    with torch.device("meta"):
        network = build({"attention": "last", **architecture})
    return {name: formula(name, tuple(value.shape)) for name, value in network.state_dict().items()}


def torchvision_weights(*, depth, width):
    """The state dict of a torchvision ResNet: three channels at the stem, ``fc`` at the end."""
    whole = formula_weights({"network": "upstream", "depth": depth, "width": width, "heads": []})
    weights = {name.removeprefix("encoder."): value for name, value in whole.items()}
    stem = "conv1.weight"
    weights[stem] = formula(stem, (len(weights[stem]), 3, 7, 7))
    features = len(weights["layer4.1.bn2.bias"]) * (4 if depth == 50 else 1)
    return weights | {
        "fc.weight": formula("fc.weight", (1000, features)),
        "fc.bias": formula("fc.bias", (1000,)),
    }


def formula_image():
    """(1, 1, 128, 128) in [0, 1]."""
    i, j = np.mgrid[:128, :128]
    return torch.tensor(0.5 + 0.5 * np.sin(0.05 * i) * np.cos(0.07 * j), dtype=torch.float32)[None, None]


def assert_released_answers(outputs, heads):
    """Compare the answers of a ResNet-18 with formula weights with those recorded from the release."""
    assert tuple(outputs) == tuple(heads)
    for head in heads:
        got, released = outputs[head].double().numpy(), RELEASED[head]
        tolerance = 1e-4 * (released["std"] or 1)
        assert abs(got.mean() - released["mean"]) < tolerance
        assert abs(got.std() - released["std"]) < tolerance
        for y, x, value in released.get("pixels", []):
            assert abs(got[0, 0, y, x] - value) < tolerance
