"""A job and the artifact store: what a result depends on, and that a job without need of it is not run."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from jobs import job_of

from smartnet.job.run import job
from smartnet.job.stored import depends_on
from smartnet.store.entry import MANIFEST, key_of
from smartnet.training.runs import open_state


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """Go to a clone: a folder of its own with the same input."""

    def enter(name, text="slices"):
        folder = tmp_path / name
        (folder / "results").mkdir(parents=True, exist_ok=True)
        (folder / "results/split.tsv").write_text(text)
        monkeypatch.chdir(folder)
        return folder

    return enter


def training(store, *, data="/data/smith", seed="1", epochs=2, threads=1, gpu=0, files=""):
    """A job as Snakemake hands it to a script."""
    made = job_of(
        "upstream",
        inputs={"split": "results/split.tsv"},
        outputs={"weights": "results/model.safetensors", "history": "results/history.csv"},
        config={"store": {"path": str(store), "group": None}, "datasets": {"internal": {"path": data}}},
        threads=threads,
        wildcards={"seed": seed},
        settings={"epochs": epochs},
        folder=data,
        files=files,
        code="c0de",
    )
    made.resources = SimpleNamespace(gpu=gpu)
    return made


def run(snakemake, reads=None):
    """Run a job; whether its result was taken from the store."""
    with job(snakemake, stored=True, reads=reads) as taken:
        if not taken:
            Path("results/model.safetensors").write_text("weights")
            Path("results/history.csv").write_text("epoch,loss\n")
    return taken


def test_another_clone_takes_what_a_first_one_made(clone, tmp_path):
    clone("first")
    assert not run(training(tmp_path / "store"))
    folder = clone("second")
    assert run(training(tmp_path / "store", data="/mnt/elsewhere"))
    assert (folder / "results/model.safetensors").read_text() == "weights"
    assert "taken from the store" in (folder / "logs/upstream.log").read_text()
    record = json.loads((folder / "resources/runs/upstream/seed=1.json").read_text())
    first = json.loads((tmp_path / "first/resources/runs/upstream/seed=1.json").read_text())
    assert (first["stored"], record["stored"]) == (False, True)
    assert record["outputs"] == first["outputs"]


def test_what_a_killed_training_left_goes_when_its_result_is_taken(clone, tmp_path):
    clone("first")
    run(training(tmp_path / "store"))
    folder = clone("second")
    for epochs in (2, 3):
        content = {"settings": {"epochs": epochs, "patience": None}, "code": "c0de"}
        open_state(Path("resources/state"), content, [], output=Path("results"))
    assert len(list(folder.glob("resources/state/*"))) == 2
    assert run(training(tmp_path / "store"))
    (left,) = folder.glob("resources/state/*/begun.json")
    assert json.loads(left.read_text())["settings"]["epochs"] == 3


@pytest.mark.parametrize("changed", [{"seed": "2"}, {"epochs": 3}, {"threads": 2}])
def test_another_seed_or_setting_is_another_result(clone, tmp_path, changed):
    clone("first")
    run(training(tmp_path / "store"))
    clone("second")
    assert not run(training(tmp_path / "store", **changed))


def test_when_files_were_written_does_not_count(clone, tmp_path):
    clone("first")
    run(training(tmp_path / "store", files="state of yesterday"))
    clone("second")
    assert run(training(tmp_path / "store", files="state of today"))


def test_another_input_is_another_result(clone, tmp_path):
    clone("first")
    run(training(tmp_path / "store"))
    clone("second", "other slices")
    assert not run(training(tmp_path / "store"))


def test_of_what_a_start_says_of_itself_only_whether_it_was_trained_counts(clone):
    def key(said):
        Path("results/run.json").write_text(json.dumps(said))
        return key_of(depends_on(training("store"), {"results/run.json": str(said)}, ["cpu"], []))

    clone("first")
    trained = key({"seconds": 1.0, "pretrained": True})
    assert trained == key({"seconds": 2.0, "pretrained": True}) == key({})
    assert trained != key({"seconds": 1.0, "pretrained": False})


def test_what_a_job_reads_beside_its_inputs_counts_by_content_not_by_name(clone, tmp_path):
    for name, content in (("a.dcm", "pixels"), ("b.dcm", "pixels"), ("c.dcm", "other")):
        (tmp_path / name).write_text(content)
    taken = []
    for name in "abc":
        clone(name)
        taken.append(run(training(tmp_path / "store"), reads=lambda name=name: [tmp_path / f"{name}.dcm"]))
    assert taken == [False, True, False]


def test_a_folder_that_a_job_reads_counts_by_its_files(clone, tmp_path):
    """As a mask may be a folder."""
    taken = []
    for name, content in (("a", "mask"), ("b", "mask"), ("c", "other")):
        (tmp_path / f"masks-{name}/case").mkdir(parents=True)
        (tmp_path / f"masks-{name}/case/mask.nii.gz").write_text(content)
        clone(name)
        taken.append(
            run(training(tmp_path / "store"), reads=lambda name=name: [tmp_path / f"masks-{name}/case"])
        )
    assert taken == [False, True, False]


@pytest.mark.parametrize("late", ["results/split.tsv", "../a.dcm"])
def test_what_was_made_while_a_file_changed_is_not_kept(clone, tmp_path, late):
    (tmp_path / "a.dcm").write_text("pixels")
    folder = clone("first")
    with job(training(tmp_path / "store"), stored=True, reads=lambda: [Path("../a.dcm")]) as taken:
        assert not taken
        Path(late).write_text("a transfer ends")
        Path("results/model.safetensors").write_text("weights")
        Path("results/history.csv").write_text("epoch,loss\n")
    log = (folder / "logs/upstream.log").read_text()
    assert log.count("WARNING") == 1 and "files that the job reads changed meanwhile" in log
    assert not (tmp_path / "store").exists()


def test_the_device_that_is_there_counts_not_the_one_asked_for():
    def key(models, gpu):
        return key_of(depends_on(training("store", gpu=gpu), {}, models, []))

    assert key(["cpu"], 0) == key(["cpu"], 1)
    assert len({key([model], 1) for model in ("cpu", "NVIDIA A100", "NVIDIA H100")}) == 3


def test_a_gpu_of_unknown_model_uses_no_store(clone, tmp_path, monkeypatch):
    folder = clone("first")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a")
    monkeypatch.setenv("SLURM_JOB_ID", "1")  # which gave it
    assert not run(training(tmp_path / "store", gpu=1))
    assert "nvidia-smi does not say" in (folder / "logs/upstream.log").read_text()
    assert not (tmp_path / "store").exists()


def test_what_was_made_on_the_cpu_is_not_kept_as_of_the_gpu_that_is_there(clone, tmp_path, monkeypatch):
    folder = clone("first")
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'GPU 0: NVIDIA A100 (UUID: GPU-a)'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert not run(training(tmp_path / "store", gpu=1))
    assert "made on the CPU, though a GPU is there" in (folder / "logs/upstream.log").read_text()
    assert not (tmp_path / "store").exists()


def test_a_manifest_tells_settings_and_code_and_no_path_or_user(clone, tmp_path):
    clone("first")
    run(training(tmp_path / "store", data="/data/smith"))
    (manifest,) = (tmp_path / "store").rglob(MANIFEST)
    facts = json.loads(manifest.read_text())["facts"]
    assert (facts["rule"], facts["settings"], facts["code"]) == (
        "upstream",
        {"settings": {"epochs": 2}},
        "c0de",
    )
    assert "smith" not in manifest.read_text() and str(tmp_path) not in manifest.read_text()


def test_a_store_that_is_not_there_stops_no_job(clone, tmp_path):
    folder = clone("first")
    assert not run(training(tmp_path / "no/such/store"))
    assert "cannot be kept in the store" in (folder / "logs/upstream.log").read_text()
    assert (folder / "results/model.safetensors").exists()
