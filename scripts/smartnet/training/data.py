"""Batches from memory-mapped slices, loaded in the training process itself."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from smartnet.errors import DataError
from smartnet.slices.dataset import SliceSet

Batch = dict[str, Any]
"""``slices`` (S, 1, H, W) uint8, ``masks`` likewise (0/1), ``volume`` (S,) which volume of the batch a slice
belongs to, ``depths`` slices per volume, ``truth`` (B, 1) hemorrhage in the scan, ``cases`` names,
``step``."""


WHOLE = slice(None)
"""All slices of a volume."""


def lesions_of(data: SliceSet) -> list[np.ndarray]:
    """For each case whether each slice shows a lesion, (D,) bool; all False where the case has no mask."""
    shows = data.slices["hemorrhage"].fillna(0).to_numpy(dtype=float) > 0
    index = data.slices["index"].to_numpy()
    return [shows[index == i] for i in range(len(data))]


def need_cases(cases: list[int], which: str, purpose: str) -> list[int]:
    """Pass the usable cases on.

    Raises:
        DataError: if there is none.
    """
    if not cases:
        raise DataError(
            f"no {which} case can be used for {purpose}: look at the split, "
            "at the catalog's reasons and at the masks"
        )
    return cases


class Batches:
    """An iterable that asks for its plan anew each epoch.

    Args:
        plan: gives the batches of an epoch, each a list of items.
        load: makes a batch of items.
        epoch: gives the current epoch.
    """

    def __init__(
        self, plan: Callable[[int], list[list]], load: Callable[[list], Batch], epoch: Callable[[], int]
    ) -> None:
        """Keep the arguments."""
        self.plan, self.load, self.epoch = plan, load, epoch

    def __len__(self) -> int:
        """Batches of the current epoch."""
        return len(self.plan(self.epoch()))

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the current epoch."""
        for step, items in enumerate(self.plan(self.epoch())):
            yield {**self.load(items), "step": step}


def load_slices(data: SliceSet, items: Sequence[tuple[int, int]]) -> Batch:
    """Batch of single slices, items (case, slice); each slice is its own volume to the augmentation,
    unless two come
    from the same case."""
    pairs = [data.slice(i, z) for i, z in items]
    _, volume = np.unique([i for i, _ in items], return_inverse=True)
    return {
        "slices": torch.from_numpy(np.stack([image for image, _ in pairs]))[:, None],
        "masks": torch.from_numpy(np.stack([mask for _, mask in pairs]))[:, None],
        "volume": torch.from_numpy(volume),
        "cases": [str(data.cases["case"].iloc[i]) for i, _ in items],
    }


def load_volumes(data: SliceSet, items: Sequence[tuple[int, slice]], *, masks: bool) -> Batch:
    """Batch of volumes, packed; without ``masks`` they are not read and None.

    Args:
        data: the cases.
        items: (case, which of its slices); ``truth`` is the whole scan's in any case.
        masks: whether they are needed.
    """
    volumes = [tuple(array[window] for array in data.volume(i)) for i, window in items]
    depths = [len(image) for image, _ in volumes]
    truth = data.cases["hemorrhage"].iloc[[i for i, _ in items]].to_numpy(dtype=np.float32)
    return {
        "slices": torch.from_numpy(np.concatenate([image for image, _ in volumes]))[:, None],
        "masks": torch.from_numpy(np.concatenate([mask for _, mask in volumes]))[:, None] if masks else None,
        "volume": torch.repeat_interleave(torch.arange(len(depths)), torch.tensor(depths)),
        "depths": depths,
        "truth": torch.from_numpy(truth)[:, None],
        "cases": [str(data.cases["case"].iloc[i]) for i, _ in items],
    }
