"""A mask that does not fit its scan: one line that says why, and a picture that shows it."""

from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from factories import UID_ROOT, CTSeries, write_series
from mask_files import ball_contours, make_rtstruct, make_seg, study

from smartnet.errors import DataError
from smartnet.files import write_nifti

SERIES = CTSeries(tilt_deg=10)
BALL = (20.0, 5.0, 11.0)
GREY = 1  # an outline is where the colours differ


def ball(series):
    """Mark a ball of 16 mm radius on the series' grid."""
    return np.linalg.norm(series.world_mm() - BALL, axis=-1) < 16


def seg(series, tmp_path):
    return make_seg(tmp_path / "source", replace(series, series=SERIES.series), {"SAH": ball(series)})


def rtstruct(series, tmp_path):
    return make_rtstruct(series, {"SAH": ball_contours(series, BALL, 16)})


def nifti(series, tmp_path):
    return SimpleNamespace(
        save_as=lambda path: write_nifti(ball(series).astype(np.uint8), series.affine, path)
    )


def misfit(tmp_path, write, series, name="mask"):
    """Take a mask made on another series through a study; give the error's text and the picture."""
    with pytest.raises(DataError) as error:
        study(tmp_path, SERIES, write(series, tmp_path).save_as, name=name)
    text = str(error.value)
    assert "\n" not in text
    assert "SECRET" not in text
    assert UID_ROOT not in text
    (picture,) = (tmp_path / "logs").iterdir()
    assert text.endswith(f"; see {picture}")
    assert picture.name == f"{text.split()[1].strip(':')}-mask.png"
    image = cv2.imread(str(picture)).astype(int)
    return text, image, int((np.ptp(image, axis=2) > GREY).sum())


MOVED = (6.0, -7.0, 11.0)  # 3 mm to the left of the series' centre
UP = (3.0, -7.0, 13.0)
COARSE = {"shape": (8, 24, 24), "spacing_mm": (5.0, 8.0, 8.0)}


@pytest.mark.parametrize(
    ("write", "change", "message"),
    [
        (
            nifti,
            {"centre_mm": MOVED},
            r"scan's shape 8x48x48, but its geometry is up to 3.00 mm off \(half a",
        ),
        (nifti, COARSE, "has shape 8x24x24, but the scan has 8x48x48"),
        (nifti, {"shape": (16, 48, 48), "spacing_mm": (2.5, 4, 4)}, "has shape 16x48x48, but"),
        (nifti, {"tilt_deg": 0}, "sheared if the gantry is tilted"),
        (
            seg,
            {"centre_mm": MOVED},
            r"frames up to 3.00 mm off in the plane of the slices \(half a pixel, 2.00",
        ),
        (seg, {"centre_mm": UP}, r"frames up to 1.97 mm off the nearest slice \(a tenth of the gap, 0.50 mm"),
        (seg, COARSE, r"has frames of 24x24, but the scan's slices have 48x48 \(rows, columns\)"),
        (seg, {"tilt_deg": 0}, "has frames at 10.0 degrees to the scan's slices: export it on the grid"),
        (rtstruct, {"centre_mm": UP}, r"contours up to 1.97 mm off the plane of every slice \(a tenth of"),
        (rtstruct, {"tilt_deg": 0}, "off the plane of every slice"),
    ],
)
def test_a_misfit_says_how_far_and_shows_where(tmp_path, write, change, message):
    name = "m.nii.gz" if write is nifti else "mask"
    text, image, coloured = misfit(tmp_path, write, replace(SERIES, **change), name)
    assert message.replace("\\", "") in text
    assert image.shape[1] == 3 * 256
    assert coloured > 300


def test_contours_beyond_the_image_are_a_misfit(tmp_path):
    def beyond(series, tmp_path):
        _, column, _ = series.directions
        contours = [points + 90 * column for points in ball_contours(series, BALL, 16)]
        return make_rtstruct(series, {"SAH": contours})

    text, _, _ = misfit(tmp_path, beyond, SERIES)
    assert "mm beyond the image (half a pixel, 2.00 mm, is allowed)" in text


def test_a_mask_that_lies_outside_of_the_scan_is_said_to(tmp_path):
    def away(series, tmp_path):
        affine = series.affine.copy()
        affine[0, 3] += 900
        mask = np.ones((9, 48, 48), np.uint8)
        return SimpleNamespace(save_as=lambda path: write_nifti(mask, affine, path))

    _, image, coloured = misfit(tmp_path, away, SERIES, "m.nii.gz")
    assert coloured == 0
    assert image[:24].max() > 200  # the head line says so


def test_the_picture_is_the_same_each_time_and_goes_when_the_mask_is_mended(tmp_path):
    pictures = []
    for name in ("a", "b"):
        misfit(tmp_path / name, nifti, replace(SERIES, centre_mm=MOVED), "m.nii.gz")
        (picture,) = (tmp_path / name / "logs").iterdir()
        pictures.append(picture.read_bytes())
    assert pictures[0] == pictures[1]
    study(tmp_path / "a", SERIES, nifti(SERIES, tmp_path).save_as, name="m.nii.gz")
    assert not list((tmp_path / "a" / "logs").iterdir())


def test_a_folder_with_one_file_counts_with_two_it_does_not(tmp_path):
    def folder(count):
        def write(path):
            path.mkdir()
            for number in range(count):
                seg(SERIES, tmp_path).save_as(path / f"SECRET{number}")

        return write

    assert list(study(tmp_path / "one", SERIES, folder(1)).glob("*_mask.nii.gz"))
    with pytest.raises(DataError, match=r"is a folder with 2 files: leave the one file that holds the mask"):
        study(tmp_path / "two", SERIES, folder(2))


def test_a_dicom_mask_of_a_sagittal_scan_is_refused_with_a_way_out(tmp_path):
    sagittal = CTSeries(row_direction=(0, 1, 0), column_direction=(0, 0, -1))
    mask = make_rtstruct(SERIES, {"SAH": ball_contours(SERIES, BALL, 16)})
    with pytest.raises(
        DataError, match=r"masks of sagittal scans are read from NIfTI only: save it as NIfTI"
    ):
        study(tmp_path, sagittal, mask.save_as)


def test_other_dicom_and_other_files_are_no_mask(tmp_path):
    write_series(tmp_path / "ct", SERIES)
    image = (tmp_path / "ct" / "f0000.dcm").read_bytes()
    with pytest.raises(
        DataError, match=r"DICOM object of another kind \(CT Image Storage\): give a SEG or an RT"
    ):
        study(tmp_path / "a", SERIES, lambda path: path.write_bytes(image))
    with pytest.raises(DataError, match=r"cannot be read as a 3D NIfTI volume \(\w+\), nor is it DICOM"):
        study(tmp_path / "b", SERIES, lambda path: path.write_bytes(b"no image"))
    with pytest.raises(
        DataError, match=r"cannot be read as DICOM \(\w+\): export it again as SEG or RTSTRUCT"
    ):
        study(tmp_path / "c", SERIES, lambda path: path.write_bytes(image[:140]))
