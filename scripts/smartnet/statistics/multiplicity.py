"""Many tests at once: p values that hold for all of them."""

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p values for their number, step by step (Holm, Scandinavian Journal of Statistics 1979;6:65).

    Args:
        p: (n,) the p values of one family; NaN where a test is undefined, which does not count.

    Returns:
        (n,) adjusted p values: rejecting those below a level keeps the chance of even one false rejection
        below it.
    """
    p = np.asarray(p, dtype=np.float64)
    adjusted = np.full(p.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * p[order]))
    return adjusted
