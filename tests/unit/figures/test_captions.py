"""Captions are rendered as Snakemake does it, with every configuration that ships."""

import copy
import re
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Environment
from support import ROOT

from smartnet.metrics.convention import EMPTY_CONVENTION

PARAMS = SimpleNamespace(convention=EMPTY_CONVENTION)
CAPTIONS = sorted(file.stem for file in (ROOT / "report").glob("*.rst"))


def merged(base, overlay):
    result = copy.deepcopy(base)
    for key, value in (overlay or {}).items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def rendered(root, name, config):
    text = (root / "report" / f"{name}.rst").read_text()
    environment = Environment(trim_blocks=True, lstrip_blocks=True)  # as snakemake.report has it
    text = environment.from_string(text).render(snakemake=SimpleNamespace(config=config, params=PARAMS))
    # A warning of docutils would appear in the report as a red box: let it fail here.
    html = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    return " ".join(html.split())


@pytest.fixture(params=[None, "smoke", "paper", "ablation"])
def config(request, pytestconfig):
    base = yaml.safe_load((pytestconfig.rootpath / "config.yaml").read_text())
    if request.param is None:
        return base
    return merged(
        base, yaml.safe_load((pytestconfig.rootpath / "config" / f"{request.param}.yaml").read_text())
    )


@pytest.mark.parametrize("name", CAPTIONS)
def test_captions_render_without_gaps(name, config, pytestconfig):
    html = rendered(pytestconfig.rootpath, name, config)
    assert len(html) > 100
    assert "{{" not in html
    assert "None" not in html


def test_every_caption_belongs_to_a_rule():
    used = "".join(file.read_text() for file in [*(ROOT / "rules").rglob("*.smk"), ROOT / "Snakefile"])
    assert set(re.findall(r"report/(\w+)\.rst", used)) == set(CAPTIONS)


def test_captions_quote_the_settings(config, pytestconfig):
    config["explain"]["perplexity"] = 17.5
    config["evaluation"]["replicates"] = 4321
    assert "perplexity 17.5" in rendered(pytestconfig.rootpath, "tsne", config)
    assert "4321 replicates" in rendered(pytestconfig.rootpath, "table_segmentation", config)


def test_spreads_over_seeds_are_called_what_the_tables_write(config, pytestconfig):
    config["seeds"] = [1, 2]
    for task in ("agreement", "lesions", "localisation", "operating", "features", "segmentation"):
        page = rendered(pytestconfig.rootpath, f"table_{task}", config)
        assert "± standard deviation (n - 1)" in page
        assert "range" not in page


@pytest.mark.parametrize("name", ["profile", "volumetric", "comparison", "subgroups"])
def test_captions_name_the_start_that_is_drawn(name, config, pytestconfig):
    config["pretexts"], config["evaluation"]["reference"] = ["cls", "seg", "smartnet"], "seg"
    assert re.search(r"start seg\b", rendered(pytestconfig.rootpath, name, config))


def test_the_kind_of_operating_point_is_named(config, pytestconfig):
    assert "on validation scans by Youden" in rendered(pytestconfig.rootpath, "table_operating", config)
    config["evaluation"] |= {"operating_point": {"sensitivity": 0.97}, "prevalence": [0.3, 0.01]}
    page = rendered(pytestconfig.rootpath, "table_operating", config)
    assert "as the highest with a sensitivity of 0.97 or more" in page
    assert "PPV at 1 %, 30 % by Bayes" in page


def test_phantoms_are_named_where_they_are_and_not_elsewhere(config, pytestconfig):
    config["datasets"] = {
        "development": {"role": "development", "shards": 1, "phantom": {"site": "alpha", "cases": 3}},
        "internal": {"role": "test", "shards": 1, "path": "data", "phantom": {"site": "beta", "cases": 3}},
        "public": None,
    }
    assert "1 of 2 data sets are" in rendered(pytestconfig.rootpath, "workflow", config)
    for name in ("workflow", "table_published"):
        assert "not patients" in rendered(pytestconfig.rootpath, name, config)
    config["datasets"]["development"] = {"role": "development", "shards": 1, "path": "data"}
    for name in ("workflow", "table_published", "montage"):
        assert "hantoms" not in rendered(pytestconfig.rootpath, name, config)
