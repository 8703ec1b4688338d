"""A disk that is full or read-only, an input that vanishes: one clear line, and nothing half is believed."""

import re
import shlex
import shutil
import subprocess

import pytest
from support import SMOKE, artifacts, copy_checkout, run_snakemake, snakemake_command

pytestmark = pytest.mark.end_to_end
DISK = "results/slices"
SLICES = f"{DISK}/internal"
TARGET = f"{SLICES}/0"


@pytest.fixture(scope="module")
def folder(study, tmp_path_factory):
    """A copy of the study as far as volumes and slices."""
    copy = copy_checkout(tmp_path_factory.mktemp("disk"))
    for part in ("results/catalog", "results/volumes", "results/slices"):
        shutil.copytree(study[0] / part / "internal", copy / part / "internal")
    for part in ("resources", ".snakemake/metadata"):
        shutil.copytree(study[0] / part, copy / part, dirs_exist_ok=True)
    return copy


def run_on_a_disk_of_its_own(folder, options):
    """Make the slices of the internal test set anew, while the disk that they lie on is mounted so."""
    command = shlex.join(snakemake_command(*SMOKE, "--cores", "1", "--", TARGET))
    mount = f"mount -t tmpfs -o size=40k none {DISK} && mkdir {SLICES} && mount -o remount,{options} {DISK}"
    script = f"{mount} && {command}; code=$?; find {DISK} -type f; exit $code"
    result = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    if re.search("^(unshare|mount): ", result.stdout, re.MULTILINE):
        pytest.skip(f"no disk can be mounted here: {result.stdout.strip()}")
    return result


@pytest.mark.parametrize(
    ("options", "words"),
    [("rw", "the disk is full"), ("ro", "the disk is read-only")],
    ids=["full", "ro"],
)
def test_a_disk_that_refuses_is_one_line_and_leaves_nothing_to_believe(folder, study, options, words):
    result = run_on_a_disk_of_its_own(folder, options)
    assert result.returncode != 0
    assert re.search(
        rf"^DiskError: {words}.*\(log: logs/slices/internal/0.log\)$", result.stdout, re.MULTILINE
    )
    assert "Traceback" not in result.stdout
    assert f"\n{SLICES}/" not in result.stdout, "files are left"
    shutil.rmtree(folder / TARGET)
    again = run_snakemake(folder, *SMOKE, "--cores", "1", "--", TARGET)
    assert again.returncode == 0, again.stdout[-3000:]
    made = {path: digest for path, digest in artifacts(folder).items() if path.startswith("slices/internal")}
    assert made and made.items() <= artifacts(study[0]).items()


def test_an_input_that_vanishes_is_one_line_and_what_it_made_is_gone(folder):
    file = next((folder / "resources/phantom/internal/dicom").rglob("*.dcm"))
    hidden = file.rename(folder / "elsewhere")
    force = ("--forcerun", "volumes", "--", "results/volumes/internal/0")
    result = run_snakemake(folder, *SMOKE, "--cores", "1", *force)
    assert result.returncode != 0
    lines = [
        line for line in result.stdout.splitlines() if re.match(r"\w+Error: .*\(log: logs/volumes", line)
    ]
    assert len(lines) == 1 and "Traceback" not in result.stdout
    assert re.search(r"c[0-9a-f]{12}", lines[0]), lines[0]
    assert not (folder / "results/volumes/internal/0").exists()
    hidden.rename(file)
