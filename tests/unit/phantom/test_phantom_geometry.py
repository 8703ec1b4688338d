"""Planes as scanners lay them: sheared stacks, the head along the slice normal."""

import numpy as np
import pytest

from smartnet.phantom.geometry import FEWEST_SLICES, MOST_SLICES, draw_geometry
from smartnet.phantom.head import draw_head
from smartnet.phantom.sites import SITES


@pytest.fixture(scope="module")
def head():
    return draw_head(np.random.default_rng(3))


@pytest.mark.parametrize("name", SITES)
def test_tilt_lies_in_orientation_and_travel_stays_along_the_table(name, head):
    tilts = []
    for seed in range(40):
        geometry = draw_geometry(np.random.default_rng(seed), SITES[name], head, 192)
        travel = np.diff(geometry.positions, axis=0)
        np.testing.assert_allclose(travel, [[0, 0, geometry.thickness_mm]] * len(travel), atol=2e-4)
        measured = np.degrees(np.arctan2(-geometry.normal[1], geometry.normal[2]))
        assert measured == pytest.approx(geometry.tilt_deg, abs=1e-6)
        assert FEWEST_SLICES <= len(geometry.positions) <= MOST_SLICES
        assert abs(geometry.tilt_deg) <= SITES[name].tilt_deg
        tilts.append(geometry.tilt_deg)
    assert min(tilts) < 0 < max(tilts)


def test_slices_run_across_the_head_even_when_tilted(head):
    """The gantry is tilted to follow the skull base, so the head's axis stays near the slice normal."""
    tilted = [
        geometry
        for geometry in (draw_geometry(np.random.default_rng(s), SITES["beta"], head, 192) for s in range(30))
        if abs(geometry.tilt_deg) > 12
    ]
    assert tilted
    for geometry in tilted:
        assert geometry.axes[:, 2] @ geometry.normal > np.cos(np.deg2rad(14))


def test_head_points_agree_with_the_affine(head):
    geometry = draw_geometry(np.random.default_rng(5), SITES["beta"], head, 64)
    row, column, index = 20, 41, 7
    world = geometry.affine @ [column, row, index, 1]
    expected = geometry.axes.T @ (world[:3] - geometry.centre)
    found = geometry.head_points(index, np.array([row * 64 + column]))
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-2)


def test_voxel_volume_is_the_determinant(head):
    geometry = draw_geometry(np.random.default_rng(8), SITES["delta"], head, 100)
    assert geometry.voxel_ml == pytest.approx(abs(np.linalg.det(geometry.affine[:3, :3])) / 1000, rel=1e-4)
