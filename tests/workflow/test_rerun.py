"""What runs again when a setting or a module changes: the committed table, and what must never retrain."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from smartnet import fingerprint as fp
from snakemake_reruns.effects import _differing
from snakemake_reruns.page import TABLE, describe, measure
from snakemake_reruns.settings import changed
from snakemake_reruns.study import ROOT, Job, jobs_of, prepare

STAGES = ("smartnet.training.downstream", "smartnet.predict.segmentation", "smartnet.figures.roc")


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return measure(tmp_path_factory.mktemp("rerun"))


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """The default configuration, a working folder, and the jobs."""
    config, folder = yaml.safe_load((ROOT / "config.yaml").read_text()), tmp_path_factory.mktemp("default")
    return config, prepare(folder), jobs_of(config, folder)


def test_no_number_of_a_job_can_hide_another(default):
    """Snakemake compares values without names: of two numbers, one may become what the other is, or was."""
    numbers = {
        rule: {path: text for path, text in job.settings.items() if "." not in path and is_number(text)}
        for (rule, _), job in default[2].items()
        if rule not in ("catalog", "split")  # shards and a thickness in mm; a share below one and a seed
    }
    assert {rule: found for rule, found in numbers.items() if len(found) > 1} == {}


def is_number(text):
    return isinstance(ast.literal_eval(text), int | float) and text not in ("True", "False")


def test_a_setting_that_becomes_equal_to_another_one_counts(default):
    config, folder, _ = default
    assert config["downstream"]["segmentation"]["max_slices"] == 64
    assert config["baseline"]["threshold_hu"] == 50
    before, after = (jobs_of(changed(config, {"explain.localise": limit}), folder) for limit in (64, 50))
    assert {rule for rule, _ in _differing(before, after)} == {"localisation"}


def test_jobs_are_compared_as_snakemake_does():
    def job(**params):
        return Job(frozenset(map(repr, params.values())), params, ((), ()), "", frozenset())

    before, after, key = job(limit=64, slices=64, hu=50), job(limit=50, slices=64, hu=50), ("rule", ())
    assert _differing({key: before}, {key: after}) == set()
    assert _differing({key: before}, {key: job(limit=49, slices=64, hu=50)}) == {key}


def test_the_committed_table_is_what_the_workflow_does(measured):
    assert describe(measured) == TABLE.read_text(), "run `make docs`, and look at what changed"


@pytest.mark.parametrize(
    "group", ["style", "report", "explain", "evaluation", "baseline", "privacy", "guard", "confirm"]
)
def test_settings_of_what_comes_after_training_train_nothing_again(measured, group):
    found = {path: effect for path, effect in measured.settings.items() if path.partition(".")[0] == group}
    assert found
    assert {path: effect.trained for path, effect in found.items() if effect.trained} == {}


@pytest.mark.parametrize("path", ["guard.training_hours", "confirm", "report.budget_mb"])
def test_settings_of_the_run_itself_make_nothing_again(measured, path):
    effect = measured.settings[path]
    assert not effect.direct | effect.follow | effect.new


@pytest.mark.parametrize(
    "package",
    ["figures", "quality", "browser", "explain", "privacy", "report", "doctor", "job", "why", "metrics"],
)
def test_modules_of_what_comes_after_training_train_nothing_again(measured, package):
    start = f"smartnet.{package}"
    found = {name: effect for name, effect in measured.modules.items() if f"{name}.".startswith(f"{start}.")}
    assert found
    assert {name: effect.trained for name, effect in found.items() if effect.trained} == {}


@pytest.mark.parametrize("module", ["config", "experiments", "fingerprint", "config_reference"])
def test_modules_that_arrange_the_study_train_nothing_again(measured, module):
    assert not measured.modules[f"smartnet.{module}"].trained


def test_more_seeds_starts_and_operators_train_only_what_is_new(measured):
    for path in (
        "seeds",
        "pretexts",
        "operators.classification",
        "operators.segmentation",
        "operators.pretexts",
    ):
        assert not measured.settings[path].trained
        assert "downstream" in measured.settings[path].new


def test_a_module_trains_what_runs_it_and_nothing_else(measured):
    total = measured.training
    trained = {
        name: dict(measured.modules[f"smartnet.{name}"].trained)
        for name in (
            "networks.operators.pooling",
            "networks.operators.recurrent",
            "networks.operators.convolution",
            "training.restoration",
            "training.naming",
            "training.downstream",
            "losses",
        )
    }
    starts, other, once = 6, 1, 1  # bilstm and conv3d of each start; of a checkpoint the file has both
    assert trained["networks.operators.pooling"] == {"downstream": once}  # mean
    assert trained["networks.operators.recurrent"] == {"downstream": starts + other + 2}  # gru, convlstm
    assert trained["networks.operators.convolution"] == {"downstream": starts + other + once}  # none
    assert trained["training.restoration"] == {"upstream": 2, "downstream": 4}
    assert trained["training.naming"] == {"upstream": 1, "downstream": 2}
    assert trained["training.downstream"] == {"downstream": total["downstream"]}
    assert trained["losses"]["upstream"] == total["upstream"]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the library whose fingerprints are taken from now on."""
    folder = shutil.copytree(fp.ROOT, tmp_path / "smartnet", ignore=shutil.ignore_patterns("__pycache__"))
    before = [fp.fingerprint(stage) for stage in STAGES]
    monkeypatch.setattr(fp, "ROOT", folder)
    forget()
    yield folder, before
    forget()


def forget():
    for function in (fp._source_file, fp._parse, fp._behaviour, fp._imported, fp._module_of, fp.fingerprint):
        function.cache_clear()


def test_another_layout_changes_no_fingerprint(copy):
    folder, before = copy
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--line-length",
        "79",
        "--quiet",
        str(folder),
    ]
    subprocess.run(command, check=True)
    assert (folder / "losses.py").read_text() != (
        Path(__file__).parents[2] / "scripts/smartnet/losses.py"
    ).read_text()
    assert [fp.fingerprint(stage) for stage in STAGES] == before


def test_no_comment_and_no_docstring_counts(copy):
    folder, before = copy
    for file in folder.rglob("*.py"):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
                and ast.get_docstring(node) is not None
            ):
                node.body = node.body[1:] or [ast.Pass()]
        file.write_text(ast.unparse(tree))
    assert [fp.fingerprint(stage) for stage in STAGES] == before


def test_behaviour_counts(copy):
    folder, before = copy
    file = folder / "networks/decoders.py"
    file.write_text(file.read_text() + "\nMORE = 1\n")
    after = [fp.fingerprint(stage) for stage in STAGES]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, False, True]
