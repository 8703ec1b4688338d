"""Tissues are where a radiologist expects them and have the density of the textbook."""

import numpy as np
import pytest

from smartnet.phantom import anatomy
from smartnet.phantom.fields import capsule, crease_field, ellipsoid, smooth_field
from smartnet.phantom.head import draw_head


def _grid(z_mm, half=95, step=1.0):
    axis = np.arange(-half, half, step, dtype=np.float32)
    y, x = np.meshgrid(axis, axis, indexing="ij")
    return x.ravel(), y.ravel(), np.full(x.size, z_mm, dtype=np.float32)


@pytest.fixture(scope="module", params=[1, 2, 9])
def head(request):
    return draw_head(np.random.default_rng(request.param))


@pytest.fixture(scope="module")
def ventricular(head):
    return anatomy.render(_grid(10), head)


def test_brain_densities(head, ventricular):
    inside = ventricular.hu[ventricular.depth > 6]
    assert 20 < np.median(inside) < 40
    fluid = (ventricular.ventricle < -1.5) & (ventricular.hu < 30)
    assert fluid.sum() > 50
    assert np.median(ventricular.hu[fluid]) == pytest.approx(6, abs=2)
    assert head.grey_hu - head.white_hu > 4


def test_skull_encloses_the_brain_and_air_the_head(ventricular):
    assert np.all(ventricular.hu[ventricular.skin > 3] < -950)
    table = (ventricular.depth > -3.0) & (ventricular.depth < -1.0)
    assert np.median(ventricular.hu[table]) > 700


def test_cranial_cavity_has_a_human_volume(head):
    ml = sum(float((anatomy.render(_grid(z), head).depth > 0).sum()) * 6 / 1000 for z in range(-72, 90, 6))
    assert 1050 < ml < 1950


def test_sinus_air_and_petrous_bone_at_the_base(head):
    base = anatomy.render(_grid(-40), head)
    inside = base.skin < -6
    assert (inside & (base.hu < -500)).sum() > 100
    petrous = inside & (np.abs(np.abs(base.x) - 35) < 20) & (np.abs(base.y - 15) < 15)
    assert (base.hu[petrous] > 800).sum() > 150


def test_atrophy_widens_the_fluid_spaces():
    heads = [draw_head(np.random.default_rng(seed)) for seed in range(24)]
    share = []
    for head in heads:
        s = anatomy.render(_grid(30, step=2.0), head)
        share.append(float((s.hu[s.depth > 0] < 18).mean()))
    assert np.corrcoef(share, [head.atrophy for head in heads])[0, 1] > 0.7


def test_shift_moves_the_midline_and_not_the_skull(head):
    points = _grid(12)
    still = anatomy.render(tuple(axis.copy() for axis in points), head)
    moved = anatomy.render(points, head, anatomy.Shift(8.0, (0.0, 0.0, 12.0), 45.0))
    np.testing.assert_array_equal(still.depth, moved.depth)
    before = still.x[still.ventricle < 0].mean()
    assert moved.x[moved.ventricle < 0].mean() - before > 3


def test_reading_bends_once_per_slice_changes_little(head):
    planes = [_grid(z, step=2.0) for z in (18.0, 19.5, 21.0)]
    joined = tuple(np.concatenate([plane[i] for plane in planes]) for i in range(3))
    exact = anatomy.render(tuple(axis.copy() for axis in joined), head)
    quick = anatomy.render(joined, head, planes=3)
    assert np.abs(exact.x - quick.x).max() < 0.5


def test_fields_are_periodic_and_standard():
    field = smooth_field(np.random.default_rng(0), 10.0)
    points = np.random.default_rng(1).uniform(-200, 200, (3, 20000)).astype(np.float32)
    period = np.float32((field.values.shape[0] - 1) * field.spacing_mm)
    np.testing.assert_allclose(
        field(*points), field(points[0] + period, points[1], points[2] - period), atol=2e-3
    )
    assert field(*points).std() == pytest.approx(1, abs=0.15)


def test_crease_field_reads_as_distance():
    field = crease_field(np.random.default_rng(0), 27.0)
    points = np.random.default_rng(1).uniform(0, 150, (3, 40000)).astype(np.float32)
    near = np.abs(field(*points)) < 2
    step = np.array([0.5, 0, 0], dtype=np.float32)[:, None]
    slopes = [
        (field(*(points + np.roll(step, axis, 0))) - field(*(points - np.roll(step, axis, 0))))[near]
        for axis in range(3)
    ]
    assert np.median(np.sqrt(np.sum(np.square(slopes), axis=0))) == pytest.approx(1, abs=0.3)


def test_distances_of_shapes():
    x, y, z = (np.array(v, dtype=np.float32) for v in ([10.0, 0.0, 13.0], [0.0, 0.0, 0.0], [0.0, 5.0, 0.0]))
    np.testing.assert_allclose(ellipsoid(x, y, z, (10, 8, 5))[:2], 0, atol=1e-2)
    rod = capsule(x, y, z, start=(0, 0, 0), end=(10, 0, 0), radii=(2, 2))
    np.testing.assert_allclose(rod, [-2, 3, 1], atol=1e-5)
