"""Style of Python and Snakemake, as `make lint` checks it, and the shape of rules and adapters."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, run_snakemake

BIN = Path(sys.executable).parent
RULES = sorted(ROOT.glob("rules/*.smk"))
ADAPTERS = sorted(ROOT.glob("scripts/*.py"))


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["snakefmt", "--check", "Snakefile", "rules", "workflow"],
    ],
    ids=["ruff-check", "ruff-format", "snakefmt"],
)
def test_style(command):
    result = subprocess.run(
        [BIN / command[0], *command[1:]], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_snakemake_lint():
    result = run_snakemake(ROOT, "--lint")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("file", ADAPTERS, ids=lambda file: file.name)
def test_adapters_are_short(file):
    assert len(file.read_text().splitlines()) <= 25


def blocks():
    """Every rule of the workflow as its text."""
    for file in RULES:
        for match in re.finditer(r"^rule (\w+):\n((?: .*\n|\n)*)", file.read_text(), re.MULTILINE):
            yield pytest.param(match[1], match[2], id=match[1])


@pytest.mark.parametrize(("name", "text"), list(blocks()))
def test_every_rule_has_docstring_log_and_environment(name, text):
    assert text.lstrip().startswith('"""')
    if "script:" in text:
        assert "log:" in text
        assert "conda:" in text
        assert f"../scripts/{name}.py" in text
        assert (ROOT / "scripts" / f"{name}.py").is_file()


def test_every_adapter_belongs_to_a_rule():
    names = {parameter.id for parameter in blocks()}
    assert {file.stem for file in ADAPTERS} <= names


def library_files():
    return sorted(ROOT.glob("scripts/smartnet/**/*.py"))


@pytest.mark.parametrize("file", library_files(), ids=lambda file: str(file.relative_to(ROOT / "scripts")))
def test_library_knows_neither_snakemake_nor_scripts_and_stays_readable(file):
    text = file.read_text()
    assert not re.search(r"^\s*(import|from) snakemake", text, re.MULTILINE)
    assert len(text.splitlines()) <= 400


def test_figures_never_import_training_or_torch():
    for file in ROOT.glob("scripts/smartnet/figures/*.py"):
        assert not re.search(r"(import|from) (torch|smartnet\.(training|networks))", file.read_text()), file


def test_links_of_the_readme_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", (ROOT / "README.md").read_text())
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_everything_in_the_report_can_be_filtered():
    """Labels come from one function, which names subject, model and data set."""
    text = "".join(file.read_text() for file in RULES)
    labels = re.findall(
        r"report\(\s+\"results[^\n]+\n\s+caption=[^\n]+\n\s+category=[^\n]+\n\s+labels=(\w+)\(", text
    )
    assert set(labels) == {"shows"}
    assert len(labels) == len(re.findall(r"\breport\($", text, re.MULTILINE))
