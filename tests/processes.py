"""Processes that tests end: they and all below them."""

import contextlib
import signal

import psutil


def stop(processes: list[psutil.Process]):
    """Kill these processes and all below them; stopped first, so that none starts another."""
    tree = []
    while new := [process for process in processes if process not in tree]:
        for process in new:
            send(process, signal.SIGSTOP)
        tree += new
        processes = [child for process in tree if process.is_running() for child in children(process)]
    for process in tree:
        send(process, signal.SIGKILL)
    psutil.wait_procs(tree, timeout=20)


def send(process: psutil.Process, number: int):
    """Send a signal to a process that may be gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def children(process: psutil.Process) -> list[psutil.Process]:
    """All processes below one that may be gone."""
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
