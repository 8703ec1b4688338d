"""Pins: envs/*.yaml equal the lock file, which covers requirements.in."""

import re

import pytest
import yaml
from support import ROOT

LOCK = dict(line.lower().split("==") for line in (ROOT / "requirements.lock").read_text().split())
ENVIRONMENTS = sorted(ROOT.glob("envs/*.yaml"))


@pytest.mark.parametrize("file", ENVIRONMENTS, ids=lambda file: file.stem)
def test_pins_of_an_environment_equal_the_lock_file(file):
    pins = yaml.safe_load(file.read_text())["dependencies"][-1]["pip"]
    assert pins
    for pin in pins:
        name, version = pin.lower().split("==")
        assert LOCK.get(name) == version, f"{pin} in {file.name}, but {LOCK.get(name)} in requirements.lock"


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
