"""Visual words as training data: crops of the study's own slices, by the table of ``visual_words``, or cubes
from files of the TransVW release (Haghighi et al., TMI 2021)."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F

from smartnet.files import read_table
from smartnet.slices.dataset import SliceSet
from smartnet.training.data import Batch
from smartnet.training.word_files import folder_state, read_folder

PARTS = ("train", "valid")
BOX = ["row", "column", "rows", "columns"]
KEYS = ["word", "dataset", "case"]

Read = Callable[[int, int], tuple[np.ndarray, np.ndarray, str]]


@dataclass(frozen=True)
class WordSet:
    """Instances of visual words; an instance is one image or several of one place in one scan.

    Attributes:
        words: (instances,) int64, the word of each, from 0 on.
        images: (instances,) how many images each has.
        read: gives image ``k`` of instance ``i``: a slice (H, W) uint8, the box of it that shows the word
            (row, column, rows, columns; fractions of the slice), and a name for messages.
        size: rows and columns that the network sees.
    """

    words: np.ndarray
    images: np.ndarray
    read: Read
    size: tuple[int, int]

    @property
    def count(self) -> int:
        """Words, K."""
        return int(self.words.max()) + 1

    def load(self, items: Sequence[tuple[int, int]], chosen: Sequence[int]) -> Batch:
        """Some items (instance, image) of a batch: whole slices, their ``boxes`` (S, 4), the ``size`` to cut
        them to, and ``words`` (S,)."""
        slices, boxes, names = zip(*(self.read(*items[k]) for k in chosen), strict=True)
        return {
            "slices": torch.from_numpy(np.stack(slices))[:, None],
            "masks": None,
            "boxes": torch.from_numpy(np.stack(boxes).astype(np.float32)),
            "size": self.size,
            "words": torch.from_numpy(self.words[[items[k][0] for k in chosen]]),
            "volume": torch.tensor(chosen),
            "volumes": len(items),
            "cases": list(names),
            "fraction": len(chosen) / len(items),
        }


def cut(slices: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Cut a box out of each slice and bring it to one size, bilinear.

    Args:
        slices: (S, 1, H, W).
        boxes: (S, 4) row, column, rows, columns, fractions of the slice.
        size: rows and columns of the answer.

    Returns:
        (S, 1, rows, columns) float32 in the units of the slices.
    """
    start, side = boxes[:, [1, 0]], boxes[:, [3, 2]]  # (x, y), as grids have it
    theta = torch.cat((torch.diag_embed(side), (2 * start + side - 1)[:, :, None]), 2)
    grid = F.affine_grid(theta, [len(slices), 1, *size], align_corners=False)
    return F.grid_sample(slices.float(), grid, "bilinear", "border", align_corners=False)


def open_words(source: Path, slices: Sequence[Path], split: Path) -> dict[str, WordSet]:
    """Open the words to train on and to validate on, under ``train`` and ``valid``.

    Args:
        source: ``words.tsv``, or a folder with files of the TransVW release.
        slices: slice shards of the development data sets.
        split: the study's split table.

    Raises:
        DataError: files that are missing, damaged or do not fit each other, naming the file.
    """
    data = {part: SliceSet.open(slices, split, subset=part) for part in PARTS}
    size = tuple(data["train"].volume(0)[0].shape[1:])
    if Path(source).is_dir():
        return {part: _of_cubes(*found, size) for part, found in read_folder(source).items()}
    table = read_table(source, dtype={"dataset": str, "case": str})
    return {part: _of_table(table[table["part"] == part], data[part], size) for part in PARTS}


def words_state(source: Path) -> Any:
    """What stands for the words in the key of a run: the table's hash, or the state of the folder."""
    source = Path(source)
    return folder_state(source) if source.is_dir() else hashlib.sha256(source.read_bytes()).hexdigest()


def _of_table(table: pd.DataFrame, data: SliceSet, size: tuple[int, int]) -> WordSet:
    cases = list(zip(data.cases["dataset"], data.cases["case"], strict=True))
    found = [
        (key[0], cases.index(key[1:]), rows["slice"].to_numpy(), rows[BOX].to_numpy() / [*size, *size])
        for key, rows in table.groupby(KEYS, sort=True)
    ]

    def read(i: int, k: int) -> tuple[np.ndarray, np.ndarray, str]:
        _, case, planes, boxes = found[i]
        return data.slice(case, int(planes[k]))[0], boxes[k], cases[case][1]

    words = np.array([word for word, *_ in found], dtype=np.int64)
    return WordSet(words, np.array([len(planes) for *_, planes, _ in found]), read, size)


def _of_cubes(cubes: Sequence[np.ndarray], words: np.ndarray, size: tuple[int, int]) -> WordSet:
    """Every cube is an instance, its slices along the last axis are the images."""
    places = [(number, row) for number, cube in enumerate(cubes) for row in range(len(cube))]

    def read(i: int, k: int) -> tuple[np.ndarray, np.ndarray, str]:
        number, row = places[i]
        plane = np.asarray(cubes[number][row, :, :, k], dtype=np.float64)
        return np.round(255 * plane).astype(np.uint8), _middle(plane.shape, size), f"cube {i}"

    return WordSet(words, np.array([cubes[number].shape[-1] for number, _ in places]), read, size)


def _middle(shape: tuple[int, int], size: tuple[int, int]) -> np.ndarray:
    """The largest box in the middle with the aspect ratio of ``size``."""
    sides = np.array(size) / np.array(shape)
    sides = sides / sides.max()
    return np.concatenate(((1 - sides) / 2, sides))
