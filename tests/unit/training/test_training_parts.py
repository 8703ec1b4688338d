import math

import numpy as np
import pytest
import torch

from smartnet.networks import build, min_max
from smartnet.networks.encoder import STAGES
from smartnet.training.augmentation import augment, generators
from smartnet.training.sampling import batches, draw_slices, draw_volumes, draw_windows
from smartnet.training.schedule import learning_rate, trainable_stages
from smartnet.training.settings import complete_augmentation

CPU = torch.device("cpu")
OFF = {
    **{"shift": 0.0, "scale": 0.0, "rotation_deg": 0.0, "brightness": 0.0, "contrast": 0.0},
    **{"noise_variance": [0.0, 0.0], "blur_px": 1, "flip": "none", "probability": 1.0},
}


def test_learning_rate_by_hand():
    options = {"peak": 1.0, "final": 0.2, "warmup": 0.1, "constant": 0.5}
    got = [learning_rate(t, **options) for t in (0.01, 0.05, 0.1, 0.5, 0.75, 1.0)]
    assert got == pytest.approx([0.1, 0.5, 1.0, 1.0, 0.6, 0.2])
    assert learning_rate(1.0, peak=1.0, final=0.0, warmup=0.0, constant=1.0) == 1.0


def test_unfreezing_of_the_paper():
    """1000 epochs: frozen to 100, layer4, layer3, layer2, layer1 every 10 epochs, all from 140 on."""
    stages = [trainable_stages(epoch, 1000, start=0.1, step=0.01) for epoch in range(1000)]
    assert stages[99] == () and stages[100] == ("layer4",) and stages[109] == ("layer4",)
    assert stages[110] == ("layer3", "layer4") and stages[120] == ("layer2", "layer3", "layer4")
    assert stages[130] == STAGES[1:] and stages[139] == STAGES[1:] and stages[140] == STAGES


def test_frozen_stages_have_no_gradient_and_batchnorm_in_eval():
    net = build({"network": "classifier", "depth": 18, "width": 0.0625, "operator": "bilstm"})
    net.encoder.set_trainable(("layer4",))
    net.train()
    for stage in STAGES:
        learns = stage == "layer4"
        for module in net.encoder.stage(stage):
            assert all(p.requires_grad == learns for p in module.parameters())
            norms = [m for m in module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
            assert all(m.training == learns for m in norms)
    assert net.LSTM.training
    features = net.encoder(torch.rand(2, 1, 32, 32))
    assert [f.requires_grad for f in features] == [False] * 4 + [True]
    net.eval()
    assert not any(m.training for m in net.modules())


LESIONS = [np.array([0, 1, 1, 0], bool), np.zeros(3, bool), np.array([1], bool), np.zeros(5, bool)]


def _draw(sampling, per_volume=1, epoch=0):
    return draw_slices(LESIONS, sampling=sampling, per_volume=per_volume, seed=3, epoch=epoch)


def test_sampling_volume_goes_through_the_lesion():
    for epoch in range(20):
        drawn = _draw("volume", epoch=epoch)
        assert sorted(i for i, _ in drawn) == [0, 1, 2, 3]
        assert all(LESIONS[i][z] for i, z in drawn if i in (0, 2))
    assert {z for e in range(40) for i, z in _draw("volume", epoch=e) if i == 3} == {0, 1, 2, 3, 4}
    assert sorted(_draw("volume", per_volume=2))[:2] == [(0, 1), (0, 2)]
    assert _draw("volume", epoch=1) == _draw("volume", epoch=1) != _draw("volume", epoch=2)


def test_sampling_all_and_balanced():
    assert sorted(_draw("all")) == [(i, z) for i, lesion in enumerate(LESIONS) for z in range(len(lesion))]
    drawn = _draw("balanced", per_volume=10)
    assert len(drawn) == 40 and sum(LESIONS[i][z] for i, z in drawn) == 20
    assert sorted(draw_volumes(7, seed=1, epoch=2)) == list(range(7))


def test_windows_are_whole_or_go_through_the_lesion():
    lesions = [np.arange(20) == 17, np.zeros(20, bool), np.ones(3, bool)]
    assert draw_windows(lesions, size=None, seed=1, epoch=0) == [slice(None)] * 3
    seen = set()
    for epoch in range(40):
        positive, negative, short = draw_windows(lesions, size=8, seed=1, epoch=epoch)
        assert lesions[0][positive].sum() == 1
        assert len(lesions[1][negative]) == 8
        assert len(lesions[2][short]) == 3
        seen.add(negative.start)
    assert len(seen) > 5
    assert draw_windows(lesions, size=8, seed=1, epoch=3) == draw_windows(lesions, size=8, seed=1, epoch=3)


def test_a_rest_of_one_joins_the_batch_before():
    assert batches(list(range(7)), 3) == [[0, 1, 2], [3, 4, 5, 6]]
    assert batches(list(range(8)), 3) == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert batches([1], 3) == [[1]]


def _slices(n=6, size=32):
    torch.manual_seed(0)
    slices = torch.rand(n, 1, size, size)
    return slices, (slices > 0.9).float()


def _augment(slices, masks, volume, settings, *, step=0):
    return augment(
        slices,
        masks,
        volume,
        volumes=int(volume.max()) + 1,
        settings=settings,
        generators=generators(1, 2, step, CPU),
    )


def test_augmentation_off_changes_nothing():
    slices, masks = _slices()
    got, mask = _augment(slices, masks, torch.arange(6), {**OFF})
    assert torch.equal(got, slices) and torch.equal(mask, masks)


@pytest.mark.parametrize("size", [(32, 32), (32, 48)])
@pytest.mark.parametrize(("flip", "axes"), [("all", {(2,), (1,), (1, 2)}), ("left-right", {(2,)})])
def test_flips_are_exact_and_move_mask_and_image_together(size, flip, axes):
    slices = torch.rand(40, 1, *size)
    masks = (slices > 0.9).float()
    got, mask = _augment(slices, masks, torch.arange(40), {**OFF, "flip": flip})
    seen = set()
    for k in range(40):
        options = {dims: slices[k].flip(dims) for dims in ((2,), (1,), (1, 2))}
        (dims,) = [d for d, x in options.items() if torch.allclose(x, got[k], atol=1e-5)]
        assert torch.equal(mask[k], masks[k].flip(dims))
        seen.add(dims)
    assert seen == axes


def test_rotation_keeps_a_disc_and_turns_a_point():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((y - 31.5) ** 2 + (x - 31.5) ** 2 < 400).float()[None, None]
    point = ((y - 31.5) ** 2 + (x - 51.5) ** 2 < 9).float()[None, None]
    settings = {**OFF, "rotation_deg": 15.0}
    slices = torch.cat([disc, point])
    _, mask = _augment(slices, slices.clone(), torch.zeros(2, dtype=torch.long), settings)
    assert (mask[0] != disc[0]).float().mean() < 0.01
    where = mask[1, 0].nonzero().float().mean(0) - 31.5
    assert math.hypot(*where.tolist()) == pytest.approx(20, abs=0.5)
    assert 0.5 < abs(math.degrees(math.atan2(where[0], where[1]))) <= 15.5


def test_shift_and_scale_stay_within_their_limits():
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    disc = ((y - 31.5) ** 2 + (x - 31.5) ** 2 < 100).float().expand(50, 1, 64, 64)
    _, moved = _augment(disc, disc.clone(), torch.arange(50), {**OFF, "shift": 0.06})
    centres = torch.stack([m[0].nonzero().float().mean(0) - 31.5 for m in moved])
    assert centres.abs().max() <= 0.06 * 64 + 0.5 and centres.abs().max() > 2.5
    _, scaled = _augment(disc, disc.clone(), torch.arange(50), {**OFF, "scale": 0.1})
    ratio = scaled.sum((1, 2, 3)) / disc[0].sum()
    assert 0.79 < ratio.min() < 0.9 and 1.1 < ratio.max() < 1.23


def test_all_slices_of_a_volume_are_changed_alike():
    slices, masks = _slices(1)
    slices, masks = slices.expand(6, 1, 32, 32), masks.expand(6, 1, 32, 32)
    settings = {**complete_augmentation({}), "noise_variance": [0.0, 0.0], "probability": 1.0}
    got, mask = _augment(slices, masks, torch.tensor([0, 0, 0, 1, 1, 1]), settings)
    assert torch.equal(got[0], got[1]) and torch.equal(got[3], got[5]) and torch.equal(mask[0], mask[2])
    assert not torch.allclose(got[0], got[3])


def test_noise_and_blur_by_their_statistics():
    grey = torch.full((20, 1, 64, 64), 0.5)
    noisy, _ = _augment(grey, None, torch.arange(20), {**OFF, "noise_variance": [0.001, 0.005]})
    variance = noisy.flatten(1).var(1)
    assert 0.0009 < variance.min() < variance.max() < 0.0053
    point = torch.zeros(60, 1, 9, 9)
    point[:, 0, 4, 4] = 1
    blurred, _ = _augment(point, None, torch.arange(60), {**OFF, "blur_px": 3})
    sums, peaks = blurred.sum((1, 2, 3)), blurred.amax((1, 2, 3))
    median = sums == 0
    motion = (peaks - 1 / 3).abs() < 1e-6
    gaussian = (sums - 1).abs() < 1e-5
    assert 10 < median.sum() < 30 and 10 < motion.sum() < 30 and (gaussian | median).all()


def test_augmentation_depends_on_seed_epoch_and_step_alone():
    slices, masks = _slices()
    settings = complete_augmentation({})
    one, _ = _augment(slices, masks, torch.arange(6), settings, step=3)
    torch.manual_seed(99)
    two, _ = _augment(slices, masks, torch.arange(6), settings, step=3)
    other, _ = _augment(slices, masks, torch.arange(6), settings, step=4)
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert one.min() >= 0 and one.max() <= 1


def test_min_max_by_hand():
    slices = torch.tensor([[[[10, 20], [30, 60]]], [[[7, 7], [7, 7]]]], dtype=torch.uint8)
    got = min_max(slices)
    assert torch.allclose(got, torch.tensor([[[[0, 0.2], [0.4, 1]]], [[[0, 0], [0, 0]]]]))
