"""Code that a setting chooses by name: 3D operators, self-supervised training.

No import statement names it, so that the fingerprint of a stage does not hold what a job does not run; who
computes one adds ``place`` of what the job chose.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


@cache
def places(kind: str) -> dict[str, str]:
    """Dotted names of all code of a kind (a key of ``chosen.yaml``), by the names that settings give."""
    import yaml

    return yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text())[kind]


def place(kind: str, name: str) -> str:
    """Dotted name of a module, or of a class in one."""
    return places(kind)[name]


def load(kind: str, name: str) -> Any:
    """Import what a setting chose."""
    module, _, attribute = place(kind, name).rpartition(".")
    return getattr(import_module(module), attribute, None) or import_module(f"{module}.{attribute}")


class Chosen(Mapping[str, Any]):
    """All code of a kind by name; each is imported when it is asked for."""

    def __init__(self, kind: str) -> None:
        """Name the kind, a key of ``chosen.yaml``."""
        self.kind = kind

    def __getitem__(self, name: str) -> Any:
        """Import it."""
        return load(self.kind, name)

    def __iter__(self) -> Iterator[str]:
        """Names in the order of the table."""
        return iter(places(self.kind))

    def __len__(self) -> int:
        """How many there are."""
        return len(places(self.kind))
