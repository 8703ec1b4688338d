"""The one shape in which every estimate with its uncertainty travels."""

from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate and its confidence limits; NaN where undefined, ``note`` says why or how."""

    value: float
    low: float
    high: float
    note: str = ""
