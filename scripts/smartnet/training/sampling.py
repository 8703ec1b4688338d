"""Which slices or volumes an epoch sees, and in which order: drawn from (seed, epoch) alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SLICE_STREAM, VOLUME_STREAM, WINDOW_STREAM = 1, 2, 3


def batches(items: Sequence, size: int) -> list[list]:
    """Cut into batches of ``size``; a rest of one joins the batch before (one slice has no batch
    statistics)."""
    cut = [list(items[start : start + size]) for start in range(0, len(items), size)]
    if len(cut) > 1 and len(cut[-1]) == 1:
        rest = cut.pop()
        cut[-1] += rest
    return cut


def draw_slices(
    lesions: Sequence[np.ndarray], *, sampling: str, per_volume: int, seed: int, epoch: int
) -> list[tuple[int, int]]:
    """Slices of one epoch, shuffled.

    Args:
        lesions: for each volume whether each of its slices shows a lesion, (D,) bool.
        sampling: ``volume`` draws ``per_volume`` slices of every volume, through the lesion where there
        is one (the paper);
            ``all`` takes every slice; ``balanced`` draws as many slices as ``volume``, in turn one with
            and one
            without lesion, volumes being equally likely.
        per_volume: draws per volume and epoch.
        seed: of the run.
        epoch: counted from 0.

    Returns:
        pairs (volume, slice).
    """
    rng = np.random.default_rng([seed, epoch, SLICE_STREAM])
    if sampling == "all":
        chosen = [(i, z) for i, lesion in enumerate(lesions) for z in range(len(lesion))]
    elif sampling == "volume":
        pools = [np.flatnonzero(lesion) if lesion.any() else np.arange(len(lesion)) for lesion in lesions]
        chosen = [(i, z) for i, pool in enumerate(pools) for z in _draw(rng, pool, per_volume)]
    else:
        chosen = _balanced(rng, lesions, len(lesions) * per_volume)
    return [chosen[k] for k in rng.permutation(len(chosen))]


def slice_batches(
    lesions: Mapping[int, np.ndarray], epoch: int, *, settings: Mapping[str, Any], seed: int
) -> list[list[tuple[int, int]]]:
    """Batches of the slices of one epoch.

    Args:
        lesions: of each volume, by its number, whether its slices show a lesion, (D,) bool.
        epoch: counted from 0.
        settings: ``sampling`` and ``slices_per_volume`` (see :func:`draw_slices`), ``batch_size``.
        seed: of the run.

    Returns:
        pairs (number of the volume, slice), batch by batch.
    """
    numbers = list(lesions)
    drawn = draw_slices(
        list(lesions.values()),
        sampling=settings["sampling"],
        per_volume=settings["slices_per_volume"],
        seed=seed,
        epoch=epoch,
    )
    return batches([(numbers[i], z) for i, z in drawn], settings["batch_size"])


def _draw(rng: np.random.Generator, pool: np.ndarray, count: int) -> list[int]:
    """Without repetition as long as the pool lasts."""
    rounds = [rng.permutation(pool) for _ in range(-(-count // len(pool)))]
    return [int(z) for z in np.concatenate(rounds)[:count]]


def _balanced(rng: np.random.Generator, lesions: Sequence[np.ndarray], total: int) -> list[tuple[int, int]]:
    chosen = []
    kinds = [
        [
            (i, np.flatnonzero(lesion == wanted))
            for i, lesion in enumerate(lesions)
            if (lesion == wanted).any()
        ]
        for wanted in (True, False)
    ]
    kinds = [kind for kind in kinds if kind]
    for number, pools in enumerate(kinds):
        share = total // len(kinds) + (number < total % len(kinds))
        for k in _draw(rng, np.arange(len(pools)), share):
            volume, pool = pools[k]
            chosen.append((volume, int(rng.choice(pool))))
    return chosen


def draw_volumes(count: int, *, seed: int, epoch: int) -> list[int]:
    """All volumes, shuffled."""
    return np.random.default_rng([seed, epoch, VOLUME_STREAM]).permutation(count).tolist()


def draw_windows(lesions: Sequence[np.ndarray], *, size: int | None, seed: int, epoch: int) -> list[slice]:
    """Neighbouring slices of each volume that one epoch trains on.

    Args:
        lesions: for each volume whether each of its slices shows a lesion, (D,) bool.
        size: slices per window, around a drawn slice of the lesion where there is one; None takes whole
            volumes (the paper).
        seed: of the run.
        epoch: counted from 0.

    Returns:
        one slice object per volume, inside the volume.
    """
    if size is None:
        return [slice(None)] * len(lesions)
    rng = np.random.default_rng([seed, epoch, WINDOW_STREAM])
    windows = []
    for lesion in lesions:
        centre = rng.choice(np.flatnonzero(lesion) if lesion.any() else len(lesion))
        start = int(np.clip(centre - rng.integers(size), 0, max(0, len(lesion) - size)))
        windows.append(slice(start, start + size))
    return windows
