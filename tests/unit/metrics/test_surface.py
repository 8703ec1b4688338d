"""Surface Dice and HD95 against MONAI, brute force and what can be worked out on paper."""

import numpy as np
import pytest
import torch
from monai.metrics import compute_surface_dice
from scipy import ndimage
from scipy.spatial.distance import cdist

from smartnet.metrics.surface import compare_surfaces, patch_areas, surface, weighted_percentile

THICK = (5.0, 0.7, 0.4)


def blobs(seed, shape=(12, 40, 50)):
    """Two masks of irregular shape that overlap in part."""
    generator = np.random.default_rng(seed)
    smooth = [ndimage.gaussian_filter(generator.normal(size=shape), (1, 3, 4)) for _ in range(2)]
    truth = smooth[0] > np.quantile(smooth[0], 0.95)
    return truth, np.roll(truth, 2, axis=2) | (smooth[1] > np.quantile(smooth[1], 0.98))


def box(*sides, shape=(14, 40, 40), at=(2, 10, 10)):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(start, start + side) for start, side in zip(at, sides, strict=True))] = True
    return mask


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("spacing", [THICK, (1.0, 1.0, 1.0)])
@pytest.mark.parametrize("tolerance", [1.0, 3.0])
def test_surface_dice_is_monai_s_with_subvoxels(spacing, tolerance):
    for seed in range(3):
        truth, predicted = blobs(seed)
        ours, _ = compare_surfaces(truth, predicted, spacing_mm=spacing, tolerance_mm=tolerance)
        pair = [torch.tensor(mask)[None, None] for mask in (predicted, truth)]
        theirs = compute_surface_dice(
            *pair, [tolerance], include_background=True, spacing=spacing, use_subvoxels=True
        )
        # Marching cubes of both differ in the few patterns whose corners touch only diagonally.
        assert ours == pytest.approx(float(theirs), abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_hd95_is_that_of_all_pairs(seed):
    truth, predicted = blobs(seed, shape=(8, 20, 24))
    (a, areas), (b, others) = surface(truth, THICK), surface(predicted, THICK)
    distances = cdist(a, b)
    directed = []
    for values, weights in ((distances.min(1), areas), (distances.min(0), others)):
        every = np.repeat(values, np.rint(weights * 1000).astype(int))
        directed.append(np.quantile(every, 0.95, method="inverted_cdf"))
    _, hd95 = compare_surfaces(truth, predicted, spacing_mm=THICK, tolerance_mm=3)
    assert hd95 == pytest.approx(max(directed), abs=1e-6)


@pytest.mark.parametrize(("axis", "steps"), [(0, 1), (1, 6), (2, 10)])
def test_a_shifted_box_is_as_far_off_as_it_was_shifted(axis, steps):
    truth = box(6, 20, 20)
    predicted = np.roll(truth, steps, axis=axis)
    shift = steps * THICK[axis]
    options = {"spacing_mm": THICK}
    dice, hd95 = compare_surfaces(truth, predicted, tolerance_mm=shift, **options)
    assert hd95 == pytest.approx(shift)
    assert dice == 1
    below, _ = compare_surfaces(truth, predicted, tolerance_mm=shift - 0.3, **options)
    assert 0.3 < below < 1


def test_area_of_a_box_and_of_a_ball():
    sides = np.array([6 * 5.0, 20 * 0.7, 20 * 0.4])
    z, y, x = sides
    _, areas = surface(box(6, 20, 20), THICK)
    assert areas.sum() == pytest.approx(2 * (z * y + y * x + z * x), rel=0.05)  # edges are cut off
    grid = np.indices((40, 40, 40)) - 19.5
    _, areas = surface((grid**2).sum(axis=0) < 15**2, (1, 1, 1))
    assert areas.sum() == pytest.approx(4 * np.pi * 15**2, rel=0.1)  # stairs are longer than the slope


def test_a_missed_end_slice_weighs_as_much_as_its_area():
    """Counted by border voxels it would be two thirds of the surface of this rod of 60 mm."""
    truth, predicted = box(12, 20, 20, at=(1, 10, 10)), box(11, 20, 20, at=(1, 10, 10))
    dice, hd95 = compare_surfaces(truth, predicted, spacing_mm=THICK, tolerance_mm=3)
    assert dice > 0.85
    assert hd95 == pytest.approx(5)


def test_a_mask_at_the_border_of_the_scan_ends_there():
    inside, outside = box(3, 5, 5, at=(4, 9, 9)), box(3, 5, 5, at=(0, 0, 0))
    assert surface(outside, THICK)[1].sum() == pytest.approx(surface(inside, THICK)[1].sum())


def test_equal_masks_and_nothing_predicted():
    mask, nothing = box(2, 3, 3), np.zeros((14, 40, 40), dtype=bool)
    assert compare_surfaces(mask, mask, spacing_mm=THICK, tolerance_mm=0) == (1, 0)
    dice, hd95 = compare_surfaces(mask, nothing, spacing_mm=THICK, tolerance_mm=3)
    assert dice == 0
    assert np.isnan(hd95)
    with pytest.raises(ValueError, match="an empty reference has no surface"):
        compare_surfaces(nothing, mask, spacing_mm=THICK, tolerance_mm=3)


def test_areas_scale_with_the_voxel_and_mirror_each_other():
    areas = patch_areas(THICK)
    assert areas[0] == areas[255] == 0
    assert areas[0b00001111] == pytest.approx(0.7 * 0.4)  # a plane between two slices
    np.testing.assert_allclose(patch_areas(tuple(2 * size for size in THICK)), 4 * areas, rtol=1e-5)


def test_percentile_follows_the_weights():
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([5.0, 90.0, 5.0])
    assert weighted_percentile(values, weights) == 2
    assert weighted_percentile(values, weights, share=0.9) == 1
