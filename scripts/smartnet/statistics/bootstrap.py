"""Percentile bootstrap that draws patients, not scans: scans of one patient are not independent."""

from collections.abc import Callable

import numpy as np

from smartnet.statistics.interval import Interval

CHUNK = 256  # replicates at once: keeps the weights of 25,000 scans near 50 MB


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
        counted in the note.
    """
    _, index = np.unique(np.asarray(patients), return_inverse=True)
    count = int(index.max()) + 1
    value = float(statistic(np.ones((1, len(index)), dtype=np.int64))[0])
    if replicates < 1 or np.isnan(value):
        return Interval(value, np.nan, np.nan)
    if count == 1:
        return Interval(value, np.nan, np.nan, "interval undefined: one patient")
    generator = np.random.default_rng(seed)
    drawn = []
    for start in range(0, replicates, CHUNK):
        size = min(CHUNK, replicates - start)
        times = generator.multinomial(count, np.full(count, 1 / count), size=size)
        drawn.append(np.asarray(statistic(times[:, index]), dtype=np.float64))
    values = np.concatenate(drawn)
    usable = values[~np.isnan(values)]
    left_out = replicates - len(usable)
    note = f"{left_out} of {replicates} bootstrap replicates undefined" if left_out else ""
    low, high = np.quantile(usable, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(value, float(low), float(high), note)
