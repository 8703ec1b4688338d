"""On a real Slurm the smoke study ends with the bytes of a local run, whatever happens to its trainings."""

import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from runs import EPOCHS
from support import ROOT, artifacts

pytestmark = pytest.mark.end_to_end
GPU_JOBS = 21  # trainings, predictions, features and maps of the smoke study
GPU = re.compile(r"Tres\w+=gres:gpu:[1-9]")


@pytest.fixture(scope="session")
def struck(runs):
    """The runs, after what happens to their trainings has happened."""
    harm = {"slurm": ("scancel", "requeue", "lost node"), "generic": ("scancel",)}
    with ThreadPoolExecutor() as pool:  # at once: neither run waits until the other has come to its trainings
        list(pool.map(lambda name: [runs[name].strike(what) for what in harm[name]], harm))
    return runs


@pytest.mark.parametrize("profile", ["slurm", "generic"])
def test_study_ends_with_the_same_bytes_though_trainings_were_ended(struck, study, profile):
    run = struck[profile]
    run.wait(seconds=900)
    assert artifacts(run.folder) == artifacts(study[0])
    for log, what in run.struck.items():
        text = log.read_text()
        assert "INFO resumed after epoch" in text, f"after {what} the training began anew"
        assert "1" not in EPOCHS.findall(text)
        card = run.folder / "results" / log.relative_to(run.folder / "logs").with_suffix("") / "run.json"
        # told to end, it may have come to the end of its second and last epoch
        assert json.loads(card.read_text())["resumed_from"] in (1, 2)
    assert not list(run.folder.glob("results/**/.*.tmp")), "temporary files are left"


@pytest.mark.parametrize("profile", ["slurm", "generic"])
def test_gpus_are_asked_for_by_those_who_need_them_and_small_jobs_go_together(struck, profile):
    run = struck[profile]
    run.wait(seconds=900)
    jobs = run.jobs()
    partitions = {
        partition: [job for job in jobs if f"Partition={partition} " in job] for partition in ("cpu", "gpu")
    }
    assert all(GPU.search(job) for job in partitions["gpu"])
    assert not any(GPU.search(job) for job in partitions["cpu"])
    assert len(partitions["gpu"]) >= GPU_JOBS
    assert 30 < len(jobs) == len(partitions["cpu"]) + len(partitions["gpu"]) < 50


def test_jobs_past_their_time_or_memory_are_sent_again_with_more(runs):
    run = runs["limits"]
    run.wait(seconds=900)
    assert (run.folder / "tried_slow.txt").read_text().split() == ["1", "2"]
    assert (run.folder / "tried_large.txt").read_text().split() == ["600", "1200"]
    states = {re.search(r"JobState=(\w+)", job)[1] for job in run.jobs()}
    assert states == {"COMPLETED", "TIMEOUT", "FAILED"}


def test_status_of_jobs_that_are_unknown_and_of_a_cluster_that_does_not_answer(slurm, tmp_path):
    script = str(ROOT / "profiles/cluster-generic/status.sh")
    assert slurm.run(script, "999999") == "failed\n"
    elsewhere = tmp_path / "slurm.conf"
    text = re.sub(r"(?<=SlurmctldPort=)\d+", "1", slurm.configuration.read_text())
    elsewhere.write_text(text.replace("MessageTimeout=60", "MessageTimeout=2"))
    assert slurm.run("env", f"SLURM_CONF={elsewhere}", script, "1") == "running\n"
