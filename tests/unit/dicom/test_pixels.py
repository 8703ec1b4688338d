"""Pixels that contradict their header: a reason, before a decoder or the memory suffers."""

import struct

import pydicom
import pytest
from factories import CTSeries, write_series
from support import ROOT

from smartnet.dicom.pixels import PixelError, read_slice

SAMPLES = ROOT / "resources" / "doctor"
FRAME_HEADERS = {"4.50": b"\xff\xc0\x00\x0b", "4.51": b"\xff\xc1\x00\x0b", "4.57": b"\xff\xc3\x00\x0b"}
FRAME_HEADERS |= {"4.70": b"\xff\xc3\x00\x0b", "4.80": b"\xff\xf7\x00\x0b", "4.81": b"\xff\xf7\x00\x0b"}


@pytest.fixture
def one(tmp_path):
    """One file of a series, and how to change it."""
    write_series(tmp_path, CTSeries())
    path = tmp_path / "f0003.dcm"

    def change(**tags):
        dataset = pydicom.dcmread(path)
        for keyword, value in tags.items():
            vr = "SS" if isinstance(value, int) and value < 0 else pydicom.datadict.dictionary_VR(keyword)
            dataset.add_new(keyword, vr.split(" or ")[0], value)
        dataset.save_as(path)
        return path

    return change


@pytest.mark.parametrize("syntax", FRAME_HEADERS)
def test_a_frame_that_states_an_enormous_size_is_not_decoded(tmp_path, syntax):
    """Decoders would take minutes and gigabytes before they fail."""
    raw = bytearray((SAMPLES / f"{syntax}.ct").read_bytes())
    place = raw.rfind(FRAME_HEADERS[syntax]) + 5
    raw[place : place + 4] = struct.pack(">HH", 65535, 65535)
    (tmp_path / "frame").write_bytes(raw)
    with pytest.raises(PixelError, match=r"another size: the frame is of 65535x65535 .* header says 32x32"):
        read_slice(tmp_path / "frame")


@pytest.mark.parametrize(("keyword", "shape"), [("Columns", "48x47"), ("Rows", "47x48")])
def test_a_row_or_column_too_many_is_no_padding(one, keyword, shape):
    with pytest.raises(PixelError, match=f"another size: 4608 bytes, where {shape} pixels take 4512"):
        read_slice(one(**{keyword: 47}))


def test_a_little_padding_behind_the_pixels_passes(one):
    read_slice(one(PixelData=bytes(48 * 48 * 2 + 20)))


@pytest.mark.parametrize(
    ("slope", "intercept"),
    [("1e300", "0"), ("101", "0"), ("1", "1e9"), ("-1", "0"), ("0", "0"), ("1", "NaN")],
)
def test_a_rescale_that_no_head_can_have(one, slope, intercept):
    with pytest.raises(PixelError, match=r"rescale slope \S+ and intercept \S+ cannot give HU"):
        read_slice(one(RescaleSlope=slope, RescaleIntercept=intercept))


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        (0, 3000, r"padding from -1024 to 1976 HU would take tissue away"),
        (24, 1070, r"padding from -1000 to 46 HU would take tissue away"),
        ([1, 2], None, "padding value is no number"),
    ],
)
def test_padding_that_cannot_be_meant(one, first, last, reason):
    tags = {"PixelPaddingValue": first} | ({} if last is None else {"PixelPaddingRangeLimit": last})
    with pytest.raises(PixelError, match=reason):
        read_slice(one(**tags))


def test_a_padding_range_below_air_is_taken(one):
    assert read_slice(one(PixelPaddingValue=0, PixelPaddingRangeLimit=30)).hu.min() == -1024
