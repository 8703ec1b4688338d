import cv2
import numpy as np
import pandas as pd
import pytest
from support import has_colour

from smartnet.figures import raycast, style
from smartnet.figures.raycast import render_head
from smartnet.figures.rendering import draw_rendering
from smartnet.files import write_table

RED = "#FF0000"


def ball(centre_mm, radius_mm, spacing=(5.0, 2.0, 2.0), side_mm=200.0):
    """A ball of soft tissue in air, and a small one in it at a place (z, y, x) from the centre."""
    axes = [(np.arange(round(side_mm / size)) + 0.5) * size - side_mm / 2 for size in spacing]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    head = np.sqrt(z**2 + y**2 + x**2) < 80
    lesion = np.sqrt(sum((a - c) ** 2 for a, c in zip((z, y, x), centre_mm, strict=True))) < radius_mm
    return np.where(head, 30, -1000).astype(np.int16), lesion, spacing


def red_pixels(picture):
    return np.argwhere((picture[..., 0] - picture[..., 1]) > 0.3)


@pytest.mark.parametrize(
    ("centre", "azimuth", "row_side", "column_side"),
    [
        ((40, 0, 0), 0, -1, 0),  # above the centre: in the upper half
        ((0, 0, 40), 0, 0, 1),  # the patient's left is at the right of one who faces him
        ((0, 0, 40), 90, 0, 0),  # ... and in the middle for one who stands there
        ((0, -40, 0), 90, 0, -1),  # the forehead is at the left of who stands at the patient's left
    ],
)
def test_a_lesion_is_seen_where_it_is(centre, azimuth, row_side, column_side):
    volume, lesion, spacing = ball(centre, 12)
    (picture,) = render_head(volume, {RED: lesion}, spacing, azimuth_deg=azimuth, elevation_deg=0)
    offset = red_pixels(picture).mean(axis=0) - (np.array(picture.shape[:2]) - 1) / 2
    for found, side in zip(offset, (row_side, column_side), strict=True):
        assert abs(found - 40 * side) < 3


def test_sizes_are_in_millimetres_whatever_the_voxels():
    for voxel in ((5.0, 2.0, 2.0), (2.5, 1.0, 1.0)):
        volume, lesion, spacing = ball((0, 0, 0), 25, voxel)
        (picture,) = render_head(volume, {RED: lesion}, spacing)
        assert len(red_pixels(picture)) == pytest.approx(np.pi * 25**2, rel=0.06)
        assert (picture.min(axis=2) < 0.999).sum() == pytest.approx(np.pi * 80**2, rel=0.04)


def test_only_the_part_with_a_lesion_is_computed_and_is_what_all_of_it_would_be():
    for centre in ((0, 0, 0), (30, -50, 20), (95, 95, 95)):
        _, lesion, spacing = ball(centre, 20)
        view = (np.asarray(spacing), np.asarray(lesion.shape) / 2, raycast._axes(35.0, 20.0))
        marked = np.where(lesion, 1.0, np.where(np.indices(lesion.shape).sum(axis=0) % 7, 0.0, 1e-9))
        part, whole = (raycast._seen(field, *view, outside=0.0) for field in (lesion, marked))
        np.testing.assert_allclose(part, whole, atol=2e-6)
        at = tuple(np.array([[0, 7], [100, 214], [214, 3]]))
        slopes = np.stack([raycast._slope(whole, at, axis) for axis in range(3)])
        np.testing.assert_allclose(slopes, np.stack(np.gradient(whole))[(slice(None), *at)], atol=1e-7)


def test_no_lesion_is_a_head_alone():
    volume, lesion, spacing = ball((0, 0, 0), 10)
    empty, full = render_head(volume, {"#00FF00": lesion & False, RED: lesion}, spacing)
    assert len(red_pixels(empty)) == 0
    assert len(red_pixels(full)) > 0


def test_rendering(drawn, images):
    root, volumes, _, cases = images
    predictions = []
    for dataset, part in cases.groupby("dataset"):
        numbers = {"truth_ml": part["lesion_ml"], "predicted_ml": 10.0, "overlap_ml": 5.0}
        write_table(part[["case"]].assign(**numbers), root / "masks" / f"{dataset}.csv")
        predictions.append(root / "masks" / f"{dataset}.csv")
    image = drawn(draw_rendering, "smartnet_conv3d", predictions, root / "cases.tsv", volumes)
    for kind in ("truth", "ours"):
        assert has_colour(image, style.colour("outlines", kind), least=201, within=40)


def test_rendering_draws_one_case_of_a_severity(images, tmp_path):
    root, volumes, _, cases = images
    table = pd.DataFrame({"case": cases["case"], "truth_ml": 0.0, "predicted_ml": 0.0, "overlap_ml": 0.0})
    write_table(table, root / "masks" / "internal.csv")
    widths = []
    for severities in (["severe", "mild"], ["severe", "severe"]):
        write_table(cases.iloc[:2].assign(severity=severities), tmp_path / "cases.tsv")
        output = {"output_pdf": tmp_path / "x.pdf", "output_png": tmp_path / "x.png"}
        draw_rendering("m", [root / "masks" / "internal.csv"], tmp_path / "cases.tsv", volumes, **output)
        widths.append(cv2.imread(str(tmp_path / "x.png")).shape[1])
    assert widths[0] > widths[1]
