"""What a cluster is asked for: every rule says what it needs, and the profiles know every rule."""

import re

import pytest
import yaml
from support import ROOT, SMOKE, run_snakemake

CLUSTERS = ("slurm", "cluster-generic")
RULES = {
    name: text
    for file in sorted(ROOT.glob("rules/*.smk"))
    for name, text in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)*)", file.read_text(), re.MULTILINE)
}
ON_GPU = {name for name, text in RULES.items() if "        gpu=" in text}
DRAWN = {name for name in RULES if name.startswith(("figure_", "table_"))}


def profile(name):
    return yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())


def resources(output):
    """Memory and time that a dry run names, by rule."""
    asked = re.findall(r"^ *(?:local)?rule (\w+):\n(?: .*\n)*? +resources: (.*)", output, re.MULTILINE)
    return {
        name: tuple(int(re.search(rf"\b{key}=(\d+)", text)[1]) for key in ("mem_mb", "runtime"))
        for name, text in asked
        if "runtime=" in text
    }


@pytest.mark.parametrize("name", sorted(name for name, text in RULES.items() if "localrule:" not in text))
def test_a_rule_says_how_much_it_needs_and_asks_for_more_when_sent_again(name):
    assert re.search(r"^    threads: ", RULES[name], re.MULTILINE)
    for resource in ("mem_mb", "runtime"):
        assert re.search(
            rf"^        {resource}=growing(_by_thread|_by_device)?\(\d+\),$", RULES[name], re.MULTILINE
        )


def test_memory_and_time_of_every_job_double_at_the_second_attempt(checkout):
    plan = ("--dry-run", "--cores", "2", *SMOKE, "--attempt")
    first, second = (resources(run_snakemake(checkout, *plan, attempt).stdout) for attempt in ("1", "2"))
    asking = {name for name in first if "        mem_mb=" in RULES.get(name, "")}
    assert len(asking) > 50
    assert {name: second[name] for name in asking} == {
        name: (2 * first[name][0], 2 * first[name][1]) for name in asking
    }
    assert min(first[name][0] for name in asking) >= 500, "Snakemake itself finds no room in such a job"


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_profile_sends_all_rules_with_a_gpu_to_its_partition_and_no_other(name):
    assert set(profile(name)["set-resources"]) == ON_GPU


@pytest.mark.parametrize("name", CLUSTERS)
def test_a_profile_groups_every_drawing_and_no_rule_that_is_not_there_or_has_a_gpu(name):
    groups = profile(name)["groups"]
    assert set(groups) <= set(RULES) - ON_GPU
    assert {rule for rule in DRAWN if groups.get(rule) != "drawing"} == set()
    assert set(profile(name)["group-components"]) <= set(groups.values())
    assert groups == profile(CLUSTERS[0])["groups"]


@pytest.mark.parametrize("name", ["default", *CLUSTERS])
def test_no_job_asks_for_a_gpu_where_there_is_none(checkout, name):
    options = ("--dry-run", "--cores", "2", "--workflow-profile", f"profiles/{name}", "--resources", "gpu=0")
    output = run_snakemake(checkout, *SMOKE, *options).stdout
    assert re.search(r"^ *rule upstream:\n(?: .*\n)*? +resources: .*\bgpu=0\b", output, re.MULTILINE)
    assert not re.search(r"\bgpu=[1-9]", output)


@pytest.mark.parametrize("name", ["default", *CLUSTERS])
def test_every_key_of_a_profile_is_explained(name):
    lines = (ROOT / f"profiles/{name}/config.yaml").read_text().splitlines()
    bare = [
        line
        for before, line in zip(["", *lines[:-1]], lines, strict=True)
        if re.match(r"[\w-]+:", line) and "#" not in line and not before.startswith("#")
    ]
    assert set(bare) <= {"executor: slurm", "executor: cluster-generic"}
