"""Weights drawn anew, to see whether a map depends on what was learnt."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from smartnet.networks import build
from smartnet.networks.encoder import STAGES

STEPS = ("head", "operator", *reversed(STAGES))
"""From the logit down: the layers behind the summary of a scan, the 3D operator, the encoder's stages."""
_HEAD = ("fc", "head")


def drawn_anew(network: nn.Module, *, seed: int) -> nn.Module:
    """Build the same architecture with fresh weights, in evaluation mode on the same device.

    Args:
        network: with its ``architecture`` on it.
        seed: of the weights; torch's global generator is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build(dict(network.architecture))
    fresh.max_slices = network.max_slices
    return fresh.to(next(network.parameters()).device).eval()


def cascade(network: nn.Module, *, seed: int) -> Iterator[tuple[str, nn.Module]]:
    """Draw one group of weights after the other anew, from the logit down (Adebayo et al., NeurIPS 2018).

    Args:
        network: a classifier; it stays as it is.
        seed: of the weights.

    Yields:
        the step and the network at this step, one and the same object, which becomes more and more random.
        Groups without weights are left out. A stage's BatchNorm loses its statistics with its weights.
    """
    fresh = drawn_anew(network, seed=seed)
    drawn = {name: value.clone() for name, value in fresh.state_dict().items()}
    mixed = fresh.state_dict()  # the tensors of the network itself
    for name, value in network.state_dict().items():
        mixed[name].copy_(value)
    groups: dict[str, list[str]] = {step: [] for step in STEPS}
    for name in mixed:
        groups[_step(name)].append(name)
    for step, names in groups.items():
        if names:
            with torch.no_grad():
                for name in names:
                    mixed[name].copy_(drawn[name])
            yield step, fresh


def _step(weight: str) -> str:
    """Name the step at which a weight of a classifier is drawn anew."""
    first, second = (*weight.split("."), "")[:2]
    if first != "encoder":
        return "head" if first in _HEAD else "operator"
    return second if second in STAGES else "stem"


def similarity(map_a: np.ndarray, map_b: np.ndarray) -> dict[str, float]:
    """Compare two maps of one scan.

    Args:
        map_a: (D, H, W) in [0, 1].
        map_b: likewise.

    Returns:
        ``ssim``: structural similarity (Wang et al. 2004), mean over the slices; ``spearman``: rank
        correlation over all voxels, NaN where a map is of one value.
    """
    from scipy.stats import rankdata
    from skimage.metrics import structural_similarity

    pairs = zip(map_a, map_b, strict=True)
    ssim = np.mean([structural_similarity(a, b, data_range=1.0) for a, b in pairs])
    if np.ptp(map_a) == 0 or np.ptp(map_b) == 0:
        return {"ssim": float(ssim), "spearman": np.nan}
    ranks = [rankdata(values, axis=None) for values in (map_a, map_b)]
    return {"ssim": float(ssim), "spearman": float(np.corrcoef(*ranks)[0, 1])}
