"""Percentile bootstrap that draws patients, not scans: scans of one patient are not independent."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from smartnet.statistics.interval import Interval, join_notes, undefined

CHUNK = 256  # replicates at once: keeps the weights of 25,000 scans near 50 MB
EQUAL = 1e-12  # replicates that differ by less differ by rounding alone
KEPT = 500_000  # numbers of a drawing that is kept for the next statistic of the same patients: 4 MB


def cluster_bootstrap(
    statistic: Callable[[np.ndarray], np.ndarray],
    patients: np.ndarray,
    *,
    replicates: int,
    seed: int,
    level: float = 0.95,
) -> Interval:
    """Estimate a statistic of a sample of scans, with the interval from resampled patients.

    Args:
        statistic: maps weights (k, n), how often each scan counts in each of k samples, to k values;
            NaN where a sample leaves it undefined.
        patients: (n,) the patient of each scan; a drawn patient brings all of his or her scans.
        replicates: number of bootstrap samples; 0 gives no limits.
        seed: of the random generator; equal seeds over equal patients draw equal samples.
        level: coverage of the interval.

    Returns:
        The value on the sample itself and percentile limits; replicates without a value are left out and
        counted in the note. Where all replicates agree (a perfect score, a mean of zeros) there are no
        limits: the bootstrap sees no spread there, however few the patients.
    """
    _, index = np.unique(np.asarray(patients), return_inverse=True)
    count = int(index.max()) + 1
    value = float(statistic(np.ones((1, len(index)), dtype=np.int64))[0])
    if replicates < 1 or np.isnan(value):
        return Interval(value, np.nan, np.nan)
    if count == 1:
        return Interval(value, np.nan, np.nan, "interval undefined: one patient")
    draw = _kept if count * replicates <= KEPT else _times
    drawn = [statistic(times[:, index]) for times in draw(count, replicates, seed)]
    values = np.concatenate(drawn).astype(np.float64)
    usable = values[~np.isnan(values)]
    left_out = replicates - len(usable)
    note = f"{left_out} of {replicates} bootstrap replicates undefined" if left_out else ""
    if not len(usable) or np.ptp(usable) < EQUAL:
        reason = "interval undefined: every replicate gives the same" if len(usable) else ""
        return Interval(value, np.nan, np.nan, join_notes(reason, note))
    low, high = np.quantile(usable, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(value, float(low), float(high), note)


def bootstrap_mean(
    values: np.ndarray, patients: np.ndarray, *, replicates: int, seed: int, empty: str = "no scan"
) -> Interval:
    """Estimate a mean over scans; of paired differences, the difference of two models on the same patients.

    Args:
        values: (n,) one per scan.
        patients: (n,) the patient of each scan.
        replicates: as for ``cluster_bootstrap``.
        seed: likewise.
        empty: what there is none of, where there are no values.
    """
    if not len(values):
        return undefined(empty)
    numbers = np.asarray(values, dtype=np.float64)
    return cluster_bootstrap(
        lambda weights: weights @ numbers / weights.sum(axis=1), patients, replicates=replicates, seed=seed
    )


def of_independent(estimate: Interval, patients: np.ndarray, method: str) -> Interval:
    """Note of an interval that it takes every scan for another patient's, where this is not so."""
    repeated = len(patients) - len(np.unique(patients))
    if not repeated or np.isnan(estimate.value):
        return estimate
    note = f"{method} takes scans as independent, {repeated} are repeated scans of a patient"
    return estimate._replace(note=join_notes(estimate.note, note))


def _times(count: int, replicates: int, seed: int) -> Iterator[np.ndarray]:
    """Draw how often each patient counts, (k, count) in each chunk of k replicates."""
    generator = np.random.default_rng(seed)
    for start in range(0, replicates, CHUNK):
        size = min(CHUNK, replicates - start)
        yield generator.multinomial(count, np.full(count, 1 / count), size=size)


@lru_cache(maxsize=64)
def _kept(count: int, replicates: int, seed: int) -> tuple[np.ndarray, ...]:
    """Draw as ``_times``, once for all statistics and models of the same number of patients."""
    return tuple(_times(count, replicates, seed))
