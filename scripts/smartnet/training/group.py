"""Several processes that train one network: each takes its part of every batch, gradients are averaged.

The processes are started by torch's own launcher (torchrun as a library). Nothing of the caller's main
module is imported in them, for a workflow script does not survive that.
"""

import json
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from smartnet.errors import ModelError

TASK, CAUSE, ERROR = "task.json", "cause.txt", "error.txt"  # what a user can act on, and any other error


def inside() -> bool:
    """Whether this process is one of a group."""
    return distributed.is_torchelastic_launched()


def process() -> int:
    """Number of this process in its group."""
    return int(os.environ["RANK"]) if inside() else 0


def first() -> bool:
    """Whether this process speaks and writes for all."""
    return process() == 0


def summed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name, added over all processes; each may know other names, and all hold the result."""
    own = {name: v.cpu() if isinstance(v, torch.Tensor) else v for name, v in values.items()}
    if not distributed.is_available() or not distributed.is_initialized():
        return own
    every: list[dict] = [{}] * distributed.get_world_size()
    distributed.all_gather_object(every, own)
    names = dict.fromkeys(name for one in every for name in one)
    return {name: sum(one[name] for one in every if name in one) for name in names}


@contextmanager
def _importable() -> Iterator[None]:
    """Let processes started in this block find this library."""
    before = os.environ.get("PYTHONPATH")
    package = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (package, before)))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def grouped(train: Callable[..., None]) -> Callable[..., None]:
    """Let a training function run in as many processes as ``settings["devices"]`` says.

    The function takes keywords that JSON can hold (paths become text and are paths again in the processes),
    among them ``settings``, ``state`` and ``threads``, which the processes share.
    """

    @wraps(train)
    def start(**options: Any) -> None:
        processes = options["settings"].get("devices", 1)
        if processes == 1 or inside():
            train(**options)
        else:
            options["threads"] = max(1, options["threads"] // processes)
            _launch(f"{train.__module__}:{train.__name__}", options, processes)

    return start


def _launch(function: str, options: Mapping[str, Any], processes: int) -> None:
    """Start the processes and wait for them.

    Raises:
        ModelError: with the message of the process that failed first.
    """
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    from smartnet.training import __main__ as launched  # it imports this module

    logging.getLogger("torchelastic-events-null").setLevel(logging.ERROR)  # its own life
    logs = [h.baseFilename for h in logging.getLogger().handlers if isinstance(h, logging.FileHandler)]
    task = {"function": function, "options": options, "logs": logs}
    with tempfile.TemporaryDirectory(prefix="smartnet-group-") as folder:
        file = Path(folder) / TASK
        file.write_text(json.dumps(task, default=str))
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=Path(folder).name,
            max_restarts=0,
            rdzv_backend="c10d",
            rdzv_endpoint="127.0.0.1:0",
            local_addr="127.0.0.1",
        )
        try:
            with _importable():
                elastic_launch(config, sys.executable)("-m", launched.__package__, str(file))
        except ChildFailedError as error:
            raise ModelError(_why(error.failures, file)) from None


def _why(failures: Mapping[int, Any], task: Path) -> str:
    """Say in one line why a group failed.

    A process that was killed leaves no message, and that of the others is about their lost connection to it.
    """
    killed = {
        rank: end for rank, end in failures.items() if end.exitcode in (-signal.SIGKILL, -signal.SIGSEGV)
    }
    for message in (task.with_name(CAUSE), *([] if killed else [task.with_name(ERROR)])):
        if message.is_file():
            return message.read_text()
    rank, end = min((killed or failures).items())
    how = f"was ended by {end.signal_name()}" if end.exitcode < 0 else f"ended with status {end.exitcode}"
    return (
        f"process {rank} of the group {how}, as when memory runs out: give the job more memory (mem_mb), "
        "or lower batch_size or devices"
    )
