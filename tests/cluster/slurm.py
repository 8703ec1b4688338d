"""A real Slurm on this machine: munge, slurmctld, two nodes on loopback; no systemd, root or accounts."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
from processes import stop

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
NODES = ("node1", "node2")
SYSTEM = f"{os.environ['PATH']}:/usr/sbin:/sbin"

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
# a requeued job waits until its credential has expired
AuthInfo=socket={folder}/munge.sock,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
MailProg=/bin/true
# no cgroups
ProctrackType=proctrack/pgid
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
# memory is looked at every 2 s, and a job over its limit killed
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
# nodes may claim more than this machine has
SlurmdParameters=config_overrides
GresTypes=gpu
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=0
AccountingStorageType=accounting_storage/none
ReturnToService=2
# jobs that ended can be asked for so long
MinJobAge=3600
KillWait=5
MessageTimeout=60
SlurmctldTimeout=300
SlurmdTimeout=300
{nodes}
PartitionName=cpu Nodes=ALL Default=YES DefMemPerCPU=500
PartitionName=gpu Nodes=ALL DefMemPerCPU=500
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=16000 Gres=gpu:2"
# A GPU is as many character devices as are counted; nothing opens them.
GPUS = "AutoDetect=off\n" + "".join(
    f"NodeName={name} Name=gpu File={device}\n" for name in NODES for device in ("/dev/null", "/dev/zero")
)


def missing_programs() -> list[str]:
    """Programs of Slurm that this machine lacks."""
    return [name for name in PROGRAMS if shutil.which(name, path=SYSTEM) is None]


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Slurm:
    """The cluster; everything of it lies in one folder, with a short name because of its sockets."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self.folder.chmod(0o755)  # munged refuses a closed folder above its socket
        self.configuration = self.folder / "slurm.conf"
        self.environment = {
            **os.environ,
            "PATH": f"{self.folder}:{SYSTEM}",
            "SLURM_CONF": str(self.configuration),
        }
        self._write()

    def _write(self):
        host = socket.gethostname().split(".")[0]
        control, *ports = free_ports(1 + len(NODES))
        nodes = [
            NODE.format(name=name, host=host, port=port) for name, port in zip(NODES, ports, strict=True)
        ]
        user = psutil.Process().username()
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        self.configuration.write_text(
            CONFIGURATION.format(
                folder=self.folder, host=host, port=control, user=user, nodes="\n".join(nodes)
            )
        )
        (self.folder / "gres.conf").write_text(GPUS)
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "munge.key").chmod(0o600)
        # Inside a job Snakemake takes SLURM_CONF away before it calls srun.
        wrapper = self.folder / "srun"
        real = shutil.which("srun", path=SYSTEM)
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.configuration} exec {real} "$@"\n')
        wrapper.chmod(0o755)

    def start(self):
        """Start the daemons and wait until both nodes take jobs."""
        files = {"key-file": "munge.key", "seed-file": "munge.seed", "socket": "munge.sock"}
        files |= {"pid-file": "munged.pid", "log-file": "munged.log"}
        self.run("munged", *(f"--{option}={self.folder / name}" for option, name in files.items()))
        self.run("slurmctld", "-f", str(self.configuration))
        for node in NODES:
            self.start_node(node)
        self.wait_for(
            "nodes that take jobs",
            lambda: self.run("sinfo", "-hNp", "gpu", "-o", "%T").split() == ["idle"] * 2,
        )

    def run(self, *command: str) -> str:
        """Run a program of Slurm; what it prints."""
        done = subprocess.run(
            command,
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}\n{self.describe()}"
        return done.stdout

    def wait_for(self, what: str, condition, *, seconds: float = 60):
        """Wait until a condition holds; what it gives."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"no {what} after {seconds} s\n{self.describe()}"
            time.sleep(0.1)
        return found

    def start_node(self, node: str):
        """Start a node's daemon; a lost node takes jobs again."""
        self.run("slurmd", "-f", str(self.configuration), "-N", node)

    def lose_node(self, node: str):
        """Lose a node as if its power failed: nothing on it lives on or says goodbye."""
        jobs = self.run("squeue", "-h", "-t", "running", "-w", node, "-o", "%A").split()
        daemon = int((self.folder / f"{node}.pid").read_text())
        stop([psutil.Process(daemon), *self._steps(jobs)])
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def _steps(self, jobs) -> list[psutil.Process]:
        """The processes that watch over these jobs on their nodes."""
        found = []
        for process in psutil.process_iter(["name", "cmdline"]):
            title = " ".join(process.info["cmdline"] or [])
            if title.startswith("slurmstepd: [") and title[len("slurmstepd: [") :].split(".")[0] in jobs:
                found.append(process)
        return found

    def describe(self) -> str:
        """What the cluster is doing, for a test that waits in vain."""
        parts = []
        for command in (
            ["squeue", "--states=all", "-o", "%i %T %r %N %j %k"],
            ["sinfo", "-N", "-o", "%N %T %E"],
        ):
            done = subprocess.run(
                ["timeout", "20", *command], env=self.environment, capture_output=True, text=True, check=False
            )
            parts.append(f"--- {command[0]}\n{done.stdout}{done.stderr}")
        parts += [f"--- {log.name}\n{log.read_text()[-1500:]}" for log in sorted(self.folder.glob("*.log"))]
        return "\n".join(parts)

    def stop(self):
        """End every job and daemon of this cluster, and remove its folder."""
        subprocess.run(
            ["timeout", "20", "scancel", "--user", psutil.Process().username()],
            env=self.environment,
            check=False,
        )
        mine = [
            process
            for process in psutil.process_iter(["environ", "cmdline", "name"])
            if str(self.folder) in " ".join(process.info["cmdline"] or [])
            or (process.info["environ"] or {}).get("SLURM_CONF") == str(self.configuration)
        ]
        stop([process for process in mine if process.pid != os.getpid()])
        shutil.rmtree(self.folder, ignore_errors=True)
