"""Pixels of one CT file as Hounsfield units."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from scipy import ndimage

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE  # its warnings quote identifiers

PADDING_HU = -1024
_AIR_BELOW_HU = -900


class PixelError(ValueError):
    """The pixels of a file cannot be used; the text is the reason, ready for a table."""


@dataclass(frozen=True)
class Slice:
    """One slice: ``hu`` (rows, columns) int16 with padding at -1024, and how it was rescaled."""

    hu: np.ndarray
    slope: float
    intercept: float


def read_slice(path: Path | str) -> Slice:
    """Read one single-frame CT file and rescale it with its own slope and intercept.

    Padding (PixelPaddingValue up to PixelPaddingRangeLimit, DICOM PS3.3 C.7.5.1.1.2) and anything below
    -1024 HU, which no scanner measures, becomes -1024 here, before anything can be interpolated.

    Raises:
        PixelError: no decoder for the transfer syntax, damaged or missing pixels, not one grey channel, no
            usable rescale values.
    """
    try:
        dataset = pydicom.dcmread(path)
    except Exception as error:  # damaged files raise anything
        raise PixelError(f"file cannot be read ({type(error).__name__})") from error
    slope, intercept = _rescale(dataset)
    try:
        stored = dataset.pixel_array
    except Exception as error:  # decoders raise anything; the study must go on
        syntax = getattr(dataset.file_meta.get("TransferSyntaxUID"), "name", "unknown transfer syntax")
        raise PixelError(f"pixels cannot be decoded ({syntax}: {type(error).__name__})") from error
    if stored.ndim != 2:
        raise PixelError(
            f"pixels are no single grey image but an array of {'x'.join(map(str, stored.shape))}"
        )
    hu = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    hu = np.clip(np.rint(hu), PADDING_HU, np.iinfo(np.int16).max).astype(np.int16)
    hu[padding_mask(stored, _padding_range(dataset), slope, intercept)] = PADDING_HU
    return Slice(hu, slope, intercept)


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


def _rescale(dataset: pydicom.Dataset) -> tuple[float, float]:
    try:
        slope, intercept = float(dataset["RescaleSlope"].value), float(dataset["RescaleIntercept"].value)
    except (KeyError, TypeError, ValueError) as error:
        raise PixelError("rescale slope or intercept missing: stored values cannot become HU") from error
    if not (np.isfinite(slope) and np.isfinite(intercept)) or slope <= 0:
        raise PixelError(f"rescale slope {slope} and intercept {intercept} cannot give HU")
    return slope, intercept


def _padding_range(dataset: pydicom.Dataset) -> tuple[int, int] | None:
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return None
    last = dataset.get("PixelPaddingRangeLimit")
    values = [int(first), int(first if last is None else last)]
    if dataset.get("PixelRepresentation", 0) == 1:
        # These two tags are sometimes written unsigned although the pixels are signed.
        bits = int(dataset.get("BitsAllocated", 16))
        values = [value - (1 << bits) if value >= 1 << (bits - 1) else value for value in values]
    return min(values), max(values)
