"""What training costs beside the network alone: seconds per step of a whole run, and of a bare loop.

The bare loop is forward, losses, backward and optimiser on one batch that already lies on the device; a whole
run adds loading, augmentation, checks, history, validation, saving, and Lightning. Networks, sizes and
batches of the configuration; noise with discs as images. The ratio is of both in one process, in turn.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from snakemake.utils import update_config

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from smartnet.experiments import PRETEXTS  # noqa: E402
from smartnet.files import write_array, write_table  # noqa: E402
from smartnet.losses import upstream_losses  # noqa: E402
from smartnet.networks import build  # noqa: E402
from smartnet.training.upstream import train_upstream  # noqa: E402

DEPTH = 24  # slices per scan
PRECISION = {"32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


def study(folder: Path, size: tuple[int, int], scans: int) -> dict[str, Any]:
    """Slices and split of scans with blurred noise and a disc of lesion in every second one."""
    rng = np.random.default_rng(1)
    images = rng.integers(20, 90, (scans * DEPTH, *size)).astype(np.uint8)
    y, x = np.mgrid[: size[0], : size[1]]
    disc = (y - size[0] / 2) ** 2 + (x - size[1] / 2) ** 2 < (size[0] / 8) ** 2
    ill = np.arange(scans) % 2 == 1
    masks = np.repeat(ill, DEPTH)[:, None, None] & disc
    images[masks] = 200
    names = [f"c{i:04d}" for i in range(scans)]
    cases = pd.DataFrame({"case": names, "patient": names, "dataset": "bench"})
    split = cases.assign(split=np.where(np.arange(scans) < 0.9 * scans, "train", "valid"))
    cases = cases.assign(first=np.arange(scans) * DEPTH, count=DEPTH, hemorrhage=ill.astype(int))
    cases["mask"] = np.where(ill, "reference", "empty")
    slices = cases.loc[np.repeat(np.arange(scans), DEPTH), ["case", "patient", "dataset", "hemorrhage"]]
    slices = slices.assign(row=np.arange(len(slices)), z=np.tile(np.arange(DEPTH), scans))
    write_array(images, folder / "0/images.npy")
    write_array(masks.astype(np.uint8), folder / "0/masks.npy")
    write_table(slices, folder / "0/slices.tsv")
    write_table(cases.assign(manufacturer="", content="x"), folder / "0/cases.tsv")
    write_table(split, folder / "split.tsv")
    return {"slices": [folder / "0"], "split": folder / "split.tsv"}


def whole(
    data: Mapping[str, Any], config: Mapping[str, Any], options: argparse.Namespace, folder: Path
) -> dict:
    """One run of SMART-Net upstream; its run.json."""
    settings = {**config["upstream"], "epochs": options.epochs, "validate_every": options.epochs}
    settings |= {"precision": options.precision}
    train_upstream(
        **data,
        output=folder / "run",
        state=folder / "state",
        network=config["network"],
        pretext=PRETEXTS["smartnet"],
        settings=settings,
        augmentation=config["augmentation"],
        seed=1,
        gpu=int(torch.cuda.is_available()),
        threads=options.threads,
        code="bench",
    )
    return json.loads((folder / "run/run.json").read_text())


def bare(config: Mapping[str, Any], steps: int, precision: str) -> float:
    """Seconds of the same number of steps on one batch that is already there."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = (config["upstream"]["batch_size"], 1, *config["preprocess"]["size"])
    slices, masks = torch.rand(size, device=device), (torch.rand(size, device=device) > 0.98).float()
    network = build({**config["network"], "network": "upstream"}).to(device)
    optimizer = torch.optim.AdamW(network.parameters(), fused=True)
    scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, PRECISION[precision], enabled=precision != "32"):
            outputs = network(slices)
        outputs = {name: value.float() for name, value in outputs.items()}
        loss = sum(upstream_losses(outputs, slices, masks, consistency="max-avg").values())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    for _ in range(3):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--configfile", nargs="*", default=[], help="overlays over config.yaml")
    parser.add_argument("--scans", type=int, default=400)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=PRECISION, default="32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    for overlay in options.configfile:
        update_config(config, yaml.safe_load(Path(overlay).read_text()))
    runs, loops, waits = [], [], []
    steps = options.epochs * round(0.9 * options.scans / config["upstream"]["batch_size"])
    with tempfile.TemporaryDirectory() as folder:
        data = study(Path(folder), tuple(config["preprocess"]["size"]), options.scans)
        for _ in range(options.repeat + 1):  # the first warms up
            run = whole(data, config, options, Path(folder))
            runs.append(run["seconds"])
            waits.append(run["data_wait"])
            loops.append(bare(config, steps, options.precision))
    ours, alone = statistics.median(runs[1:]), statistics.median(loops[1:])
    print(
        f"{run['device']}, {run['precision']}, {steps} steps of {config['upstream']['batch_size']} slices: "
        f"{1000 * ours / steps:.1f} ms per step of a whole run, {1000 * alone / steps:.1f} bare: "
        f"{ours / alone:.2f} times; waiting for data {100 * statistics.median(waits[1:]):.2f} %"
    )


if __name__ == "__main__":
    main()
