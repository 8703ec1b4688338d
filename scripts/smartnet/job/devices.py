"""GPUs of this machine, each for one job at a time: a lock file per device, free when its holder has ended.

The files lie in one folder for all users and studies of the machine, so that these do not meet on a device.
"""

import logging
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

VISIBLE = "CUDA_VISIBLE_DEVICES"
FOLDER = Path(tempfile.gettempdir(), "smartnet-gpus")
WAIT_S, PATIENCE_S = 0.5, 30.0  # between tries; until it is said that there is a wait


@contextmanager
def devices(count: int, *, folder: Path = FOLDER) -> Iterator[None]:
    """Let this process and its children see as many GPUs as they asked for, and no other job see these.

    Without GPUs asked for none is seen. Where there are not more than asked for, which is so where a
    scheduler has given them, there is nothing to choose.

    Args:
        count: GPUs asked for.
        folder: of the lock files.
    """
    before = os.environ.get(VISIBLE)
    there = visible_devices() if count else []
    try:
        with ExitStack() as held:
            if not count:
                os.environ[VISIBLE] = ""
            elif len(there) > count:
                os.environ[VISIBLE] = ",".join(_choose(there, count, held, folder))
            yield
    finally:
        if before is None:
            os.environ.pop(VISIBLE, None)
        else:
            os.environ[VISIBLE] = before


def visible_devices() -> list[str]:
    """Name the GPUs that this process may use, in order, without loading torch."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    try:
        answer = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, check=True, timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_listing(answer)


def parse_listing(text: str) -> list[str]:
    """Read the identifiers of ``nvidia-smi -L``; of a GPU that is divided (MIG), those of its parts."""
    found: list[str] = []
    for line in text.splitlines():
        uuid = re.search(r"\(UUID: ((?:GPU|MIG)-[^)]+)\)", line)
        if uuid is None:
            continue
        if uuid[1].startswith("MIG-") and found and found[-1].startswith("GPU-"):
            found.pop()  # CUDA uses the parts, never the whole
        found.append(uuid[1])
    return found


def _choose(there: Sequence[str], count: int, held: ExitStack, folder: Path) -> list[str]:
    """Lock ``count`` devices; all or none at a time, so that two who wait for two cannot block each other."""
    _open(folder)
    begin, said = time.monotonic(), False
    while True:
        with ExitStack() as tried:
            chosen = []
            for name in there:
                lock = FileLock(folder / (re.sub(r"[^\w-]", "_", name) + ".lock"), mode=0o666)
                try:
                    tried.enter_context(lock.acquire(timeout=0))
                except Timeout:
                    continue
                chosen.append(name)
                if len(chosen) == count:
                    held.push(tried.pop_all())
                    logger.info("on GPU %s", ", ".join(chosen))
                    return chosen
        if not said and time.monotonic() - begin > PATIENCE_S:
            logger.info("waiting for %d of the %d GPUs: others have them", count, len(there))
            said = True
        time.sleep(WAIT_S)


def _open(folder: Path) -> None:
    """Make the folder for all users of the machine, as /tmp is."""
    try:
        folder.mkdir()
        folder.chmod(0o1777)
    except FileExistsError:
        pass
