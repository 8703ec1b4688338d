"""One training run from start to end: device, running state, Lightning, and the files that leave."""

import contextlib
import ctypes
import hashlib
import json
import logging
import platform
import resource
import shutil
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from smartnet.files import write_json, write_table
from smartnet.networks import save_model
from smartnet.training.callbacks import Keeper, load_state
from smartnet.training.modules import TrainingModule

logger = logging.getLogger(__name__)

SLICE_FILES = ("images.npy", "masks.npy", "slices.tsv", "cases.tsv")
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's mallopt(3)
MODEL_FILES = ("model.safetensors", "model.json")


def prepare_torch(threads: int, seed: int) -> None:
    """Threads, seed, and deterministic algorithms (on a GPU: warn where there is none)."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.utils.deterministic.fill_uninitialized_memory = False  # a debugging aid that costs time


def keep_freed_memory() -> None:
    """Let glibc keep freed memory: a step frees and takes the same tensors, and page faults cost time.

    Elsewhere than on Linux with glibc nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def state_key(content: Mapping[str, Any], files: Iterable[Path]) -> str:
    """16 hex digits that stand for settings, the content of files and the version of torch.

    Args:
        content: anything that JSON can hold.
        files: inputs, in an order that does not depend on where they lie.
    """
    digest = hashlib.sha256(json.dumps([content, torch.__version__], sort_keys=True, default=list).encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def input_files(slices: Sequence[Path], split: Path, upstream: Path | None = None) -> list[Path]:
    """All files that a run reads."""
    files = [Path(folder) / name for folder in slices for name in SLICE_FILES]
    models = [] if upstream is None else [Path(upstream) / name for name in MODEL_FILES]
    return [path for path in [*files, Path(split), *models] if path.is_file()]


def fit(module: TrainingModule, *, state: Path, device: str, callbacks: Sequence[Any] = ()) -> Keeper:
    """Train, taking up a saved state where there is one; the network ends with its best weights.

    Args:
        module: what to train.
        state: folder of the running state.
        device: ``cpu`` or ``cuda``.
        callbacks: beyond the keeper.

    Returns:
        the keeper, with history and the epoch from which a saved state was taken up.
    """
    from lightning.pytorch import Trainer
    from lightning.pytorch.plugins.environments import LightningEnvironment

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no tips, no device table
    warnings.filterwarnings("ignore", module=r"lightning\.pytorch\.utilities\._pytree")  # its own affair
    keeper = Keeper(state, validate_every=module.settings["validate_every"])
    trainer = Trainer(
        accelerator=device,
        devices=1,
        max_epochs=module.settings["epochs"],
        callbacks=[keeper, *callbacks],
        plugins=[LightningEnvironment()],  # one process; the scheduler's variables are none of its business
        deterministic=True if device == "cpu" else "warn",
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=state,
    )
    saved = load_state(state)
    trainer.fit(module, ckpt_path=saved, weights_only=True)
    module.network.load_state_dict(keeper.best["weights"])
    return keeper


def record(
    network: nn.Module, history: pd.DataFrame, run: Mapping[str, Any], *, output: Path, state: Path | None
) -> None:
    """Write what leaves a run, then remove its running state."""
    output = Path(output)
    save_model(network.cpu(), output)
    write_table(history, output / "history.csv")
    write_json(run, output / "run.json")
    if state is not None:
        shutil.rmtree(state, ignore_errors=True)


def record_untrained(
    network: nn.Module, facts: Mapping[str, Any], *, output: Path, begin: float, **card: Any
) -> None:
    """Write a network that no epoch has changed: a history without rows, and ``facts`` beside the run's card.

    ``begin`` is the run's ``time.perf_counter()``; the rest goes to :func:`run_card`.
    """
    run = run_card(**card, seconds=time.perf_counter() - begin, slices_seen=0)
    run |= {"epochs": 0, "best_epoch": None, "resumed_from": None, **facts}
    empty = pd.DataFrame(columns=["epoch", "train_loss", "valid_loss", "lr"])
    record(network, empty, run, output=output, state=None)


def run_card(
    *, seed: int, gpu: int, device: str, threads: int, code: str, seconds: float, slices_seen: int
) -> dict[str, Any]:
    """Facts about a run that two equal runs need not share (times) or that explain a difference
    (versions)."""
    import lightning

    return {
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "numpy": np.__version__,
        },
        "code": code,
        "seed": seed,
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "gpu_asked": gpu,
        "gpu_used": int(device == "cuda"),
        "precision": "32-true",
        "threads": threads,
        "seconds": round(seconds, 3),
        "slices_per_second": round(slices_seen / seconds, 3) if seconds else 0.0,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }
