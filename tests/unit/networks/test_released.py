"""Our networks against the ones that the authors released in 2022: names, shapes, order, answers, sizes."""

import hashlib
import json

import pytest
import torch
from released import HEAD_COMBINATIONS, RELEASED, assert_released_answers, formula_image, formula_weights

from smartnet.networks import build

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
    return formula_weights({"network": "upstream", "depth": 18})


@pytest.mark.parametrize("heads", HEAD_COMBINATIONS, ids="+".join)
def test_answers(heads, weights):
    net = build({"network": "upstream", "depth": 18, "attention": "last", "heads": list(heads)}).eval()
    net.load_state_dict({name: weights[name] for name in net.state_dict()})
    with torch.inference_mode():
        outputs = net(formula_image())
    assert_released_answers(outputs, heads)
