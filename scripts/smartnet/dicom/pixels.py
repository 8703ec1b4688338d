"""Pixels of one CT file as Hounsfield units."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from scipy import ndimage

from smartnet.dicom.folders import out_of_reach
from smartnet.dicom.frames import size_conflict

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # its warnings quote identifiers

PADDING_HU = -1024
_AIR_BELOW_HU = -900
_WRAP_BITS, _WRAP_FROM, _WRAP_INTERCEPT_HU = 12, 3096, -100
_MOST_SLOPE, _MOST_INTERCEPT_HU = 100, 100_000  # beyond these, no stored value of a head gives its HU
_WIDEST_PADDING_HU = 100  # of a range that is not below air
_WRAP_SHARE = 0.01  # air is a good part of every slice, metal is not


class PixelError(ValueError):
    """The pixels of a file cannot be used; the text is the reason, ready for a table."""


@dataclass(frozen=True)
class Slice:
    """One slice: ``hu`` (rows, columns) int16 with padding at -1024, how it was rescaled and repaired."""

    hu: np.ndarray
    slope: float
    intercept: float
    unwrapped: bool = False


def read_slice(path: Path | str, frame: int | str = "") -> Slice:
    """Read one CT slice and rescale it with its own slope and intercept.

    Args:
        path: of the file.
        frame: counted from 0, of a multi-frame file; empty for a single-frame file.

    Padding (PixelPaddingValue up to PixelPaddingRangeLimit, DICOM PS3.3 C.7.5.1.1.2) and anything below
    -1024 HU, which no scanner measures, becomes -1024 here, before anything can be interpolated.

    Raises:
        PixelError: no decoder for the transfer syntax, damaged or missing pixels, not one grey channel, no
            usable rescale values, a padding range that holds tissue.
    """
    dataset = _read(Path(path))
    index = int(frame) if frame != "" else None
    slope, intercept = _rescale(dataset, index)
    try:
        conflict = size_conflict(dataset, index or 0)
        stored = None if conflict else pixel_array(dataset, index=index)
    except Exception as error:  # decoders raise anything; the study must go on
        syntax = getattr(dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown transfer syntax")
        raise PixelError(f"pixels cannot be decoded ({syntax}: {type(error).__name__})") from error
    if stored is None:
        raise PixelError(f"pixel data of another size: {conflict}")
    if stored.ndim != 2:
        raise PixelError(
            f"pixels are no single grey image but an array of {'x'.join(map(str, stored.shape))}"
        )
    padded = padding_mask(stored, _padding_range(dataset, slope, intercept), slope, intercept)
    unwrapped = is_wrapped(dataset, stored, slope, intercept)
    if unwrapped:
        stored = unwrap(stored)
    hu = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    hu = np.clip(np.rint(hu), PADDING_HU, np.iinfo(np.int16).max).astype(np.int16)
    hu[padded] = PADDING_HU
    return Slice(hu, slope, intercept, unwrapped)


@lru_cache(maxsize=1)  # the frames of one file are read one after the other
def _read(path: Path) -> pydicom.Dataset:
    try:
        dataset = pydicom.dcmread(path, force=True)
    except Exception as error:  # damaged files raise anything
        if out_of_reach(error):
            raise
        raise PixelError(f"file cannot be read ({type(error).__name__})") from error
    if "TransferSyntaxUID" not in dataset.file_meta:  # without the file's preamble, what could be read tells
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    return dataset


def same_pixels(first: tuple[str, str], second: tuple[str, str]) -> bool:
    """Tell whether two slices, each (path, frame), hold the same HU; False if one cannot be read."""
    try:
        return np.array_equal(read_slice(*first).hu, read_slice(*second).hu)
    except PixelError:
        return False


def is_wrapped(dataset: pydicom.Dataset, stored: np.ndarray, slope: float, intercept: float) -> bool:
    """Tell whether negative values were stored in 12 bits without a sign, as in some series of RSNA 2019.

    There the intercept is near 0, so that unsigned values cannot hold air; air stands near 4096 - 1000.
    """
    if dataset.get("BitsStored") != _WRAP_BITS or dataset.get("PixelRepresentation") != 0:
        return False
    if slope != 1 or intercept <= _WRAP_INTERCEPT_HU:
        return False
    return bool(np.mean(stored >= _WRAP_FROM) > _WRAP_SHARE)


def unwrap(stored: np.ndarray) -> np.ndarray:
    """Undo a 12-bit wraparound: what lies above 3096 (no tissue) was below zero; int32."""
    values = stored.astype(np.int32)
    return np.where(values >= _WRAP_FROM, values - (1 << _WRAP_BITS), values)


def padding_mask(
    stored: np.ndarray, limits: tuple[int, int] | None, slope: float, intercept: float
) -> np.ndarray:
    """Find padded pixels.

    Args:
        stored: (rows, columns) stored values.
        limits: lowest and highest stored value that means padding, None if there is none.
        slope: HU per stored value.
        intercept: HU of a stored zero.

    Returns:
        (rows, columns) bool. A padding value that is also a possible tissue value (some files declare 0 and
        mean it, others declare 0 by default) counts only where it is connected with the image's border.
    """
    if limits is None:
        return np.zeros(stored.shape, dtype=bool)
    padded = (stored >= limits[0]) & (stored <= limits[1])
    if limits[1] * slope + intercept <= _AIR_BELOW_HU or not padded.any():
        return padded
    regions, _ = ndimage.label(padded)
    border = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return np.isin(regions, border[border > 0])


def _rescale(dataset: pydicom.Dataset, frame: int | None) -> tuple[float, float]:
    try:
        source = dataset if frame is None else _transformation(dataset, frame)
        slope, intercept = float(source["RescaleSlope"].value), float(source["RescaleIntercept"].value)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise PixelError("rescale slope or intercept missing: stored values cannot become HU") from error
    if not (0 < slope <= _MOST_SLOPE and abs(intercept) <= _MOST_INTERCEPT_HU):
        raise PixelError(f"rescale slope {slope} and intercept {intercept} cannot give HU")
    return slope, intercept


def _transformation(dataset: pydicom.Dataset, frame: int) -> pydicom.Dataset:
    """Give the functional group that holds slope and intercept of a frame (DICOM PS3.3 C.7.6.16.2.9)."""
    own = dataset["PerFrameFunctionalGroupsSequence"].value[frame]
    groups = [own, *(dataset.get("SharedFunctionalGroupsSequence") or [])]
    for group in groups:
        if group.get("PixelValueTransformationSequence"):
            return group.PixelValueTransformationSequence[0]
    raise KeyError("PixelValueTransformationSequence")


def _padding_range(dataset: pydicom.Dataset, slope: float, intercept: float) -> tuple[int, int] | None:
    """Give the lowest and highest stored value that means padding, None if there is none.

    Raises:
        PixelError: the values are no numbers, or the range holds tissue.
    """
    first, last = dataset.get("PixelPaddingValue"), dataset.get("PixelPaddingRangeLimit")
    if first is None:
        return None
    try:
        values = [int(first), int(first if last is None else last)]
    except (TypeError, ValueError) as error:
        raise PixelError("padding value is no number") from error
    if dataset.get("PixelRepresentation", 0) == 1:
        # These two tags are sometimes written unsigned although the pixels are signed.
        bits = int(dataset.get("BitsAllocated", 16))
        values = [value - (1 << bits) if value >= 1 << (bits - 1) else value for value in values]
    low, high = sorted(values)
    if (high - low) * slope > _WIDEST_PADDING_HU and high * slope + intercept > _AIR_BELOW_HU:
        low_hu, high_hu = (value * slope + intercept for value in (low, high))
        raise PixelError(f"padding from {low_hu:.0f} to {high_hu:.0f} HU would take tissue away")
    return low, high
