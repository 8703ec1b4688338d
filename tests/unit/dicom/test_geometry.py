"""Stacks from vectors: order, tilt, and every reason to refuse one."""

import numpy as np
import pytest
from factories import CTSeries

from smartnet.dicom.geometry import GeometryError, build_stack


def stack(series, keep=slice(None)):
    positions = series.positions_mm[keep]
    row, column, _ = series.directions
    orientations = np.tile([*row, *column], (len(positions), 1))
    return build_stack(positions, orientations, np.tile(series.spacing_mm[1:], (len(positions), 1)))


@pytest.mark.parametrize("tilt", [-20.0, -7.25, 0.0, 14.0, 30.0])
def test_tilt_gap_and_affine_come_from_vectors(tilt):
    series = CTSeries(tilt_deg=tilt)
    made = stack(series)
    assert made.tilt_deg == pytest.approx(tilt, abs=1e-6)
    assert made.slice_spacing_mm == pytest.approx(5.0, abs=1e-9)
    np.testing.assert_allclose(made.affine, series.affine, atol=1e-9)


def test_an_oblique_stack_that_travels_along_its_normal_is_not_tilted():
    series = CTSeries(tilt_deg=15.0)
    row, column, normal = series.directions
    positions = np.arange(6)[:, None] * 5.0 * normal
    made = build_stack(positions, np.tile([*row, *column], (6, 1)), np.ones((6, 2)))
    assert made.tilt_deg == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("flip", [1, -1])
def test_order_is_from_inferior_to_superior_whatever_the_input(flip):
    series = CTSeries(row_direction=(flip, 0, 0), column_direction=(0, 1, 0), tilt_deg=10)
    shuffled = np.random.default_rng(3).permutation(8)
    made = stack(series, shuffled)
    np.testing.assert_array_equal(shuffled[made.order], np.arange(8))
    assert made.normal[2] > 0


@pytest.mark.parametrize(
    ("changes", "keep", "reason"),
    [
        ({}, [0, 1, 2], "not a stack: 3 slices"),
        ({}, [0, 1, 2, 4, 5, 6], "missing slice: a gap of 10.000 mm beside gaps of 5.000 mm"),
        ({}, [0, 1, 4, 5, 6, 7], "missing slice: a gap of 15.000 mm"),
        ({}, [0, 1, 3, 5, 6, 7], "missing slice: a gap of 10.000 mm"),
        ({}, [0, 2, 3, 4, 5, 6, 7], "missing slice: a gap of 10.000 mm"),
        ({}, [0, 1, 2, 2, 3, 4], "duplicate positions: 1 slice"),
    ],
)
def test_what_is_no_whole_stack_is_refused(changes, keep, reason):
    with pytest.raises(GeometryError, match=reason):
        stack(CTSeries(**changes), keep)


@pytest.mark.parametrize(
    ("row", "column", "plane"),
    [
        ((0, 1, 0), (0, 0, -1), "sagittal"),
        ((1, 0, 0), (0, 0, -1), "coronal"),
        ((1, 0, 0), (0, 1, 0), "axial"),
    ],
)
def test_any_plane_makes_a_stack_towards_left_posterior_or_superior(row, column, plane):
    series = CTSeries(row_direction=row, column_direction=column)
    made = stack(series, [5, 2, 7, 0, 1, 6, 4, 3])
    assert (made.plane, made.is_even) == (plane, True)
    np.testing.assert_allclose(made.affine, series.affine, atol=1e-9)
    assert made.travel.max() == pytest.approx(5)


@pytest.mark.parametrize(
    "gaps",
    [[2.5] * 5 + [7.5] * 3, [5.0] * 4 + [5.3, 4.7], [7.5] * 3 + [2.5] * 6 + [5.0] * 4, [5.0, 6.0, 7.0, 8.0]],
)
def test_gaps_that_differ_make_an_uneven_stack_not_a_refusal(gaps):
    offsets = np.concatenate([[0], np.cumsum(gaps)])
    positions = np.array([0.0, 0.0, 1.0]) * offsets[:, None]
    axes = np.tile([1.0, 0, 0, 0, 1, 0], (len(positions), 1))
    made = build_stack(positions, axes, np.ones((len(positions), 2)))
    assert not made.is_even
    np.testing.assert_allclose(np.diff(made.projections_mm), gaps)


def test_spacing_noise_far_below_two_percent_is_no_reason():
    noise = tuple(np.random.default_rng(0).uniform(-0.02, 0.02, 8))
    assert stack(CTSeries(z_offsets_mm=noise)).slice_spacing_mm == pytest.approx(5.0, abs=0.05)


def test_mixed_orientation_and_spacing_and_missing_vectors_are_refused():
    series = CTSeries()
    row, column, _ = series.directions
    orientations = np.tile([*row, *column], (8, 1))
    spacings = np.ones((8, 2))
    turned = orientations.copy()
    turned[3] = [0, 1, 0, -1, 0, 0]
    with pytest.raises(GeometryError, match="mixed orientation"):
        build_stack(series.positions_mm, turned, spacings)
    wide = spacings.copy()
    wide[2] = 1.01
    with pytest.raises(GeometryError, match="mixed pixel spacing"):
        build_stack(series.positions_mm, orientations, wide)
    lost = series.positions_mm.copy()
    lost[0, 1] = np.nan
    with pytest.raises(GeometryError, match="missing in some slices"):
        build_stack(lost, orientations, spacings)
    with pytest.raises(GeometryError, match="perpendicular"):
        build_stack(series.positions_mm, np.tile([1, 0, 0, 0.5, 0.5, 0], (8, 1)), spacings)
