"""Does a map lie where the lesion is: pointing game, energy, precision and recall."""

import numpy as np

TOLERANCE = 0.03  # of a slice's longer side: the 15 pixels of Zhang et al. on photographs of 500


def tolerance_px(shape: tuple[int, ...]) -> int:
    """How far beside the lesion a maximum may lie, for slices (..., H, W)."""
    return round(TOLERANCE * max(shape[-2:]))


def measure(evidence: np.ndarray, lesion: np.ndarray) -> dict[str, float]:
    """Measure a map of a scan against its reference mask, over all voxels.

    A map that is 0 everywhere shows nothing: it misses, holds no energy, ranks voxels no better than chance.

    Args:
        evidence: (D, H, W), at least 0.
        lesion: (D, H, W) bool.

    Returns:
        ``pointing``, ``energy``, ``auprc``, ``lesion_share`` (what chance gives for the latter two), each in
        [0, 1], and ``empty``, 1 for a map that is 0 everywhere. Without a lesion the first three are NaN.
    """
    from sklearn.metrics import average_precision_score

    share, total = float(lesion.mean()), float(evidence.sum(dtype=np.float64))
    known = {"lesion_share": share, "empty": int(total == 0)}
    if not lesion.any():
        return {"pointing": np.nan, "energy": np.nan, "auprc": np.nan} | known
    if total == 0:
        return {"pointing": 0.0, "energy": 0.0, "auprc": share} | known
    return {
        "pointing": pointing(evidence, lesion, tolerance=tolerance_px(lesion.shape)),
        "energy": float(evidence[lesion].sum(dtype=np.float64) / total),
        "auprc": float(average_precision_score(lesion.ravel(), evidence.ravel())),
    } | known


def pointing(evidence: np.ndarray, lesion: np.ndarray, *, tolerance: float) -> float:
    """Pointing game (Zhang et al., IJCV 2018): does the maximum lie in the lesion?

    Args:
        evidence: (D, H, W).
        lesion: (D, H, W) bool.
        tolerance: how many pixels beside the lesion still count, in the slice's plane.

    Returns:
        1 or 0; where several voxels share the maximum, the share of them that hit, which is what drawing one
        of them gives on average.
    """
    from scipy.ndimage import distance_transform_edt

    largest = evidence == evidence.max()
    hits = 0
    for z in np.flatnonzero(largest.any(axis=(1, 2)) & lesion.any(axis=(1, 2))):
        hits += int((distance_transform_edt(~lesion[z])[largest[z]] <= tolerance).sum())
    return hits / int(largest.sum())
