"""Captions are rendered as Snakemake does it, with every configuration that ships."""

import copy
from types import SimpleNamespace

import pytest
import yaml
from docutils.core import publish_parts
from jinja2 import Environment

CAPTIONS = [
    *["workflow", "montage", "datasets", "roc", "activation", "gradcam", "tsne", "segmentation", "learning"],
    *["table_datasets", "table_classification", "table_segmentation", "table_published", "table_quality"],
    *["table_pretexts", "table_operators", "profile", "volumetric", "randomisation", "table_localisation"],
]


def merged(base, overlay):
    result = copy.deepcopy(base)
    for key, value in (overlay or {}).items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def rendered(root, name, config):
    text = (root / "report" / f"{name}.rst").read_text()
    environment = Environment(trim_blocks=True, lstrip_blocks=True)  # as snakemake.report has it
    text = environment.from_string(text).render(snakemake=SimpleNamespace(config=config))
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


def test_every_caption_file_is_tested(pytestconfig):
    assert sorted(path.stem for path in (pytestconfig.rootpath / "report").glob("*.rst")) == sorted(CAPTIONS)


def test_captions_quote_the_settings(config, pytestconfig):
    config["explain"]["perplexity"] = 17.5
    config["evaluation"]["replicates"] = 4321
    assert "perplexity 17.5" in rendered(pytestconfig.rootpath, "tsne", config)
    assert "4321 replicates" in rendered(pytestconfig.rootpath, "table_segmentation", config)


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
