"""The table of provenance: every file, its sha256, its run; what no record explains is named."""

import hashlib
import json
import shutil
from pathlib import Path

import jsonschema
import pytest
from small_study import CITATION, VOLUMES, do, run_study, run_table
from support import ROOT

from smartnet.files import read_json
from smartnet.provenance.build import write_provenance
from smartnet.provenance.collect import collect

SHA = hashlib.sha256
SCHEMA = json.loads((ROOT / "resources/schemas/provenance.schema.json").read_text())


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_study()
    return tmp_path


def write():
    write_provenance(
        CITATION,
        ["results/late.csv"],
        table=Path("results/provenance.json"),
        crate=Path("results/crate.json"),
    )
    Path("results/crate.json").unlink()
    content = read_json("results/provenance.json")
    jsonschema.validate(content, SCHEMA)
    return content


def test_every_file_has_its_sha256_size_and_run(study):
    content = write()
    assert set(content["artifacts"]) == {
        *("results/volumes/internal/0", "results/metrics.csv", "results/figures/roc.pdf", "results/workflow")
    }
    metrics = content["artifacts"]["results/metrics.csv"]
    assert metrics == {"run": "metrics", "sha256": SHA(b"numbers").hexdigest(), "size": "7B"}
    volumes = content["artifacts"]["results/volumes/internal/0"]
    assert volumes["run"] == "volumes:dataset=internal,shard=0"
    assert {name: file["sha256"] for name, file in volumes["files"].items()} == {
        name: SHA(text.encode()).hexdigest() for name, text in VOLUMES.items()
    }
    run = content["runs"]["metrics"]
    assert run["inputs"] == {"results/volumes/internal/0": volumes["sha256"]}
    assert run["outputs"] == {"results/metrics.csv": metrics["sha256"]}
    assert content["workflow"] == {"title": "SMART-Net", "version": "0.1.0", "license": "MIT"}


def test_private_tables_are_digests_alone(study):
    outside = write()["outside"]
    assert outside == {
        "resources/identity/key": {"run": "identity_key", "sha256": SHA(b"secret").hexdigest()}
    }


def test_equal_studies_have_equal_tables_but_for_times(study, tmp_path_factory, monkeypatch):
    first = write()
    monkeypatch.chdir(tmp_path_factory.mktemp("again"))
    run_study()
    second = write()
    for content in (first, second):
        for run in content["runs"].values():
            run["seconds"] = 0
    assert first == second


def test_what_no_record_explains_is_named(study, caplog):
    Path("results/late.csv").write_text("a rule makes it, in the days before records")
    Path("results/notes.txt").write_text("somebody's")
    Path("results/phi_scan.tsv").write_text("comes after")
    content = write()
    assert content["artifacts"]["results/late.csv"]["note"] == "unrecorded"
    assert content["artifacts"]["results/notes.txt"]["note"] == "unknown"
    assert content["artifacts"]["results/notes.txt"]["run"] is None
    assert "results/phi_scan.tsv" not in content["artifacts"]
    assert "1 files of results/ are unknown" in caplog.text


def test_what_is_gone_is_missing_not_dropped(study):
    shutil.rmtree("results/volumes")
    content = write()
    assert content["missing"] == {"results/volumes/internal/0": "volumes:dataset=internal,shard=0"}


def test_of_two_runs_that_made_a_file_the_one_counts_whose_bytes_it_has(study):
    do("zz_metrics", {}, {"t": "results/metrics.csv"}, ["other numbers"])
    assert write()["artifacts"]["results/metrics.csv"]["run"] == "zz_metrics"
    run_table()
    content = write()
    assert content["artifacts"]["results/metrics.csv"]["run"] == "metrics"


def test_no_bare_number_can_be_taken_for_a_patients(study):
    Path("results/large.bin").write_bytes(bytes(1234567))
    write()
    assert '"1234567B"' in Path("results/provenance.json").read_text()


def test_runs_of_what_closes_a_study_are_left_out(study):
    do("phi_scan", {}, {"counts": "results/phi_scan.tsv"}, ["clean"])
    assert "phi_scan" not in collect()["runs"]
