"""What each 3D operator costs, as a ratio to the pass through the encoder (and decoder) that it follows.

Networks and image size of config.yaml, one scan, one thread; medians of processor time. ``answer`` is a
forward pass, ``learning`` a forward and backward pass of the operator alone, as where what was transferred
stays frozen.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from smartnet.networks import OPERATORS, VolumeNetwork, build  # noqa: E402


def seconds(function: Callable[[], object], repeat: int) -> float:
    """Median of the processor time over the repetitions, after one that does not count."""
    times = []
    for _ in range(repeat + 1):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return statistics.median(times[1:])


def measure(net: VolumeNetwork, slices: torch.Tensor, repeat: int) -> tuple[float, float, float]:
    """Seconds of the pass before the operator, of its answer, of its learning."""
    classifier = net.architecture["network"] == "classifier"
    before = net._pooled if classifier else net._decoded
    with torch.inference_mode():
        encoder = seconds(lambda: net.encode(before, slices), repeat)
    with torch.no_grad():
        features, depths = net.encode(before, slices), [len(slices)]
        answer = seconds(lambda: net.operate(features, depths), repeat)
    learning = seconds(lambda: net.operate(features, depths).square().sum().backward(), repeat)
    return encoder, answer, learning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=24)
    parser.add_argument("--repeat", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = yaml.safe_load((ROOT / "config.yaml").read_text())
    slices = torch.rand(options.slices, 1, *settings["preprocess"]["size"])
    print(
        "| network | operator | parameters | pass before, ms | answer | learning |",
        "|---|---|---|---|---|---|",
        sep="\n",
    )
    for network, operators in OPERATORS.items():
        for operator in operators:
            torch.manual_seed(1)
            net = build({**settings["network"], "network": network, "operator": operator}).eval()
            transferred = ("encoder.", "seg_decoder.")
            own = sum(p.numel() for name, p in net.named_parameters() if not name.startswith(transferred))
            encoder, answer, learning = measure(net, slices, options.repeat)
            print(
                f"| {network} | {operator} | {own:,} | {1000 * encoder:.1f} "
                f"| {answer / encoder:.3f} | {learning / encoder:.3f} |"
            )


if __name__ == "__main__":
    main()
