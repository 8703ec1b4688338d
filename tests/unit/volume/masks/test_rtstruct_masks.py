"""RTSTRUCT as reference: volumes of bodies with a known one, holes, and contours that lie nowhere."""

import cv2
import numpy as np
import pytest
from factories import UID_ROOT, CTSeries
from mask_files import ball_contours, circle, make_rtstruct, mask_of, study
from matplotlib.path import Path as Polygon
from pydicom.data import get_testdata_file

from smartnet.errors import DataError
from smartnet.files import read_table
from smartnet.volume.masks import Scan, load_mask
from smartnet.volume.masks.rtstruct import fill

FINE = CTSeries(shape=(24, 120, 120), spacing_mm=(2.5, 1.6, 1.6))
CENTRE = (12.0, 5.0, 11.0)


def through(tmp_path, series, regions, **options):
    """Take regions through a whole study as a structure set; give the mask."""
    return mask_of(study(tmp_path, series, make_rtstruct(series, regions, **options).save_as))


@pytest.mark.parametrize("tilt_deg", [0, -16])
@pytest.mark.parametrize("row", [(1, 0, 0), (-1, 0, 0)])
def test_a_ball_has_its_volume_and_place(tmp_path, tilt_deg, row):
    series = CTSeries(shape=FINE.shape, spacing_mm=FINE.spacing_mm, tilt_deg=tilt_deg, row_direction=row)
    regions = {"hemorrhage": ball_contours(series, CENTRE, 22)}
    volumes = study(tmp_path, series, make_rtstruct(series, regions).save_as)
    (case,) = read_table(volumes / "cases.tsv").itertuples()
    assert case.lesion_ml == pytest.approx(4 / 3 * np.pi * 2.2**3, rel=0.02)
    if not tilt_deg:
        plain = CTSeries(shape=FINE.shape, spacing_mm=FINE.spacing_mm)
        inside = np.linalg.norm(plain.world_mm() - CENTRE, axis=-1) < 22
        assert (mask_of(volumes) != inside).mean() < 1e-4


def test_a_tilted_ball_is_voxel_by_voxel_what_lies_within(tmp_path):
    series = CTSeries(shape=FINE.shape, spacing_mm=FINE.spacing_mm, tilt_deg=20)
    path = tmp_path / "r.dcm"
    make_rtstruct(series, {"SDH": ball_contours(series, CENTRE, 22)}).save_as(path)
    scan = Scan("c1", np.zeros(series.shape, np.int16), series.affine, series.positions_mm)
    mask = load_mask(path, scan, pictures=tmp_path)
    inside = np.linalg.norm(series.world_mm() - CENTRE, axis=-1) < 22
    assert set(np.unique(mask)) == {0, 5}
    assert ((mask > 0) != inside).mean() < 1e-4


def test_holes_are_cut_by_nested_contours_and_by_keyholes(tmp_path):
    outer, inner = circle(FINE, 10, CENTRE, 30), circle(FINE, 10, CENTRE, 12)
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    ring = np.pi * (circle_radius(10, 30) ** 2 - circle_radius(10, 12) ** 2)
    masks = {}
    for name, contours in (
        ("nested", [outer, inner]),
        ("keyhole", [keyhole]),
        ("twice", [outer, inner, outer]),
    ):
        masks[name] = through(tmp_path / name, FINE, {"IPH": contours})
        assert masks[name][10].sum() / 2 * 1.6**2 == pytest.approx(ring, rel=0.02)
        assert not np.delete(masks[name], 10, axis=0).any()
    np.testing.assert_array_equal(masks["nested"], masks["keyhole"])
    np.testing.assert_array_equal(masks["nested"], masks["twice"])


def circle_radius(z, radius_mm):
    """Radius of the ball's cut at slice ``z`` of the fine, straight series."""
    return np.sqrt(radius_mm**2 - (FINE.positions_mm[z, 2] - CENTRE[2]) ** 2)


def test_regions_are_named_by_kind_and_the_higher_label_wins(tmp_path):
    small = ball_contours(FINE, CENTRE, 10)
    large = ball_contours(FINE, CENTRE, 20)
    apart = ball_contours(FINE, (-25.0, -20.0, 11.0), 12)
    regions = {"bleed": large, "Subarachnoid": small, "Epidural (left)": apart, "BODY": []}
    mask = through(tmp_path, FINE, regions)
    assert set(np.unique(mask)) == {0, 1, 4}
    both = mask_of(study(tmp_path / "one", FINE, make_rtstruct(FINE, {"SAH": small}).save_as))
    np.testing.assert_array_equal(mask == 4, both == 4)


def test_the_only_region_is_hemorrhage_whatever_its_name_but_one_of_several_is_not(tmp_path):
    contours = ball_contours(FINE, CENTRE, 15)
    assert set(np.unique(through(tmp_path / "one", FINE, {"JD annotation": contours}))) == {0, 1}
    with pytest.raises(
        DataError, match=r"marks 2 segments or ROIs, and the name of number 2 is no hemor"
    ) as error:
        through(tmp_path / "two", FINE, {"SDH": contours, "Skull of JD": contours})
    assert "JD" not in str(error.value)


def test_markers_are_passed_over_and_open_contours_refused(tmp_path):
    structures = make_rtstruct(FINE, {"SDH": ball_contours(FINE, CENTRE, 15), "centre": [np.array([CENTRE])]})
    structures.ROIContourSequence[1].ContourSequence[0].ContourGeometricType = "POINT"
    assert mask_of(study(tmp_path / "point", FINE, structures.save_as)).any()
    with pytest.raises(
        DataError, match="has contours of type OPEN_PLANAR, which enclose nothing: close them"
    ):
        through(tmp_path / "open", FINE, {"SDH": ball_contours(FINE, CENTRE, 15)}, kind="OPEN_PLANAR")


def test_a_structure_set_without_contours_is_an_empty_mask(tmp_path):
    volumes = study(tmp_path, FINE, make_rtstruct(FINE, {"SDH": []}).save_as)
    (case,) = read_table(volumes / "cases.tsv").itertuples()
    assert case.mask == "none"


def test_a_damaged_structure_set_is_one_clear_error(tmp_path):
    structures = make_rtstruct(FINE, {"SDH": ball_contours(FINE, CENTRE, 15)})
    structures.ROIContourSequence[0].ContourSequence[0].ContourData = [1, 2, 3, 4]
    with pytest.raises(DataError, match=r"is a damaged RTSTRUCT \(ValueError\): export it again"):
        study(tmp_path, FINE, structures.save_as)


def test_a_structure_set_of_another_series_is_refused(tmp_path):
    contours = ball_contours(FINE, CENTRE, 15)
    with pytest.raises(DataError, match="refers to another series") as error:
        through(tmp_path / "other", FINE, {"SDH": contours}, referenced=f"{UID_ROOT}.5")
    assert UID_ROOT not in str(error.value)
    assert through(tmp_path / "none", FINE, {"SDH": contours}, referenced="").any()


def test_a_file_without_preamble_is_read(tmp_path):
    path = get_testdata_file("rtstruct.dcm", download=False)  # its one region is 400 x 300 mm wide
    affine = np.diag([5.0, 5.0, 10.0, 1.0])
    affine[:3, 3] = (-252.5, -202.5, -200)
    origins = affine[:3, 3] + np.arange(3)[:, None] * affine[:3, 2]
    scan = Scan("c1", np.zeros((3, 82, 102), np.int16), affine, origins)
    mask = load_mask(path, scan, pictures=tmp_path)
    assert mask.sum(axis=(1, 2)).tolist() == [80 * 60] * 3


@pytest.mark.parametrize("seed", range(20))
def test_polygons_are_filled_as_matplotlib_tells_inside(seed):
    random = np.random.default_rng(seed)
    angle = np.sort(random.uniform(0, 2 * np.pi, random.integers(3, 40)))
    radius = random.uniform(2, 30, len(angle))
    polygon = np.stack([20 + radius * np.cos(angle), 15 + radius * np.sin(angle)], axis=1)
    y, x = np.mgrid[:31, :43]
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    inside = Polygon(polygon).contains_points(centres).reshape(31, 43)
    edges = np.roll(polygon, -1, axis=0) - polygon
    offsets = centres[:, None] - polygon
    share = np.clip((offsets * edges).sum(-1) / (edges**2).sum(-1), 0, 1)
    distance = np.linalg.norm(offsets - share[..., None] * edges, axis=-1).min(axis=1).reshape(31, 43)
    differs = fill([polygon], (31, 43)) != inside
    assert (distance[differs] < 0.01).all()


@pytest.mark.parametrize("seed", range(5))
def test_what_was_traced_from_a_mask_is_that_mask_again(seed):
    mask = cv2.blur(np.random.default_rng(seed).random((60, 70)), (3, 3)) > 0.52
    traced, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    assert len(traced) > 20
    noise = np.random.default_rng(seed)
    polygons = [contour[:, 0] + noise.uniform(-1e-3, 1e-3, (len(contour), 2)) for contour in traced]
    np.testing.assert_array_equal(fill(polygons, mask.shape), mask)
