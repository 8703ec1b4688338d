"""Downstream training: the encoder and a 3D operator learn to answer for whole scans."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from smartnet.errors import ConfigError
from smartnet.files import read_json
from smartnet.networks import VolumeNetwork, build, load_weights, min_max
from smartnet.networks.device import choose_device
from smartnet.networks.store import fit_weights, tensors_of
from smartnet.slices.dataset import SliceSet
from smartnet.training import group
from smartnet.training.callbacks import GradualUnfreezing
from smartnet.training.data import WHOLE, lesions_of, load_volumes, need_cases
from smartnet.training.engine import fit
from smartnet.training.modules import ClassifierModule, SegmenterModule
from smartnet.training.runs import input_files, open_state, prepare_torch, record, run_card
from smartnet.training.sampling import batches, draw_volumes, draw_windows
from smartnet.training.settings import DOWNSTREAM, complete, complete_augmentation
from smartnet.validation import DSC_COLUMNS, dsc_curve, write_validation

TASKS = {"classification": ("classifier", ClassifierModule), "segmentation": ("segmenter", SegmenterModule)}


@group.grouped
def train_downstream(
    *,
    slices: Sequence[Path],
    split: Path,
    upstream: Path,
    output: Path,
    state: Path,
    task: str,
    operator: str,
    network: Mapping[str, Any],
    settings: Mapping[str, Any],
    augmentation: Mapping[str, Any],
    seed: int,
    gpu: int,
    threads: int,
    code: str,
) -> None:
    """Train SMART-Net-CLS or SMART-Net-SEG from an upstream encoder; let it answer for the validation scans.

    Args:
        slices: slice shards of the development data sets.
        split: the study's split table.
        upstream: folder of the upstream network.
        output: folder for ``model.safetensors``, ``model.json``, ``history.csv``, ``run.json``,
            ``validation.csv`` (see ``smartnet.validation``).
        state: folder under which the running state lives until the run has succeeded.
        task: ``classification`` or ``segmentation`` (which takes only cases with a mask).
        operator: 3D operator.
        network: ``depth``, ``width``, ``attention``.
        settings: see ``smartnet.training.settings``.
        augmentation: likewise.
        seed: of weights, order, augmentation and dropout.
        gpu: GPUs asked for.
        threads: of torch on the CPU.
        code: fingerprint of the library behind this run.

    Raises:
        ConfigError: unknown or impossible settings.
        DataError: no case to train or validate on.
        ModelError: unknown network options, an upstream network of another size, a loss that is not finite.
    """
    begin = time.perf_counter()
    if task not in TASKS:
        raise ConfigError(f"task {task!r} does not exist: choose one of {', '.join(TASKS)}")
    settings = complete(settings, DOWNSTREAM, what=f"downstream {task}")
    if task == "classification" and settings["crop_slices"]:
        raise ConfigError(
            f"downstream classification crop_slices is {settings['crop_slices']}, but a part of a scan does "
            "not have the scan's label: leave it out"
        )
    augmentation = complete_augmentation(augmentation)
    device = choose_device(gpu, settings["devices"]).type
    prepare_torch(threads, seed)
    model = build({**network, "network": TASKS[task][0], "operator": operator})
    model.max_slices = settings["max_slices"]
    pretrained = transfer(model, upstream, decoder=settings["transfer_decoder"])
    card = {"seed": seed, "gpu": gpu, "device": device, "threads": threads, "code": code}
    content = {"network": model.architecture, "settings": settings, "augmentation": augmentation, **card}
    content |= {"pretrained": pretrained}
    train, valid = (SliceSet.open(slices, split, subset=subset) for subset in ("train", "valid"))
    module = _module(model, train, valid, task=task, settings=settings, augmentation=augmentation, seed=seed)
    unfreezing = GradualUnfreezing(**settings["unfreeze"], pretrained=pretrained)
    folder = open_state(state, content, input_files(slices, split, upstream), output=output)
    keeper, facts = fit(module, state=folder, device=device, callbacks=[unfreezing])
    if group.first():
        model.to(device).eval()  # Lightning leaves it on the CPU
        _validate(model, valid, task, Path(output) / "validation.csv")
        run = run_card(
            **card,
            seconds=time.perf_counter() - begin,
            earlier=keeper.earlier,
            slices_seen=module.slices_seen,
        )
        run |= facts
        record(model, pd.DataFrame(keeper.history), run, output=output, state=folder)


def transfer(model: nn.Module, upstream: Path, *, decoder: bool) -> list[str]:
    """Take the encoder of an upstream network, and its segmentation decoder if wanted and there.

    Returns:
        names of the parts that bring learning along: none where ``run.json`` says that the start was never
        trained.

    Raises:
        ModelError: if the parts do not fit.
    """
    tensors = load_weights(upstream)
    parts = ["encoder"]
    if decoder and hasattr(model, "seg_decoder") and tensors_of(tensors, "seg_decoder"):
        parts.append("seg_decoder")
    for part in parts:
        fit_weights(getattr(model, part), tensors_of(tensors, part), f"{part} of {upstream}")
    run = Path(upstream) / "run.json"
    pretrained = not run.is_file() or read_json(run).get("pretrained", True)
    return parts if pretrained else []


def _usable(data: SliceSet, task: str, subset: str) -> list[int]:
    column = data.cases["hemorrhage"].notna() if task == "classification" else data.cases["mask"] != "none"
    return need_cases(np.flatnonzero(column.to_numpy()).tolist(), subset, f"downstream {task}")


def _module(
    model: VolumeNetwork,
    train: SliceSet,
    valid: SliceSet,
    *,
    task: str,
    settings: Mapping[str, Any],
    augmentation: Mapping[str, Any],
    seed: int,
) -> ClassifierModule | SegmenterModule:
    chosen, checked = _usable(train, task, "training"), _usable(valid, task, "validation")
    masks = task == "segmentation"
    lesions = lesions_of(train)

    def plan(epoch: int) -> list[list[tuple[int, slice]]]:
        order = [chosen[k] for k in draw_volumes(len(chosen), seed=seed, epoch=epoch)]
        windows = draw_windows(
            [lesions[i] for i in order], size=settings["crop_slices"], seed=seed, epoch=epoch
        )
        return batches(list(zip(order, windows, strict=True)), settings["batch_size"])

    return TASKS[task][1](
        model,
        settings=settings,
        augmentation=augmentation,
        seed=seed,
        train=(plan, partial(load_volumes, train, masks=masks)),
        valid=(
            lambda epoch: [[(i, WHOLE)] for i in checked],
            partial(load_volumes, valid, masks=masks),
        ),
    )


@torch.inference_mode()
def _validate(model: VolumeNetwork, valid: SliceSet, task: str, output: Path) -> None:
    """Write what the network answers for every validation scan."""
    device = next(model.parameters()).device
    chosen, answers = _usable(valid, task, "validation"), []
    for i in chosen:
        batch = load_volumes(valid, [(i, WHOLE)], range(1), masks=True)
        logits = model.forward_packed(min_max(batch["slices"].to(device)), batch["depths"]).double()
        probability = logits.sigmoid().cpu().numpy()
        if task == "classification":
            answers.append({"logit": logits.item(), "probability": probability.item()})
        else:
            curve = dsc_curve(probability, batch["masks"].numpy())
            answers.append(dict(zip(DSC_COLUMNS, curve, strict=True)))
    write_validation(valid.cases.iloc[chosen], answers, task, output)
