import pytest
import torch
from torch.nn import functional as F

from smartnet.networks.attention import SCSE
from smartnet.networks.layout import NARROW, PlanarConv2d, PooledConv2d, planar

LAYOUTS = (torch.contiguous_format, torch.channels_last)


def _map(channels, layout=torch.contiguous_format):
    torch.manual_seed(1)
    values = torch.randn(2, channels, 6, 5, dtype=torch.double)
    return values.contiguous(memory_format=layout).requires_grad_()


def _answer_and_gradients(function, x, *weights):
    answer = function(x)
    return answer, *torch.autograd.grad(answer.square().sum(), (x, *weights))


@pytest.mark.parametrize(("channels", "copied"), [(NARROW, True), (NARROW + 1, False)])
def test_only_narrow_maps_are_copied(channels, copied):
    x = _map(channels, torch.channels_last)
    y = planar(x)
    assert torch.equal(y, x)
    assert y.is_contiguous() == copied


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gradient_comes_back_in_the_layout_of_its_map(layout):
    x = _map(3, layout)
    (gradient,) = torch.autograd.grad(planar(x).square().sum(), x)
    assert torch.allclose(gradient, 2 * x)
    assert gradient.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("inputs", "outputs"), [(3, 4), (3, 40), (40, 3), (40, 40)])
def test_planar_convolution_is_the_convolution(inputs, outputs, layout):
    x = _map(inputs, layout)
    ours = PlanarConv2d(inputs, outputs, 3, padding=1).double().to(memory_format=torch.channels_last)
    ours_answer = _answer_and_gradients(ours, x, ours.weight, ours.bias)
    plain = _answer_and_gradients(
        lambda x: F.conv2d(x, ours.weight, ours.bias, padding=1), x, ours.weight, ours.bias
    )
    for a, b in zip(ours_answer, plain, strict=True):
        torch.testing.assert_close(a, b)
    assert ours_answer[0].is_contiguous() or outputs > NARROW


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", [4, 32])
def test_attention_is_its_formula(channels, layout):
    x, gate = _map(channels, layout), SCSE(channels).double()
    squeeze, excite, spatial = gate.cSE[1], gate.cSE[3], gate.sSE[0]
    assert isinstance(squeeze, PooledConv2d)

    def formula(x):
        channel = F.conv2d(x.mean((2, 3), keepdim=True), squeeze.weight, squeeze.bias).relu()
        channel = F.conv2d(channel, excite.weight, excite.bias).sigmoid()
        return x * channel + x * F.conv2d(x, spatial.weight, spatial.bias).sigmoid()

    weights = list(gate.parameters())
    ours, plain = (_answer_and_gradients(f, x, *weights) for f in (gate, formula))
    for a, b in zip(ours, plain, strict=True):
        torch.testing.assert_close(a, b)
