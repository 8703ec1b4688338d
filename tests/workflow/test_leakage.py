"""No test set has a way to an operating point: proved on the files that jobs read and write, for every model.

One job may read all data sets, `split`: it looks for patients and images that stand in two of them, and what
it hands on are names. `tests/unit/slices/test_split.py` holds that its rows of the development set do not
depend on the test sets. So the walk upwards ends at the split.
"""

import re

import pytest
import yaml
from support import ROOT, copy_checkout, run_snakemake

from smartnet.experiments import models

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
TEST_SETS = [name for name, entry in CONFIG["datasets"].items() if entry["role"] == "test"]
MODELS = models(CONFIG)
OF_A_TEST_SET = re.compile(rf"(^|/)({'|'.join(TEST_SETS)})([/._]|$)")


def threshold(model):
    return f"results/downstream/{model}/seed-1/threshold.json"


def planned(checkout, targets):
    """Every job of a dry run: its rule, the files it reads and those it writes."""
    result = run_snakemake(checkout, "--cores", "2", "--dry-run", *targets)
    assert result.returncode == 0, result.stdout
    jobs = []
    for rule, body in re.findall(r"^rule (\w+):\n((?: .*\n)*)", result.stdout, re.MULTILINE):
        files = {key: value.split(", ") for key, value in re.findall(r"^ +(input|output): (.*)$", body, re.M)}
        jobs.append((rule, files.get("input", []), files["output"]))
    return jobs


def upstream_of(target, jobs):
    """The jobs on whose files a file depends, nothing above the split."""
    makers = {path: job for job in jobs for path in job[2]}
    found, wanted = [], [target]
    while wanted:
        job = makers.get(wanted.pop())
        if job and job not in found:
            found.append(job)
            wanted += [] if job[0] == "split" else job[1]
    return found


def leaks(jobs):
    """Rules that read or write something of a test set."""
    return {
        rule
        for rule, read, written in jobs
        if rule != "split" and any(OF_A_TEST_SET.search(path) for path in read + written)
    }


@pytest.fixture(scope="module")
def jobs(checkout):
    return planned(checkout, map(threshold, MODELS))


@pytest.mark.parametrize("model", MODELS)
def test_no_job_above_a_threshold_reads_a_test_set(jobs, model):
    above = upstream_of(threshold(model), jobs)
    rules = {rule for rule, _, _ in above}
    made = {"operating_point", "volumes", "catalog", "index", "phantom", "split"}
    learned = {"downstream", "upstream", "slices"}
    assert rules == made | (learned if MODELS[model].pretext else {"validate_baseline"})
    assert leaks(above) == set()


def test_the_split_is_the_only_job_that_sees_both_sides(jobs):
    """Without the exception the walk would find the test sets: the files are named as the pattern has it."""
    assert leaks(jobs) == {"phantom", "index", "catalog", "volumes", "slices"}
    reading = [rule for rule, read, _ in jobs if any(OF_A_TEST_SET.search(path) for path in read)]
    assert {"split"} < set(reading) <= {"split", "index", "catalog", "volumes", "slices"}


EDITS = {
    "operating_point": (
        "downstream.smk",
        '        validation="results/downstream/{model}/seed-{seed}/validation.csv",\n    output:',
        '        validation="results/downstream/{model}/seed-{seed}/validation.csv",\n'
        '        peek="results/predictions/{model}/seed-{seed}/public.csv",\n    output:',
    ),
    "downstream": ("downstream.smk", 'slices_of_role("development")', 'shard_folders("slices", DATASETS)'),
    "validate_baseline": ("downstream.smk", ' if DATASETS[name]["role"] == "development"', ""),
    "upstream": ("upstream.smk", 'slices_of_role("development")', 'shard_folders("slices", DATASETS)'),
}


def test_a_rule_that_was_edited_to_read_a_test_set_is_caught(tmp_path):
    folder = copy_checkout(tmp_path)
    for file, before, after in EDITS.values():
        text = (folder / "rules" / file).read_text()
        assert before in text
        (folder / "rules" / file).write_text(text.replace(before, after))
    targets = [threshold(name) for name in ("smartnet_bilstm", "threshold-50hu_classification")]
    edited = planned(folder, targets)
    caught = [leaks(upstream_of(target, edited)) for target in targets]
    assert {"operating_point", "downstream", "upstream"} < caught[0]
    assert {"operating_point", "validate_baseline"} < caught[1]
