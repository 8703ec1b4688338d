"""The cluster, and the runs that share it: both studies and the small workflow run side by side."""

import signal

import pytest
from runs import Run
from slurm import Slurm, missing_programs
from support import SMOKE, copy_checkout

# As the profiles say, but for waiting: here nothing is far away.
QUICK = ("--latency-wait", "20")


@pytest.fixture(scope="session")
def slurm():
    """A real Slurm of two nodes with two (pretended) GPUs each."""
    if absent := missing_programs():
        pytest.skip(f"no {', '.join(absent)} here: apt install munge slurmctld slurmd slurm-client")
    cluster = Slurm()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it still takes all down
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def runs(slurm, study, tmp_path_factory):
    """The smoke study through both profiles, and the small workflow; all have begun."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("slurm", "generic", "limits")}
    arguments = {
        "slurm": (*SMOKE, "--workflow-profile", "profiles/slurm"),
        "generic": (*SMOKE, "--workflow-profile", "profiles/cluster-generic"),
        "limits": ("-s", "tests/cluster/limits.smk", "--workflow-profile", "profiles/cluster-generic"),
    }
    started = {}
    try:
        for name, folder in folders.items():
            started[name] = Run(slurm, copy_checkout(folder), *arguments[name], *QUICK)
        yield started
    finally:
        for run in started.values():
            run.end()
