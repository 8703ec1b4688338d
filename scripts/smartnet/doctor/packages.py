"""Python, and the packages of the lock file."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from smartnet.doctor.result import MISSING, OK, WARNING, Result
from smartnet.versions import installed

OLDEST_PYTHON = (3, 11)
_TESTS_FROM = "# tests"  # in requirements.in: what stands below is not needed for a study
_SHOWN = 6


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Result:
    """Check the version of Python."""
    text = ".".join(map(str, version))
    if version[:2] >= OLDEST_PYTHON:
        return Result(OK, "Python", text)
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Result(
        MISSING, "Python", f"{text} is too old", f"install {wanted} or newer, then make setup PYTHON=..."
    )


def check_packages(lock: Path, asked: Path) -> list[Result]:
    """Compare what is installed with the lock file; the build of a version (``+cpu``) does not matter.

    Args:
        lock: ``requirements.lock``, lines ``name==version``.
        asked: ``requirements.in``: what the workflow itself imports, then what only tests need.

    Returns:
        what is missing (an indirect requirement or one of the tests: a warning) and what has another version.
    """
    pins = dict(line.split("==") for line in lock.read_text().split())
    needed = _needed(asked)
    there = {name: version.split("+")[0] for name, version in installed(pins).items()}
    absent = [name for name in pins if name not in there]
    other = [name for name in there if there[name] != pins[name]]
    results = []
    for status, names in (
        (MISSING, [name for name in absent if _plain(name) in needed]),
        (WARNING, [name for name in absent if _plain(name) not in needed]),
    ):
        if names:
            text = f"{len(names)} of {len(pins)} not installed ({_listed(names)})"
            results.append(Result(status, "packages", text, "make setup"))
    if other:
        changed = _listed([f"{name} {there[name]} instead of {pins[name]}" for name in other])
        text = f"{len(other)} of {len(pins)} of another version ({changed})"
        results.append(Result(WARNING, "packages", text, "make setup, or results may differ"))
    return results or [Result(OK, "packages", f"all {len(pins)} of {lock.name} as pinned")]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needed(asked: Path) -> set[str]:
    lines = asked.read_text().split(_TESTS_FROM)[0].splitlines()
    names = (re.split(r"[\[=<>#; ]", line.strip())[0] for line in lines)
    return {_plain(name) for name in names if name}


def _listed(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
