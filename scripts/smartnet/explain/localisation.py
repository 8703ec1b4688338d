"""How well the maps of a start lie on the lesions, on every test scan with hemorrhage and reference mask."""

import logging
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from smartnet.explain.cam import grad_cam, resized
from smartnet.explain.measures import measure
from smartnet.explain.randomised import drawn_anew
from smartnet.explain.start import Start
from smartnet.files import write_table
from smartnet.networks.encoder import STRIDE
from smartnet.predict.baseline import bright_inside_skull
from smartnet.predict.scans import find_scan
from smartnet.slices.dataset import SliceSet
from smartnet.slices.preprocess import Crop, cut

COLUMNS = ["case", "patient", "dataset", "map", "pointing", "energy", "auprc", "lesion_share", "empty"]
logger = logging.getLogger(__name__)


def measure_localisation(
    start: Start,
    slices: Sequence[Path],
    volumes: Sequence[Path],
    split: Path,
    *,
    output: Path,
    threshold_hu: float,
    limit: int | None,
    seed: int,
    run: int,
) -> None:
    """Measure every map of a start, at the resolution and on the voxels that its networks see.

    Beside the maps of ``Start.maps`` stand ``threshold``, ``random`` (Grad-CAM of the classifier with weights
    drawn anew for every scan) and ``ideal`` (see ``ideal_map``).

    Args:
        start: its networks.
        slices: slice folders of the test sets.
        volumes: volume folders of the test sets.
        split: ``split.tsv``.
        output: table to write, one row per case and map: ``COLUMNS``.
        threshold_hu: of the baseline, whose mask is the trivial map.
        limit: scans per data set at most, None for all.
        seed: of the draw of scans.
        run: seed of the training run; with ``seed`` it draws the random weights.
    """
    test = SliceSet.open(slices, split, subset="test")
    rows = []
    for case in chosen_scans(test.cases, limit=limit, seed=seed).itertuples():
        images, masks = test.volume(case.Index)
        lesion = masks > 0
        if not lesion.any():
            logger.warning("case %s: its lesion is lost at the networks' resolution", case.case)
        volume = start.slices(images)
        random = drawn_anew(start.classifier, seed=zlib.crc32(f"{seed}/{run}/{case.case}".encode()))
        hu = find_scan(volumes, case.case).volume()[0]
        bright = bright_inside_skull(hu, threshold_hu=threshold_hu)[test.z(case.Index)]
        maps = start.maps(volume) | {
            "threshold": averaged(bright, test.crop(case.Index), lesion.shape[1:]),
            "random": grad_cam(random, volume).cpu().numpy(),
            "ideal": ideal_map(lesion),
        }
        names = {"case": case.case, "patient": case.patient, "dataset": case.dataset}
        rows += [names | {"map": name} | measure(values, lesion) for name, values in maps.items()]
        logger.info("case %s: %d slices", case.case, len(images))
    write_table(pd.DataFrame(rows, columns=COLUMNS), output)


def chosen_scans(cases: pd.DataFrame, *, limit: int | None, seed: int) -> pd.DataFrame:
    """Take the cases with hemorrhage and reference mask, of each data set at most ``limit``, drawn by a hash.

    A case that is added to a data set leaves the draw among the others as it was. The index stays.
    """
    found = cases[(cases["hemorrhage"] == 1) & (cases["mask"] == "reference")]
    if limit is None:
        return found
    order = found["case"].map(lambda case: zlib.crc32(f"{seed}/{case}".encode()))
    return found.assign(order=order).sort_values("order").groupby("dataset").head(limit).sort_index()


def averaged(mask: np.ndarray, crop: Crop | None, shape: tuple[int, int]) -> np.ndarray:
    """Average a mask of the scan's grid over the pixels of the slices.

    Args:
        mask: (D, y, x) bool.
        crop: what the slices show of the plane; None: all of it.
        shape: (H, W) of the slices.

    Returns:
        (D, H, W) float32 in [0, 1]. Averaging ranks voxels by how much of them is bright, which a binary map
        could not: of several trivial maps (binary, HU, sampled or averaged) this was the hardest to beat.
    """
    import cv2

    planes = mask.astype(np.float32)
    planes = planes if crop is None else cut(planes, crop)
    return np.stack([cv2.resize(plane, shape[::-1], interpolation=cv2.INTER_AREA) for plane in planes])


def ideal_map(lesion: np.ndarray) -> np.ndarray:
    """Give the best that the last encoder stage could show: the lesion averaged over its tiles, then resized.

    Args:
        lesion: (D, H, W) bool; H and W divisible by the stride of the encoder.

    Returns:
        (D, H, W) float32, bilinear as Grad-CAM is. What it misses is resolution, not explanation.
    """
    tiles = F.avg_pool2d(torch.tensor(lesion[:, None], dtype=torch.float32), STRIDE)
    return resized(tiles, lesion.shape[1:])[:, 0].numpy()
