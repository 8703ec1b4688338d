"""Activation maps of the upstream encoder and Grad-CAM of the volume classifier."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from smartnet.explain.source import find_slice
from smartnet.files import read_table, write_array, write_table
from smartnet.slices.dataset import SliceSet

if TYPE_CHECKING:
    import torch
    from torch import nn

logger = logging.getLogger(__name__)


def activation_map(encoder: "nn.Module", images: "torch.Tensor") -> "torch.Tensor":
    """Average the last encoder stage over its channels (method of the paper's figure).

    Args:
        encoder: gives a list of feature maps, the last one (N, C, h, w).
        images: (N, 1, H, W) in [0, 1].

    Returns:
        (N, H, W): sigmoid of the mean, resized bilinearly, each slice stretched to [0, 1].
    """
    import torch

    from smartnet.networks import min_max

    with torch.inference_mode():
        mean = encoder(images)[-1].mean(dim=1, keepdim=True).sigmoid()
        return min_max(_resize(mean, images.shape[-2:]))[:, 0]


def grad_cam(classifier: "nn.Module", volume: "torch.Tensor") -> "torch.Tensor":
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
    import torch

    with _last_stage(classifier) as stages, torch.backends.cudnn.flags(enabled=False):
        # cuDNN's LSTM refuses to go backward in evaluation mode, PyTorch's own does not.
        depths = torch.tensor([len(volume)])
        classifier(volume.transpose(0, 1)[None], depths).sum().backward()
    stage = torch.cat([part.detach() for part in stages])
    gradient = torch.cat([part.grad for part in stages])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    evidence = _resize((weights * stage).sum(dim=1, keepdim=True).relu(), volume.shape[-2:])[:, 0]
    largest = evidence.max()
    return evidence / largest if largest > 0 else evidence


@contextmanager
def _last_stage(classifier: "nn.Module") -> Iterator[list["torch.Tensor"]]:
    """Collect the outputs of ``encoder.layer4`` as leaves: no graph is kept for the encoder below them."""
    leaves: list = []

    def cut(_module: object, _inputs: object, output: "torch.Tensor") -> "torch.Tensor":
        leaves.append(output.detach().requires_grad_())
        # the clone keeps in-place operations further on away from the leaf
        return leaves[-1].clone()

    trained = [parameter for parameter in classifier.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad_(False)
    handle = classifier.encoder.layer4.register_forward_hook(cut)
    try:
        yield leaves
    finally:
        handle.remove()
        for parameter in trained:
            parameter.requires_grad_(True)


def _resize(maps: "torch.Tensor", size: Sequence[int]) -> "torch.Tensor":
    from torch.nn import functional

    return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def compute_maps(
    upstream: Path,
    classifier: Path,
    cases: Path,
    slices: Sequence[Path],
    split: Path,
    *,
    output: Path,
    gpu: int,
    threads: int,
) -> None:
    """Compute both maps on the chosen slices.

    Args:
        upstream: folder of the trained upstream network.
        classifier: folder of the downstream classifier of the same start.
        cases: table of ``choose_cases``.
        slices: slice folders of the test sets.
        split: ``split.tsv``; a case that is not in a test set is refused.
        output: folder for ``activation.npy`` and ``gradcam.npy`` (cases, H, W) float32 in [0, 1] and
            ``maps.tsv`` (``case dataset z lesion_ml``).
        gpu: number of GPUs granted.
        threads: CPU threads granted.

    Raises:
        DataError: a case is not a test case or its slice is missing.
    """
    import torch

    from smartnet.networks import load_model, min_max
    from smartnet.networks.device import choose_device

    torch.set_num_threads(threads)
    device = choose_device(gpu)
    encoder = load_model(upstream).encoder.to(device).eval()
    network = load_model(classifier).to(device).eval()
    table = read_table(cases, dtype={"case": str, "dataset": str})
    test = SliceSet.open(slices, split, subset="test")
    activations, evidences = [], []
    for row in table.itertuples():
        index, position = find_slice(test, row.case, row.z, table=cases)
        images = np.array(test.volume(index)[0])
        volume = min_max(torch.from_numpy(images)[:, None].to(device))
        activations.append(activation_map(encoder, volume[position : position + 1])[0].cpu().numpy())
        evidences.append(grad_cam(network, volume)[position].cpu().numpy())
        logger.info("maps of case %s, slice %d of %d", row.case, position, len(images))
    write_array(np.stack(activations).astype(np.float32), Path(output) / "activation.npy")
    write_array(np.stack(evidences).astype(np.float32), Path(output) / "gradcam.npy")
    write_table(table[["case", "dataset", "z", "lesion_ml"]], Path(output) / "maps.tsv")
