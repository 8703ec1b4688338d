"""A whole small study, from raw DICOM to the report; then again; then with data of one's own."""

import getpass
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support import copy_checkout, network_cut, run_snakemake, write_report

pytestmark = pytest.mark.end_to_end
SMOKE = ("--configfile", "config/smoke.yaml", "--cores", "2")


def test_every_figure_and_table_is_there(study):
    folder, _ = study
    for path in ("figures/*.png", "figures/*.pdf", "tables/*.csv", "tables/*.tex"):
        files = list((folder / "results").glob(path))
        assert len(files) >= 4
        assert all(file.stat().st_size > 100 for file in files)


@pytest.mark.parametrize("address", ["1.1.1.1", "127.0.0.1"])
def test_the_study_was_made_where_no_socket_reaches_anything(study, address):
    if not network_cut():
        pytest.skip("this user may not unshare the network: the study was made with it")
    assert re.findall(r"^interface (\S+)$", study[1], re.MULTILINE) == ["lo"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = (address, server.getsockname()[1])
        attempt = f"import socket; socket.create_connection({place!r}, timeout=5)"
        result = subprocess.run(
            [*network_cut(), sys.executable, "-c", attempt], check=False, capture_output=True, text=True
        )
    assert "Network is unreachable" in result.stderr


def test_a_second_run_has_nothing_to_do(study):
    folder, _ = study
    assert "Nothing to be done" in run_snakemake(folder, *SMOKE).stdout


def test_another_operating_point_trains_and_predicts_nothing_again(study, tmp_path):
    (tmp_path / "target.yaml").write_text("evaluation: {operating_point: {sensitivity: 0.9}}\n")
    overlay = ("--configfile", "config/smoke.yaml", str(tmp_path / "target.yaml"))
    result = run_snakemake(study[0], *overlay, "--cores", "2", "--dry-run", "results/metrics.csv")
    jobs = re.findall(r"^rule (\w+):\n(?: .*\n)*?    wildcards: model=([\w-]+)", result.stdout, re.MULTILINE)
    starts = {"scratch_bilstm", "smartnet_bilstm", "threshold-50hu_classification"}
    assert set(jobs) == {("operating_point", model) for model in starts}
    assert re.findall(r"^(?:local)?rule (\w+):", result.stdout, re.MULTILINE).count("metrics") == 1


@pytest.mark.parametrize(
    ("style", "redrawn"),
    [
        ({"figures": {"roc": {"starts": {"smartnet": "#000000"}}}}, {"figure_roc"}),
        ({"colours": {"kinds": {"EDH": "#000000"}}}, {"figure_datasets"}),
        ({"figures": {"browser": {"outlines": {"truth": "#000000"}}}}, {"case_browser"}),
    ],
    ids=["a start's in one figure", "a kind's in all", "the case browser's"],
)
def test_another_colour_redraws_what_has_it_and_nothing_else(study, tmp_path, style, redrawn):
    (tmp_path / "style.yaml").write_text(yaml.safe_dump({"style": style}))
    overlay = ("--configfile", "config/smoke.yaml", str(tmp_path / "style.yaml"))
    result = run_snakemake(study[0], *overlay, "--cores", "2", "--dry-run")
    assert result.returncode == 0, result.stdout[-3000:]
    jobs = re.findall(r"^(?:local)?rule (\w+):", result.stdout, re.MULTILINE)
    assert sorted({*jobs} - {"all", "provenance", "phi_scan"}) == sorted(redrawn)
    assert len(jobs) == len(set(jobs))


def test_every_rule_was_run(study):
    """`identity_key` belongs to data of one's own (below), `visual_words` and `pretrained` to an ablation."""
    folder, output = study
    text = "".join(file.read_text() for file in (folder / "rules").glob("*.smk"))
    with_scripts = {
        name for name, body in re.findall(r"^rule (\w+):\n((?: .*\n|\n)*)", text, re.M) if "script:" in body
    }
    done = set(re.findall(r"^(?:local)?rule (\w+):", output, re.MULTILINE))
    assert with_scripts - done == {"identity_key", "visual_words", "pretrained"}


def test_report_holds_every_figure_and_nothing_of_the_machine(study, report):
    page = report.read_text()
    for figure in (study[0] / "results/figures").glob("*.png"):
        assert figure.name in page
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)  # letters of pictures spell short words by chance
    for private in (study[0], Path.home(), sys.prefix, f"{getpass.getuser()}@", socket.gethostname()):
        assert not re.search(rf"(?<!\w){re.escape(str(private))}(?!\w)", text), private
    assert scan_report(study[0]).returncode == 0


def test_snakemakes_own_report_goes_on_working(study):
    folder, _ = study
    result = run_snakemake(folder, *SMOKE[:2], "--report", "results/plain.html")
    assert result.returncode == 0, result.stdout[-3000:]
    page = (folder / "results/plain.html").read_text()
    for figure in (folder / "results/figures").glob("*.png"):
        assert figure.name in page


def test_the_report_is_the_same_twice_but_for_run_times(study, report):
    again = write_report(study[0], "results/again.html")
    assert again.read_bytes() == report.read_bytes()
    again.unlink()


def scan_report(folder):
    """Scan the report for identifiers, as `make run` does."""
    return subprocess.run(
        [sys.executable, "-m", "smartnet.privacy", "results/report.html"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "scripts")},
        check=False,
        capture_output=True,
        text=True,
    )


def test_an_identifier_in_an_artifact_ends_the_study(study, tmp_path):
    folder = shutil.copytree(study[0], tmp_path / "leaking")
    private = pd.read_csv(folder / "resources/index/internal_private.tsv", sep="\t", dtype=str)
    patient = private["value"][private["kind"] == "PatientID"].iloc[0]
    (folder / "results/notes.json").write_text(f'{{\n  "{patient}": "asked for again"\n}}\n')
    (folder / "results/report.html").write_text(f"<p title='{patient}'>")
    result = run_snakemake(folder, *SMOKE, "--forcerun", "phi_scan")
    assert result.returncode != 0
    assert "results/notes.json: PatientID in line 2" in result.stdout
    assert patient not in result.stdout
    assert not (folder / "results/phi_scan.tsv").exists()
    shutil.copy(study[0] / "resources/index/phi_scan.tsv", folder / "resources/index")
    report = scan_report(folder)
    assert report.returncode == 1
    assert "results/report.html: PatientID in line 1" in report.stderr


@pytest.fixture
def hospital(study, tmp_path):
    """A checkout whose internal test set is a folder of one's own: files, labels, masks."""
    folder, _ = study
    clone = copy_checkout(tmp_path / "clone")
    shutil.copytree(folder / "resources/phantom/internal", tmp_path / "hospital")
    overlay = {"datasets": {"internal": {"path": str(tmp_path / "hospital")}}}
    (clone / "hospital.yaml").write_text(yaml.safe_dump(overlay))
    return clone, tmp_path / "hospital"


def run_volumes(clone):
    arguments = ("--configfile", "config/smoke.yaml", "hospital.yaml", "--cores", "2")
    return run_snakemake(clone, *arguments, "results/volumes/internal/0")


def test_data_of_ones_own_gets_a_secret_and_pseudonyms(hospital, study):
    clone, _ = hospital
    result = run_volumes(clone)
    assert result.returncode == 0, result.stdout[-3000:]
    assert (clone / "resources/identity/key").stat().st_mode & 0o077 == 0
    ours = {file.name for file in (clone / "results/volumes/internal/0").glob("c*.json")}
    theirs = {file.name for file in (study[0] / "results/volumes/internal/0").glob("c*.json")}
    assert len(ours) == len(theirs) == 4
    assert not ours & theirs


def test_another_clone_takes_from_the_store_what_a_first_one_made(study, tmp_path):
    """Slices and a training: the same bytes, no epoch trained; a changed setting is a miss."""
    weights = "results/upstream/smartnet/seed-1/model.safetensors"
    overlay = tmp_path / "store.yaml"
    overlay.write_text(f"store: {{path: {tmp_path / 'store'}}}\n")
    clones = {}
    for name in ("first", "second"):
        clones[name] = copy_checkout(tmp_path / name)
        shutil.copytree(study[0] / "resources/phantom", clones[name] / "resources/phantom")
        shutil.copytree(study[0] / ".snakemake/metadata", clones[name] / ".snakemake/metadata")
        options = ("--configfile", "config/smoke.yaml", str(overlay), "--cores", "2")
        result = run_snakemake(clones[name], *options, weights)
        assert result.returncode == 0, result.stdout[-3000:]
    logs = {name: (clone / "logs/upstream/smartnet/seed-1.log").read_text() for name, clone in clones.items()}
    assert "epoch 1/2" in logs["first"] and "kept in the store" in logs["first"]
    assert "epoch" not in logs["second"] and "taken from the store" in logs["second"]
    for log in clones["second"].glob("logs/*/*/*.log"):
        assert log.parts[-3] not in ("volumes", "slices") or "taken from the store" in log.read_text()
    assert (clones["second"] / weights).read_bytes() == (study[0] / weights).read_bytes()
    record = json.loads(
        (clones["second"] / "resources/runs/upstream/pretext=smartnet,seed=1.json").read_text()
    )
    assert record["stored"] is True
    overlay.write_text(overlay.read_text() + "upstream: {epochs: 3}\n")
    result = run_snakemake(clones["second"], *options, weights)
    assert result.returncode == 0, result.stdout[-3000:]
    assert "epoch 3/3" in (clones["second"] / "logs/upstream/smartnet/seed-1.log").read_text()
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "store").rglob("*")} == {0}


def test_a_mask_of_another_shape_is_one_readable_message(hospital):
    import nibabel
    import numpy as np

    clone, folder = hospital
    mask = next((folder / "masks").glob("*.nii.gz"))
    nibabel.save(nibabel.Nifti1Image(np.ones((5, 6, 7), np.uint8), np.eye(4)), mask)
    result = run_volumes(clone)
    assert result.returncode != 0
    line = next(line for line in result.stdout.splitlines() if line.startswith("DataError: "))
    assert mask.name in line or "mask" in line
    assert re.search(r"c[0-9a-f]{12}", line)


def test_a_folder_without_ct_is_one_readable_message(hospital):
    clone, folder = hospital
    shutil.rmtree(folder / "dicom")
    (folder / "dicom").mkdir()
    (folder / "dicom" / "letter.txt").write_text("no CT here")
    result = run_volumes(clone)
    assert result.returncode != 0
    assert re.search(r"^DataError: .*CT", result.stdout, re.MULTILINE)
