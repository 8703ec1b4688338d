import numpy as np
import pytest
import torch
from torch import nn

from smartnet.errors import DataError
from smartnet.explain.cases import choose_cases
from smartnet.explain.maps import activation_map, compute_maps, grad_cam
from smartnet.files import read_table, write_table
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


def maps(study, networks, output):
    root, folders = study
    choose_cases(folders, root / "split.tsv", output=output / "cases.tsv", count=3, seed=1)
    compute_maps(
        networks / "upstream",
        networks / "classifier",
        output / "cases.tsv",
        folders,
        root / "split.tsv",
        output=output / "maps",
        gpu=0,
        threads=1,
    )


def test_maps_are_written_for_every_case_and_repeat_byte_for_byte(study, networks, tmp_path):
    for run in ("a", "b"):
        maps(study, networks, tmp_path / run)
    table = read_table(tmp_path / "a" / "maps" / "maps.tsv")
    assert list(table.columns) == ["case", "dataset", "z", "lesion_ml"]
    for name in ("activation.npy", "gradcam.npy"):
        array = np.load(tmp_path / "a" / "maps" / name)
        assert array.shape == (3, 32, 32)
        assert array.dtype == np.float32
        assert array.min() >= 0
        assert array.max() <= 1
        assert (tmp_path / "a" / "maps" / name).read_bytes() == (tmp_path / "b" / "maps" / name).read_bytes()
    assert np.load(tmp_path / "a" / "maps" / "activation.npy").max() == 1


def test_a_training_case_is_refused(study, networks, tmp_path):
    root, folders = study
    table = read_table(root / "public" / "1" / "cases.tsv").iloc[:1].assign(z=3)
    write_table(table[["case", "dataset", "z", "lesion_ml"]], tmp_path / "cases.tsv")
    with pytest.raises(DataError, match="cpublic10 is not a test case"):
        compute_maps(
            networks / "upstream",
            networks / "classifier",
            tmp_path / "cases.tsv",
            folders,
            root / "split.tsv",
            output=tmp_path,
            gpu=0,
            threads=1,
        )
