"""The workflow inside another one: by its path and from a host; and what Snakemake's catalog asks for."""

import os
import re
import subprocess

import pytest
import yaml
from support import ROOT, copy_checkout, run_snakemake

SMALL = {
    "datasets": {"public": {"phantom": {"cases": 2}}},
    "phantom": {"matrix": 64},
    "preprocess": {"size": [32, 32]},
}
CALLER = """
configfile: {configfile!r}

module smartnet:
    snakefile: {snakefile}
    config: {config}

use rule * from smartnet {renamed}

rule poster:
    input: "results/metrics.csv"
    output: "poster.txt"
    shell: "head -1 {{input}} > {{output}}"
"""


def caller(folder, snakefile, configfile, *, config="config", renamed=""):
    """Write a workflow that uses this one and has a rule of its own."""
    text = CALLER.format(snakefile=snakefile, configfile=str(configfile), config=config, renamed=renamed)
    (folder / "Snakefile").write_text(text)
    return folder


def planned(folder, *targets):
    result = run_snakemake(folder, "--dry-run", "--quiet", "rules", "--cores", "2", "--", *targets)
    assert result.returncode == 0, result.stdout
    return dict(re.findall(r"^(\w+) +(\d+)$", result.stdout, re.MULTILINE))


def test_every_target_plans_under_its_own_name(tmp_path, checkout):
    configfile = ROOT / "config/config.yaml"  # as snakedeploy hands it over
    folder = caller(tmp_path, repr(str(checkout / "workflow/Snakefile")), configfile)
    jobs = planned(folder, "all", "figures", "tables", "data", "poster")
    assert jobs["poster"] == jobs["metrics"] == jobs["phi_scan"] == jobs["figures"] == "1"
    assert jobs["phantom"] == "5"


def test_every_target_plans_under_another_name(tmp_path, checkout):
    (tmp_path / "both.yaml").write_text(yaml.safe_dump({"ct": SMALL, "ours": 1}))
    renamed = {"config": "config['ct']", "renamed": "as smartnet_*"}
    folder = caller(tmp_path, repr(str(checkout / "Snakefile")), "both.yaml", **renamed)
    targets = [f"smartnet_{name}" for name in ("all", "figures", "tables", "data")]
    jobs = planned(folder, *targets, "poster")
    assert jobs["poster"] == jobs["smartnet_figure_roc"] == jobs["smartnet_quality"] == "1"
    others = {name for name in jobs if not name.startswith("smartnet_")}
    assert others == {"poster", "total"}


def test_a_prefix_of_paths_is_refused(tmp_path, checkout):
    (tmp_path / "empty.yaml").write_text("{}")
    folder = caller(
        tmp_path, repr(str(checkout / "Snakefile")), "empty.yaml", config='config\n    prefix: "ct"'
    )
    result = run_snakemake(folder, "--dry-run")
    assert result.returncode != 0
    assert "leave it out, and run in a working folder of its own" in result.stdout


@pytest.fixture
def host(tmp_path):
    """Variables by which git takes an address on GitHub for a repository here, with this workflow as v1."""
    repository = copy_checkout(tmp_path / "host")
    git = ("git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x@example.org")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "v1"], ["tag", "v1"]):
        subprocess.run([*git, *command], check=True, env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull})
    address = {
        f"url.{repository.as_uri()}.insteadOf": "https://github.com/someone/smartnet",
        "safe.directory": "*",
    }
    variables = {"GIT_CONFIG_COUNT": str(len(address)), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for number, (key, value) in enumerate(address.items()):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


def test_slices_are_made_by_a_module_from_a_host(tmp_path, host):
    (tmp_path / "study").mkdir()
    (tmp_path / "study/small.yaml").write_text(yaml.safe_dump(SMALL))
    source = 'github("someone/smartnet", path="workflow/Snakefile", tag="v1")'
    folder = caller(tmp_path / "study", source, "small.yaml", renamed="as smartnet_*")
    result = run_snakemake(folder, "--cores", "2", "--", "results/slices/public/0", **host)
    assert result.returncode == 0, result.stdout[-3000:]
    assert (folder / "results/slices/public/0/images.npy").is_file()
    assert "rule smartnet_slices:" in result.stdout


def test_the_catalog_can_draw_the_graph_of_rules(tmp_path, checkout):
    """With the catalog's own command, from a folder that has no configuration."""
    arguments = ("--cores", "1", "--forceall", "--rulegraph", "--directory", str(tmp_path / ".test"))
    result = run_snakemake(checkout, "--snakefile", "workflow/Snakefile", *arguments)
    assert result.returncode == 0, result.stdout
    assert '"phi_scan"' in result.stdout


def test_the_catalog_finds_what_it_asks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["software-stack-deployment"]["conda"] is True
    assert usage["software-stack-deployment"]["report"] is True
    for name in ("LICENSE", "config/README.md", "workflow/Snakefile"):
        assert (ROOT / name).is_file()
    readme = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in readme and "workflow" in readme
