"""A whole ablation in small: every kind of start, also from files, and every 3D operator of both tasks."""

import json
import re

import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file
from support import ROOT, copy_checkout, run_snakemake
from unit.released import formula_weights, torchvision_weights

from smartnet.figures.names import OPERATORS, STARTS
from smartnet.fingerprint import modules_behind

pytestmark = pytest.mark.end_to_end
CONFIG = ("--configfile", "config/smoke.yaml", "config/ablation.yaml", "files.yaml", "--cores", "2")
# Sets of heads beside these are the same code with other heads.
HERE = ["scratch", "imagenet", "models-genesis", "transvw", "rec", "smartnet", "checkpoint"]
CHECKPOINT = {"network": "upstream", "depth": 18, "width": 0.125, "attention": "all"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The ablation with one seed, run once: its folder and what Snakemake printed."""
    folder = copy_checkout(tmp_path_factory.mktemp("ablation"))
    torch.save(torchvision_weights(depth=18, width=0.125), folder / "resnet18.pth")
    torch.save({"model_state_dict": formula_weights(CHECKPOINT)}, folder / "checkpoint.pth")
    overlay = {
        "seeds": [1],
        "pretexts": HERE,
        "pretrained": {"imagenet": "resnet18.pth", "checkpoint": "checkpoint.pth"},
    }
    (folder / "files.yaml").write_text(yaml.safe_dump(overlay))
    spy = {"PYTHONPATH": str(ROOT / "tests/spies"), "LOADED_MODULES": str(folder / "loaded.jsonl")}
    result = run_snakemake(folder, *CONFIG, timeout=1800, **spy)
    assert result.returncode == 0, result.stdout[-6000:]
    return folder, result.stdout


def jobs(output):
    return re.findall(r"^(?:local)?rule (\w+):", output, re.MULTILINE)


def test_every_rule_was_run(study):
    """`identity_key` belongs to data of one's own."""
    folder, output = study
    text = "".join(file.read_text() for file in (folder / "rules").glob("*.smk"))
    rules = re.findall(r"^rule (\w+):\n((?: .*\n|\n)*)", text, re.MULTILINE)
    assert {name for name, body in rules if "script:" in body} - set(jobs(output)) == {"identity_key"}
    assert jobs(output).count("pretrained") == 2
    assert jobs(output).count("downstream") == 2 * len(HERE) + 7 + 4


def test_no_job_loads_a_module_that_its_fingerprint_lacks(study):
    """Adapters import what surrounds every job besides; what is chosen by name must be in the fingerprint."""
    folder = study[0]
    behind = json.loads((folder / ".snakemake/fingerprints.json").read_text())
    around = {*modules_behind("smartnet.job.run")}
    rows = [json.loads(line) for line in (folder / "loaded.jsonl").read_text().splitlines()]
    assert {"upstream", "visual_words", "downstream", "maps", "pretrained"} <= {row["rule"] for row in rows}
    lacking = {
        f"{row['rule']} {row['wildcards']}": sorted(more)
        for row in rows
        if row["code"] and (more := {*row["loaded"]} - {*behind[row["code"]]} - around)
    }
    assert lacking == {}


def test_a_second_run_has_nothing_to_do(study):
    assert "Nothing to be done" in run_snakemake(study[0], *CONFIG).stdout


def test_every_start_is_a_column_of_the_panels(study):
    results = study[0] / "results"
    cases = pd.read_csv(results / "maps/cases.tsv", sep="\t")
    for start in HERE:
        maps = pd.read_csv(results / f"maps/{start}/seed-1/maps.tsv", sep="\t")
        assert list(maps["case"]) == list(cases["case"])
        assert (results / f"features/{start}/seed-1/tsne.tsv").is_file()
    others = {"cases.tsv", "browsed.tsv", "browsed"}
    assert {path.name for path in (results / "maps").iterdir()} == {*HERE, *others}
    text = "".join(file.read_text() for file in (study[0] / "rules").glob("*.smk"))
    rules = re.findall(r"^rule figure_(\w+):", text, re.MULTILINE)
    assert {file.stem for file in (results / "figures").glob("*.png")} == set(rules)


def rows_of(path):
    """The rows of a table, without the note below some."""
    table = pd.read_csv(path)
    return table[~table["Test set"].str.startswith("Note: ")]


def test_every_start_and_every_operator_is_a_row_of_the_tables(study):
    tables = study[0] / "results/tables"
    pretexts = rows_of(tables / "pretexts.csv")
    assert sorted(pretexts["Start"]) == sorted(STARTS[start] for start in HERE)
    assert pretexts[["AUC", "F1", "SEN", "SPE", "DSC", "FPV (mL)"]].notna().all(axis=None)
    operators = rows_of(tables / "operators.csv")
    assert list(operators["Operator"]) == list(OPERATORS.values())
    assert set(operators["Start"]) == {"SMART-Net"}
    for task in ("classification", "segmentation"):
        compared = rows_of(tables / f"{task}.csv")
        assert sorted(compared["Model"]) == sorted([*(STARTS[start] for start in HERE), "50-HU threshold"])


def test_transvw_finds_its_words_first(study):
    folder, output = study
    words = pd.read_csv(folder / "results/words/seed-1/words.tsv", sep="\t")
    assert sorted(words["word"].unique()) == [0, 1, 2]
    outputs = [
        output.index(f"results/upstream/{start}/seed-1/model.safetensors,") for start in ("rec", "transvw")
    ]
    assert outputs[0] < output.index("rule visual_words:") < outputs[1]


def test_starts_from_files_go_where_trained_ones_go(study):
    results = study[0] / "results"
    weights = load_file(results / "upstream/checkpoint/seed-1/model.safetensors")
    given = formula_weights(CHECKPOINT)
    assert all(torch.equal(value, given[name]) for name, value in weights.items())
    features = {
        (results / f"features/{start}/seed-1/features.npy").read_bytes()
        for start in ("imagenet", "checkpoint", "scratch")
    }
    assert len(features) == 3
