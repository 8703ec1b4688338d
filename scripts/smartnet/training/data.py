"""Batches from memory-mapped slices, loaded in the training process itself."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from smartnet.errors import ConfigError, DataError
from smartnet.slices.dataset import SliceSet

Batch = dict[str, Any]
"""``slices`` (S, 1, H, W) uint8, ``masks`` likewise (0/1), ``volume`` (S,) which volume of the whole batch a
slice belongs to, ``volumes`` how many that batch has, ``depths`` slices per volume, ``truth`` (B, 1)
hemorrhage in the scan, ``cases`` names, ``fraction`` of the whole batch's loss that these are, ``step``,
``part`` of the batch, ``weight`` of its loss (1 on average)."""

WHOLE = slice(None)
"""All slices of a volume."""


@dataclass(frozen=True)
class Share:
    """What one process does of every batch.

    Attributes:
        process: its number.
        processes: how many share a batch.
        passes: in how many passes each of them takes its part (gradient accumulation).
    """

    process: int = 0
    processes: int = 1
    passes: int = 1

    @property
    def parts(self) -> int:
        """Into how many parts a batch is cut."""
        return self.processes * self.passes


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


class Turn(NamedTuple):
    """What one process takes of one batch: positions in ``items``, and by what their loss is multiplied."""

    step: int
    part: int
    items: list
    chosen: range
    factor: float


class Batches(ABC):
    """An iterable that asks for its plan anew each epoch and notes how long the network waits for it.

    Args:
        plan: gives the batches of an epoch, each a list of items.
        load: makes a batch of all items and the positions of those that are wanted.
        epoch: gives the current epoch.
        share: what this process does of it.
    """

    def __init__(
        self,
        plan: Callable[[int], list[list]],
        load: Callable[[list, Sequence[int]], Batch],
        epoch: Callable[[], int],
        share: Share,
    ) -> None:
        """Keep the arguments."""
        self.plan, self.load, self.epoch, self.share = plan, load, epoch, share
        self.waited = 0.0  # seconds

    @abstractmethod
    def turns(self, batches: list[list]) -> Iterator[Turn]:
        """What this process takes of these batches."""

    def __len__(self) -> int:
        """Turns of the current epoch."""
        return sum(1 for _ in self.turns(self.plan(self.epoch())))

    def __iter__(self) -> Iterator[Batch]:
        """The batches of the current epoch."""
        begin = time.perf_counter()
        for turn in self.turns(self.plan(self.epoch())):
            batch = self.load(turn.items, turn.chosen)
            batch |= {"step": turn.step, "part": turn.part, "weight": batch["fraction"] * turn.factor}
            self.waited += time.perf_counter() - begin
            yield batch
            begin = time.perf_counter()


class TrainingBatches(Batches):
    """Every batch in parts: one for each process and pass."""

    def turns(self, batches: list[list]) -> Iterator[Turn]:
        """One turn per pass.

        Raises:
            ConfigError: there is less to train on than parts.
        """
        parts = self.share.parts
        if len(batches) > 1 and len(batches[-1]) < parts:  # too few for everyone to get something
            batches = [*batches[:-2], batches[-2] + batches[-1]]
        if len(batches[0]) < parts:
            raise ConfigError(
                f"{len(batches[0])} items to train on cannot be shared by {self.share.processes} devices in "
                f"{self.share.passes} passes: lower devices or accumulate"
            )
        for step, items in enumerate(batches):
            for number in range(self.share.passes):
                part = number * self.share.processes + self.share.process
                yield Turn(step, part, items, range(part, len(items), parts), parts)


class ValidationBatches(Batches):
    """Whole batches in turn to each process; who has none left repeats the last with weight 0."""

    def turns(self, batches: list[list]) -> Iterator[Turn]:
        """As many turns for every process: they wait for one another."""
        for first in range(0, len(batches), self.share.processes):
            step = first + self.share.process
            items = batches[min(step, len(batches) - 1)]
            yield Turn(step, 0, items, range(len(items)), float(step < len(batches)))


def load_slices(data: SliceSet, items: Sequence[tuple[int, int]], chosen: Sequence[int]) -> Batch:
    """Some single slices of a batch; each is its own volume to the augmentation, unless two come from the
    same case.

    Args:
        data: the cases.
        items: (case, slice) of the whole batch.
        chosen: positions in ``items``.
    """
    pairs = [data.slice(*items[k]) for k in chosen]
    cases, volume = np.unique([i for i, _ in items], return_inverse=True)
    return {
        "slices": torch.from_numpy(np.stack([image for image, _ in pairs]))[:, None],
        "masks": torch.from_numpy(np.stack([mask for _, mask in pairs]))[:, None],
        "volume": torch.from_numpy(volume[chosen]),
        "volumes": len(cases),
        "cases": [data.name(items[k][0]) for k in chosen],
        "fraction": len(chosen) / len(items),
    }


def load_volumes(
    data: SliceSet, items: Sequence[tuple[int, slice]], chosen: Sequence[int], *, masks: bool
) -> Batch:
    """Some volumes of a batch, packed; without ``masks`` they are not read and None.

    Args:
        data: the cases.
        items: (case, which of its slices) of the whole batch; ``truth`` is the whole scan's in any case.
        chosen: positions in ``items``.
        masks: whether they are needed; then slices, not scans, make the loss.
    """
    counts = [len(range(data.count(i))[window]) for i, window in items]
    volumes = [tuple(array[window] for array in data.volume(i)) for i, window in (items[k] for k in chosen)]
    depths = [counts[k] for k in chosen]
    own = [items[k][0] for k in chosen]
    truth = data.cases["hemorrhage"].iloc[own].to_numpy(dtype=np.float32)
    return {
        "slices": torch.from_numpy(np.concatenate([image for image, _ in volumes]))[:, None],
        "masks": torch.from_numpy(np.concatenate([mask for _, mask in volumes]))[:, None] if masks else None,
        "volume": torch.repeat_interleave(torch.tensor(chosen), torch.tensor(depths)),
        "volumes": len(items),
        "depths": depths,
        "truth": torch.from_numpy(truth)[:, None],
        "cases": [data.name(i) for i in own],
        "fraction": sum(depths) / sum(counts) if masks else len(own) / len(items),
    }
