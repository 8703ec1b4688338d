"""What holds for every 3D operator: any depth, no padding, no company, gradients, bytes."""

import pytest
import torch

from smartnet.errors import ModelError
from smartnet.losses import classification_loss, segmentation_loss
from smartnet.networks import OPERATORS, build, load_model, save_model

SMALL = {"depth": 18, "width": 0.0625, "attention": "all"}
ALL = {
    operator: {**SMALL, "network": network, "operator": operator}
    for network, operators in OPERATORS.items()
    for operator in operators
}
every_operator = pytest.mark.parametrize("operator", ALL)


def _seeded(operator, **changes):
    torch.manual_seed(4)
    return build(ALL[operator] | changes)


def _features(net, slices, size=16):
    """Features as the encoder (and the decoder) would give them, drawn."""
    torch.manual_seed(6)
    if net.architecture["network"] == "classifier":
        return torch.rand(slices, net.encoder.channels[-1])
    return torch.rand(slices, net.seg_decoder.channels, size, size)


def _own(name):
    return not name.startswith(("encoder.", "seg_decoder."))


def test_names_are_unique_over_both_tasks():
    """A model is called start_operator, whatever its task."""
    assert len(ALL) == sum(map(len, OPERATORS.values()))


@every_operator
@pytest.mark.parametrize("width", [0.01, 0.125, 0.3])
def test_any_width(operator, width):
    net = _seeded(operator, width=width).eval()
    logits = net(torch.rand(2, 1, 3, 16, 32), [3, 2])
    assert logits.shape == ((2, 1) if net.architecture["network"] == "classifier" else (2, 1, 3, 16, 32))


@every_operator
def test_published_size_is_wider(operator):
    with torch.device("meta"):
        sizes = [
            sum(p.numel() for name, p in _seeded(operator, width=width).named_parameters() if _own(name))
            for width in (0.25, 1.0)
        ]
    assert sizes[1] > 3 * sizes[0]


@every_operator
def test_padding_and_company_never_change_an_answer(operator):
    """Volumes of 1, 24, 58 and 300 slices in one padded batch, each as if it were alone."""
    net = _seeded(operator).eval()
    net.max_slices = 50
    depths = [1, 24, 58, 300]
    volumes = torch.rand(4, 1, 300, 16, 16)
    with torch.inference_mode():
        together = net(volumes, torch.tensor(depths))
        for k, depth in enumerate(depths):
            volumes[k, :, depth:] = torch.nan  # must not even be computed
        assert torch.equal(net(volumes, torch.tensor(depths)), together)
        for k, depth in enumerate(depths):
            alone = net(volumes[k : k + 1, :, :depth], torch.tensor([depth]))
            own = together[k : k + 1] if together.ndim == 2 else together[k : k + 1, :, :depth]
            torch.testing.assert_close(alone, own, atol=1e-5, rtol=1e-5)
            assert together.ndim == 2 or not together[k, :, depth:].any()


@every_operator
def test_no_slice_of_a_long_scan_is_lost(operator):
    net = _seeded(operator).eval()
    features = _features(net, 300)
    other = features.clone()
    other[-1] = 2 - features[-1]
    with torch.inference_mode():
        before, after = (net.operate(x, [300]) for x in (features, other))
    assert not torch.equal(before[-1], after[-1])


@every_operator
@pytest.mark.parametrize("training", [False, True])
def test_chunks_of_the_encoder_do_not_matter(operator, training):
    """In training with what was transferred frozen; a BatchNorm that learns takes all slices at once."""
    net = _seeded(operator).train(training)
    if training:
        net.encoder.set_trainable([])
        if hasattr(net, "seg_decoder"):
            net.seg_decoder.set_trainable(False)
    slices, seen, answers = torch.rand(11, 1, 16, 16), [], []
    net.encoder.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    for limit in (64, 4):
        net.max_slices = limit
        torch.manual_seed(1)
        answers.append(net.forward_packed(slices, [3, 8]))
    assert seen == [11, 4, 4, 3]
    torch.testing.assert_close(*answers, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("frozen", [False, True])
def test_chunks_go_by_the_batchnorm_of_several_gpus_too(frozen):
    """Chunks would have statistics of their own, and processes with other numbers of them would hang."""
    net = torch.nn.SyncBatchNorm.convert_sync_batchnorm(_seeded("conv3d").train())
    net.encoder.set_trainable([] if frozen else ["layer4"])
    net.seg_decoder.set_trainable(False)
    seen, net.max_slices = [], 4
    net.encode(lambda slices: seen.append(len(slices)) or slices, torch.rand(11, 1, 16, 16))
    assert seen == ([4, 4, 3] if frozen else [11])


@every_operator
def test_gradient_reaches_every_parameter(operator):
    net = _seeded(operator).eval()  # in training a BatchNorm takes the gradient of the bias before it
    if operator == "non-local":
        torch.nn.init.normal_(net.back.weight)  # at 0 the block is the identity, and nothing inside it learns
    net(torch.rand(2, 1, 3, 32, 32), [3, 2]).square().sum().backward()
    reached = {name for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    assert {name for name, _ in net.named_parameters() if _own(name)} <= reached
    parts = {name.split(".")[0] for name, _ in net.named_parameters()}
    assert {name.split(".")[0] for name in reached} == parts


@every_operator
def test_a_scan_of_one_slice_can_be_learned_from(operator):
    net = _seeded(operator).train()
    net.operate(_features(net, 1), [1]).sum().backward()
    gradients = [p.grad for name, p in net.named_parameters() if _own(name) and p.grad is not None]
    assert gradients and all(torch.isfinite(g).all() for g in gradients)


@every_operator
def test_overfits_two_scans(operator):
    """One with a bright spot in one slice of five, one of three slices without."""
    net = _seeded(operator)
    slices = torch.rand(8, 1, 16, 16) * 0.4
    masks = torch.zeros_like(slices)
    masks[2, :, 4:11, 5:12] = 1
    slices[masks > 0] += 0.6
    if net.architecture["network"] == "classifier":
        target, loss_of = torch.tensor([[1.0], [0.0]]), classification_loss
        with torch.no_grad():
            features = net.eval()._pooled(slices)
        features = features / features.std()
    else:
        target, loss_of = masks, segmentation_loss
        features = 4 * slices * torch.randn(1, net.seg_decoder.channels, 1, 1)
    own = [p for name, p in net.named_parameters() if _own(name)]
    optimizer = torch.optim.Adam(own, lr=1e-2 if target.ndim == 2 else 3e-2)
    for _ in range(400):
        optimizer.zero_grad()
        loss = loss_of(net.operate(features, [5, 3]), target)
        if loss < 0.1:
            return
        loss.backward()
        optimizer.step()
    pytest.fail(f"the loss is still {loss:.2f}")


@every_operator
def test_same_seed_same_bytes(operator):
    """Weights after two steps, with PyTorch forbidden to use what is not deterministic."""
    torch.use_deterministic_algorithms(True)
    try:
        runs = []
        for _ in range(2):
            net = _seeded(operator).train()
            optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
            for _ in range(2):
                optimizer.zero_grad()
                net(torch.rand(2, 1, 3, 16, 16), [3, 2]).square().sum().backward()
                optimizer.step()
            runs.append(net.state_dict())
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(*(run.values() for run in runs), strict=True))


@every_operator
def test_saved_and_loaded_is_the_same(tmp_path, operator):
    net = _seeded(operator)
    save_model(net, tmp_path / "a")
    save_model(_seeded(operator), tmp_path / "b")
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    before = torch.random.get_rng_state()
    loaded = load_model(tmp_path / "a")
    assert torch.equal(before, torch.random.get_rng_state())
    assert not loaded.training and loaded.architecture == net.architecture
    slices = torch.rand(5, 1, 16, 16)
    with torch.inference_mode():
        assert torch.equal(net.eval().forward_packed(slices, [2, 3]), loaded.forward_packed(slices, [2, 3]))


@every_operator
def test_ill_volumes(operator):
    shaped = r"volumes must have shape \(B, 1, D, H, W\), but got "
    net = _seeded(operator)
    for shape, depths, message in (
        ((1, 4, 16, 16), [4], shaped + r"\(1, 4, 16, 16\)"),
        ((1, 3, 4, 16, 16), [4], shaped + r"\(1, 3, 4, 16, 16\)"),
        ((2, 1, 4, 16, 16), [4], r"depths \[4\] do not fit volumes of shape \(2, 1, 4, 16, 16\)"),
        (
            (2, 1, 4, 16, 16),
            [4, 5],
            r"depths \[4, 5\] do not fit .* one number from 1 to 4 ",
        ),
        ((1, 1, 4, 16, 16), [0], r"depths \[0\] do not fit .* one number from 1 to 4 is needed per volume"),
        ((1, 1, 4, 24, 16), [4], r"slices of 24 x 16 pixels cannot pass .* multiples of 16"),
        ((1, 1, 4, 16, 0), [4], r"slices of 16 x 0 pixels cannot pass"),
    ):
        with pytest.raises(ModelError, match=message) as error:
            net(torch.zeros(shape), torch.tensor(depths))
        assert "\n" not in str(error.value)
