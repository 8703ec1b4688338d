"""The RO-Crate: valid by the profiles that it names, every entity there, nothing that changes by itself."""

import json
from pathlib import Path

import pytest
from small_study import CITATION, run_study

from smartnet.provenance.build import write_provenance

PROFILES = ["ro-crate-1.1", "process-run-crate-0.5", "workflow-ro-crate-1.0", "workflow-run-crate-0.5"]


def write():
    write_provenance(
        CITATION, [], table=Path("results/provenance.json"), crate=Path("results/ro-crate-metadata.json")
    )
    return Path("results/ro-crate-metadata.json")


@pytest.fixture
def crate(tmp_path, monkeypatch):
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    run_study()
    return write()


def entities(crate):
    return {entity["@id"]: entity for entity in json.loads(crate.read_text())["@graph"]}


@pytest.mark.parametrize("profile", PROFILES)
def test_it_is_valid(crate, profile, tmp_path):
    pytest.importorskip("rocrate_validator", reason="roc-validator is not installed")
    from crate_validator import findings

    assert findings(crate.parent, profile, tmp_path) == []


def test_the_validator_finds_what_is_wrong(crate, tmp_path):
    pytest.importorskip("rocrate_validator", reason="roc-validator is not installed")
    from crate_validator import findings

    graph = json.loads(crate.read_text())
    graph["@graph"] = [entity for entity in graph["@graph"] if entity["@id"] != "#study"]
    crate.write_text(json.dumps(graph))
    Path("results/metrics.csv").unlink()
    found = " ".join(findings(crate.parent, PROFILES[-1], tmp_path))
    assert "MUST reference the root data entity's mainEntity as its instrument" in found
    assert "metrics.csv" in found


def test_a_library_reads_it(crate):
    rocrate = pytest.importorskip("rocrate.rocrate", reason="rocrate is not installed")
    read = rocrate.ROCrate(crate.parent)
    assert read.name == "Results of a study with SMART-Net"
    assert read.mainEntity.id == "workflow/Snakefile"
    assert {entity.id for entity in read.data_entities} == {
        *("figures/roc.pdf", "metrics.csv", "provenance.json", "volumes/internal/0/"),
        *("workflow/", "workflow/Snakefile"),
    }
    for entity in read.data_entities:
        assert (crate.parent / entity.id).exists()


def test_runs_are_actions(crate):
    found = entities(crate)
    action = found["#run-metrics"]
    assert action["object"] == {"@id": "volumes/internal/0/"} and action["result"] == {"@id": "metrics.csv"}
    assert found["#study"]["instrument"] == {"@id": "workflow/Snakefile"}
    assert found["#study"]["result"] == [{"@id": "figures/roc.pdf"}, {"@id": "workflow/"}]
    assert found["#resources/identity/key"]["@type"] == "CreativeWork"
    assert found["volumes/internal/0/"]["description"] == "2 files, listed in provenance.json"
    assert [found[author["@id"]]["name"] for author in found["./"]["author"]] == ["The authors", "S. Kyung"]


def test_it_is_the_same_twice_and_has_no_date_but_the_workflows(crate):
    before = crate.read_bytes()
    assert write().read_bytes() == before
    assert entities(crate)["./"]["datePublished"] == "2026-11-26"
    assert b"Time" not in before


def test_every_reference_leads_somewhere(crate):
    Path("results/metrics.csv").unlink()  # what is gone is named all the same
    found = entities(write())

    def references(value):
        if isinstance(value, dict):
            if value.keys() == {"@id"}:
                yield value["@id"]
            else:
                for item in value.values():
                    yield from references(item)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    targets = {target for entity in found.values() for target in references(entity)}
    assert {target for target in targets - found.keys() if not target.startswith("https://")} == set()
    assert "metrics.csv" not in found and "#results/metrics.csv" in found
