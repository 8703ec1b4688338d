"""Provenance of a whole small study: every file, its sha256 and run; verification of a copy; the RO-Crate."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from support import SMOKE, run_snakemake

from smartnet.provenance.check import CLOSING, inconsistencies, recorded_files

pytestmark = pytest.mark.end_to_end


@pytest.fixture(scope="module")
def provenance(study):
    return json.loads((study[0] / "results/provenance.json").read_text())


@pytest.fixture
def copy(study, tmp_path):
    """The results alone, elsewhere."""
    copy = Path(shutil.copytree(study[0] / "results", tmp_path / "elsewhere"))
    for report in {path.name for path in copy.glob("*.html")} - set(CLOSING):  # of other tests
        (copy / report).unlink()
    return copy


def verify(study, folder):
    return subprocess.run(
        [sys.executable, "-m", "smartnet.provenance", "verify", str(folder)],
        cwd=study[0] / "scripts",
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_table_keeps_to_its_schema(study, provenance):
    jsonschema.validate(
        provenance, json.loads((study[0] / "resources/schemas/provenance.schema.json").read_text())
    )


def test_every_file_is_there_with_its_sha256_and_run(copy, provenance):
    files = {
        file.relative_to(copy).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in copy.rglob("*")
        if file.is_file() and file.name not in (*CLOSING, ".snakemake_timestamp")
    }
    assert dict(recorded_files(provenance)) == files
    assert [path for path, entry in provenance["artifacts"].items() if entry["run"] is None] == []
    assert provenance["missing"] == {} and list(inconsistencies(provenance)) == []


def test_every_job_of_the_study_is_a_run(study, provenance):
    jobs = re.findall(r"^(?:local)?rule (\w+):", study[1], re.MULTILINE)
    expected = sorted(rule for rule in jobs if rule not in ("all", "provenance", "phi_scan"))
    assert sorted(run["rule"] for run in provenance["runs"].values()) == expected


def test_every_input_is_known(provenance):
    """By its digest; there is nothing from elsewhere in a study of phantoms."""
    for name, run in provenance["runs"].items():
        assert all(run["inputs"].values()), name
        assert not any(path.startswith("elsewhere") for path in run["inputs"]), name
        assert run["code"] or run["rule"] == "identity_key"
        assert run["seconds"] > 0 and run["device"]


def test_no_path_of_the_machine_stands_in_it(study):
    for name in ("provenance.json", "ro-crate-metadata.json"):
        text = (study[0] / "results" / name).read_text()
        for private in (study[0], Path.home(), sys.prefix):
            assert str(private) not in text.replace("https://", "")


def test_a_copy_is_verified_and_a_flipped_bit_is_found(study, copy, provenance):
    result = verify(study, copy)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{sum(1 for _ in recorded_files(provenance))} files as recorded\n"
    weights = copy / "upstream/smartnet/seed-1/model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    result = verify(study, copy)
    assert result.returncode == 1
    assert result.stderr.startswith("changed: upstream/smartnet/seed-1/model.safetensors: ")
    assert len(result.stderr.splitlines()) == 1


def test_provenance_comes_after_all_but_the_scan(study):
    graph = run_snakemake(study[0], *SMOKE, "--dag").stdout
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', graph, re.MULTILINE))
    edges = re.findall(r"^\s*(\d+) -> (\d+)", graph, re.MULTILINE)
    before = {job for job, name in names.items() if name == "provenance"}
    while more := {source for source, target in edges if target in before} - before:
        before |= more
    assert {names[job] for job in names.keys() - before} == {"all", "phi_scan"}


def test_the_crate_names_what_is_there(copy):
    graph = json.loads((copy / "ro-crate-metadata.json").read_text())["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    for part in entities["./"]["hasPart"]:
        assert (copy / part["@id"]).exists(), part
        if "sha256" in entities[part["@id"]]:
            assert (
                entities[part["@id"]]["sha256"]
                == hashlib.sha256((copy / part["@id"]).read_bytes()).hexdigest()
            )


def test_the_crate_is_valid(copy, tmp_path):
    pytest.importorskip("rocrate_validator", reason="roc-validator is not installed")
    from crate_validator import findings

    assert findings(copy, "workflow-run-crate-0.5", tmp_path) == []
