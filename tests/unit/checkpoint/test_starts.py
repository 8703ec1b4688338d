"""What a study starts from: an encoder of torchvision, or a whole network."""

import pytest
import torch
from released import formula_weights, torchvision_weights
from safetensors.torch import save_file
from torch.nn import functional as F

from smartnet.checkpoint.load import load_imagenet, load_start
from smartnet.errors import ModelError
from smartnet.networks import build, save_model

NETWORK = {"depth": 18, "width": 0.0625, "attention": "all"}


@pytest.fixture
def saved(tmp_path):
    def run(content, name="weights.pth"):
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return run


class TestImageNet:
    @pytest.mark.parametrize("depth", [18, 34, 50])
    def test_encoder_and_stem(self, depth, saved):
        weights = torchvision_weights(depth=depth, width=0.125)
        network = {**NETWORK, "depth": depth, "width": 0.125}
        net = load_imagenet(saved(weights), network)
        assert net.architecture == {**network, "network": "upstream", "heads": []} and not net.training
        state = net.encoder.state_dict()
        assert len(state) == len(weights) - 2
        assert all(torch.equal(v, weights[name]) for name, v in state.items() if name != "conv1.weight")
        grey = torch.rand(1, 1, 32, 32)
        colour = F.conv2d(grey.expand(-1, 3, -1, -1), weights["conv1.weight"], padding=3)
        assert torch.allclose(net.encoder.conv1(grey), colour, atol=1e-5), "a grey image gives the same sums"

    def test_the_published_size(self, saved):
        net = load_imagenet(saved(torchvision_weights(depth=18, width=1)), {**NETWORK, "width": 1.0})
        assert net.encoder.channels == (64, 64, 128, 256, 512)

    def test_safetensors_wrappers_old_files_and_one_channel(self, saved, tmp_path):
        weights = torchvision_weights(depth=18, width=0.0625)
        save_file(weights, tmp_path / "weights.safetensors")
        old = {name: value for name, value in weights.items() if "num_batches_tracked" not in name}
        grey = weights | {"conv1.weight": weights["conv1.weight"].sum(1, keepdim=True)}
        first = load_imagenet(tmp_path / "weights.safetensors", NETWORK).state_dict()
        for content in ({"state_dict": {f"module.{n}": v for n, v in weights.items()}}, old, grey):
            state = load_imagenet(saved(content), NETWORK).state_dict()
            assert all(torch.equal(value, first[name]) for name, value in state.items())

    @pytest.mark.parametrize(
        ("given", "depth", "width"),
        [((34, 0.0625), 18, "0.0625"), ((18, 0.125), 18, "0.0625"), ((50, 0.0625), 34, "0.0625")],
    )
    def test_another_size(self, given, depth, width, saved):
        path = saved(torchvision_weights(depth=given[0], width=given[1]))
        with pytest.raises(ModelError) as error:
            load_imagenet(path, {**NETWORK, "depth": depth})
        assert str(error.value) == (
            f"{path} holds a ResNet-{given[0]} of width {given[1]:g}, but network.depth is {depth} and "
            f"network.width {width}: change these, or take other weights"
        )

    def test_not_quite_a_resnet(self, saved):
        weights = torchvision_weights(depth=18, width=0.0625)
        path = saved(weights | {"layer1.0.conv2.weight": torch.ones(4, 1, 3, 3)})
        with pytest.raises(
            ModelError, match=r"pth does not fit the network: layer1.0.conv2.weight is \(4, 1"
        ):
            load_imagenet(path, NETWORK)
        with pytest.raises(ModelError, match="holds no ResNet under torchvision's names"):
            load_imagenet(saved({"features.0.weight": torch.ones(4, 1)}), NETWORK)
        with pytest.raises(ModelError, match="holds no ResNet under torchvision's names"):
            load_imagenet(saved({"fc.weight": torch.ones(4, 1)}), NETWORK)


class TestCheckpoint:
    @pytest.mark.parametrize(
        "architecture",
        [
            {"network": "upstream", "heads": ["cls", "seg", "rec"]},
            {"network": "classifier", "operator": "bilstm"},
            {"network": "segmenter", "operator": "conv3d"},
        ],
        ids=["Up", "CLS", "SEG"],
    )
    def test_a_file_and_a_folder_are_the_same(self, architecture, saved, tmp_path):
        weights = formula_weights({**NETWORK, **architecture})
        net = build({**NETWORK, **architecture})
        net.load_state_dict(weights)
        save_model(net, tmp_path / "folder")
        for source in (saved({"model_state_dict": weights}), tmp_path / "folder"):
            state = load_start(source, NETWORK, decoder=True).state_dict()
            assert all(torch.equal(value, weights[name]) for name, value in state.items())

    def test_another_size(self, saved):
        path = saved(formula_weights({**NETWORK, "network": "upstream"}))
        with pytest.raises(
            ModelError, match=r"holds a ResNet-18 of width 0.0625, but network.depth is 50 and"
        ):
            load_start(path, {**NETWORK, "depth": 50}, decoder=False)

    def test_another_attention_matters_only_to_a_decoder(self, saved):
        path = saved(formula_weights({**NETWORK, "network": "upstream", "attention": "last"}))
        load_start(path, NETWORK, decoder=False)
        with pytest.raises(ModelError) as error:
            load_start(path, NETWORK, decoder=True)
        assert str(error.value) == (
            f"the segmentation decoder of {path} has attention last, but network.attention is all: "
            "change it, or set downstream.segmentation.transfer_decoder to false"
        )
        only_cls = saved(formula_weights({**NETWORK, "network": "upstream", "heads": ["cls"]}))
        load_start(only_cls, NETWORK, decoder=True)

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(ModelError, match="no architecture at"):
            load_start(tmp_path, NETWORK, decoder=False)
