"""Our networks against the ones that the authors released in 2022: names, shapes, order, answers, sizes."""

import hashlib
import json
import zlib
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from smartnet.networks import HEADS, build

RELEASED = json.loads((Path(__file__).parent / "released_2022.json").read_text())
ARCHITECTURES = {
    "Up_SMART_Net/resnet18": {"network": "upstream", "depth": 18},
    "Up_SMART_Net/resnet50": {"network": "upstream", "depth": 50},
    "Down_SMART_Net_CLS/resnet50": {"network": "classifier", "depth": 50, "operator": "bilstm"},
    "Down_SMART_Net_SEG/resnet50": {"network": "segmenter", "depth": 50, "operator": "conv3d"},
}
MILLIONS = {
    "Up_SMART_Net/resnet50": 55.5,
    "Down_SMART_Net_CLS/resnet50": 40.8,
    "Down_SMART_Net_SEG/resnet50": 32.5,
}


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
    return torch.from_numpy(s.astype(np.float32).reshape(shape))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_names_shapes_order_and_size(name):
    with torch.device("meta"):
        net = build({**ARCHITECTURES[name], "attention": "last"})
    shapes = [(key, list(value.shape)) for key, value in net.state_dict().items()]
    assert len(shapes) == RELEASED["state_dicts"][name]["tensors"]
    assert hashlib.sha256(json.dumps(shapes).encode()).hexdigest() == RELEASED["state_dicts"][name]["sha256"]
    if name in MILLIONS:
        assert round(sum(p.numel() for p in net.parameters()) / 1e6, 1) == MILLIONS[name]


@pytest.fixture(scope="module")
def weights():
    with torch.device("meta"):
        full = build({"network": "upstream", "depth": 18, "attention": "last"})
    return {name: formula(name, tuple(value.shape)) for name, value in full.state_dict().items()}


@pytest.mark.parametrize("heads", [c for n in (1, 2, 3) for c in combinations(HEADS, n)], ids="+".join)
def test_answers(heads, weights):
    net = build({"network": "upstream", "depth": 18, "attention": "last", "heads": list(heads)}).eval()
    net.load_state_dict({name: weights[name] for name in net.state_dict()})
    i, j = np.mgrid[:128, :128]
    image = torch.tensor(0.5 + 0.5 * np.sin(0.05 * i) * np.cos(0.07 * j), dtype=torch.float32)[None, None]
    with torch.inference_mode():
        outputs = net(image)
    assert tuple(outputs) == heads
    for head in heads:
        got, released = outputs[head].double().numpy(), RELEASED[head]
        tolerance = 1e-4 * (released["std"] or 1)
        assert abs(got.mean() - released["mean"]) < tolerance
        assert abs(got.std() - released["std"]) < tolerance
        for y, x, value in released.get("pixels", []):
            assert abs(got[0, 0, y, x] - value) < tolerance
