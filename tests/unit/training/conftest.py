"""A small study in the documented format: bright discs on noise, real files, read by the real reader."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from smartnet.experiments import PRETEXTS
from smartnet.files import write_array, write_table

SIZE = 32
NETWORK = {"depth": 18, "width": 0.0625, "attention": "last"}
SETTINGS = {"epochs": 3, "batch_size": 4, "learning_rate": 2e-3, "warmup": 0.1, "constant": 0.5}


def _volume(rng, depth, lesion):
    images = rng.integers(20, 90, (depth, SIZE, SIZE)).astype(np.uint8)
    masks = np.zeros_like(images)
    if lesion:
        y, x = np.mgrid[:SIZE, :SIZE]
        cy, cx = rng.integers(10, 22, 2)
        masks[1 : depth - 1] = (y - cy) ** 2 + (x - cx) ** 2 < 36
        images[masks > 0] = 240
    return images, masks


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """16 cases (11 train, 3 valid, 2 test), every second with a lesion; c03 is positive without a mask."""
    root: Path = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)
    images, masks, slices, cases, split = [], [], [], [], []
    first = 0
    for i in range(16):
        depth, lesion = 3 + i % 4, i % 2 == 1
        image, mask = _volume(rng, depth, lesion)
        known = "none" if i == 3 else ("reference" if lesion else "empty")
        if known == "none":
            mask[:] = 0
        names = {"case": f"c{i:02d}", "patient": f"p{i:02d}", "dataset": "dev"}
        for k in range(depth):
            shown = None if known == "none" else int(mask[k].any())
            slices.append(
                {"row": first + k, **names, "z": k + 1, "hemorrhage": shown, "lesion_px": int(mask[k].sum())}
            )
        cases.append({**names, "first": first, "count": depth, "hemorrhage": int(lesion), "mask": known})
        split.append({**names, "split": "train" if i < 11 else "valid" if i < 14 else "test"})
        images.append(image)
        masks.append(mask)
        first += depth
    folder = root / "slices"
    write_array(np.concatenate(images), folder / "images.npy")
    write_array(np.concatenate(masks), folder / "masks.npy")
    write_table(pd.DataFrame(slices).astype({"hemorrhage": "Int64"}), folder / "slices.tsv")
    write_table(pd.DataFrame(cases).assign(manufacturer="", content="x"), folder / "cases.tsv")
    write_table(pd.DataFrame(split), root / "split.tsv")
    return SimpleNamespace(root=root, slices=[folder], split=root / "split.tsv")


@pytest.fixture
def options(study, tmp_path):
    """Arguments that upstream and downstream training share."""
    return {
        "slices": study.slices,
        "split": study.split,
        "state": tmp_path / "state",
        "network": NETWORK,
        "settings": SETTINGS,
        "augmentation": {},
        "seed": 1,
        "gpu": 0,
        "threads": 1,
        "code": "abc",
    }


@pytest.fixture
def downstream(options, tmp_path):
    """Arguments of downstream training, from an encoder without any training."""
    import torch

    from smartnet.networks import build, save_model

    torch.manual_seed(5)
    upstream = {**options["network"], "network": "upstream", "heads": ["cls"]}
    save_model(build(upstream), tmp_path / "up")
    return {**options, "upstream": tmp_path / "up", "task": "classification", "operator": "bilstm"}


WORDS = {"count": 3, "neighbours": 5, "valid_neighbours": 2, "crops": 2, "side": 0.5}


@pytest.fixture(scope="session")
def autoencoder(study, tmp_path_factory):
    """Folder of the start `rec`, trained for one epoch."""
    from smartnet.training.upstream import train_upstream

    folder = tmp_path_factory.mktemp("rec")
    options = {"slices": study.slices, "split": study.split, "state": folder / "state", "output": folder}
    options |= {"network": NETWORK, "settings": {**SETTINGS, "epochs": 1}, "augmentation": {}}
    train_upstream(**options, pretext=PRETEXTS["rec"], seed=1, gpu=0, threads=1, code="abc")
    return folder


@pytest.fixture(scope="session")
def words(study, autoencoder, tmp_path_factory):
    """The table of three visual words."""
    from smartnet.training.visual_words import find_words

    path = tmp_path_factory.mktemp("words") / "words.tsv"
    options = {"slices": study.slices, "split": study.split, "upstream": autoencoder, "output": path}
    find_words(**options, settings=WORDS, seed=1, gpu=0, threads=1)
    return path
