"""Upstream training: one encoder and its heads learn from single slices."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smartnet.chosen import load
from smartnet.errors import ConfigError
from smartnet.networks import build
from smartnet.networks.device import choose_device
from smartnet.slices.dataset import SliceSet
from smartnet.training import group
from smartnet.training.data import lesions_of, load_slices, need_cases
from smartnet.training.engine import fit
from smartnet.training.modules import TrainingModule, UpstreamModule
from smartnet.training.runs import (
    input_files,
    open_state,
    prepare_torch,
    record,
    record_untrained,
    run_card,
)
from smartnet.training.sampling import batches, slice_batches
from smartnet.training.settings import UPSTREAM, complete, complete_augmentation


@group.grouped
def train_upstream(
    *,
    slices: Sequence[Path],
    split: Path,
    output: Path,
    state: Path,
    network: Mapping[str, Any],
    pretext: Mapping[str, Any],
    settings: Mapping[str, Any],
    augmentation: Mapping[str, Any],
    seed: int,
    gpu: int,
    threads: int,
    code: str,
    words: Path | None = None,
) -> None:
    """Train the upstream network and write its best weights.

    Args:
        slices: slice shards of the development data sets.
        split: the study's split table.
        output: folder for ``model.safetensors``, ``model.json``, ``history.csv`` and ``run.json``.
        state: folder under which the running state lives until the run has succeeded.
        network: ``depth``, ``width``, ``attention``.
        pretext: see ``smartnet.experiments.PRETEXTS``; no heads at all is the start from scratch: the seeded
            encoder leaves untrained.
        settings: see ``smartnet.training.settings``.
        augmentation: likewise.
        seed: of weights, sampling, augmentation and dropout.
        gpu: GPUs asked for.
        threads: of torch on the CPU.
        code: fingerprint of the library behind this run.
        words: where there is a head for them: the table of visual words or the folder of their files.

    Raises:
        ConfigError: unknown or impossible settings.
        DataError: no case to train or validate on, or unusable files of visual words.
        ModelError: unknown network options, or a loss that is not finite.
    """
    begin = time.perf_counter()
    settings = complete(settings, UPSTREAM, what="upstream")
    augmentation = complete_augmentation(augmentation)
    heads = tuple(pretext["heads"])
    if pretext.get("consistency") and not {"cls", "seg"} <= set(heads):
        raise ConfigError(
            f"pretext heads {list(heads)} cannot have the consistency loss: it needs cls and seg"
        )
    device = choose_device(gpu, settings["devices"]).type
    prepare_torch(threads, seed)
    naming = load("selfsupervised", "words") if "words" in heads else None
    found = naming.open_words(words, slices, split) if naming else None
    classes = {"words": found["train"].count} if found else {}
    model = build({**network, "network": "upstream", "heads": list(heads), **classes})
    card = {"seed": seed, "gpu": gpu, "device": device, "threads": threads, "code": code}
    if not heads:
        if group.first():
            record_untrained(model, {"pretrained": False}, output=output, begin=begin, **card)
        return
    content = {"network": model.architecture, "pretext": dict(pretext), "settings": settings}
    content |= {
        "augmentation": augmentation,
        **card,
        **({"words": naming.words_state(words)} if found else {}),
    }
    options = {"settings": settings, "augmentation": augmentation, "seed": seed}
    module = (
        naming.words_module(model, found, **options)
        if naming
        else _module(model, slices, split, pretext=pretext, **options)
    )
    folder = open_state(state, content, input_files(slices, split), output=output)
    keeper, facts = fit(module, state=folder, device=device)
    if group.first():
        run = run_card(
            **card,
            seconds=time.perf_counter() - begin,
            earlier=keeper.earlier,
            slices_seen=module.slices_seen,
        )
        run |= {**facts, "pretrained": True}
        record(model, pd.DataFrame(keeper.history), run, output=output, state=folder)


def _usable(data: SliceSet, heads: Sequence[str]) -> list[int]:
    """Cases that can teach these heads: CLS and SEG need a mask, REC only images."""
    usable = (
        np.ones(len(data), dtype=bool) if set(heads) <= {"rec"} else (data.cases["mask"] != "none").to_numpy()
    )
    return np.flatnonzero(usable).tolist()


def _module(
    model: Any,
    slices: Sequence[Path],
    split: Path,
    *,
    pretext: Mapping[str, Any],
    settings: Mapping[str, Any],
    augmentation: Mapping[str, Any],
    seed: int,
) -> TrainingModule:
    heads, distorted = pretext["heads"], pretext.get("distorted", False)
    train, valid = (SliceSet.open(slices, split, subset=subset) for subset in ("train", "valid"))
    chosen = need_cases(_usable(train, heads), "training", "upstream training")
    checked = need_cases(_usable(valid, heads), "validation", "upstream training")
    every = lesions_of(train)
    lesions = {i: np.zeros_like(every[i]) if distorted else every[i] for i in chosen}  # without supervision
    every_valid = [(i, z) for i in checked for z in range(int(valid.cases["count"].iloc[i]))]

    kind = load("selfsupervised", "restoration").RestorationModule if distorted else UpstreamModule
    module = kind(
        model,
        settings=settings,
        augmentation=augmentation,
        seed=seed,
        train=(
            partial(slice_batches, lesions, settings=settings, seed=seed),
            partial(load_slices, train),
        ),
        valid=(
            lambda epoch: batches(every_valid, settings["max_slices"]),
            partial(load_slices, valid),
        ),
    )
    if pretext.get("consistency"):
        module.consistency = settings["consistency_pooling"]
    return module
