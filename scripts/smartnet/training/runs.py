"""What surrounds a training run: torch's settings, the key of its running state, the files that leave."""

import contextlib
import ctypes
import gc
import hashlib
import json
import logging
import platform
import resource
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from smartnet.files import write_json, write_table
from smartnet.networks import save_model

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


def release_memory() -> None:
    """Give back what nothing refers to any more, on the GPU too."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


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


def open_state(state: Path, content: Mapping[str, Any], files: Iterable[Path], *, output: Path) -> Path:
    """Open the folder of a running state, with a note whose it is (see job/leftovers.py).

    Args:
        state: folder of all running states.
        content: see :func:`state_key`; with ``settings`` and ``code``.
        files: likewise.
        output: folder for what leaves the run.
    """
    folder = Path(state) / state_key(content, files)
    note = {"weights": (Path(output) / MODEL_FILES[0]).as_posix()}
    note |= {name: content[name] for name in ("settings", "code")}
    write_json(note, folder / "begun.json")  # several processes of a run write the same
    return folder


def input_files(slices: Sequence[Path], split: Path, upstream: Path | None = None) -> list[Path]:
    """All files that a run reads."""
    files = [Path(folder) / name for folder in slices for name in SLICE_FILES]
    models = [] if upstream is None else [Path(upstream) / name for name in MODEL_FILES]
    return [path for path in [*files, Path(split), *models] if path.is_file()]


def record(
    network: nn.Module, history: pd.DataFrame, run: Mapping[str, Any], *, output: Path, state: Path | None
) -> None:
    """Write what leaves a run; its running state stays until a job uses the weights (job/leftovers.py)."""
    output = Path(output)
    save_model(network.cpu(), output)
    write_table(history, output / "history.csv")
    write_json(run, output / "run.json")
    if state is not None:
        write_json({"weights": (output / MODEL_FILES[0]).as_posix()}, Path(state) / "finished.json")


def record_untrained(
    network: nn.Module, facts: Mapping[str, Any], *, output: Path, begin: float, **card: Any
) -> None:
    """Write a network that no epoch has changed: a history without rows, and ``facts`` beside the run's card.

    ``begin`` is the run's ``time.perf_counter()``; the rest goes to :func:`run_card`.
    """
    run = run_card(**card, seconds=time.perf_counter() - begin)
    run |= {"epochs": 0, "best_epoch": None, **facts}
    empty = pd.DataFrame(columns=["epoch", "train_loss", "valid_loss", "lr"])
    record(network, empty, run, output=output, state=None)


def run_card(
    *,
    seed: int,
    gpu: int,
    device: str,
    threads: int,
    code: str,
    seconds: float,
    earlier: float = 0.0,
    slices_seen: int = 0,
) -> dict[str, Any]:
    """Facts about a run that two equal runs need not share (times) or that explain a difference
    (versions); ``seconds`` and ``slices_seen`` of this process, ``earlier`` of those that it went on from."""
    import lightning

    cuda = device == "cuda"
    return {
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "lightning": lightning.__version__,
            "numpy": np.__version__,
        },
        "code": code,
        "commit": commit(),
        "seed": seed,
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "gpu_asked": gpu,
        "gpu_used": int(cuda),
        "precision": "32-true",
        "threads": threads,
        "seconds": round(earlier + seconds, 3),
        "slices_per_second": round(slices_seen / seconds, 3) if seconds else 0.0,
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "peak_gpu_memory_mb": round(torch.cuda.max_memory_allocated() / 2**20, 1) if cuda else 0.0,
    }


def commit() -> str | None:
    """The commit of the checkout that this library lies in, ``-dirty`` if it was changed; None elsewhere."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        answer = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
