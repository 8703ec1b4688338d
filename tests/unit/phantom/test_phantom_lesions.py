"""Hemorrhages: wanted volume, right place, density in range, mild to severe."""

import numpy as np
import pytest

from smartnet.phantom import anatomy
from smartnet.phantom.head import draw_head
from smartnet.phantom.lesions import KINDS, LARGEST_ML, draw_bleed, draw_bleeds, paint_bleed

STEP = 2.0


@pytest.fixture(scope="module")
def sample():
    axis = np.arange(-90, 92, STEP, dtype=np.float32)
    z, y, x = np.meshgrid(axis[8:], axis, axis, indexing="ij")
    head = draw_head(np.random.default_rng(4))
    return head, anatomy.render((x.ravel(), y.ravel(), z.ravel()), head)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_volume_density_and_place(kind, seed, sample):
    head, clean = sample
    bleed = draw_bleed(np.random.default_rng(seed), kind)
    s = clean.take(np.arange(clean.x.size))
    point_ml = STEP**3 / 1000
    wanted = min(bleed.volume_ml, 9.0)
    blood = paint_bleed(bleed, s, head, point_ml, wanted)
    assert blood.size * point_ml == pytest.approx(wanted, rel=0.05)
    assert s.hu[blood].min() >= 50
    assert s.hu[blood].max() <= 80
    assert np.all(s.depth[blood] > -0.5) or kind == "IVH"
    others = np.setdiff1d(np.arange(s.x.size), blood)
    if kind != "IPH":  # the rim of oedema
        np.testing.assert_array_equal(s.hu[others], clean.hu[others])
    else:
        assert np.all(s.hu[others] <= clean.hu[others])
        assert (clean.hu[others] - s.hu[others] > 4).sum() > 20
    if kind == "IVH":
        assert np.all(s.ventricle[blood] < 0.5)
    if kind == "SAH":
        assert np.all(s.csf[blood] < 1.0)
    if kind in ("EDH", "SDH"):
        assert np.median(s.wall[blood]) < 16
        assert np.ptp(np.sign(s.x[blood])) == 0


def test_epidural_is_thicker_for_its_width_than_subdural(sample):
    head, clean = sample
    ratio = {}
    for kind in ("EDH", "SDH"):
        s = clean.take(np.arange(clean.x.size))
        bleed = draw_bleed(np.random.default_rng(11), kind)
        blood = paint_bleed(bleed, s, head, STEP**3 / 1000, 20.0)
        spots = np.stack([s.x[blood], s.y[blood], s.z[blood]])
        ratio[kind] = np.percentile(s.wall[blood], 95) / np.ptp(spots, axis=1).max()
    assert ratio["EDH"] > 1.2 * ratio["SDH"]


def test_blood_in_the_ventricles_lies_at_the_back(sample):
    head, clean = sample
    s = clean.take(np.arange(clean.x.size))
    blood = paint_bleed(draw_bleed(np.random.default_rng(3), "IVH"), s, head, STEP**3 / 1000, 3.0)
    assert s.y[blood].mean() > clean.y[clean.ventricle < 0].mean() + 10


def test_volumes_reach_from_mild_to_severe():
    volumes = [
        sum(bleed.volume_ml for bleed in draw_bleeds(np.random.default_rng(seed))) for seed in range(400)
    ]
    assert 8 < np.median(volumes) < 18
    assert min(volumes) < 1
    assert 50 < max(volumes) <= 2 * LARGEST_ML
    kinds = [len(draw_bleeds(np.random.default_rng(seed))) for seed in range(100)]
    assert set(kinds) == {1, 2}
