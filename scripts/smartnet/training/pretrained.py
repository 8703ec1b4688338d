"""Starts that are not trained here: an encoder from torchvision, or a whole network from a file."""

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smartnet.checkpoint.load import load_imagenet, load_start
from smartnet.networks.store import WEIGHTS
from smartnet.training.runs import record_untrained


def write_pretrained(
    *,
    source: Path,
    output: Path,
    pretext: str,
    network: Mapping[str, Any],
    decoder: bool,
    seed: int,
    threads: int,
    code: str,
) -> None:
    """Write what a study starts from, as if it had been trained upstream.

    Args:
        source: file of weights, or folder with ``model.safetensors`` and ``model.json``.
        output: folder for ``model.safetensors``, ``model.json``, ``history.csv`` (no epoch) and ``run.json``,
            which holds the hash of the weights, not their path.
        pretext: ``imagenet`` (a ResNet of torchvision) or ``checkpoint`` (a network of the 2022 release or
            one of ours).
        network: ``depth``, ``width``, ``attention`` of the study.
        decoder: whether a segmentation decoder goes downstream too.
        seed: of the run; the weights are the same for all.
        threads: of torch on the CPU.
        code: fingerprint of the library behind this run.

    Raises:
        ModelError: the file cannot be read, or its weights are not of the study's network.
    """
    begin = time.perf_counter()
    source = Path(source)
    if pretext == "imagenet":
        model = load_imagenet(source, network)
    else:
        model = load_start(source, network, decoder=decoder)
    with (source / WEIGHTS if source.is_dir() else source).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {"pretrained": True, "source_sha256": digest}
    card = {"seed": seed, "gpu": 0, "device": "cpu", "threads": threads, "code": code}
    record_untrained(model, facts, output=output, begin=begin, **card)
