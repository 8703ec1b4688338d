import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from smartnet.explain.measures import measure, pointing, tolerance_px


def example():
    """A scan of 2 slices of 4 x 4 with two lesion voxels; the map has half of its evidence in one of them."""
    lesion = np.zeros((2, 4, 4), bool)
    lesion[1, 1, 1:3] = True
    evidence = np.zeros((2, 4, 4), np.float32)
    evidence[1, 1, 1], evidence[0, 0, 0], evidence[1, 3, 3] = 1.0, 0.6, 0.4
    return evidence, lesion


def test_measures_worked_by_hand():
    evidence, lesion = example()
    found = measure(evidence, lesion)
    assert found["pointing"] == 1 and found["empty"] == 0
    assert found["energy"] == pytest.approx(0.5)
    assert found["lesion_share"] == 2 / 32
    # one lesion voxel ranks first (precision 1), the other is tied with the rest (precision 2 of 32)
    assert found["auprc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 32)
    assert found["auprc"] == average_precision_score(lesion.ravel(), evidence.ravel())


def test_the_lesion_itself_is_the_best_map_and_its_complement_the_worst():
    _, lesion = example()
    assert measure(lesion.astype(float), lesion) == pytest.approx(
        {"pointing": 1, "energy": 1, "auprc": 1, "lesion_share": 1 / 16, "empty": 0}
    )
    other = measure((~lesion).astype(float), lesion)
    assert (other["pointing"], other["energy"]) == (0, 0)
    assert other["auprc"] == pytest.approx(1 / 16)


def test_pointing_allows_for_a_few_pixels_in_the_plane_only():
    _, lesion = example()
    for place, hits in (((1, 1, 3), 1), ((1, 3, 1), 0), ((1, 2, 3), 0), ((0, 1, 1), 0)):
        evidence = np.zeros(lesion.shape)
        evidence[place] = 1
        assert pointing(evidence, lesion, tolerance=1) == hits
    assert pointing(evidence, lesion, tolerance=100) == 0  # no lesion in that slice
    assert tolerance_px((24, 64, 48)) == 2 and tolerance_px((58, 256, 256)) == 8


def test_equal_maxima_share_the_hit():
    _, lesion = example()
    evidence = np.zeros(lesion.shape)
    evidence[1, 1, 1] = evidence[0, 0, 0] = evidence[1, 3, 3] = evidence[1, 1, 2] = 0.7
    assert pointing(evidence, lesion, tolerance=0) == 0.5


def test_an_empty_map_misses_and_ranks_by_chance():
    _, lesion = example()
    expected = {"pointing": 0, "energy": 0, "auprc": 1 / 16, "lesion_share": 1 / 16, "empty": 1}
    assert measure(np.zeros(lesion.shape), lesion) == expected
    assert average_precision_score(lesion.ravel(), np.zeros(lesion.size)) == 1 / 16


def test_without_a_lesion_nothing_is_measured():
    found = measure(np.ones((2, 4, 4)), np.zeros((2, 4, 4), bool))
    assert all(np.isnan(found[name]) for name in ("pointing", "energy", "auprc"))
    assert found["lesion_share"] == 0
