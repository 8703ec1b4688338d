"""What becomes of empty scans, and how lesions are named by volume; nothing is imported that computes."""

from collections.abc import Sequence
from itertools import pairwise

EMPTY_CONVENTION = (
    "DSC, surface Dice, HD95, missed volume, agreement of volumes and lesions: scans with hemorrhage and a "
    "reference mask alone; where nothing was predicted, DSC and surface Dice are 0 and HD95 is undefined "
    "(left out and counted, no image diagonal stands in). FPV and false components: scans without hemorrhage "
    "alone."
)
"""Every table of segmentation prints it."""

LESION_SENSITIVITY = "lesion SEN"


def bin_names(edges_ml: Sequence[float]) -> list[str]:
    """Name the bins between rising volumes: ``<1mL``, ``1-5mL``, ``>=5mL``."""
    inner = [f"{low:g}-{high:g}mL" for low, high in pairwise(edges_ml)]
    return [f"<{edges_ml[0]:g}mL", *inner, f">={edges_ml[-1]:g}mL"]


def lower_edge(name: str) -> float:
    """Volume in mL from which a bin starts, by its name; below 0 for the first."""
    text = name.removesuffix("mL")
    return -1.0 if text.startswith("<") else float(text.removeprefix(">=").split("-")[0])
