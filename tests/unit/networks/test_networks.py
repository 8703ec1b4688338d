from itertools import combinations, cycle, product

import pytest
import torch
from torch import nn

from smartnet.errors import ModelError
from smartnet.losses import upstream_losses
from smartnet.networks import HEADS, build, load_model, pack, save_model, unpack

COMBINATIONS = [heads for n in (1, 2, 3) for heads in combinations(HEADS, n)]
SMALL = {"depth": 18, "width": 0.0625, "attention": "all"}
CLASSIFIER = {**SMALL, "network": "classifier", "operator": "bilstm"}
SEGMENTER = {**SMALL, "network": "segmenter", "operator": "conv3d"}


def _seeded(architecture):
    torch.manual_seed(4)
    return build(architecture)


@pytest.mark.parametrize(("depth", "attention"), list(product((18, 34, 50), ("all", "last", "none"))))
def test_shapes_and_attention(depth, attention):
    net = build({"network": "upstream", "depth": depth, "width": 0.125, "attention": attention}).eval()
    features = net.encoder(torch.rand(2, 1, 32, 48))
    deep = 4 if depth == 50 else 1
    assert [tuple(f.shape) for f in features] == [
        (2, 8, 32, 48),
        *((2, c * deep, 32 // s, 48 // s) for c, s in ((8, 2), (16, 4), (32, 8), (64, 16))),
    ]
    outputs = net(torch.rand(2, 1, 32, 48))
    assert {k: tuple(v.shape) for k, v in outputs.items()} == {
        "cls": (2, 1),
        "seg": (2, 1, 32, 48),
        "rec": (2, 1, 32, 48),
    }
    gates = [name for name, m in net.named_modules() if name.endswith("cSE") and isinstance(m, nn.Sequential)]
    assert len(gates) == {"all": 20, "last": 4, "none": 0}[attention]


@pytest.mark.parametrize(("depth", "attention"), list(product((18, 34, 50), ("all", "last", "none"))))
def test_shapes_of_every_combination_of_heads(depth, attention):
    """On the meta device: shapes alone."""
    shapes = {"cls": (2, 1), "seg": (2, 1, 32, 48), "rec": (2, 1, 32, 48)}
    with torch.device("meta"), torch.no_grad():
        for heads, width in zip(COMBINATIONS, cycle((0.0625, 1.0, 0.25)), strict=False):
            plain = {"network": "upstream", "depth": depth, "attention": attention, "width": width}
            outputs = build({**plain, "heads": list(heads)})(torch.empty(2, 1, 32, 48))
            assert {name: tuple(v.shape) for name, v in outputs.items()} == {h: shapes[h] for h in heads}


@pytest.mark.parametrize("heads", [(), ("rec", "cls"), *COMBINATIONS])
def test_only_the_heads_asked_for(heads):
    net = build({**SMALL, "network": "upstream", "heads": list(heads)})
    assert set(net(torch.rand(2, 1, 32, 32))) == set(heads)
    parts = {name.split(".")[0] for name in net.state_dict()}
    names = {"cls": {"classification_head"}, "seg": {"seg_decoder", "segmentation_head"}}
    names["rec"] = {"rec_decoder", "reconstruction_head"}
    assert parts == {"encoder"}.union(*(names[head] for head in heads))


def test_few_channels_at_full_size_survive_a_backward_pass():
    """oneDNN's strided 1x1 kernel crashed the process here."""
    net = _seeded({**SMALL, "network": "classifier", "operator": "bilstm"})
    assert net.encoder(torch.rand(2, 1, 64, 64))[-1].is_contiguous(memory_format=torch.channels_last)
    net.forward_packed(torch.rand(2, 1, 256, 256), [2]).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.encoder.parameters())


@pytest.mark.parametrize("width", [0.01, 0.25, 1.5])
def test_width_scales_all_channels(width):
    with torch.device("meta"):
        net = build({"network": "classifier", "depth": 18, "width": width, "operator": "bilstm"})
        seg = build({"network": "segmenter", "depth": 18, "width": width, "operator": "conv3d"})
    assert net.encoder.channels == tuple(max(4, round(c * width)) for c in (64, 64, 128, 256, 512))
    assert net.LSTM.hidden_size == max(4, round(512 * width)) and seg.conv1.in_channels == max(
        4, round(16 * width)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"network": "downstream"},
            "unknown network 'downstream': choose from upstream, classifier, segmenter",
        ),
        ({"depth": 101}, "unknown encoder depth 101: choose from 18, 34, 50"),
        ({"attention": "some"}, "unknown attention 'some': choose from all, last, none"),
        ({"heads": ["cls", "box"]}, "unknown head 'box': choose from cls, seg, rec"),
        (
            {"network": "segmenter", "operator": "bilstm"},
            "segmenter operator 'bilstm': choose from conv3d",
        ),
        ({"width": 0}, "width 0 is impossible"),
        ({"depht": 18}, "unknown architecture key 'depht'"),
    ],
)
def test_unknown_values_are_named(change, message):
    with pytest.raises(ModelError, match=message):
        build({**SMALL, "network": "upstream", **change})


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (1, 1, 40, 32),
            "slices of 40 x 32 pixels cannot pass the network: .* must be multiples of 16",
        ),
        ((1, 1, 32, 8), "slices of 32 x 8 pixels"),
        ((0, 1, 32, 32), "slices of 32 x 32 pixels"),
        ((1, 3, 32, 32), r"takes slices \(N, 1, H, W\), but got shape \(1, 3, 32, 32\)"),
        ((1, 32, 32), r"takes slices \(N, 1, H, W\), but got shape \(1, 32, 32\)"),
        ((1, 1, 4, 32, 32), r"takes slices \(N, 1, H, W\), but got shape \(1, 1, 4, 32, 32\)"),
    ],
)
def test_ill_slices(shape, message):
    with pytest.raises(ModelError, match=message) as error:
        build({**SMALL, "network": "upstream"})(torch.zeros(shape))
    assert "\n" not in str(error.value)


def test_gradient_of_a_head_reaches_the_encoder_and_its_own_parts():
    net = _seeded({**SMALL, "network": "upstream"})
    slices, masks = torch.rand(4, 1, 32, 32), (torch.rand(4, 1, 32, 32) > 0.7).float()
    for head in HEADS:
        net.zero_grad()
        upstream_losses(net(slices), slices, masks)[head].backward()
        touched = {
            name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None and p.grad.any()
        }
        own = {"cls": {"classification_head"}, "seg": {"seg_decoder", "segmentation_head"}}
        assert touched == {"encoder"} | own.get(head, {"rec_decoder", "reconstruction_head"})


def test_overfits_one_batch():
    net = _seeded({**SMALL, "network": "upstream", "width": 0.125})
    slices = torch.rand(4, 1, 32, 32) * 0.4
    masks = torch.zeros_like(slices)
    masks[:2, :, 8:20, 10:24] = 1
    slices[masks > 0] += 0.6
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        terms = upstream_losses(net(slices), slices, masks, consistency="max-avg")
        sum(terms.values()).backward()
        optimizer.step()
    assert terms["cls"] < 0.1 and terms["seg"] < 0.15 and terms["rec"] < 0.2


def test_encoder_sees_real_slices_only_in_chunks_under_the_limit():
    net = _seeded(CLASSIFIER).eval()
    seen = []
    net.encoder.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    net.max_slices = 8
    net(torch.rand(2, 1, 30, 16, 16), torch.tensor([5, 15]))
    assert sum(seen) == 20 and max(seen) <= 8
    seen.clear()
    net.train()(torch.rand(2, 1, 30, 16, 16), torch.tensor([5, 15]))
    assert seen == [20]


def test_pack_and_unpack():
    volumes = torch.rand(3, 1, 5, 16, 16)
    slices, depths = pack(volumes, torch.tensor([2, 5, 1]))
    assert slices.shape == (8, 1, 16, 16) and depths == [2, 5, 1]
    back = unpack(slices, depths, 5)
    assert torch.equal(back[1], volumes[1]) and torch.equal(back[0, :, :2], volumes[0, :, :2])
    assert not back[0, :, 2:].any()


def test_saved_and_loaded_is_the_same(tmp_path):
    net = _seeded({**SMALL, "network": "upstream"}).eval()
    save_model(net, tmp_path / "a")
    save_model(_seeded({**SMALL, "network": "upstream"}), tmp_path / "b")
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded, slices = load_model(tmp_path / "a"), torch.rand(2, 1, 16, 16)
    assert not loaded.training and loaded.architecture == net.architecture
    with torch.inference_mode():
        for ours, theirs in zip(net(slices).values(), loaded(slices).values(), strict=True):
            assert torch.equal(ours, theirs)


def test_damaged_or_foreign_files(tmp_path):
    with pytest.raises(ModelError, match="no architecture at"):
        load_model(tmp_path)
    save_model(_seeded(CLASSIFIER), tmp_path)
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes()[:500])
    with pytest.raises(ModelError, match="no whole safetensors file"):
        load_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights at"):
        load_model(tmp_path)
    save_model(_seeded(SEGMENTER), tmp_path / "other")
    (tmp_path / "model.safetensors").write_bytes((tmp_path / "other/model.safetensors").read_bytes())
    with pytest.raises(ModelError, match=r"does not fit the network: LSTM\.bias_hh_l0 is nothing"):
        load_model(tmp_path)


def test_head_for_visual_words_leaves_every_other_weight_as_it_was():
    plain = {"network": "upstream", "depth": 18, "width": 0.0625, "heads": ["rec"]}
    torch.manual_seed(3)
    without = build(plain).state_dict()
    torch.manual_seed(3)
    network = build({**plain, "heads": ["words", "rec"], "words": 5})
    state = network.state_dict()
    assert set(state) - set(without) == {"word_head.2.weight", "word_head.2.bias"}
    assert all(torch.equal(state[name], value) for name, value in without.items())
    assert network(torch.rand(2, 1, 32, 32))["words"].shape == (2, 5)
    assert network.architecture["words"] == 5 and "words" not in build(plain).architecture


@pytest.mark.parametrize("words", [None, 1, True, 2.0])
def test_number_of_words_is_checked(words):
    wanted = {"network": "upstream", "depth": 18, "width": 0.0625, "heads": ["words"], "words": words}
    with pytest.raises(ModelError, match=f"words {words} is impossible: give the number of visual words"):
        build(wanted)
