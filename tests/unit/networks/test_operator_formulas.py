"""Each 3D operator against its formula, written out for one scan."""

import math

import pytest
import torch
from torch.nn import functional as F

from smartnet.networks import OPERATORS, build
from smartnet.networks.operators.transformer import sincos


def _build(operator, width=0.0625):
    network = next(name for name, operators in OPERATORS.items() if operator in operators)
    torch.manual_seed(4)
    return build({"network": network, "depth": 18, "width": width, "operator": operator}).eval()


def _tail(net, summary):
    return net.head(net.fc(summary).relu())


@pytest.fixture(autouse=True)
def without_gradient():
    torch.manual_seed(2)
    with torch.no_grad():
        yield


@pytest.mark.parametrize("operator", ["bilstm", "lstm", "gru"])
def test_last_states_of_the_directions_are_joined(operator):
    net = _build(operator)
    layers = net.GRU if operator == "gru" else net.LSTM
    features, half = torch.randn(9, net.encoder.channels[-1]), layers.hidden_size
    got = net.operate(features, [4, 5])
    for scan, answer in zip(features.split([4, 5]), got, strict=True):
        states, _ = layers(scan[None])
        joined = (
            states[:, -1] if operator == "lstm" else torch.cat((states[:, -1, :half], states[:, 0, half:]), 1)
        )
        torch.testing.assert_close(_tail(net, joined)[0], answer)


@pytest.mark.parametrize("operator", ["bilstm", "lstm", "gru", "transformer", "conv1d"])
def test_order_of_slices_matters(operator):
    net = _build(operator)
    features = torch.randn(9, net.encoder.channels[-1])
    assert not torch.allclose(net.operate(features.flip(0), [9]), net.operate(features, [9]), atol=1e-5)


@pytest.mark.parametrize("operator", ["mean", "max", "attention"])
def test_order_of_slices_does_not_matter_to_a_pooling(operator):
    net = _build(operator)
    features = torch.randn(9, net.encoder.channels[-1])
    torch.testing.assert_close(net.operate(features.flip(0), [9]), net.operate(features, [9]))


@pytest.mark.parametrize(("operator", "pool"), [("mean", torch.mean), ("max", torch.amax)])
def test_pooling(operator, pool):
    net = _build(operator)
    features = torch.randn(9, net.encoder.channels[-1])
    want = torch.stack([pool(features[:4], 0), pool(features[4:], 0)])
    torch.testing.assert_close(net.operate(features, [4, 5]), _tail(net, want))


def test_gated_attention():
    """Equation 9 of Ilse et al., ICML 2018."""
    net = _build("attention", 0.25)
    features = torch.randn(5, net.encoder.channels[-1])
    scores = [
        net.weight.weight[0]
        @ (
            torch.tanh(net.content.weight @ row + net.content.bias)
            * torch.sigmoid(net.gate.weight @ row + net.gate.bias)
        )
        for row in features
    ]
    weights = torch.stack(scores).softmax(0)
    torch.testing.assert_close(net.attend(features)[:, 0], weights)
    torch.testing.assert_close(net.operate(features, [5]), _tail(net, weights[None] @ features))


def test_conv1d():
    net = _build("conv1d")
    features = torch.randn(9, net.encoder.channels[-1])

    def formula(scan):
        x = scan.T[None]
        for convolution, norm in ((net.conv1, net.norm1), (net.conv2, net.norm2)):
            x = norm(convolution(x).transpose(1, 2)).relu().transpose(1, 2)
        return _tail(net, x.amax(2))

    want = torch.cat([formula(scan) for scan in features.split([1, 8])])
    torch.testing.assert_close(net.operate(features, [1, 8]), want)


@pytest.mark.parametrize("operator", ["bilstm", "lstm", "gru"])
@torch.enable_grad()
def test_an_untrained_memory_bridges_a_scan(operator):
    """What the middle of 24 slices shows must reach the ends, or nothing can be learned from it."""
    net = _build(operator, 0.25)
    features = torch.rand(24, net.encoder.channels[-1], requires_grad=True)
    net.operate(features, [24]).sum().backward()
    reach = features.grad.norm(dim=1)
    assert reach[12] > 0.05 * reach.max()


def test_positions_by_hand():
    """Two axes share eight channels: two rates each, sines before cosines; the ninth is left over."""
    code = sincos(torch.tensor([[0, 0], [3, 5]]), 9)
    want = [f(n * rate) for n in (3, 5) for f in (math.sin, math.cos) for rate in (1, 0.01)]
    torch.testing.assert_close(code, torch.tensor([[0.0, 0, 1, 1, 0, 0, 1, 1, 0], [*want, 0]]))


def test_positions_of_any_depth_differ():
    code = sincos(torch.arange(1000)[:, None], 64)
    assert (torch.cdist(code, code) + 10 * torch.eye(1000)).min() > 0.5


def test_transformer_layers_do_not_start_alike():
    layers = _build("transformer").transformer.layers
    assert not torch.equal(layers[0].linear1.weight, layers[1].linear1.weight)


def test_none_is_a_convolution_of_each_slice():
    net = _build("none")
    features = torch.randn(5, net.seg_decoder.channels, 16, 16)
    want = F.conv2d(features, net.head.weight, net.head.bias, padding=1)
    torch.testing.assert_close(net.operate(features, [2, 3]), want)


@pytest.mark.parametrize("training", [False, True])
def test_conv3d_operator_is_the_3d_convolution(training):
    net = _build("conv3d", 0.25).train(training)
    features = torch.randn(8, 4, 16, 16)

    def reference(x):
        for convolution, norm in ((net.conv1, net.bn1), (net.conv2, net.bn2)):
            x = norm(convolution(x)).relu()
        return net.head(x)[0].transpose(0, 1)

    whole = reference(features.transpose(0, 1)[None])
    assert torch.allclose(net.operate(features, [8]), whole, atol=1e-5)
    if not training:
        parts = [reference(part.transpose(0, 1)[None]) for part in features.split([3, 1, 4])]
        assert torch.allclose(net.operate(features, [3, 1, 4]), torch.cat(parts), atol=1e-5)


def test_convlstm():
    """Equation 3 of Shi et al., 2015, without peepholes, in both directions."""
    net = _build("convlstm")
    channels = net.seg_decoder.channels
    features = torch.randn(7, channels, 16, 16)

    def walk(cell, scan):
        hidden = memory = torch.zeros(1, channels, 16, 16)
        states = []
        for image in scan:
            gates = F.conv2d(
                torch.cat((image[None], hidden), 1), cell.gates.weight, cell.gates.bias, padding=1
            )
            i, f, c, o = gates.chunk(4, 1)
            memory = f.sigmoid() * memory + i.sigmoid() * c.tanh()
            hidden = o.sigmoid() * memory.tanh()
            states.append(hidden)
        return torch.cat(states)

    for scan, answer in zip(features.split([2, 5]), net.operate(features, [2, 5]).split([2, 5]), strict=True):
        states = torch.cat((walk(net.up, scan), walk(net.down, scan.flip(0)).flip(0)), 1)
        torch.testing.assert_close(answer, F.conv2d(states, net.head.weight, net.head.bias, padding=1))


def test_non_local_block():
    """Equation 6 of Wang et al., CVPR 2018, over tiles of 16 x 16 pixels."""
    net = _build("non-local", 0.25)
    features = torch.randn(3, net.seg_decoder.channels, 32, 16)
    plain = F.conv2d(features, net.head.weight, net.head.bias, padding=1)
    torch.testing.assert_close(net.operate(features, [3]), plain)  # the block starts as the identity
    torch.nn.init.normal_(net.back.weight)
    voxels = features.permute(0, 2, 3, 1)

    def tiles(layer):
        pooled = F.max_pool2d(layer(voxels).permute(0, 3, 1, 2), 16)
        return pooled.permute(0, 2, 3, 1).flatten(0, 2)

    scores = net.query(voxels).flatten(0, 2) @ tiles(net.key).T
    weights = (scores / math.sqrt(net.query.out_features)).softmax(1)
    context = net.back(weights @ tiles(net.value)).view_as(voxels)
    want = F.conv2d((voxels + context).permute(0, 3, 1, 2), net.head.weight, net.head.bias, padding=1)
    torch.testing.assert_close(net.operate(features, [3]), want, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("operator", ["convlstm", "non-local", "vit3d"])
def test_a_slice_hears_of_the_far_end_of_its_scan_but_not_of_another_scan(operator):
    net = _build(operator)
    if operator == "non-local":
        torch.nn.init.normal_(net.back.weight)
    features = torch.randn(12, net.seg_decoder.channels, 16, 16)
    before = net.operate(features, [6, 6])
    features[5] += 1
    changed = (net.operate(features, [6, 6]) - before).abs().amax((1, 2, 3))
    assert (changed[:6] > 0).all() and changed[6:].max() < 1e-6


def test_vit_patches_come_back_to_their_place():
    """With attention silent, what a patch shows changes the answer there and nowhere else."""
    net = _build("vit3d")
    for layer in net.transformer.layers:
        torch.nn.init.zeros_(layer.self_attn.out_proj.weight)
    features = torch.randn(2, net.seg_decoder.channels, 48, 32)
    before = net.operate(features, [2])
    features[1, :, 20, 20] += 1
    changed = (net.operate(features, [2]) - before).abs()
    assert not changed[0].any()
    rows, columns = changed[1, 0].nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (15, 32, 15, 31)
