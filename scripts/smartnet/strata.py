"""How scans are sorted into groups where more than one stage must sort alike."""

import numpy as np
import pandas as pd

TILTED_DEG = 0.5  # a gantry below this angle counts as straight
SEVERITIES = ("severe", "moderate", "mild")


def by_volume(cases: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Rank cases by lesion volume and cut the ranks into thirds.

    Args:
        cases: one row per case with a reference lesion: ``case``, ``lesion_ml``.
        seed: orders cases of equal volume.

    Returns:
        The rows from the largest volume down, with ``severity`` added.
    """
    cases = cases.sort_values("case").reset_index(drop=True)
    tie = np.random.default_rng(seed).permutation(len(cases))
    order = cases.assign(tie=tie).sort_values(["lesion_ml", "tie"], ascending=[False, True]).index
    third = np.arange(len(cases)) * len(SEVERITIES) // max(1, len(cases))
    return cases.loc[order].assign(severity=[SEVERITIES[number] for number in third])
