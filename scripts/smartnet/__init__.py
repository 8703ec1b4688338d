"""SMART-Net, reproducible: the library behind the workflow.

Data flows one way: ``dicom -> volume -> slices -> networks -> training -> predict -> metrics -> figures``.
Nothing in here knows Snakemake. Importing this package imports nothing heavy; the first use of
``smartnet.load_model`` does.
"""

from importlib import import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Give ``load_model``; named, not imported, so that a stage's fingerprint does not hold the networks."""
    if name == "load_model":
        return import_module("smartnet.networks").load_model
    raise AttributeError(f"module 'smartnet' has no attribute {name!r}")
