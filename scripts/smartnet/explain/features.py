"""Pooled encoder features of a balanced sample of test slices."""

import logging
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import write_array, write_table
from smartnet.slices.dataset import SliceSet

BATCH = 32
logger = logging.getLogger(__name__)


def sample_slices(table: pd.DataFrame, *, per_dataset: int, seed: int) -> pd.DataFrame:
    """Draw as many slices with as without hemorrhage from every data set.

    Args:
        table: slices, ``case dataset z hemorrhage`` (empty where the case has no mask: never drawn).
        per_dataset: slices per data set, half of each class; fewer when a class is smaller.
        seed: of the draw.

    Raises:
        DataError: no data set has slices of both classes.
    """
    parts = []
    for dataset, rows in table[table["hemorrhage"].notna()].groupby("dataset", sort=True):
        classes = [rows[rows["hemorrhage"] == value].sort_values(["case", "z"]) for value in (0, 1)]
        size = min(per_dataset // 2, *map(len, classes))
        generator = np.random.default_rng([seed, zlib.crc32(str(dataset).encode())])
        parts += [part.iloc[generator.choice(len(part), size, replace=False)] for part in classes]
    sample = pd.concat(parts) if parts else table.iloc[:0]
    if sample.empty:
        raise DataError("features: no test set has slices with and without hemorrhage; add masks or cases")
    return sample.sort_values(["dataset", "case", "z"]).reset_index(drop=True)


def extract_features(
    upstream: Path,
    slices: Sequence[Path],
    split: Path,
    *,
    output: Path,
    per_dataset: int,
    seed: int,
    gpu: int,
    threads: int,
) -> None:
    """Average the last encoder stage over each sampled slice.

    Args:
        upstream: folder of a trained upstream network.
        slices: slice folders of the test sets.
        split: ``split.tsv``.
        output: folder for ``features.npy`` (n, C) float32 and ``features.tsv``
            (``case patient dataset z hemorrhage``), rows in the same order.
        per_dataset: slices per data set, see ``sample_slices``.
        seed: of the draw.
        gpu: number of GPUs granted.
        threads: CPU threads granted.
    """
    import torch

    from smartnet.networks import load_model, min_max
    from smartnet.networks.device import choose_device

    torch.set_num_threads(threads)
    device = choose_device(gpu)
    encoder = load_model(upstream).encoder.to(device).eval()
    test = SliceSet.open(slices, split, subset="test")
    # A row counts within its shard; ``first`` is the row of the case's first slice there.
    table = test.slices.assign(position=test.slices["row"] - test.slices["index"].map(test.cases["first"]))
    sample = sample_slices(table, per_dataset=per_dataset, seed=seed)
    pooled = []
    with torch.inference_mode():
        for start in range(0, len(sample), BATCH):
            rows = sample.iloc[start : start + BATCH]
            batch = [test.slice(case, z)[0] for case, z in zip(rows["index"], rows["position"], strict=True)]
            stage = encoder(min_max(torch.from_numpy(np.stack(batch))[:, None].to(device)))[-1]
            pooled.append(stage.mean((2, 3)).float().cpu().numpy())
    logger.info("features of %d slices from %d data sets", len(sample), sample["dataset"].nunique())
    write_array(np.concatenate(pooled), Path(output) / "features.npy")
    sample["hemorrhage"] = sample["hemorrhage"].astype(int)
    write_table(sample[["case", "patient", "dataset", "z", "hemorrhage"]], Path(output) / "features.tsv")
