import numpy as np
import pytest
import torch

from smartnet.explain.cam import grad_cam, slice_profile
from smartnet.explain.randomised import STEPS, cascade, drawn_anew, similarity
from smartnet.networks import OPERATORS, build

ARCHITECTURE = {"network": "classifier", "depth": 18, "width": 0.0625, "operator": "conv1d"}


def scans(generator, bleeding):
    """Two scans of 4 noisy slices, a bright square in the second slice of those that bleed."""
    volumes = torch.rand(2, 1, 4, 32, 32, generator=generator) * 0.3
    if bleeding:
        volumes[:, :, 1, 6:16, 16:26] += 0.7
    return volumes


@pytest.fixture(scope="module")
def trained():
    """A small classifier that has learnt to tell scans with a bright square."""
    torch.manual_seed(0)
    network = build(dict(ARCHITECTURE)).train()
    network.dropout.eval()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(1)
    truth = torch.tensor([1.0, 1.0, 0.0, 0.0])[:, None]
    for _ in range(40):
        volumes = torch.cat([scans(generator, True), scans(generator, False)])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(volumes, [4] * 4), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss < 0.1
    return network.eval()


def test_random_weights_leave_little_of_a_trained_map(trained):
    volume = scans(torch.Generator().manual_seed(5), True)[0].transpose(0, 1)
    evidence = grad_cam(trained, volume).numpy()
    assert slice_profile(evidence).argmax() == 1
    assert similarity(evidence, evidence) == pytest.approx({"ssim": 1, "spearman": 1})
    last = []
    for seed in range(4):
        *_, (_, network) = cascade(trained, seed=seed)
        last.append(similarity(evidence, grad_cam(network, volume).numpy()))
    assert np.nanmean([values["ssim"] for values in last]) < 0.6
    assert np.nanmean([values["spearman"] for values in last]) < 0.5


def test_weights_become_random_from_the_logit_down(trained):
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    fresh = drawn_anew(trained, seed=3).state_dict()
    parts = {
        "head": ("fc.", "head."),
        "operator": ("conv1.", "norm1.", "conv2.", "norm2."),
        "stem": ("encoder.conv1.", "encoder.bn1."),
    } | {f"layer{n}": (f"encoder.layer{n}.",) for n in (1, 2, 3, 4)}
    prefixes = ()
    steps = []
    for step, network in cascade(trained, seed=3):
        steps.append(step)
        prefixes += parts[step]
        for name, value in network.state_dict().items():
            expected = fresh if name.startswith(prefixes) else before
            torch.testing.assert_close(value, expected[name], rtol=0, atol=0)
    assert tuple(steps) == STEPS
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("operator", OPERATORS["classifier"])
def test_groups_without_weights_are_left_out(operator):
    network = build(ARCHITECTURE | {"operator": operator}).eval()
    steps = [step for step, _ in cascade(network, seed=1)]
    assert steps == [step for step in STEPS if step != "operator" or operator not in ("mean", "max")]


def test_draws_are_seeded_and_leave_the_global_generator(trained):
    state = torch.get_rng_state()
    first, again, other = (drawn_anew(trained, seed=seed).head.weight for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_an_empty_map_has_no_rank_correlation():
    generator = np.random.default_rng(0)
    some, empty = generator.random((3, 16, 16), dtype=np.float32), np.zeros((3, 16, 16), np.float32)
    found = similarity(some, empty)
    assert np.isnan(found["spearman"]) and found["ssim"] < 0.5
    assert abs(similarity(some, generator.random((3, 16, 16), dtype=np.float32))["spearman"]) < 0.2
