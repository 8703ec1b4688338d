"""Helpers of the workflow tests: a copy of the checkout, and Snakemake run in it."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def copy_checkout(target: Path) -> Path:
    """Copy what git would: tracked files and new ones that are not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


SMOKE = ("--configfile", "config/smoke.yaml")
TELL_OF_TIMES = ("run.json", "provenance.json", "ro-crate-metadata.json", "report.html", "plain.html")


def snakemake_command(*arguments: str) -> list[str]:
    """The command line that runs the Snakemake of the tests."""
    return [sys.executable, "-m", "snakemake", *arguments]


def artifacts(folder: Path) -> dict[str, str]:
    """SHA-256 of what two equal runs share: every file of results/ but those that tell of times."""
    root = folder / "results"
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in TELL_OF_TIMES
    }


@cache
def network_cut() -> tuple[str, ...]:
    """What to put before a command to cut its network off, loopback too; empty where that is forbidden."""
    for cut in (("unshare", "--net"), ("unshare", "--user", "--map-root-user", "--net")):
        if (
            shutil.which("unshare")
            and not subprocess.run([*cut, "true"], check=False, stderr=subprocess.DEVNULL).returncode
        ):
            return cut
    return ()


def run_snakemake(
    folder: Path, *arguments: str, timeout: int = 900, before: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess:
    """Run Snakemake in a folder with the environment of the tests; output and errors in one text."""
    environment = {**os.environ, **variables, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        [*before, *snakemake_command(*arguments)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
        timeout=timeout,
    )


def run_without_network(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
    """Run Snakemake with its network cut off; what it prints begins with the interfaces that it has."""
    tell = ("sh", "-c", """sed -n 's/^ *\\([^:]*\\):.*/interface \\1/p' /proc/net/dev; exec "$@\"""", "sh")
    return run_snakemake(folder, *arguments, before=(*network_cut(), *tell), **variables)


def run_on_a_disk_of_its_own(
    folder: Path, place: str, mount: str, command: list[str], **variables: str
) -> tuple[str, list[str]]:
    """Run a command that fails after a mount that only it sees; skip where nothing can be mounted.

    Returns:
        what it printed, and the files that it left below ``place``.
    """
    script = f"{mount} && {{ {shlex.join(command)} >&2; code=$?; find {place} -type f; exit $code; }}"
    result = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    if re.search("^(unshare|mount): ", result.stderr, re.MULTILINE):
        pytest.skip(f"no disk can be mounted here: {result.stderr.strip()}")
    assert result.returncode != 0
    return result.stderr, result.stdout.split()


def write_report(folder: Path, path: str = "results/report.html", *overlays: str) -> Path:
    """Make the report of a finished smoke study, without network; its configuration may get overlays."""
    options = ("--reporter", "smartnet", "--report-smartnet-path", path)
    path_of_plugin = {"PYTHONPATH": str(folder / "scripts")}
    result = run_without_network(folder, *SMOKE, *overlays, *options, **path_of_plugin)
    assert result.returncode == 0, result.stdout[-3000:]
    return folder / path


def has_colour(image, colour, *, least=20, within=12) -> bool:
    """Whether at least so many pixels (BGR) lie within a few grey levels of a colour such as ``#D55E00``."""
    wanted = [int(colour[i : i + 2], 16) for i in (5, 3, 1)]
    return (abs(image.astype(int) - wanted).max(axis=2) < within).sum() >= least
