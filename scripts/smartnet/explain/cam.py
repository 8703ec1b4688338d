"""Class activation maps through the 3D operators: volumes whose slices share one scale."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from smartnet.networks import VolumeSegmenter, min_max
from smartnet.networks.volumes import MAX_SLICES, in_chunks


@torch.inference_mode()
def activation_map(encoder: nn.Module, images: torch.Tensor, *, limit: int = MAX_SLICES) -> torch.Tensor:
    """Average the last encoder stage over its channels (method of the paper's figure).

    Args:
        encoder: gives a list of feature maps, the last one (N, C, h, w).
        images: (N, 1, H, W) in [0, 1].
        limit: slices that pass the encoder together.

    Returns:
        (N, H, W): sigmoid of the mean, resized bilinearly, each slice stretched to [0, 1].
    """
    mean = in_chunks(lambda chunk: encoder(chunk)[-1].mean(dim=1, keepdim=True), images, limit)
    return min_max(resized(mean.sigmoid(), images.shape[-2:]))[:, 0]


def grad_cam(classifier: nn.Module, volume: torch.Tensor) -> torch.Tensor:
    """Grad-CAM (Selvaraju et al., ICCV 2017) of the volume logit, through the 3D operator to every slice.

    Each slice's channels are weighted by their own mean gradient, so the weights hold what the operator made
    of that slice among its neighbours.

    Args:
        classifier: takes volumes (B, 1, D, H, W) and depths (B,), gives logits (B, 1); its last encoder
            stage is ``encoder.layer4``.
        volume: (D, 1, H, W) in [0, 1], the slices of one scan in order.

    Returns:
        (D, H, W): positive evidence, resized bilinearly; divided by the maximum of the whole scan (all 0
        where nothing speaks for hemorrhage), so that slices compare.
    """
    with _cut_at(classifier, classifier.encoder.layer4) as parts, torch.backends.cudnn.flags(enabled=False):
        # cuDNN's LSTM refuses to go backward in evaluation mode, PyTorch's own does not.
        depths = torch.tensor([len(volume)])
        classifier(volume.transpose(0, 1)[None], depths).sum().backward()
    stage, gradient = _joined(parts)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    evidence = (weights * stage).sum(dim=1, keepdim=True).relu()
    return jointly_scaled(resized(evidence, volume.shape[-2:])[:, 0])


def seg_grad_cam(segmenter: VolumeSegmenter, volume: torch.Tensor, *, threshold: float) -> torch.Tensor:
    """Grad-CAM of a segmentation (Seg-Grad-CAM, Vinogradova et al., AAAI 2020) in three dimensions.

    What is explained is the sum of the logits of all voxels called lesion; the features are those that enter
    the 3D operator, at full resolution. A channel has one weight in the whole scan, its mean gradient, which
    has passed the operator, and so the neighbours of every slice.

    Args:
        segmenter: with a decoder whose maps its 3D operator takes.
        volume: (D, 1, H, W) in [0, 1], the slices of one scan in order.
        threshold: probability from which a voxel is lesion.

    Returns:
        (D, H, W): positive evidence, divided by the maximum of the whole scan; all 0 where nothing is called
        lesion, for then there is nothing to explain.
    """
    with _cut_at(segmenter, segmenter.seg_decoder) as parts:
        logits = segmenter.forward_packed(volume, [len(volume)])
        lesion = logits.detach().sigmoid() >= threshold
        if not lesion.any():
            return torch.zeros_like(logits.detach()[:, 0])
        logits[lesion].sum().backward()
    features, gradient = _joined(parts)
    weights = gradient.mean(dim=(0, 2, 3), keepdim=True)
    return jointly_scaled((weights * features).sum(dim=1).relu())


def jointly_scaled(evidence: torch.Tensor) -> torch.Tensor:
    """Divide positive evidence (D, H, W) by the maximum of the whole scan; no evidence stays 0."""
    largest = evidence.max()
    return evidence / largest if largest > 0 else evidence


def slice_profile(evidence: np.ndarray) -> np.ndarray:
    """Say how much every slice contributes.

    Args:
        evidence: (D, H, W), at least 0, jointly scaled.

    Returns:
        (D,): the evidence summed over each slice, divided by that of the leading slice; 0 without evidence.
    """
    sums = evidence.sum(axis=(1, 2), dtype=np.float64)
    return sums / sums.max() if sums.any() else sums


@contextmanager
def _cut_at(network: nn.Module, layer: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Collect the outputs of a layer as leaves: no graph is kept for what lies below it."""
    leaves: list = []

    def cut(_module: object, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        leaves.append(output.detach().requires_grad_())
        # the clone keeps in-place operations further on away from the leaf
        return leaves[-1].clone()

    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    handle = layer.register_forward_hook(cut)
    try:
        yield leaves
    finally:
        handle.remove()
        for parameter in trained:
            parameter.requires_grad_(True)


def _joined(parts: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The chunks of slices in one: features and their gradient, (D, C, h, w)."""
    return torch.cat([part.detach() for part in parts]), torch.cat([part.grad for part in parts])


def resized(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Resize maps (N, 1, h, w) to ``size`` (H, W), bilinearly, as all maps are."""
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
