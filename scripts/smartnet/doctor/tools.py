"""Programs beside Python, and the GPU."""

from __future__ import annotations

import os
import shutil
import subprocess

from smartnet.doctor.result import OK, WARNING, Result

# Program -> the tests that need it, Debian's package.
TEST_PROGRAMS = {
    "dciodvfy": ("that phantoms are valid DICOM", "dicom3tools"),
    "chromium": ("that the report opens", "chromium"),
    "slurmctld": ("the study on a cluster", "munge slurmctld slurmd slurm-client"),
}
# Daemons lie where only root's PATH looks.
SYSTEM_PROGRAMS = ":/usr/sbin:/sbin"


def check_git() -> Result:
    """Check that git answers."""
    version = _output("git", "--version")
    if version is None:
        return Result(WARNING, "git", "not found", "for updates and make test: apt install git")
    return Result(OK, "git", version.split()[-1])


def check_test_programs() -> list[Result]:
    """Check the programs that only tests need."""
    folders = f"{os.environ.get('PATH', os.defpath)}{SYSTEM_PROGRAMS}"
    absent = [name for name in TEST_PROGRAMS if shutil.which(name, path=folders) is None]
    if not absent:
        return [Result(OK, "programs for tests", ", ".join(TEST_PROGRAMS))]
    results = []
    for name in absent:
        what, package = TEST_PROGRAMS[name]
        remedy = f"only for make test ({what}): apt install {package}"
        results.append(Result(WARNING, name, "not found", remedy))
    return results


def check_gpu() -> Result:
    """Check whether torch sees the GPUs that the driver sees; torch is only loaded if there are any."""
    listed = _output("nvidia-smi", "-L") or ""
    gpus = [line for line in listed.splitlines() if line.startswith("GPU")]
    if not gpus:
        return Result(OK, "GPU", "none: networks run on the CPU (config/paper.yaml needs one)")
    try:
        import torch
    except ImportError:
        return Result(WARNING, "GPU", f"{len(gpus)} here, but torch is not installed", "make setup")
    if torch.cuda.is_available():
        return Result(
            OK, "GPU", f"{torch.cuda.device_count()} seen by torch ({torch.cuda.get_device_name(0)})"
        )
    if torch.version.cuda is None:
        remedy = "networks would run on the CPU: remove .venv and make setup, for torch with CUDA"
        return Result(WARNING, "GPU", f"{len(gpus)} here, but torch {torch.__version__} has no CUDA", remedy)
    text = f"{len(gpus)} here, but torch cannot use it"
    return Result(WARNING, "GPU", text, f"update the driver to one for CUDA {torch.version.cuda}")


def _output(*command: str) -> str | None:
    """What a program prints, None if it is not there or fails."""
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
