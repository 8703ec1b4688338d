"""The shapes in which every estimate with its uncertainty, and every test, travels."""

import math
from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate and its confidence limits; NaN where undefined, ``note`` says why or how."""

    value: float
    low: float
    high: float
    note: str = ""


def undefined(reason: str) -> Interval:
    """Give the estimate that cannot be made; the note says why."""
    return Interval(math.nan, math.nan, math.nan, f"undefined: {reason}")


class PairedTest(NamedTuple):
    """A two-sided test of two models on the same scans: NaN where undefined, ``note`` says why or how."""

    statistic: float
    p: float
    note: str = ""


def join_notes(*notes: str) -> str:
    """Join notes with a semicolon, each once, without the empty ones."""
    return "; ".join(dict.fromkeys(note for note in notes if note))
