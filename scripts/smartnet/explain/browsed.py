"""Grad-CAM of whole scans for the case browser."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from smartnet.explain.cam import grad_cam
from smartnet.explain.maps import placed
from smartnet.explain.source import find_case
from smartnet.files import read_table, write_nifti
from smartnet.networks import min_max
from smartnet.predict.devices import ready
from smartnet.predict.scans import find_scan
from smartnet.slices.dataset import SliceSet

logger = logging.getLogger(__name__)


def map_browsed(
    classifier: Path,
    cases: Path,
    slices: Sequence[Path],
    volumes: Sequence[Path],
    split: Path,
    *,
    output: Path,
    gpu: int,
    threads: int,
    max_slices: int,
) -> None:
    """Write the Grad-CAM of every case, ``{case}.nii.gz``: uint8 on the scan's grid, see ``placed``.

    Args:
        classifier: folder of the trained classifier.
        cases: table with ``case``.
        slices: slice folders of the test sets.
        volumes: volume folders of the test sets.
        split: ``split.tsv``; a case that is not in a test set is refused.
        output: folder to write to.
        gpu: GPUs asked for.
        threads: of torch on the CPU.
        max_slices: slices that pass the encoder together.

    Raises:
        ModelError: ``classifier`` is no whole classifier.
        DataError: a case is not a test case, or has no volume.
    """
    import torch

    network, device = ready(classifier, "classifier", gpu=gpu, threads=threads, max_slices=max_slices)
    test = SliceSet.open(slices, split, subset="test")
    Path(output).mkdir(parents=True, exist_ok=True)
    names = read_table(cases, dtype={"case": str})["case"]
    for name in names:
        index = find_case(test, name, table=cases)
        images = torch.tensor(np.array(test.volume(index)[0]), device=device)[:, None]
        evidence = grad_cam(network, min_max(images)).cpu().numpy()
        volume, affine = find_scan(volumes, name).volume()
        whole = placed(evidence, test.z(index), volume.shape, crop=test.crop(index))
        write_nifti(whole, affine, Path(output) / f"{name}.nii.gz")
    logger.info("maps of %d cases", len(names))
