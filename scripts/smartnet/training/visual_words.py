"""The search for visual words, places that look alike in many scans (Haghighi et al., TMI 2021).

For each word a training scan is drawn as reference, its nearest neighbours are looked up by what an
auto-encoder makes of whole scans, and one random place is cut out of all of them.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from smartnet.errors import DataError
from smartnet.files import write_table
from smartnet.networks import load_model, min_max
from smartnet.networks.device import choose_device
from smartnet.slices.dataset import SliceSet
from smartnet.training.data import need_cases

CHUNK = 64  # slices per encoder pass
TRIES = 200  # places drawn in a reference before the next one is taken (release of TransVW)
APART = 0.1  # of two words' places, fractions of the scan; nearer ones would be one word under two names
BACKGROUND = 0.1  # darker pixels, as a fraction of the slice's range, are air
TISSUE = 0.5  # share of a crop that must be brighter
SHIFT = 10 / 64  # largest shift of a further crop, in sides of the crop (release)
SCALE = (50 / 64, 80 / 64)  # its side, likewise
COLUMNS = ["word", "part", "case", "patient", "dataset", "crop", "slice", "row", "column", "rows", "columns"]

logger = logging.getLogger(__name__)


def find_words(
    *,
    slices: Sequence[Path],
    split: Path,
    upstream: Path,
    output: Path,
    settings: Mapping[str, Any],
    seed: int,
    gpu: int,
    threads: int,
) -> None:
    """Find visual words and write where each is in which scan.

    Args:
        slices: slice shards of the development data sets.
        split: the study's split table.
        upstream: folder of the auto-encoder.
        output: the table: ``word part case patient dataset crop slice row column rows columns``, where
            ``slice`` counts the stored slices of the case from 0 and the box is in pixels. Crop 0 of a word
            is at the same relative place in every scan; further ones (training only) are shifted and scaled.
        settings: ``count``, ``neighbours``, ``valid_neighbours``, ``crops``, ``side``.
        seed: of all draws.
        gpu: GPUs asked for.
        threads: of torch on the CPU.

    Raises:
        DataError: fewer training scans than words, or no place for that many words.
    """
    torch.set_num_threads(threads)
    data = {part: SliceSet.open(slices, split, subset=part) for part in ("train", "valid")}
    for part, cases in data.items():
        need_cases(list(range(len(cases))), part, "visual words")
    if settings["count"] > len(data["train"]):
        raise DataError(
            f"{settings['count']} visual words were asked for, but there are {len(data['train'])} training "
            "scans, and each is the reference of one word at most: lower words.count"
        )
    asked = {"train": settings["neighbours"], "valid": settings["valid_neighbours"]}
    for part, wanted in asked.items():
        if wanted > len(data[part]):
            logger.info("words have all %d %s scans, not %d neighbours", len(data[part]), part, wanted)
    encoder = load_model(upstream).encoder.to(choose_device(gpu)).eval()
    features = {part: scan_features(encoder, cases) for part, cases in data.items()}
    rng, rows = np.random.default_rng(seed), []
    for word, (reference, place) in enumerate(_draw_words(data["train"], settings, rng)):
        for part, wanted in asked.items():
            distance = np.linalg.norm(features[part] - features["train"][reference], axis=1)
            crops = settings["crops"] if part == "train" else 1
            for i in np.argsort(distance, kind="stable")[:wanted]:
                names = {"word": word, "part": part, **data[part].cases.iloc[i][COLUMNS[2:5]]}
                shape = data[part].volume(i)[0].shape
                boxes = _boxes(shape, place, side=settings["side"], crops=crops, rng=rng)
                rows += [{**names, **box} for box in boxes]
    write_table(pd.DataFrame(rows, columns=COLUMNS), output)


@torch.inference_mode()
def scan_features(encoder: nn.Module, data: SliceSet) -> np.ndarray:
    """The last encoder stage averaged over each whole scan, (cases, C) float64."""
    device = next(encoder.parameters()).device
    pooled = []
    for i in range(len(data)):
        images = torch.from_numpy(np.array(data.volume(i)[0]))[:, None]
        parts = [encoder(min_max(chunk.to(device)))[-1].mean((2, 3)) for chunk in images.split(CHUNK)]
        pooled.append(torch.cat(parts).double().mean(0).cpu().numpy())
    return np.stack(pooled)


def _draw_words(
    train: SliceSet, settings: Mapping[str, Any], rng: np.random.Generator
) -> list[tuple[int, np.ndarray]]:
    """Reference and relative place (z, y, x) of each word; no scan is the reference of two."""
    words: list[tuple[int, np.ndarray]] = []
    for reference in rng.permutation(len(train)):
        place = _draw_place(train.volume(reference)[0], [place for _, place in words], settings["side"], rng)
        words += [] if place is None else [(int(reference), place)]
        if len(words) == settings["count"]:
            return words
    raise DataError(
        f"only {len(words)} of {settings['count']} visual words found a place of their own in the "
        f"{len(train)} training scans: lower words.count or words.side"
    )


def _draw_place(
    images: np.ndarray, taken: Sequence[np.ndarray], side: float, rng: np.random.Generator
) -> np.ndarray | None:
    """A relative place that is not yet taken and shows tissue in this scan, (D, H, W) uint8."""
    for _ in range(TRIES):
        place = rng.random(3)
        if any(np.linalg.norm(place - other) < APART for other in taken):
            continue
        box = locate(place, images.shape, side)
        image = images[box["slice"]].astype(np.float64)
        edge = image.min() + BACKGROUND * np.ptp(image)
        shown = image[box["row"] :, box["column"] :][: box["rows"], : box["columns"]]
        if (shown > edge).mean() >= TISSUE:
            return place
    return None


def locate(place: np.ndarray, shape: Sequence[int], side: float) -> dict[str, int]:
    """Slice and box of a relative place in a scan.

    Args:
        place: (z, y, x) in [0, 1]: from the first slice, row and column that a crop can have to the last.
        shape: of the scan, (D, H, W).
        side: of the crop, fraction of the slice's.
    """
    rows, columns = (max(1, round(side * length)) for length in shape[1:])
    free = np.array([shape[0] - 1, shape[1] - rows, shape[2] - columns])
    z, row, column = (int(value) for value in np.round(place * free))
    return {"slice": z, "row": row, "column": column, "rows": rows, "columns": columns}


def _boxes(
    shape: Sequence[int], place: np.ndarray, *, side: float, crops: int, rng: np.random.Generator
) -> list[dict[str, int]]:
    """The word's crop of one scan, then further ones nearby of other sizes, all inside the slice."""
    first = locate(place, shape, side)
    boxes = [{"crop": 0, **first}]
    for number in range(1, crops):
        box = locate(place, shape, min(1.0, side * rng.uniform(*SCALE)))
        for start, length, limit in (("row", "rows", shape[1]), ("column", "columns", shape[2])):
            moved = first[start] + round(rng.uniform(-SHIFT, SHIFT) * first[length])
            box[start] = int(np.clip(moved, 0, limit - box[length]))
        boxes.append({"crop": number, **box})
    return boxes
