"""The whole study in smoke size, killed again and again at random moments, ends with the same bytes."""

import math
import random
import re
import subprocess
import time

import psutil
import pytest
from processes import stop
from support import SMOKE, artifacts, copy_checkout, run_snakemake, snakemake_command

pytestmark = pytest.mark.end_to_end
KILLS = 20
STEPS = (0, 8)  # jobs that a run may finish before it is killed, of about 110
SECONDS = (0.0, 2.0)  # that it goes on after that
LONGEST = 60.0  # that a training may take to its first epoch
INTO_EPOCH = (0.0, 0.2)  # every second run is killed so soon after a training has saved its first epoch


def run_and_kill(folder, rng, *, in_training):
    """Run the study and kill it: some time after a few jobs are done, or in mid-training if one has begun."""
    command = snakemake_command(*SMOKE, "--cores", "2")
    steps, seconds = rng.randint(*STEPS), rng.uniform(*SECONDS)
    into_epoch = rng.uniform(*INTO_EPOCH)
    begun, before = time.time(), trained(folder)
    output = folder / "output.txt"
    with output.open("w") as file:
        main = psutil.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
    end = math.inf
    while time.time() < end or (in_training and time.time() < end + LONGEST and is_loading(folder, begun)):
        time.sleep(0.02)
        assert main.poll() is None, f"ended by itself: {output.read_text()[-3000:]}"
        if in_training and trained(folder) - before:
            time.sleep(into_epoch)
            break
        if end == math.inf and output.read_text().count("%) done") >= steps:
            end = time.time() + seconds
    stop([main])


def is_loading(folder, begun):
    """Whether a training has begun, not resumed, and saved no epoch yet."""
    return any(
        epoch is None and "INFO resumed" not in text and (folder / log).stat().st_mtime >= begun
        for log, (text, epoch) in first_epochs(folder).items()
    )


def first_epochs(folder):
    """Every training's latest log, and the first epoch in it; scratch is no training."""
    found = {}
    for log in [*folder.glob("logs/upstream/smartnet/*.log"), *folder.glob("logs/downstream/**/*.log")]:
        text = log.read_text()
        epoch = re.search(r"^INFO epoch (\d+)/", text, re.MULTILINE)
        found[str(log.relative_to(folder))] = (text, int(epoch[1]) if epoch else None)
    return found


def trained(folder):
    """Trainings that have logged, and so saved, an epoch."""
    return {log for log, (_, epoch) in first_epochs(folder).items() if epoch}


def unlock(folder, *, by_command):
    """Free a folder whose Snakemake was killed; the command does no more than the quicker way."""
    if by_command:
        assert run_snakemake(folder, *SMOKE, "--unlock").returncode == 0
        assert not any((folder / ".snakemake/locks").glob("*"))
    for lock in (folder / ".snakemake/locks").glob("*"):
        lock.unlink()


def test_killed_at_twenty_random_moments_the_study_ends_with_the_same_bytes(study, tmp_path):
    folder, rng = copy_checkout(tmp_path), random.Random(20)
    saved, anew, logs = set(), [], {}
    for number in range(KILLS + 1):
        if number < KILLS:
            run_and_kill(folder, rng, in_training=number % 2 == 1)
            unlock(folder, by_command=number == 0)
        else:
            result = run_snakemake(folder, *SMOKE, "--cores", "2")
            assert result.returncode == 0, result.stdout[-6000:]
        before, logs = logs, first_epochs(folder)
        anew += [log for log in saved if logs[log] != before[log] and logs[log][1] == 1]
        saved |= trained(folder)
    assert anew == [], "these began with their first epoch though it was saved"
    runs = [file.read_text() for file in folder.glob("results/*stream/**/run.json")]
    assert any(re.search(r'"resumed_from": \d', run) for run in runs), "no training was killed"
    assert artifacts(folder) == artifacts(study[0])
    assert not list(folder.glob("results/**/.*.tmp")), "temporary files are left"
    assert not list(folder.glob("resources/state/*")), "running states are left"
