"""Memory, cores, shared memory, disk and permissions, as far as they are granted to this process."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from smartnet.doctor.cgroup import Grant, read_grant
from smartnet.doctor.result import MISSING, OK, WARNING, Result

GB = 1e9
JOB_GB = 1.0  # the default study's largest job, as measured
DISK_GB = (1.0, 5.0)  # the default study; below the second, hardly anything else
SHM_MB = 64
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def check_memory(available_gb: float | None, cores: int) -> Result:
    """Check memory against one job, and against one job per core.

    Args:
        available_gb: granted and free, None if unknown (see :func:`available_memory_gb`).
        cores: granted.
    """
    if available_gb is None:
        return Result(OK, "memory", "not measured on this system")
    text = f"{available_gb:.1f} GB available"
    if available_gb < JOB_GB:
        return Result(MISSING, "memory", text, f"a job takes {JOB_GB:g} GB: free some, or ask for more")
    jobs = int(available_gb // JOB_GB)
    if jobs < cores:
        remedy = f"{cores} jobs side by side take more: make run CORES={jobs}"
        return Result(WARNING, "memory", text, remedy)
    return Result(OK, "memory", text)


def available_memory_gb(
    grant: Grant | None = None, environment: Mapping[str, str] = os.environ
) -> float | None:
    """Measure the memory that this process may still take: machine, control group, ``ulimit``, Slurm."""
    grant = grant or read_grant()
    limits = [_machine_bytes(), grant.memory_bytes, _address_space_bytes()]
    if environment.get("SLURM_MEM_PER_NODE", "").isdigit():
        limits.append(int(environment["SLURM_MEM_PER_NODE"]) << 20)
    known = [limit for limit in limits if limit is not None]
    return min(known) / GB if known else None


def _machine_bytes() -> int | None:
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        pass
    try:  # all of it, where the system does not tell what is free
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _address_space_bytes() -> int | None:
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        return None if limit == resource.RLIM_INFINITY else limit
    except (ImportError, AttributeError):
        return None


def check_cores(
    allowed: int | None = None, grant: Grant | None = None, environment: Mapping[str, str] = os.environ
) -> Result:
    """Check what ``--cores all`` would take against what is granted, and thread settings against both.

    Args:
        allowed: cores this process may run on, which is what Snakemake counts.
        grant: limits of the control group.
        environment: Slurm's and the numeric libraries' variables.
    """
    allowed = allowed or allowed_cores()
    cores = granted_cores(allowed, grant, environment)
    text = f"{cores} of {allowed} granted" if cores < allowed else f"{cores}"
    for name in _THREADS:
        if environment.get(name, "").isdigit() and int(environment[name]) > cores:
            remedy = f"unset {name} or set it to {cores}"
            return Result(WARNING, "cores", f"{text}, but {name} is {environment[name]}", remedy)
    if cores < allowed:
        return Result(WARNING, "cores", text, f"make run CORES={cores}")
    return Result(OK, "cores", text)


def allowed_cores() -> int:
    """Count the cores this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux has it
        return os.cpu_count() or 1


def granted_cores(
    allowed: int, grant: Grant | None = None, environment: Mapping[str, str] = os.environ
) -> int:
    """Give the cores that may really be used: the tightest of affinity, control group and Slurm."""
    grant = grant or read_grant()
    limits = [allowed] + ([max(int(grant.cores), 1)] if grant.cores else [])
    if environment.get("SLURM_CPUS_PER_TASK", "").isdigit():
        limits.append(max(int(environment["SLURM_CPUS_PER_TASK"]), 1))
    return min(limits)


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Result:
    """Check that processes can share a lock, and the room for what they share."""
    name = "shared memory"
    try:
        import multiprocessing

        multiprocessing.Lock()
    except (ImportError, OSError) as error:
        remedy = "give the container a writable /dev/shm (docker run --shm-size=1g)"
        return Result(MISSING, name, f"processes cannot share a lock ({type(error).__name__})", remedy)
    if not folder.is_dir():
        return Result(OK, name, "locks work")
    free_mb = shutil.disk_usage(folder).free / 1e6
    if free_mb < SHM_MB:
        return Result(WARNING, name, f"{free_mb:.0f} MB free in {folder}", "docker run --shm-size=1g")
    return Result(OK, name, f"{free_mb / 1000:.1f} GB free in {folder}")


def check_disk(folder: Path, free_gb: float | None = None) -> Result:
    """Check free disk where ``folder`` is or will be."""
    if free_gb is None:
        free_gb = shutil.disk_usage(_existing(folder)).free / GB
    text, name = f"{free_gb:.1f} GB free", f"disk of {folder.name}/"
    if free_gb < DISK_GB[0]:
        return Result(MISSING, name, text, f"the default study takes {DISK_GB[0]:g} GB: free some")
    if free_gb < DISK_GB[1]:
        return Result(WARNING, name, text, "enough for the default study, not for your own data")
    return Result(OK, name, text)


def check_writable(folder: Path) -> Result:
    """Check that files can be made where ``folder`` is or will be, by making one."""
    name = f"writing to {folder.name}/"
    try:
        with tempfile.TemporaryFile(dir=_existing(folder)):
            return Result(OK, name, "works")
    except OSError as error:
        text = f"impossible ({error.strerror})"
        return Result(MISSING, name, text, "take a folder of your own, or snakemake --directory elsewhere")


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest around it that is there."""
    folder = folder.absolute()
    return next(path for path in (folder, *folder.parents) if path.exists())
