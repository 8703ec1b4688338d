"""Stars: what the tests between models allow to be said."""

import numpy as np
import pandas as pd

LEVELS = {0.01: "**", 0.05: "*"}
"""Adjusted p below which a star stands, as in the paper."""


def stars(comparisons: pd.DataFrame, model: str, dataset: str, metric: str) -> str:
    """Give the stars of a model against the reference; several seeds earn one only if each of them does.

    Args:
        comparisons: as ``read_comparisons`` gives it.
        model: that was compared.
        dataset: the test set.
        metric: such as ``AUC``.

    Returns:
        ``**``, ``*`` or nothing; nothing for the reference itself and where p is undefined.
    """
    chosen = (comparisons["model"] == model) & (comparisons["dataset"] == dataset)
    largest = comparisons.loc[chosen & (comparisons["metric"] == metric), "p_holm"].max(skipna=False)
    return next((star for level, star in LEVELS.items() if largest < level), "")


def p_value(p: pd.Series) -> str:
    """Write the largest p of all seeds to three decimals; nothing is ever zero."""
    largest = p.max(skipna=False)
    if np.isnan(largest):
        return "n/a"
    return "< 0.001" if largest < 0.001 else f"{largest:.3f}"
