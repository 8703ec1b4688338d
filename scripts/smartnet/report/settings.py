"""The configuration and the software that a study was made with, as rows of the page."""

import re
from collections.abc import Iterator, Mapping
from platform import python_version
from typing import Any

from smartnet.privacy import HIDDEN
from smartnet.versions import installed

PACKAGES = (
    *("snakemake", "torch", "lightning", "numpy", "scipy", "pandas", "scikit-learn", "scikit-image"),
    *("opencv-python-headless", "nibabel", "pydicom", "openTSNE", "matplotlib"),
)
_PATH_KEYS = {"path", "labels", "masks", "folder"}
_ABSOLUTE = re.compile(r"[/~\\]|[A-Za-z]:[/\\]")


def config_groups(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Flatten a configuration.

    Args:
        config: that of the study.
        defaults: that of ``config.yaml``.

    Returns:
        groups by first key, in the order of the defaults, of ``name`` and ``rows`` with ``key`` (the other
        keys), ``value``, and ``default`` where it is another. Paths are not shown: they may name people.
    """
    used, normal = dict(_leaves(config)), dict(_leaves(defaults))
    groups: dict[str, list] = {name: [] for name in [*defaults, *config]}
    for keys, value in used.items():
        row = {"key": ".".join(keys[1:]) or keys[0], "value": value}
        if normal.get(keys) != value:
            row["default"] = normal.get(keys, "not set")
        groups[keys[0]].append(row)
    return [{"name": name, "rows": rows} for name, rows in groups.items() if rows]


def _leaves(entry: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(entry, Mapping) and entry:
        for key, value in entry.items():
            yield from _leaves(value, (*keys, str(key)))
    else:
        yield keys, _shown(entry, keys)


def _shown(value: Any, keys: tuple[str, ...]) -> str:
    if isinstance(value, str) and (
        keys[-1] in _PATH_KEYS or keys[0] == "pretrained" or _ABSOLUTE.match(value)
    ):
        return HIDDEN
    if isinstance(value, list):
        return ", ".join(_shown(item, keys) for item in value) or "none"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return "none" if value == {} else str(value)


def software() -> list[tuple[str, str]]:
    """Name the packages behind the numbers with the versions that are installed here."""
    return [("Python", python_version()), *installed(PACKAGES).items()]
