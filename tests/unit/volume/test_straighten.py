"""A tilted analytic ball: where it is and how large it is after straightening."""

import numpy as np
import pytest
from factories import CTSeries, ball

from smartnet.dicom.geometry import build_stack
from smartnet.volume.straighten import Shear, measure_shear, straighten, to_lps

CENTRE_MM = np.array([9.0, -12.0, 14.0])
RADIUS_MM = 22.0


def straight_volume(series, phantom, order=1):
    row, column, _ = series.directions
    count = series.shape[0]
    stack = build_stack(
        series.positions_mm, np.tile([*row, *column], (count, 1)), np.tile(series.spacing_mm[1:], (count, 1))
    )
    raw, affine = to_lps(series.sample(phantom), stack.affine)
    raw = np.rint(raw).astype(np.int16 if order else np.uint8)
    shear = measure_shear(affine, stack.positions_mm, stack.normal)
    return straighten(raw, shear, order=order), shear.affine


def world_mm(shape, affine):
    z, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return np.stack([x, y, z], axis=-1) @ affine[:3, :3].T + affine[:3, 3]


SERIES = [
    CTSeries(shape=(30, 150, 150), spacing_mm=(2.0, 0.7, 0.7), tilt_deg=tilt, row_direction=row)
    for tilt, row in [(-18.5, (1, 0, 0)), (7.3, (-1, 0, 0)), (20.0, (1, 0, 0))]
]


@pytest.mark.parametrize("series", SERIES, ids=lambda series: f"{series.tilt_deg}")
def test_a_tilted_ball_stays_where_it_is_and_as_large_as_it_is(series):
    phantom = ball(CENTRE_MM, RADIUS_MM, edge_mm=1.5, inside=60, outside=-1000)
    volume, affine = straight_volume(series, phantom)
    assert volume.shape == series.shape
    normal = affine[:3, 2] / np.linalg.norm(affine[:3, 2])
    np.testing.assert_allclose(affine[:3, :2].T @ normal, 0, atol=1e-9)
    assert np.linalg.norm(affine[:3, 2]) == pytest.approx(2.0, abs=1e-9)

    share = (volume.astype(float) + 1000) / 1060
    share = np.clip(share, 0, 1)
    share[volume < -1000] = 0  # what was shifted in
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    assert share.sum() * voxel_ml == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.01)
    centroid = (world_mm(volume.shape, affine) * share[..., None]).sum(axis=(0, 1, 2)) / share.sum()
    assert np.linalg.norm(centroid - CENTRE_MM) < 0.1


@pytest.mark.parametrize("series", SERIES, ids=lambda series: f"{series.tilt_deg}")
def test_every_voxel_of_a_linear_field_is_within_a_tenth_of_a_millimetre(series):
    slopes = np.array([60.0, 100.0, 0.0])  # steep, so that rounding to whole HU is nothing

    def field(world):
        return world @ slopes

    volume, affine = straight_volume(series, field)
    inside = np.zeros(volume.shape, dtype=bool)
    inside[:, 45:-45, 2:-2] = True  # what was not shifted in
    expected = world_mm(volume.shape, affine) @ slopes
    error_hu = np.abs(volume - expected)[inside]
    assert error_hu.max() / np.linalg.norm(slopes) < 0.1
    assert np.abs(np.mean((volume - expected)[inside])) / np.linalg.norm(slopes) < 0.01


def test_labels_stay_labels_and_fill_with_background():
    series = SERIES[0]
    phantom = ball(CENTRE_MM, RADIUS_MM, edge_mm=1e-6, inside=5, outside=0)
    mask, affine = straight_volume(series, phantom, order=0)
    assert set(np.unique(mask)) == {0, 5}
    voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
    assert (mask > 0).sum() * voxel_ml == pytest.approx(4 / 3 * np.pi * RADIUS_MM**3 / 1000, rel=0.01)
    lesion = world_mm(mask.shape, affine)[mask > 0]
    assert np.linalg.norm(lesion.mean(axis=0) - CENTRE_MM) < 0.1


def test_a_straight_stack_is_left_untouched():
    series = CTSeries()
    volume = np.zeros(series.shape, dtype=np.int16)
    shear = measure_shear(series.affine, series.positions_mm, series.directions[2])
    assert straighten(volume, shear, order=1) is volume
    assert not shear.interpolated.any()
    np.testing.assert_allclose(shear.affine, series.affine, atol=1e-9)


def test_what_is_shifted_in_is_air():
    volume = np.full((1, 4, 6), 40, dtype=np.int16)
    moved = straighten(volume, Shear(np.array([[0.0, 2.25]]), np.eye(4)), order=1)
    np.testing.assert_array_equal(moved[0, 1], [-1024, -1024, np.rint(0.75 * 40 - 0.25 * 1024), 40, 40, 40])
