"""Which versions of packages are installed here. Needs nothing but a Python."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def installed(packages: Iterable[str]) -> dict[str, str]:
    """Give the versions of those packages that are installed, by name, in the order given."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # under --sdm conda each stage has its own
            continue
    return found
