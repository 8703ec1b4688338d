"""Maps of the chosen cases: slices, volumes in CT space, profiles, and what random weights leave of them."""

import logging
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from smartnet.errors import DataError
from smartnet.explain.cam import grad_cam, slice_profile
from smartnet.explain.randomised import cascade, similarity
from smartnet.explain.source import find_slice
from smartnet.explain.start import Start
from smartnet.files import read_table, write_array, write_nifti, write_table
from smartnet.predict.placing import on_grid
from smartnet.predict.scans import check_grid, find_scan
from smartnet.slices.dataset import SliceSet
from smartnet.slices.preprocess import Crop

DRAWS = 5  # of random weights per case: a single one may keep or turn the sign of a layer by luck
PROFILE = ["case", "dataset", "z", "evidence", "peak", "lesion_px", "lesion_mm2"]
RANDOMISATION = ["case", "dataset", "draw", "step", "ssim", "spearman"]
logger = logging.getLogger(__name__)


class _Case(NamedTuple):
    """One chosen case: its row of the table, its stored slices (D, H, W), their z, and where they lie."""

    row: object
    images: np.ndarray
    masks: np.ndarray
    z: np.ndarray
    crop: Crop | None
    position: int


def compute_maps(
    start: Start,
    cases: Path,
    slices: Sequence[Path],
    volumes: Sequence[Path],
    split: Path,
    *,
    output: Path,
    seed: int,
) -> None:
    """Map the chosen cases.

    Args:
        start: its networks.
        cases: table of ``choose_cases``.
        slices: slice folders of the test sets.
        volumes: volume folders of the test sets.
        split: ``split.tsv``; a case that is not in a test set is refused.
        output: folder for ``activation.npy`` and ``gradcam.npy`` (cases, H, W) float32 in [0, 1] of the
            chosen slices, ``maps.tsv`` (``case dataset z lesion_ml``), ``volumes/`` (see ``placed``),
            ``profile.csv`` (``PROFILE``) and ``randomisation.csv`` (``RANDOMISATION``).
        seed: of the weights that are drawn anew.

    Raises:
        DataError: a case is not a test case, its slice, volume or mask is missing.
    """
    table = read_table(cases, dtype={"case": str, "dataset": str})
    test = SliceSet.open(slices, split, subset="test")
    chosen: dict[str, list[np.ndarray]] = {"activation": [], "gradcam": []}
    profiles, similarities = [], []
    for row in table.itertuples():
        case = _read(test, row, cases)
        maps = start.maps(start.slices(case.images))
        for name, parts in chosen.items():
            parts.append(maps[name][case.position])
        lesion_mm2 = _write_volumes(case, maps, volumes, Path(output) / "volumes")
        profiles.append(_profile(case, maps["gradcam"], lesion_mm2))
        similarities += _randomised(start, case, maps["gradcam"], seed=seed)
        logger.info("maps of case %s, slice %d of %d", row.case, case.position, len(case.images))
    for name, parts in chosen.items():
        write_array(np.stack(parts), Path(output) / f"{name}.npy")
    write_table(table[["case", "dataset", "z", "lesion_ml"]], Path(output) / "maps.tsv")
    write_table(pd.concat(profiles), Path(output) / "profile.csv")
    write_table(pd.DataFrame(similarities, columns=RANDOMISATION), Path(output) / "randomisation.csv")


def _read(test: SliceSet, row: object, cases: Path) -> _Case:
    index, position = find_slice(test, row.case, row.z, table=cases)
    images, masks = (np.array(part) for part in test.volume(index))
    return _Case(row, images, masks, test.z(index), test.crop(index), position)


def _write_volumes(
    case: _Case, maps: Mapping[str, np.ndarray], volumes: Sequence[Path], folder: Path
) -> np.ndarray:
    """Write both Grad-CAMs on the scan's own grid; give the reference's area (D,) in mm² on each slice."""
    name = case.row.case
    scan = find_scan(volumes, name)
    volume, affine = scan.volume()
    reference = scan.reference()
    if reference is None:
        raise DataError(f"case {name} has no reference mask among its volumes: choose the cases again")
    check_grid(name, volume.shape, reference)
    for kind in ("gradcam", "segcam"):
        whole = placed(maps[kind], case.z, volume.shape, crop=case.crop)
        write_nifti(whole, affine, folder / f"{name}_{kind}.nii.gz")
    pixel_mm2 = float(np.linalg.norm(affine[:3, 0]) * np.linalg.norm(affine[:3, 1]))
    return reference.sum(axis=(1, 2))[case.z] * pixel_mm2


def placed(
    evidence: np.ndarray, z: np.ndarray, shape: tuple[int, int, int], *, crop: Crop | None
) -> np.ndarray:
    """Put a map onto the grid of its scan.

    Args:
        evidence: (D, H, W) in [0, 1].
        z: (D,) index of each slice in the scan.
        shape: (z, y, x) of the scan.
        crop: what the slices show of the plane; None: all of it.

    Returns:
        (z, y, x) uint8, 255 for the scan's largest evidence, 0 where the network did not look.
    """
    whole = np.zeros(shape, dtype=np.uint8)
    for where, values in on_grid(torch.from_numpy(evidence)[:, None], z, shape, crop=crop):
        whole[where] = np.rint(values * 255)
    return whole


def _profile(case: _Case, evidence: np.ndarray, lesion_mm2: np.ndarray) -> pd.DataFrame:
    """How much each slice contributes, beside how much lesion it holds."""
    columns = {
        "case": case.row.case,
        "dataset": case.row.dataset,
        "z": case.z,
        "evidence": slice_profile(evidence),
        "peak": evidence.max(axis=(1, 2)),
        "lesion_px": case.masks.sum(axis=(1, 2), dtype=np.int64),
        "lesion_mm2": lesion_mm2,
    }
    return pd.DataFrame(columns, columns=PROFILE)


def _randomised(start: Start, case: _Case, evidence: np.ndarray, *, seed: int) -> list[dict]:
    """Compare Grad-CAM with that of ever more random weights, for several draws."""
    volume = start.slices(case.images)
    names = {"case": case.row.case, "dataset": case.row.dataset}
    rows = []
    for draw in range(1, DRAWS + 1):
        weights = zlib.crc32(f"{seed}/{case.row.case}/{draw}".encode())
        for step, network in cascade(start.classifier, seed=weights):
            other = grad_cam(network, volume).cpu().numpy()
            rows.append(names | {"draw": draw, "step": step} | similarity(evidence, other))
    return rows
