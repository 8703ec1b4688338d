"""The DAG without data: every configuration and profile plans, and wrong input is refused at once."""

import re
from pathlib import Path

import pytest
import yaml
from support import ROOT, run_snakemake

CONFIGS = [
    "config.yaml",
    *(f"config/{file.name}" for file in ROOT.glob("config/*.yaml") if file.stem not in ("schema", "config")),
]
PROFILES = sorted(folder.name for folder in (ROOT / "profiles").iterdir())


def plan(checkout, *arguments):
    return run_snakemake(checkout, "--dry-run", "--quiet", "rules", *arguments)


def counts(output):
    """Jobs by rule, from the table that a dry run prints."""
    return {name: int(number) for name, number in re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("config", CONFIGS)
def test_every_configuration_plans_with_every_profile(checkout, config, profile):
    result = plan(
        checkout, "--cores", "2", "--configfile", config, "--workflow-profile", f"profiles/{profile}"
    )
    assert result.returncode == 0, result.stdout
    assert counts(result.stdout)["metrics"] == 1


def test_default_study_has_a_job_per_model_and_test_set(checkout):
    jobs = counts(plan(checkout, "--cores", "2").stdout)
    assert (jobs["upstream"], jobs["downstream"]) == (3, 6)
    assert jobs["predict_classification"] + jobs["predict_segmentation"] == 24
    assert jobs["predict_baseline"] == 8
    assert jobs["measures"] == 16


def test_visual_words_are_found_by_an_auto_encoder_that_need_not_be_listed(checkout):
    target = "results/upstream/transvw/seed-1/model.safetensors"
    jobs = counts(plan(checkout, "--cores", "2", "--config", "pretexts=[transvw]", "--", target).stdout)
    assert (jobs["upstream"], jobs["visual_words"]) == (2, 1)


def test_visual_words_of_files_need_no_search(checkout, tmp_path):
    target = "results/upstream/transvw/seed-1/model.safetensors"
    config = ("--config", "pretexts=[transvw]", f"words={{folder: {tmp_path}}}")
    jobs = counts(plan(checkout, "--cores", "2", *config, "--", target).stdout)
    assert jobs["upstream"] == 1 and "visual_words" not in jobs


def test_an_operator_ablation_adds_one_model_per_operator_and_start(checkout, tmp_path):
    operators = {"classification": ["bilstm", "gru", "mean"], "segmentation": ["conv3d", "none", "non-local"]}
    overlay = tmp_path / "operators.yaml"
    overlay.write_text(yaml.safe_dump({"operators": operators}))
    jobs = counts(plan(checkout, "--cores", "2", "--configfile", str(overlay)).stdout)
    assert (jobs["upstream"], jobs["downstream"]) == (3, 6 + 4)
    assert jobs["predict_classification"] + jobs["predict_segmentation"] == 40


@pytest.mark.parametrize("figure", ["figures/roc.pdf", "figures/segmentation.pdf", "figures/learning.pdf"])
def test_starts_are_compared_by_the_first_operator_of_an_ablation(checkout, figure):
    arguments = ("--dry-run", "--configfile", "config/ablation.yaml", "--")
    result = run_snakemake(checkout, *arguments, f"results/{figure}")
    name = Path(figure).stem
    drawn = re.search(rf"^(?:local)?rule figure_{name}:\n((?: .*\n)*)", result.stdout, re.MULTILINE)[1]
    models = set(re.findall(r"\w[\w-]*_[a-z0-9-]+(?=/seed-1/)", drawn))
    several = {"smartnet_gru", "smartnet_vit3d"} & models
    assert bool(several) == (name == "learning")
    assert not re.search("/seed-[23]/", drawn)
    task = {"roc": ["bilstm"], "segmentation": ["conv3d"], "learning": ["bilstm", "conv3d"]}[name]
    assert {f"{start}_{operator}" for start in ("scratch", "cls", "smartnet") for operator in task} <= models


def test_starts_from_files_are_read_not_trained(checkout, tmp_path):
    for name in ("resnet.pth", "model.safetensors", "model.json"):
        (tmp_path / name).write_bytes(b"0")
    overlay = tmp_path / "weights.yaml"
    overlay.write_text(
        "pretexts: [scratch, imagenet, checkpoint]\nseeds: [1, 2]\n"
        f"pretrained: {{imagenet: {tmp_path / 'resnet.pth'}, checkpoint: {tmp_path}}}\n"
    )
    result = plan(checkout, "--cores", "2", "--configfile", "config/smoke.yaml", str(overlay))
    jobs = counts(result.stdout)
    assert (jobs["upstream"], jobs["pretrained"], jobs["downstream"]) == (2, 4, 12), result.stdout
    detail = run_snakemake(
        checkout, "--cores", "2", "--dry-run", "--configfile", "config/smoke.yaml", str(overlay)
    ).stdout
    blocks = re.findall(r"^rule pretrained:\n((?: .*\n)*)", detail, re.MULTILINE)
    read = {re.search(r"input: (.*)", block)[1] for block in blocks}
    assert read == {
        f"{tmp_path}/resnet.pth",
        f"{tmp_path}/model.safetensors, {tmp_path}/model.json",
    }


def test_a_start_from_a_file_needs_one(checkout):
    result = plan(checkout, "--cores", "2", "--config", "pretexts=[imagenet]")
    assert result.returncode != 0
    assert "'pretexts' lists 'imagenet', but 'pretrained.imagenet' is null" in result.stdout


def test_the_scan_for_identifiers_comes_after_every_other_job(checkout):
    graph = run_snakemake(checkout, "--configfile", "config/smoke.yaml", "--dag").stdout
    names = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', graph, re.MULTILINE))
    edges = re.findall(r"^\s*(\d+) -> (\d+)", graph, re.MULTILINE)
    before = {job for job, name in names.items() if name == "phi_scan"}
    while more := {source for source, target in edges if target in before} - before:
        before |= more
    assert {names[job] for job in names.keys() - before} == {"all"}


def test_a_misspelt_key_on_the_command_line_is_named(checkout):
    result = plan(checkout, "--cores", "2", "--config", "sed=3")
    assert result.returncode != 0
    assert "unknown key 'sed'; did you mean 'seed'?" in result.stdout
