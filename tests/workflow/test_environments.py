"""Pins: envs/*.yaml equal the lock file, which covers requirements.in, and hold what their rules import."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions

import pytest
import yaml
from support import ROOT

from smartnet.fingerprint import modules_behind

LOCK = dict(line.lower().split("==") for line in (ROOT / "requirements.lock").read_text().split())
ENVIRONMENTS = sorted(ROOT.glob("envs/*.yaml"))
PACKAGES = packages_distributions()
# What pydicom decodes with; nothing imports them by name.
DECODERS = {"pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pyjpegls"}


def pins_of(file):
    """Versions by package of an environment."""
    pins = yaml.safe_load(file.read_text())["dependencies"][-1]["pip"]
    return dict(pin.lower().split("==") for pin in pins)


@cache
def imports_of(file):
    """Modules that a file imports, at its top or when it is needed."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module)
    return found


def source_of(module):
    base = ROOT.joinpath("scripts", *module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def packages_behind(adapter):
    """Packages of others that an adapter runs, with a file that imports each."""
    files = [adapter]
    library = [name for name in imports_of(adapter) if name.split(".")[0] == "smartnet"]
    files += [source_of(module) for module in modules_behind(*library)]
    found = {}
    for file in files:
        for name in (
            {name.split(".")[0] for name in imports_of(file)} - sys.stdlib_module_names - {"smartnet"}
        ):
            found[PACKAGES[name][0].lower()] = file.relative_to(ROOT)
    return found


def adapters_by_environment():
    text = "".join(file.read_text() for file in ROOT.glob("rules/*.smk"))
    found = {}
    for environment, script in re.findall(
        r"\.\./envs/(\w+)\.yaml\"\n(?: .*\n|\n)*?.*(scripts/\w+\.py)\"", text
    ):
        found.setdefault(environment, []).append(ROOT / script)
    return found


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_pins_of_an_environment_equal_the_lock_file(file):
    pins = pins_of(file)
    assert pins
    for name, version in pins.items():
        assert LOCK.get(name) == version, f"{name} {version} in {file.name}, but {LOCK.get(name)} is locked"


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_an_environment_holds_what_its_rules_import_and_nothing_else(file):
    pins = pins_of(file)
    needed = {}
    for adapter in adapters_by_environment()[file.stem]:
        needed |= packages_behind(adapter)
    assert {name: where for name, where in needed.items() if name not in pins} == {}
    assert pins.keys() - needed.keys() <= DECODERS


def test_every_rule_with_a_script_has_its_imports_checked():
    checked = {adapter for adapters in adapters_by_environment().values() for adapter in adapters}
    assert checked == set(ROOT.glob("scripts/*.py"))


def test_every_rule_names_an_existing_environment():
    used = set(re.findall(r"\.\./envs/(\w+)\.yaml", "".join(f.read_text() for f in ROOT.glob("rules/*.smk"))))
    assert used == {file.stem for file in ENVIRONMENTS}


def test_lock_file_covers_what_is_asked_for():
    lines = (ROOT / "requirements.in").read_text().splitlines()
    asked = [re.split(r"[\[=#]", line)[0].strip().lower() for line in lines]
    assert {name for name in asked if name} <= set(LOCK)


def test_torch_is_pinned_without_a_build():
    assert LOCK["torch"] == "2.13.0"
    assert not {"torchvision", "timm"} & set(LOCK)
