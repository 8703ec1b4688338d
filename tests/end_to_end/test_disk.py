"""A disk that is full or read-only, an input that vanishes: one clear line, and nothing half is believed."""

import re
import shutil

import pytest
from support import (
    SMOKE,
    artifacts,
    copy_checkout,
    run_on_a_disk_of_its_own,
    run_snakemake,
    snakemake_command,
)

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


def make_slices(folder, mount):
    """Make the slices of the internal test set anew after this mount; what was printed, files on the disk."""
    command = snakemake_command(*SMOKE, "--cores", "1", "--", TARGET)
    return run_on_a_disk_of_its_own(folder, DISK, mount, command)


def test_a_full_disk_is_one_line_and_leaves_nothing_to_believe(folder, study):
    mount = f"mount -t tmpfs -o size=40k none {DISK} && mkdir {SLICES}"
    printed, files = make_slices(folder, mount)
    assert re.search(
        r"^DiskError: the disk is full.*\(log: logs/slices/internal/0.log\)$", printed, re.MULTILINE
    )
    assert "Traceback" not in printed and files == []
    shutil.rmtree(folder / TARGET)
    again = run_snakemake(folder, *SMOKE, "--cores", "1", "--", TARGET)
    assert again.returncode == 0, again.stdout[-3000:]
    made = {path: digest for path, digest in artifacts(folder).items() if path.startswith("slices/internal")}
    assert made and made.items() <= artifacts(study[0]).items()


def test_a_read_only_disk_is_said_before_anything_runs(folder):
    printed, _ = make_slices(folder, "mount -t tmpfs -o ro none results")
    assert "nothing can be written to the folder 'results': make it writable" in printed
    assert "rule slices" not in printed and "rule volumes" not in printed


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
