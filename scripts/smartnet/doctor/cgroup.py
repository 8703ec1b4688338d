"""What a container or a scheduler grants of the machine: Linux control groups, versions 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60  # version 1 writes a number near 2**63 where there is no limit


@dataclass(frozen=True)
class Grant:
    """Limits on this process, None where there is none.

    Attributes:
        memory_bytes: what is left of the tightest memory limit.
        cores: processor time granted, in cores.
    """

    memory_bytes: int | None = None
    cores: float | None = None


def read_grant(root: Path = ROOT, own: Path = OWN) -> Grant:
    """Read the limits of the group of this process and of those around it; the tightest counts.

    Args:
        root: where the groups are mounted.
        own: the list of this process's groups.
    """
    try:
        groups = [line.split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return Grant()
    memory, cores = [], []
    for _, controllers, path in groups:
        names = controllers.split(",")
        if controllers == "":
            for folder in _upwards(root, path):
                memory += _memory(folder, "memory.max", "memory.current", "inactive_file")
                cores += _quota(folder / "cpu.max")
        if "memory" in names:
            for folder in _upwards(root / "memory", path):
                files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
                memory += _memory(folder, *files)
        if "cpu" in names:
            for mount in (controllers, "cpu"):
                for folder in _upwards(root / mount, path):
                    cores += _quota(folder / "cpu.cfs_quota_us", folder / "cpu.cfs_period_us")
    return Grant(min(memory, default=None), min(cores, default=None))


def _upwards(root: Path, path: str) -> Iterator[Path]:
    """The group's folder and all around it; inside a container only the root may be there."""
    folder = root / path.lstrip("/")
    while folder != root:
        yield folder
        folder = folder.parent
    yield root


def _memory(folder: Path, limit_file: str, used_file: str, cache: str) -> list[int]:
    limit, used = _number(folder / limit_file), _number(folder / used_file)
    if limit is None or limit >= _NO_LIMIT:
        return []
    stat = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
    return [max(limit - max((used or 0) - int(stat.get(cache, 0)), 0), 0)]


def _quota(*files: Path) -> list[float]:
    """Cores from quota and period in microseconds, in one file or in two; ``max`` or -1: no limit."""
    words = " ".join(_text(file) for file in files).split()
    if len(words) != 2 or not words[0].isdigit() or int(words[1]) <= 0:
        return []
    return [int(words[0]) / int(words[1])]


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if text.isdigit() else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
