"""The shapes in which every estimate with its uncertainty, and every test, travels."""

from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate and its confidence limits; NaN where undefined, ``note`` says why or how."""

    value: float
    low: float
    high: float
    note: str = ""


class PairedTest(NamedTuple):
    """A two-sided test of two models on the same scans: NaN where undefined, ``note`` says why or how."""

    statistic: float
    p: float
    note: str = ""


def join_notes(*notes: str) -> str:
    """Join notes with a semicolon, each once, without the empty ones."""
    return "; ".join(dict.fromkeys(note for note in notes if note))
