"""The snippets of docs/how-to/weights.md run as they stand."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from support import ROOT

from smartnet.experiments import PRETEXTS
from smartnet.files import write_array, write_table
from smartnet.networks import build, save_model

PAGE = (ROOT / "docs/how-to/weights.md").read_text()
SIZE = {"depth": 18, "width": 0.0625}


def snippets(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_snippets_of_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, architecture in {
        "weights/smartnet": {"network": "upstream"},
        "results/downstream/smartnet_bilstm/seed-1": {"network": "classifier", "operator": "bilstm"},
        "results/downstream/smartnet_conv3d/seed-1": {"network": "segmenter", "operator": "conv3d"},
    }.items():
        save_model(build({**SIZE, **architecture}), folder)
    shard = Path("results/slices/internal/0")
    write_array(np.random.default_rng(0).integers(0, 255, (9, 32, 48)).astype(np.uint8), shard / "images.npy")
    write_table(pd.DataFrame({"case": ["a", "b"], "first": [0, 4], "count": [4, 5]}), shard / "cases.tsv")
    names = {}
    for snippet in snippets("python"):
        exec(snippet, names)
    assert names["hemorrhage"].shape == (8, 1)
    assert names["mask"].shape == names["restored"].shape == (8, 1, 32, 48)
    assert names["mask"].dtype == torch.bool
    assert names["probability"].shape == (1, 1)
    assert names["voxels"].shape == (1, 1, 4, 32, 48)


def test_overlay_names_what_exists():
    (overlay,) = map(yaml.safe_load, snippets("yaml"))
    default = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert all(set(overlay[key]) <= set(default[key]) for key in ("pretrained", "network"))
    assert set(overlay["pretexts"]) <= set(PRETEXTS)
