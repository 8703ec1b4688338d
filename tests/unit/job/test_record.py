"""Records of jobs: what is in them, and what must not be."""

import getpass
import hashlib
import json
import logging
import socket
from pathlib import Path

import pytest
from jobs import job_of, named
from snakemake.iocontainers import InputFiles

from smartnet.errors import DataError
from smartnet.job import record
from smartnet.job.record import facts, keep, read_inputs, record_file, recorded
from smartnet.job.run import job
from smartnet.report.settings import HIDDEN

SHA = hashlib.sha256


@pytest.fixture
def hospital(tmp_path, monkeypatch):
    """A study whose data lie elsewhere, in folders that name a physician."""
    (tmp_path / "study/results").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "study")
    data = tmp_path / "dr-zubrowka"
    (data / "dicom").mkdir(parents=True)
    (data / "labels.tsv").write_text("labels")
    Path("results/split.tsv").write_text("split")
    return data


def catalog(hospital, path=None):
    data = str(path or hospital)
    return job_of(
        "catalog",
        inputs={"split": "results/split.tsv", "folder": data, "labels": f"{data}/labels.tsv", "key": []},
        outputs={"catalog": "results/catalog/internal/0.tsv", "tables": ["results/a.csv", "results/b.csv"]},
        config={"datasets": {"internal": {"path": data}, "public": None}, "pretrained": {"imagenet": None}},
        wildcards={"dataset": "internal", "shard": "0"},
        masks=f"{data}/masks",
        exclude=["bone-kernel", f"see {data}/x"],
        files="0123abcd",
        thickness=5.0,
        nothing=None,
        code="c0de",
    )


def run(snakemake):
    with job(snakemake):
        for path in snakemake.output:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(path)
    return json.loads(record_file(snakemake.rule, snakemake.wildcards).read_text())


def test_a_record_holds_inputs_outputs_settings_code_and_versions(hospital):
    found = run(catalog(hospital))
    assert Path("resources/runs/catalog/dataset=internal,shard=0.json").is_file()
    assert found["rule"] == "catalog" and found["wildcards"] == {"dataset": "internal", "shard": "0"}
    assert found["inputs"] == {
        "results/split.tsv": SHA(b"split").hexdigest(),
        "elsewhere/internal/folder": None,
        "elsewhere/internal/labels": SHA(b"labels").hexdigest(),
    }
    paths = ["results/a.csv", "results/b.csv", "results/catalog/internal/0.tsv"]
    assert found["outputs"] == {path: SHA(path.encode()).hexdigest() for path in paths}
    assert found["code"] == "c0de"
    assert found["settings"] == {
        **{"masks": HIDDEN, "exclude": ["bone-kernel", HIDDEN]},
        **{"files": "0123abcd", "thickness": 5.0, "nothing": None},
    }
    assert found["versions"]["python"].startswith("3.") and "pandas" in found["versions"]
    assert found["device"] == "cpu" and found["threads"] == 1 and found["stored"] is False
    assert 0 <= found["seconds"] < 10


@pytest.mark.parametrize("relative", [False, True])
def test_a_record_names_no_path_host_or_user(hospital, relative, monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "somebody")
    if relative:
        Path("dr-zubrowka").symlink_to(hospital)
    run(catalog(hospital, "dr-zubrowka" if relative else None))
    text = "".join(file.read_text() for file in Path("resources/runs").rglob("*.json"))
    for private in ("zubrowka", str(hospital.parent), socket.gethostname() + '"', "somebody"):
        assert private not in text


def test_several_files_of_one_input_outside_keep_apart(hospital):
    weights = [hospital / "a.safetensors", hospital / "a.json"]
    for file in weights:
        file.write_text(file.name)
    start = job_of(
        *("pretrained",),
        inputs={"weights": [str(file) for file in weights]},
        outputs={},
        wildcards={"pretext": "checkpoint", "seed": "1"},
    )
    assert read_inputs(start) == {
        "elsewhere/checkpoint/weights": SHA(b"a.safetensors").hexdigest(),
        "elsewhere/checkpoint/weights-2": SHA(b"a.json").hexdigest(),
    }


def test_a_failed_job_leaves_no_record(hospital):
    snakemake = catalog(hospital)
    with pytest.raises(SystemExit), job(snakemake):
        raise DataError("no")
    assert not Path("resources/runs/catalog").exists()


def test_a_record_that_cannot_be_kept_is_no_failure(hospital, caplog):
    Path("resources").mkdir()
    Path("resources/runs").write_text("in the way")
    snakemake = job_of("split", inputs={}, outputs={"split": "results/split.tsv"})
    with caplog.at_level(logging.WARNING), recorded(snakemake):
        pass
    assert "its results have no provenance" in caplog.text


def test_inputs_that_cannot_be_read_make_no_record_that_lacks_them(hospital, caplog):
    snakemake = job_of("split", inputs={"a": "results/none"}, outputs={"split": "results/split.tsv"})
    with caplog.at_level(logging.WARNING), recorded(snakemake):
        pass
    assert "no record of this job could be kept (No such file or directory)" in caplog.text
    assert not record_file("split", {}).exists()


def test_an_old_record_does_not_outlive_a_run_that_could_keep_none(hospital):
    snakemake = job_of("split", inputs={}, outputs={"split": "results/split.tsv"})
    run(snakemake)
    snakemake.input = named(InputFiles, {"a": "results/none"})
    with recorded(snakemake):
        assert not record_file("split", {}).exists()
    assert not record_file("split", {}).exists()


def test_a_training_says_itself_where_it_ran(hospital):
    Path("results/run.json").write_text('{"device": "NVIDIA H100"}')
    training = job_of("upstream", inputs={}, outputs={"run": "results/run.json"})
    assert facts(training, 1.0)["device"] == "NVIDIA H100"


def test_a_training_that_was_resumed_took_all_its_attempts(hospital):
    Path("results/run.json").write_text('{"device": "cpu", "seconds": 36000.5}')
    training = job_of("upstream", inputs={}, outputs={"run": "results/run.json"})
    assert facts(training, 60.0)["seconds"] == 36000.5
    Path("results/run.json").write_text('{"device": "cpu", "seconds": 59.5}')
    assert facts(training, 60.0)["seconds"] == 60.0


def test_a_result_of_a_store_keeps_the_facts_of_the_job_that_made_it(hospital):
    snakemake = job_of("split", inputs={}, outputs={"split": "results/split.tsv"})
    original = facts(snakemake, 3600.0) | {"device": "NVIDIA H100", "stored": True}
    found = json.loads(keep(snakemake, read_inputs(snakemake), original).read_text())
    assert (found["seconds"], found["device"], found["stored"]) == (3600.0, "NVIDIA H100", True)


def test_without_a_rule_nothing_is_recorded(hospital):
    with recorded(object()):
        pass
    assert not record.RUNS.exists()
