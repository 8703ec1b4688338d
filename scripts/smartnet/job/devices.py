"""GPUs of this machine, each for one job at a time: a lock file per device, free when its holder has ended.

The files lie in one folder for all users and studies of the machine, so that these do not meet on a device.
"""

import logging
import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from filelock import lock_descriptor, unlock_descriptor

logger = logging.getLogger(__name__)

VISIBLE, ORDER = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"
SCHEDULED = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")  # by Slurm, PBS, LSF, Grid Engine
FOLDER = Path("/tmp/smartnet-gpus")  # not below TMPDIR, which may be a user's or a job's own
WAIT_S, PATIENCE_S = 0.5, 30.0  # between tries; until it is said that there is a wait
CPU = "cpu"


class Device(NamedTuple):
    """A GPU, or a part of one (MIG).

    Attributes:
        name: by which CUDA is told of it.
        uuid: by which all know it; the name where the driver does not say.
        model: such as ``NVIDIA H100 80GB HBM3``; of a part with its profile. Empty if unknown.
        gpu: number of the whole GPU, as ``nvidia-smi`` counts; -1 if unknown.
    """

    name: str
    uuid: str
    model: str = ""
    gpu: int = -1


@contextmanager
def devices(count: int, *, folder: Path = FOLDER) -> Iterator[list[str]]:
    """Let this process and its children see as many GPUs as they asked for, and no other job see these.

    Without GPUs asked for none is seen. Where a scheduler has given just as many, or the machine has a single
    one, which jobs may share, there is nothing to choose. What a user chose is locked like others. Numbers
    are those of ``nvidia-smi``, also where GPUs differ.

    Args:
        count: GPUs asked for.
        folder: of the lock files.

    Yields:
        models of the devices that the job can compute on: GPUs, or ``cpu`` where there are too few.
    """
    before = {name: os.environ.get(name) for name in (VISIBLE, ORDER)}
    there = visible_devices() if count else []
    scheduled = any(name in os.environ for name in SCHEDULED)
    given = len(there) == count and (count == 1 if before[VISIBLE] is None else scheduled)
    os.environ[ORDER] = "PCI_BUS_ID"
    try:
        with ExitStack() as held:
            used = there[:count]
            if not count:
                os.environ[VISIBLE] = ""
            elif len(there) >= count and not given:
                used = _choose(there, count, held, folder)
                os.environ[VISIBLE] = ",".join(device.name for device in used)
            yield sorted(device.model for device in used) if count and len(used) == count else [CPU]
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def visible_devices() -> list[Device]:
    """Give the GPUs that this process may use, in order, without loading torch."""
    there = _listed()
    named = os.environ.get(VISIBLE)
    if named is None:
        return there
    names = [name.strip() for name in named.split(",") if name.strip()]
    return [_known(name, there) for name in takewhile(lambda name: not name.startswith("-"), names)]


def parse_listing(text: str) -> list[Device]:
    """Read ``nvidia-smi -L``: the GPUs; of one that is divided (MIG) its parts."""
    found: list[Device] = []
    gpu, model = -1, ""
    for line in text.splitlines():
        if whole := re.match(r"GPU (\d+): (.*) \(UUID: (GPU-[^)]+)\)", line):
            gpu, model = int(whole[1]), whole[2]
            found.append(Device(whole[3], whole[3], model, gpu))
        elif part := re.match(r"\s+(MIG \S+).*\(UUID: (MIG-[^)]+)\)", line):
            if found and found[-1].uuid.startswith("GPU-"):
                found.pop()  # CUDA uses the parts, never the whole
            found.append(Device(part[2], part[2], f"{model} {part[1]}", gpu))
    return found


def _listed() -> list[Device]:
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_listing(answer.stdout)


def _known(name: str, there: Sequence[Device]) -> Device:
    """What the driver knows of a device that is named by its number, its UUID or the begin of one."""
    for device in there:
        if device.gpu == int(name) if name.isdecimal() else device.uuid.startswith(name):
            return device._replace(name=name)
    return Device(name, name)


def _choose(there: Sequence[Device], count: int, held: ExitStack, folder: Path) -> list[Device]:
    """Lock ``count`` devices; all or none at a time, so that two who wait for two cannot block each other."""
    begin, said = time.monotonic(), False
    while True:
        with ExitStack() as tried:
            try:
                chosen = _lock(there, count, tried, folder)
            except OSError as error:
                logger.warning("no GPU can be kept from other jobs (%s): they may meet", error.strerror)
                return list(there[:count])
            if len(chosen) == count:
                held.push(tried.pop_all())
                logger.info("on GPU %s", ", ".join(device.name for device in chosen))
                return chosen
        if not said and time.monotonic() - begin > PATIENCE_S:
            logger.info("waiting for %d of the %d GPUs: others have them", count, len(there))
            said = True
        time.sleep(WAIT_S)


def _lock(there: Sequence[Device], count: int, tried: ExitStack, folder: Path) -> list[Device]:
    """Lock free devices, ``count`` at most.

    Raises:
        OSError: there can be no lock files.
    """
    _open_folder(folder)
    chosen: list[Device] = []
    for device in there:
        file = _open_file(folder / (re.sub(r"[^\w-]", "_", device.uuid) + ".lock"))
        tried.callback(os.close, file)
        if lock_descriptor(file, blocking=False):
            tried.callback(unlock_descriptor, file)  # closing is not enough: a forked child may have it open
            chosen.append(device)
        if len(chosen) == count:
            break
    return chosen


def _open_folder(folder: Path) -> None:
    """Make the folder for all users of the machine, as /tmp is."""
    try:
        folder.mkdir()
        folder.chmod(0o1777)
    except FileExistsError:
        pass


def _open_file(path: Path) -> int:
    """Open a lock file for all users. filelock's own ``FileLock`` refuses one that another user made here."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:  # O_CREAT is refused here for another user's file
        return os.open(path, flags)
    os.fchmod(file, 0o666)
    return file
