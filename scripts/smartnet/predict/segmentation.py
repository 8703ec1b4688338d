"""Masks of a segmenter for every scan of a test set, on the scan's own grid."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from smartnet.files import read_json, write_nifti, write_table
from smartnet.networks import min_max
from smartnet.predict.devices import ready
from smartnet.predict.placing import on_grid
from smartnet.predict.scans import SEGMENTATION_COLUMNS, check_grid, find_scan, identity, measures
from smartnet.slices.dataset import SliceSet
from smartnet.slices.preprocess import Crop


@torch.inference_mode()
def predict_segmentation(
    model: Path,
    slices: Sequence[Path],
    volumes: Sequence[Path],
    split: Path,
    *,
    dataset: str,
    output: Path,
    masks: Path,
    gpu: int,
    threads: int,
    max_slices: int = 64,
) -> None:
    """Write one row of volumes per scan and one mask per scan.

    Args:
        model: folder of the trained segmenter, with ``threshold.json``.
        slices: slice shards.
        volumes: volume shards of the same cases.
        split: the study's split table.
        dataset: the test set.
        output: CSV to write.
        masks: folder for ``{case}.nii.gz``.
        gpu: GPUs asked for.
        threads: of torch on the CPU.
        max_slices: slices that pass the encoder together.

    Raises:
        ModelError: if ``model`` is no whole segmenter.
        DataError: if a volume is missing or its mask lies on another grid.
    """
    network, device = ready(model, "segmenter", gpu=gpu, threads=threads, max_slices=max_slices)
    threshold = float(read_json(Path(model) / "threshold.json")["threshold"])
    data = SliceSet.open(slices, split, subset="test", datasets=[dataset])
    Path(masks).mkdir(parents=True, exist_ok=True)
    rows = []
    for i, case in enumerate(data.cases.itertuples()):
        scan = find_scan(volumes, case.case)
        volume, affine = scan.volume()
        images = torch.tensor(data.volume(i)[0], device=device)[:, None]
        logits = network.forward_packed(min_max(images), [len(images)])
        predicted, half = place(
            logits, data.z(i), volume.shape, thresholds=(threshold, 0.5), crop=data.crop(i)
        )
        reference = scan.reference()
        check_grid(case.case, volume.shape, reference)
        rows.append({**identity(case), **measures(predicted, half, reference, scan.voxel_ml())})
        write_nifti(predicted.astype(np.uint8), affine, Path(masks) / f"{case.case}.nii.gz")
    table = pd.DataFrame(rows, columns=SEGMENTATION_COLUMNS).astype({"truth": "Int64"})
    write_table(table, output)


def place(
    logits: torch.Tensor,
    z: np.ndarray,
    shape: tuple[int, int, int],
    *,
    thresholds: Sequence[float],
    crop: Crop | None = None,
) -> list[np.ndarray]:
    """Put a network's answer onto the grid of the scan.

    Args:
        logits: (S, 1, H, W), slices in order.
        z: (S,) index of each slice in the scan; slices that the network did not see have no lesion.
        shape: (z, y, x) of the scan.
        thresholds: probabilities from which a voxel is lesion.
        crop: what the slices show of the plane; None: all of it. Outside there is no lesion.

    Returns:
        for each threshold (z, y, x) bool; the probability is resized as in ``on_grid``.
    """
    masks = [np.zeros(shape, dtype=bool) for _ in thresholds]
    for where, probability in on_grid((logit.sigmoid() for logit in logits), z, shape, crop=crop):
        for mask, threshold in zip(masks, thresholds, strict=True):
            mask[where] = probability >= threshold
    return masks
