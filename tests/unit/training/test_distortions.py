import numpy as np
import pytest
import torch

from smartnet.training.augmentation import generators
from smartnet.training.distortions import (
    INSIDE,
    KEPT,
    distort,
    draw_curves,
    draw_windows,
    map_intensities,
    shuffle,
    windows_of,
)

CPU = torch.device("cpu")
NEVER = dict.fromkeys(["shuffle", "nonlinear", "paint", "inpaint"], 0.0)


def numbers(step=0):
    return generators(1, 0, step, CPU, 1)


def scene(count=64, size=(64, 48)):
    return torch.rand(count, 1, *size, generator=torch.Generator().manual_seed(0))


def test_the_same_numbers_give_the_same_bytes_and_the_input_stays():
    slices = scene(8)
    before = slices.clone()
    first, again, other = (distort(slices, numbers(step)) for step in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(slices, before)
    assert first.shape == slices.shape and first.dtype == slices.dtype
    assert first.min() >= 0 and first.max() <= 1
    assert torch.equal(distort(slices, numbers(), probabilities=NEVER), slices)


def test_a_stream_of_its_own():
    draws = [torch.rand(3, generator=generators(1, 2, 3, CPU, *stream)[0]) for stream in ((), (1,), (2,))]
    assert not torch.equal(draws[0], draws[1]) and not torch.equal(draws[1], draws[2])


def test_curves_are_monotone_and_keep_the_range():
    x, y = draw_curves(200, numbers()[0])
    assert (x.diff() >= 0).all() and (x[:, 0] == 0).all() and (x[:, -1] == 1).all()
    rises, falls = (y.diff() >= 0).all(1), (y.diff() <= 0).all(1)
    assert (rises ^ falls).all() and 70 < rises.sum() < 130
    ramp = torch.linspace(0, 1, 400).expand(200, 1, 20, 400)
    mapped = map_intensities(ramp, x, y)[:, 0, 0]
    steps = mapped.diff()
    assert ((steps >= 0).all(1) == rises).all() and ((steps <= 0).all(1) == falls).all()
    assert mapped.min() >= 0 and mapped.max() <= 1
    assert torch.equal(mapped[rises][:, [0, -1]], torch.tensor([0.0, 1.0]).expand(int(rises.sum()), 2))


def test_a_map_by_hand():
    x, y = torch.tensor([[0.0, 0.5, 1.0]]), torch.tensor([[0.0, 0.2, 1.0]])
    slices = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).view(1, 1, 1, 5)
    assert map_intensities(slices, x, y).flatten().tolist() == pytest.approx([0, 0.1, 0.2, 0.6, 1])
    assert map_intensities(slices, x, y.flip(1)).flatten().tolist() == pytest.approx([1, 0.6, 0.2, 0.1, 0])


def test_shuffling_keeps_the_values_of_each_window():
    slices = scene(4)
    window = windows_of(4, (64, 48), numbers()[0])
    shuffled = shuffle(slices, numbers())
    moved = (shuffled != slices).float().mean()
    assert 0.6 < moved < 1
    for k in range(4):
        for number in window[k].unique():
            inside = window[k] == number
            rows, columns = inside.nonzero().unbind(1)
            assert np.ptp(rows.numpy()) < 6 and np.ptp(columns.numpy()) < 4  # a tenth of 64 and of 48
            assert torch.equal(shuffled[k, 0][inside].sort().values, slices[k, 0][inside].sort().values)


def test_windows_have_the_published_sides_and_stay_off_the_border():
    for sides, low, high in ((INSIDE, 10, 21), (KEPT, 27, 36)):
        masks = draw_windows(300, (64, 64), sides=sides, first=1.0, generator=numbers()[0])
        assert masks[:, :, :3].sum() == masks[:, :, -3:].sum() == masks[..., :3].sum() == 0
        spans = masks.any(3).sum(2).flatten()
        assert spans.min() >= low and masks.any((1, 2, 3)).all()
        alone = draw_windows(300, (64, 64), sides=sides, first=1e-9, generator=numbers()[0])
        assert not alone.any()
        assert (spans > high).any()  # several windows reach further than one


def _painted(inpaint):
    slices = torch.full((400, 1, 64, 64), 2.0)  # noise is below 1, so nothing else can hide
    return distort(slices, numbers(), probabilities={**NEVER, "paint": 1.0, "inpaint": inpaint}) != 2


def test_in_painting_fills_windows_and_leaves_the_rest_alone():
    filled = _painted(1.0)
    share = filled.float().mean((1, 2, 3))
    assert 0.03 < (share == 0).float().mean() < 0.08  # the first window comes with probability 0.95
    assert 0.1 < share.mean() < 0.35 and share.max() <= 5 / 9
    assert not filled[:, :, :3].any()


def test_out_painting_keeps_windows_and_fills_the_rest():
    filled = _painted(0.0)
    share = filled.float().mean((1, 2, 3))
    assert filled[:, :, :3].all() and filled[..., -3:].all()
    assert share.max() <= 1 - (27 / 64) ** 2 and share.min() > 0.1


def test_probabilities_are_the_published_ones():
    """What a slice of one value may become: shuffled it stays, mapped it moves as one, painted in part."""
    slices = torch.full((4000, 1, 32, 32), 0.3)
    out = distort(slices, numbers())
    corner, middle = out[:, 0, 0], out.flatten(1)
    outpainted = (corner.amax(1) - corner.amin(1)) > 1e-6
    painted = (middle.amax(1) - middle.amin(1)) > 1e-6
    mapped = (corner[~outpainted][:, 0] - 0.3).abs() > 1e-6
    assert outpainted.float().mean() == pytest.approx(0.9 * 0.8, abs=0.02)
    assert painted.float().mean() == pytest.approx(0.9 * (0.8 + 0.2 * 0.95), abs=0.02)
    assert mapped.float().mean() == pytest.approx(0.9, abs=0.03)
    shuffled = distort(scene(1000, (32, 32)), numbers(), probabilities={**NEVER, "shuffle": 0.5})
    assert (shuffled != scene(1000, (32, 32))).any(3).any(2).float().mean() == pytest.approx(0.5, abs=0.05)
