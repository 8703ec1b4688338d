"""Which cases the panels show: by rule, never by hand."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smartnet.errors import DataError
from smartnet.files import write_table
from smartnet.slices.dataset import SliceSet
from smartnet.strata import by_volume


def choose_cases(slices: Sequence[Path], split: Path, *, output: Path, count: int, seed: int) -> None:
    """Choose test cases from severe to mild, evenly spaced in the rank of lesion volume.

    The slice of a case is the one with the largest lesion area (the lowest of equals). The severity is the
    third of the ranks among all test cases with a reference lesion.

    Args:
        slices: slice folders of the test sets.
        split: ``split.tsv``.
        output: table ``case dataset z lesion_ml severity``, one row per case, severe first.
        count: number of cases; all when fewer have a lesion.
        seed: orders cases of equal volume.

    Raises:
        DataError: no test case has a reference lesion.
    """
    test = SliceSet.open(slices, split, subset="test")
    images = test.slices[test.slices["lesion_px"] > 0]
    images = images.sort_values(["case", "lesion_px", "z"], ascending=[True, False, True])
    largest = images.drop_duplicates("case").set_index("case")["z"]
    cases = test.cases
    cases = cases[(cases["mask"] == "reference") & cases["case"].isin(largest.index)]
    if cases.empty:
        raise DataError(
            f"{split}: no test case has a reference lesion; maps need at least one segmented test scan"
        )
    ranked = by_volume(cases, seed=seed)
    ranked["z"] = ranked["case"].map(largest).astype(int)
    chosen = np.linspace(0, len(ranked) - 1, min(count, len(ranked))).round().astype(int)
    write_table(ranked.iloc[chosen][["case", "dataset", "z", "lesion_ml", "severity"]], output)
