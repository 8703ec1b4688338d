import numpy as np
import pytest
import torch
from torch import nn

from smartnet.explain.cam import activation_map, grad_cam, seg_grad_cam, slice_profile
from smartnet.networks import OPERATORS, build, load_model


class Known(nn.Module):
    """Channels: brightness, darkness; logit = sum over slices of weight x (brightness - 3 darkness)."""

    def __init__(self, weights):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.layer4 = nn.AvgPool2d(4)
        self.weights = torch.tensor(weights)

    def forward(self, volumes, depths):
        slices = volumes[0].transpose(0, 1)
        stage = self.encoder.layer4(torch.cat([slices, 1 - slices], dim=1))
        pooled = stage.mean((2, 3))
        return (self.weights * (pooled[:, 0] - 3 * pooled[:, 1])).sum().reshape(1, 1)


def test_grad_cam_of_a_network_with_a_known_answer():
    volume = torch.zeros(3, 1, 16, 16)
    volume[:, 0, 4:8, 8:12] = 1
    evidence = grad_cam(Known([2.0, 1.0, -0.5]), volume)
    assert evidence.shape == (3, 16, 16)
    # In the bright tile darkness is 0 and brightness counts; elsewhere 3 x darkness speaks against.
    assert evidence[0].max() == 1
    assert evidence[1].max() == pytest.approx(0.5)  # half the weight, on the same scale
    assert evidence[0][5:7, 9:11].min() > 0.5
    assert evidence[0][12:, :4].max() == 0
    # A slice with negative weight speaks for hemorrhage where it is dark.
    assert evidence[2][5:7, 9:11].max() < evidence[2][12:, :4].min()


def test_grad_cam_of_a_linear_network_has_a_closed_form():
    """The gradient is the weights, so the map is the positive part of the weighted features."""
    weights = torch.tensor([[2.0, -1.0], [0.5, 1.0], [-1.0, 3.0]])

    class Linear(Known):
        def forward(self, volumes, depths):
            slices = volumes[0].transpose(0, 1)
            pooled = self.encoder.layer4(torch.cat([slices, slices**2], dim=1)).mean((2, 3))
            return (weights * pooled).sum().reshape(1, 1)

    volume = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    stage = nn.functional.avg_pool2d(torch.cat([volume, volume**2], dim=1), 4)
    expected = (weights[:, :, None, None] * stage).sum(1, keepdim=True).relu()
    expected = nn.functional.interpolate(expected, (16, 16), mode="bilinear")[:, 0]
    torch.testing.assert_close(grad_cam(Linear([1.0]), volume), expected / expected.max())


def test_no_evidence_gives_an_empty_map():
    assert grad_cam(Known([-1.0]), torch.ones(1, 1, 16, 16)).max() == 0


def test_grad_cam_through_the_bilstm_agrees_with_monai(networks):
    from monai.visualize import GradCAM

    volume = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(1))

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = load_model(networks / "classifier")

        def forward(self, slices):
            return self.network(slices.transpose(0, 1)[None], torch.tensor([len(slices)]))

    monai = GradCAM(
        Wrapped(),
        target_layers="network.encoder.layer4",
        upsampler=lambda size: nn.Identity(),
        postprocessing=lambda x: x,
    )
    expected = torch.as_tensor(monai(volume, class_idx=0))
    expected = nn.functional.interpolate(expected, (32, 32), mode="bilinear", align_corners=False)[:, 0]
    evidence = grad_cam(load_model(networks / "classifier"), volume)
    assert evidence.max() == 1
    torch.testing.assert_close(evidence, expected / expected.max(), rtol=1e-4, atol=1e-6)


class LinearSegmenter(nn.Module):
    """Channels: brightness, its square; a logit sees its own voxel and, half as much, the slice below."""

    def __init__(self, weights, bias):
        super().__init__()
        self.seg_decoder = nn.Identity()
        self.weights, self.bias = torch.tensor(weights)[None, :, None, None], bias

    def forward_packed(self, slices, depths):
        features = self.seg_decoder(torch.cat([slices, slices**2], dim=1))
        said = (self.weights * features).sum(1, keepdim=True)
        below = torch.cat([torch.zeros_like(said[:1]), said[:-1]])
        return said + below / 2 + self.bias


def test_volumetric_grad_cam_of_a_linear_segmenter_has_a_closed_form():
    volume = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    segmenter = LinearSegmenter([3.0, -1.0], -1.5)
    found = seg_grad_cam(segmenter, volume, threshold=0.6)
    expected = (3 * volume - volume**2)[:, 0].relu()  # every channel's mean gradient has the same factor
    assert found.shape == (4, 16, 16)
    torch.testing.assert_close(found, expected / expected.max())


def test_volumetric_weights_are_means_of_the_gradient_of_what_is_called_lesion():
    """Of two channels only one differs where lesion is called, and the operator turns its sign elsewhere."""

    class Gated(LinearSegmenter):
        def forward_packed(self, slices, depths):
            features = self.seg_decoder(torch.cat([slices, 1 - slices], dim=1))
            gate = (slices > 0.5).float()
            return gate * (4 * features[:, :1] + features[:, 1:]) - (1 - gate) * features[:, 1:] * 9 - 1

    volume = torch.zeros(3, 1, 16, 16)
    volume[1, 0, 4:8, 4:8] = 1
    found = seg_grad_cam(Gated([1.0, 1.0], 0.0), volume, threshold=0.5)
    # gradients are taken at the 16 voxels of the lesion alone: 4 for brightness, 1 for darkness
    torch.testing.assert_close(found, (4 * volume + (1 - volume))[:, 0] / 4)


def test_nothing_called_lesion_leaves_nothing_to_explain():
    found = seg_grad_cam(LinearSegmenter([1.0, 1.0], -9.0), torch.rand(3, 1, 16, 16), threshold=0.5)
    assert found.shape == (3, 16, 16) and found.max() == 0


@pytest.mark.parametrize("operator", OPERATORS["segmenter"])
def test_volumetric_grad_cam_passes_every_operator(operator):
    torch.manual_seed(3)
    architecture = {"network": "segmenter", "depth": 18, "width": 0.0625, "operator": operator}
    network = build(architecture).eval()
    volume = torch.rand(5, 1, 32, 32)
    before = [parameter.requires_grad for parameter in network.parameters()]
    found = seg_grad_cam(network, volume, threshold=0.0)
    network.head.weight.data.neg_()
    turned = seg_grad_cam(network, volume, threshold=0.0)
    assert found.shape == (5, 32, 32) and min(found.min(), turned.min()) >= 0
    assert max(found.max(), turned.max()) == 1
    network.max_slices = 2
    torch.testing.assert_close(seg_grad_cam(network, volume, threshold=0.0), turned, rtol=1e-4, atol=1e-5)
    assert [parameter.requires_grad for parameter in network.parameters()] == before
    assert not network.seg_decoder._forward_hooks


def test_profile_sums_the_evidence_of_slices_to_one_scale():
    evidence = np.zeros((4, 2, 2), np.float32)
    evidence[1], evidence[2, 0, 0] = 0.5, 1.0
    np.testing.assert_allclose(slice_profile(evidence), [0, 1, 0.5, 0])
    assert slice_profile(np.zeros((3, 2, 2), np.float32)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("operator", OPERATORS["classifier"])
def test_grad_cam_passes_every_operator(operator):
    torch.manual_seed(3)
    network = build({"network": "classifier", "depth": 18, "width": 0.0625, "operator": operator}).eval()
    volume = torch.rand(5, 1, 32, 32)
    speaks_for = grad_cam(network, volume)
    network.head.weight.data.neg_()  # an untrained network may see nothing that speaks for hemorrhage
    speaks_against = grad_cam(network, volume)
    assert speaks_for.shape == (5, 32, 32) and min(speaks_for.min(), speaks_against.min()) >= 0
    assert max(speaks_for.max(), speaks_against.max()) == 1


def test_chunks_of_slices_do_not_change_the_map(networks):
    network = load_model(networks / "classifier")
    volume = torch.rand(7, 1, 32, 32, generator=torch.Generator().manual_seed(1))
    whole = grad_cam(network, volume)
    network.max_slices = 2
    torch.testing.assert_close(grad_cam(network, volume), whole, rtol=1e-4, atol=1e-5)


def test_the_network_is_left_as_it_was(networks):
    network = load_model(networks / "classifier")
    before = [parameter.requires_grad for parameter in network.parameters()]
    grad_cam(network, torch.rand(2, 1, 32, 32))
    assert [parameter.requires_grad for parameter in network.parameters()] == before
    assert not network.encoder.layer4._forward_hooks
    assert all(parameter.grad is None for parameter in network.parameters())


def test_activation_map_is_the_stretched_channel_mean():
    def encoder(images):
        return [images, nn.functional.avg_pool2d(torch.cat([images, 3 * images], dim=1), 4)]

    image = torch.zeros(1, 1, 16, 16)
    image[0, 0, 4:8, 8:12] = 1
    result = activation_map(encoder, image)[0]
    assert (result.min(), result.max()) == (0, 1)
    mean = nn.functional.avg_pool2d(2 * image, 4).sigmoid()
    expected = nn.functional.interpolate(mean, (16, 16), mode="bilinear")[0, 0]
    torch.testing.assert_close(result, (expected - expected.min()) / (expected.max() - expected.min()))
