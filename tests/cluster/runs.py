"""Snakemake runs on the cluster, and what happens to their trainings."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from processes import send, stop
from slurm import Slurm

IMPATIENT = str(Path(__file__).with_name("impatient.py"))
EPOCHS = re.compile(r"^INFO epoch (\d+)/", re.MULTILINE)


class Run:
    """A Snakemake that sends its jobs to the cluster."""

    def __init__(self, slurm: Slurm, folder: Path, *arguments: str):
        self.slurm, self.folder = slurm, folder
        self.output = folder / "output.txt"
        self.struck = {}  # logs of trainings that something happened to, and what
        path = f"{Path(sys.executable).parent}:{slurm.environment['PATH']}"
        with self.output.open("w") as file:
            self.main = psutil.Popen(
                [sys.executable, IMPATIENT, *arguments],
                cwd=folder,
                env={**os.environ, **slurm.environment, "PATH": path},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, *, seconds: float):
        """Wait until it has ended well; else say what it and the cluster were doing."""
        try:
            status = self.main.wait(timeout=seconds)
        except psutil.TimeoutExpired:
            status = f"none after {seconds} s"
        assert status == 0, f"exit status {status}\n{self.describe()}"

    def end(self):
        """End it, if it has not ended; its jobs end with the cluster."""
        if self.main.is_running():
            stop([self.main])

    def describe(self) -> str:
        """The end of what Snakemake printed, and what the cluster is doing."""
        return f"--- Snakemake\n{self.output.read_text()[-4000:]}\n{self.slurm.describe()}"

    def strike(self, what: str):
        """Catch a training after its first epoch, and let this happen to it."""
        log, process, job = self.slurm.wait_for("training", self._training, seconds=400)
        self.struck[log] = what
        if what == "scancel":
            self.slurm.run("scancel", job)
        elif what == "requeue":
            self.slurm.run("scontrol", "requeue", job)
        else:
            node = self.slurm.run("squeue", "-h", "-j", job, "-o", "%N").strip()
            self.slurm.lose_node(node)
        self.slurm.wait_for("end of the training", lambda: not alive(process))
        if what == "lost node":
            time.sleep(5)
            self.slurm.start_node(node)

    def _training(self):
        """A training of which one epoch is saved, stopped: its log, its process, its job."""
        assert self.main.poll() is None, f"ended without a training\n{self.describe()}"
        for log in [
            *self.folder.glob("logs/upstream/**/*.log"),
            *self.folder.glob("logs/downstream/**/*.log"),
        ]:
            if log in self.struck or EPOCHS.findall(log.read_text()) != ["1"]:
                continue
            for process in psutil.process_iter():
                try:
                    if process.cwd() != str(self.folder) or str(log) not in opened(process):
                        continue
                    process.send_signal(signal.SIGSTOP)
                    if EPOCHS.findall(log.read_text()) == ["1"]:
                        return log, process, process.environ()["SLURM_JOB_ID"]
                    send(process, signal.SIGCONT)
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
        return None

    def jobs(self) -> list[str]:
        """All that Slurm knows of this run's jobs, one text each."""
        shown = self.slurm.run("scontrol", "show", "job").split("\n\n")
        return [job for job in shown if f"WorkDir={self.folder}\n" in job]


def opened(process: psutil.Process) -> list[str]:
    """Paths of the files that a process has open."""
    return [file.path for file in process.open_files()]


def alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that nobody waits for stays as a zombie."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
