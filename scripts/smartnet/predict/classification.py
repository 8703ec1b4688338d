"""Answers of a classifier for every scan of a test set."""

from collections.abc import Sequence
from pathlib import Path

import torch

from smartnet.networks import min_max
from smartnet.predict.devices import ready
from smartnet.predict.scans import identity, write_answers
from smartnet.slices.dataset import SliceSet


@torch.inference_mode()
def predict_classification(
    model: Path,
    slices: Sequence[Path],
    split: Path,
    *,
    dataset: str,
    output: Path,
    gpu: int,
    threads: int,
    max_slices: int = 64,
) -> None:
    """Write one row per scan: truth, logit, probability.

    Args:
        model: folder of the trained classifier.
        slices: slice shards.
        split: the study's split table.
        dataset: the test set.
        output: CSV to write.
        gpu: GPUs asked for.
        threads: of torch on the CPU.
        max_slices: slices that pass the encoder together.

    Raises:
        ModelError: if ``model`` is no whole classifier.
    """
    network, device = ready(model, "classifier", gpu=gpu, threads=threads, max_slices=max_slices)
    data = SliceSet.open(slices, split, subset="test", datasets=[dataset])
    rows = []
    for i, case in enumerate(data.cases.itertuples()):
        images = torch.tensor(data.volume(i)[0], device=device)[:, None]
        logit = network.forward_packed(min_max(images), [len(images)]).double()
        rows.append({**identity(case), "logit": logit.item(), "probability": logit.sigmoid().item()})
    write_answers(rows, output)
