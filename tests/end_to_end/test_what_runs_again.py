"""A finished study: what runs again is what the table says, `make why` explains it, the guard stops it."""

import re
import shutil
from collections import Counter

import pytest
import yaml
from snakemake.utils import update_config
from support import SMOKE, artifacts, run_snakemake

from snakemake_reruns.effects import LAST, effect, of_modules
from snakemake_reruns.settings import changed
from snakemake_reruns.study import ROOT, jobs_of, prepare

pytestmark = pytest.mark.end_to_end
FINGERPRINTED = "smartnet.networks.operators.recurrent"


@pytest.fixture(scope="module")
def base():
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    update_config(config, yaml.safe_load((ROOT / "config/smoke.yaml").read_text()))
    return config


@pytest.fixture(scope="module")
def working(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("resolved"))


@pytest.fixture(scope="module")
def copy(study, tmp_path_factory):
    """The finished study, to be changed."""
    return shutil.copytree(study[0], tmp_path_factory.mktemp("changed") / "study", symlinks=True)


def overlay(folder, values):
    path = folder / "changed.yaml"
    path.write_text(yaml.safe_dump(changed({}, values)))
    return (*SMOKE, str(path), "--cores", "2")


def planned(folder, *arguments):
    """Rules of a dry run, by the number of their jobs."""
    result = run_snakemake(folder, *arguments, "--dry-run")
    assert result.returncode == 0, result.stdout[-3000:]
    return Counter(re.findall(r"^(?:local)?rule (\w+):", result.stdout, re.MULTILINE))


def why(folder, *arguments):
    result = run_snakemake(
        folder, *arguments, "--executor", "why", "--quiet", "all", PYTHONPATH=str(folder / "scripts")
    )
    assert result.returncode == 0, result.stdout[-3000:]
    return result.stdout


@pytest.mark.parametrize(
    "values",
    [
        {"downstream.classification.learning_rate": 0.002},
        {"evaluation.replicates": 60},
        {"explain.cases": 2},
        {"upstream.batch_size": 16},
        {"preprocess.level": 41},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_dry_run_plans_what_the_table_says(study, base, working, tmp_path, values):
    jobs, other = jobs_of(base, working), jobs_of(changed(base, values), working)
    direct = {key for key in jobs if jobs[key].settings != other[key].settings}
    found = effect(direct, jobs, jobs)
    rules = planned(study[0], *overlay(tmp_path, values))
    assert set(rules) - {"all", LAST} == found.direct | found.follow
    trained = {rule: rules[rule] for rule in ("upstream", "downstream", "visual_words") if rules[rule]}
    assert trained == dict(found.trained)


def test_of_a_finished_study_nothing_is_to_be_redone(study):
    assert why(study[0], *SMOKE, "--cores", "2").splitlines()[-1] == "Nothing to redo."


def test_another_module_plans_what_the_table_says_and_is_named(copy, base, working):
    found = of_modules(jobs_of(base, working), [FINGERPRINTED])[FINGERPRINTED]
    file = copy / "scripts/smartnet/networks/operators/recurrent.py"
    before = file.read_text()
    file.write_text(f"{before}\nMORE = 1\n")
    rules, text = planned(copy, *SMOKE), why(copy, *SMOKE)
    file.write_text(before)
    assert set(rules) - {"all", LAST} == found.direct | found.follow
    assert rules["downstream"] == dict(found.trained)["downstream"] == 2
    line = next(line for line in text.splitlines() if line.startswith("downstream"))
    assert re.fullmatch(
        r"downstream, 2 jobs \(scratch_bilstm seed 1 \.\.\. smartnet_bilstm seed 1\): its library code "
        rf"changed \({re.escape(FINGERPRINTED)}\) \(took .+ in all last time\)",
        line,
    )


def test_training_is_done_again_only_with_the_users_word(copy, tmp_path):
    values = {"downstream.classification.learning_rate": 0.002, "guard.training_hours": 0.0}
    arguments, before = overlay(tmp_path, values), artifacts(copy)
    refused = run_snakemake(copy, *arguments)
    assert refused.returncode == 1
    assert re.search(
        r"^.+ s of training would be done again, guard\.training_hours is 0: downstream scratch_bilstm seed "
        r"1 and 1 more, because setting settings\.learning_rate changed from 0\.001 to 0\.002; nothing was "
        r"deleted or run\. See all by `make why`, go on by `--config confirm=true`$",
        refused.stdout,
        re.MULTILINE,
    )
    assert artifacts(copy) == before
    target = ("--config", "confirm=true", "--", "results/downstream/scratch_bilstm/seed-1/model.safetensors")
    agreed = run_snakemake(copy, *arguments, *target)
    assert agreed.returncode == 0, agreed.stdout[-3000:]
    assert "1 of 1 steps" in agreed.stdout
    assert {path for path, digest in artifacts(copy).items() if digest != before[path]} >= {
        "downstream/scratch_bilstm/seed-1/model.safetensors"
    }
