"""DICOM SEG as reference: voxel by voxel what the same mask gives as NIfTI, wherever its frames stand."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
from factories import UID_ROOT, CTSeries, numbered
from mask_files import make_seg, mask_of, nifti_way, reorder, study
from pydicom.data import get_testdata_file
from pydicom.uid import JPEG2000Lossless, RLELossless

from smartnet.errors import DataError
from smartnet.volume.masks import Scan, load_mask

ODD = CTSeries(shape=(8, 45, 43))  # frames that end within a byte


def speckle(series, seed=0, share=0.02):
    """Marks that no flip or shift leaves as they are; none on slice 2."""
    mask = np.random.default_rng(seed).random(series.shape) < share
    mask[2] = False
    return mask


def check(tmp_path, series, seg, expected):
    """Compare a SEG's way through the volumes with that of the same labels as NIfTI."""
    found = mask_of(study(tmp_path / "seg", series, seg.save_as))
    assert found.any()
    np.testing.assert_array_equal(found, nifti_way(tmp_path / "nifti", series, expected))


@pytest.mark.parametrize("tilt_deg", [0, -14, 22])
@pytest.mark.parametrize("empty", [True, False], ids=["some-slices", "all-slices"])
def test_a_seg_gives_what_the_nifti_gives(tmp_path, tilt_deg, empty):
    series = replace(ODD, tilt_deg=tilt_deg)
    mask = speckle(series)
    seg = make_seg(tmp_path / "source", series, {"SAH": mask}, omit_empty_frames=empty)
    assert seg.NumberOfFrames == 8 - empty
    check(tmp_path, series, seg, mask.astype(np.uint8) * 4)


@pytest.mark.parametrize("order", [(6, 5, 4, 3, 2, 1, 0), (3, 0, 6, 1, 5, 2, 4), (5, 1)])
def test_frames_go_by_position_not_by_order(tmp_path, order):
    series = replace(ODD, tilt_deg=9)
    mask = speckle(series)
    seg = make_seg(tmp_path / "source", series, {"hemorrhage": mask})
    reorder(seg, order)
    kept = np.zeros(series.shape, np.uint8)
    slices = [0, 1, 3, 4, 5, 6, 7]
    for frame in order:
        kept[slices[frame]] = mask[slices[frame]]
    check(tmp_path, series, seg, kept)


def test_slices_as_uneven_as_a_stack_may_be_are_matched_by_their_own_positions(tmp_path):
    offsets = (0, 0.04, -0.04, 0.04, -0.04, 0.04, 0, 0)
    series = replace(ODD, z_offsets_mm=offsets, tilt_deg=12)
    mask = speckle(series)
    check(tmp_path, series, make_seg(tmp_path / "source", series, {"": mask}), mask.astype(np.uint8))


@pytest.mark.parametrize(
    ("row", "column"),
    [((-1, 0, 0), (0, 1, 0)), ((1, 0, 0), (0, -1, 0)), ((0, 1, 0), (1, 0, 0)), ((0, -1, 0), (-1, 0, 0))],
)
@pytest.mark.parametrize("tilt_deg", [0, 15])
def test_a_seg_on_flipped_or_swapped_axes_of_the_same_grid_is_turned(tmp_path, row, column, tilt_deg):
    series = replace(ODD, tilt_deg=tilt_deg)
    rows, columns = series.shape[1:] if row[0] else series.shape[:0:-1]
    other = replace(series, shape=(8, rows, columns), row_direction=row, column_direction=column)
    mask = speckle(other)
    turned = mask if row[0] else mask.transpose(0, 2, 1)
    steps = [int(sum(direction)) for direction in ((column, row) if row[0] else (row, column))]
    turned = turned[:, :: steps[0], :: steps[1]]
    seg = make_seg(tmp_path / "source", other, {"blob": mask})
    check(tmp_path, series, seg, turned.astype(np.uint8))


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_a_compressed_fractional_seg_counts_from_one_half_on(tmp_path, syntax):
    share = np.random.default_rng(3).random(ODD.shape) * speckle(ODD, share=0.2)
    seg = make_seg(
        tmp_path / "source",
        ODD,
        {"IVH": share},
        kind="FRACTIONAL",
        syntax=syntax,
        max_fractional_value=200,
    )
    check(tmp_path, ODD, seg, (np.rint(share * 200) >= 100).astype(np.uint8) * 3)


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_segments_are_named_by_kind(tmp_path, kind):
    region = np.random.default_rng(1).integers(0, 12, ODD.shape)
    names = ["Subdural hematoma, left", "edh", "acute hemorrhage", "intraparenchymal_1"]
    segments = {name: region == number for number, name in enumerate(names)}
    expected = np.select(list(segments.values()), [5, 1, 1, 2], 0).astype(np.uint8)
    options = {} if kind == "BINARY" else {"syntax": RLELossless}
    check(tmp_path, ODD, make_seg(tmp_path / "source", ODD, segments, kind=kind, **options), expected)


def test_where_segments_overlap_the_higher_label_wins(tmp_path):
    segments = {"SAH": speckle(ODD, 1, 0.3), "hemorrhage": speckle(ODD, 2, 0.3), "EDH": speckle(ODD, 3, 0.3)}
    expected = np.where(segments["SAH"], 4, segments["hemorrhage"] | segments["EDH"]).astype(np.uint8)
    check(tmp_path, ODD, make_seg(tmp_path / "source", ODD, segments), expected)


def test_a_seg_that_dcmqi_wrote_is_read(tmp_path):
    seg = pydicom.dcmread(get_testdata_file("liver_1frame.dcm", download=False))
    del seg.PerFrameFunctionalGroupsSequence[1:]  # pydicom ships the pixels of the first frame only
    seg.save_as(tmp_path / "liver.dcm")
    spacing = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    position = seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient
    affine = np.diag([*spacing, 2.5, 1])
    affine[:3, 3] = np.array(position, dtype=float) - [0, 0, 5]
    origins = affine[:3, 3] + np.arange(5)[:, None] * affine[:3, 2]
    series = seg.ReferencedSeriesSequence[0].SeriesInstanceUID
    scan = Scan("c1", np.zeros((5, 512, 512), np.int16), affine, origins, series_uid=series)
    mask = load_mask(tmp_path / "liver.dcm", scan, pictures=tmp_path)
    assert mask.sum(axis=(1, 2)).tolist() == [0, 0, 36233, 0, 0]
    np.testing.assert_array_equal(mask[2], seg.pixel_array)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (numbered(ODD, 2), r"refers to another series than this scan's: correct the mask's name"),
        (numbered(ODD, 2, study=ODD.study), "refers to another series"),
    ],
)
def test_a_seg_of_another_series_is_refused(tmp_path, other, message):
    seg = make_seg(tmp_path / "source", other, {"SAH": speckle(other)})
    with pytest.raises(DataError, match=message) as error:
        study(tmp_path, ODD, seg.save_as)
    assert UID_ROOT not in str(error.value)
    assert "see" not in str(error.value)


@pytest.mark.parametrize(
    ("kept", "message"),
    [("images", "refers to images of another series"), ("study", "refers to another study")],
)
def test_without_a_series_the_images_or_else_the_study_tell(tmp_path, kept, message):
    for number, refused in ((1, False), (2, True)):
        other = numbered(ODD, number, patient=ODD.patient)
        other = ODD if not refused else other
        seg = make_seg(tmp_path / f"source-{number}", other, {"SAH": speckle(other)})
        del seg.ReferencedSeriesSequence
        if kept == "study":
            for item in seg.PerFrameFunctionalGroupsSequence:
                del item.DerivationImageSequence
        if refused:
            with pytest.raises(DataError, match=message):
                study(tmp_path / "other", ODD, seg.save_as)
        else:
            assert mask_of(study(tmp_path / "own", ODD, seg.save_as)).any()


def test_a_damaged_seg_is_one_clear_error(tmp_path):
    seg = make_seg(tmp_path / "source", ODD, {"SAH": speckle(ODD)})
    seg.PixelData = seg.PixelData[:100]
    with pytest.raises(
        DataError, match=r"pixels cannot be decoded \(Explicit VR Little Endian: ValueError\)"
    ):
        study(tmp_path / "pixels", ODD, seg.save_as)
    del seg.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence
    with pytest.raises(DataError, match=r"does not say where its frames lie \(KeyError\): export it again"):
        study(tmp_path / "groups", ODD, seg.save_as)


def test_a_number_that_is_no_segment_of_its_label_map_is_an_error(tmp_path):
    seg = make_seg(tmp_path / "source", ODD, {"SAH": speckle(ODD)}, kind="LABELMAP")
    for item in seg.SegmentSequence:
        item.SegmentNumber = 7 if item.SegmentNumber == 1 else item.SegmentNumber
    with pytest.raises(DataError, match="label map that holds 1, which is no segment of it"):
        study(tmp_path, ODD, seg.save_as)
