"""Physical checks of a volume's Hounsfield units: is air air, and is there soft tissue."""

from dataclasses import dataclass

import numpy as np

from smartnet.dicom.pixels import PADDING_HU

AIR_HU = (-1050, -950)  # where the mode of air is expected
AIR_LIMIT_HU = 150  # further off than this, slope and intercept cannot be right
TISSUE_HU = (20, 50)  # where the mode of soft tissue in a head is expected (white 29, grey 37 HU)
_AIR_RANGE_HU = (-1024, -700)
_TISSUE_RANGE_HU = (-50, 120)
_MIN_FRACTION = 0.005  # of the voxels that are no padding


class ImplausibleError(ValueError):
    """The values cannot be Hounsfield units of a head; the text is the reason, ready for a table."""


@dataclass(frozen=True)
class Plausibility:
    """What was measured: modes in HU (None if not measurable) and flags worth a look."""

    air_hu: float | None
    tissue_hu: float | None
    flags: list[str]


def check_hu(volume_hu: np.ndarray) -> Plausibility:
    """Check a volume's HU against physics.

    Args:
        volume_hu: (z, y, x) int16 HU, padding at -1024.

    Returns:
        the modes of air and soft tissue, and flags where they are unusual.

    Raises:
        ImplausibleError: the volume is constant, has hardly any soft tissue, or what surrounds it is far
            from air: slope or intercept are wrong, or it is no head CT.
    """
    sample = volume_hu[:, ::2, ::2]
    if int(sample.min()) == int(sample.max()):
        raise ImplausibleError(f"constant image: every voxel is {int(sample.min())} HU")
    counts = np.bincount((sample.astype(np.int32) - PADDING_HU).ravel())
    measured = int(counts[1:].sum())
    tissue, tissue_voxels = _mode(counts, *_TISSUE_RANGE_HU, smooth=9)
    if tissue is None or tissue_voxels < _MIN_FRACTION * max(measured, 1):
        raise ImplausibleError(
            f"implausible HU: only {100 * tissue_voxels / max(measured, 1):.2f} % of the voxels lie between "
            f"{_TISSUE_RANGE_HU[0]} and {_TISSUE_RANGE_HU[1]} HU, where soft tissue should be"
        )
    air, flags = _check_air(counts, measured)
    if not TISSUE_HU[0] <= tissue <= TISSUE_HU[1]:
        flags.append(f"soft-tissue mode at {tissue:.0f} HU, expected {TISSUE_HU[0]} to {TISSUE_HU[1]}")
    return Plausibility(air, tissue, flags)


def _check_air(counts: np.ndarray, measured: int) -> tuple[float | None, list[str]]:
    """Find the mode of air. Values at -1024 may be padding or air that a scanner cut off there: both pass."""
    air, air_voxels = _mode(counts, _AIR_RANGE_HU[0] + 1, _AIR_RANGE_HU[1], smooth=9)
    at_floor = int(counts[0])
    if air is None or air_voxels < _MIN_FRACTION * measured:
        if at_floor > _MIN_FRACTION * counts.sum():
            return None, ["no air above -1024 HU to measure: padded or cut off"]
        lowest = PADDING_HU + int(np.flatnonzero(counts)[0])
        raise ImplausibleError(
            f"implausible HU: no air around the head, the lowest value is {lowest} HU (wrong intercept?)"
        )
    if abs(air + 1000) > AIR_LIMIT_HU:
        raise ImplausibleError(f"implausible HU: air lies at {air:.0f} HU instead of -1000")
    if not AIR_HU[0] <= air <= AIR_HU[1]:
        return air, [f"air mode at {air:.0f} HU, expected {AIR_HU[0]} to {AIR_HU[1]}"]
    return air, []


def _mode(counts: np.ndarray, low: int, high: int, *, smooth: int) -> tuple[float | None, int]:
    """Give the mode between two HU values of a histogram that starts at -1024, and the voxels there."""
    part = counts[low - PADDING_HU : high - PADDING_HU + 1]
    if part.sum() == 0:
        return None, 0
    smoothed = np.convolve(part, np.ones(smooth) / smooth, mode="same")
    plateau = np.flatnonzero(smoothed >= smoothed.max() * (1 - 1e-9))
    return float(low + plateau.mean()), int(part.sum())
