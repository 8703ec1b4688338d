"""The networks of one start, and their maps of a scan."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from smartnet.explain.cam import activation_map, grad_cam, seg_grad_cam
from smartnet.files import read_json
from smartnet.networks import VolumeClassifier, VolumeSegmenter, load_model, min_max
from smartnet.predict.devices import ready


@dataclass(frozen=True)
class Start:
    """One start: its encoder, and the classifier and segmenter that were trained from it.

    Attributes:
        encoder: as upstream training left it.
        classifier: of the same start.
        segmenter: of the same start.
        threshold: voxel probability from which the segmenter calls lesion, from validation.
        device: where they are.
    """

    encoder: nn.Module
    classifier: VolumeClassifier
    segmenter: VolumeSegmenter
    threshold: float
    device: torch.device

    @classmethod
    def load(
        cls, upstream: Path, classifier: Path, segmenter: Path, *, gpu: int, threads: int, max_slices: int
    ) -> "Start":
        """Load the networks from their folders.

        Args:
            upstream: folder of the trained upstream network.
            classifier: folder of the downstream classifier.
            segmenter: folder of the downstream segmenter, with ``threshold.json``.
            gpu: GPUs asked for.
            threads: of torch on the CPU.
            max_slices: slices that pass an encoder together.

        Raises:
            ModelError: a folder holds another kind of network.
        """
        options = {"gpu": gpu, "threads": threads, "max_slices": max_slices}
        calls, device = ready(classifier, "classifier", **options)
        outlines, _ = ready(segmenter, "segmenter", **options)
        threshold = float(read_json(Path(segmenter) / "threshold.json")["threshold"])
        return cls(load_model(upstream).encoder.to(device).eval(), calls, outlines, threshold, device)

    def slices(self, images: np.ndarray) -> torch.Tensor:
        """Make stored slices (D, H, W) uint8 what the networks see, (D, 1, H, W) in [0, 1]."""
        return min_max(torch.tensor(images, device=self.device)[:, None])

    def maps(self, volume: torch.Tensor) -> dict[str, np.ndarray]:
        """Map a scan (D, 1, H, W): ``gradcam``, ``segcam`` and ``activation``, (D, H, W) float32 each."""
        found = {
            "gradcam": grad_cam(self.classifier, volume),
            "segcam": seg_grad_cam(self.segmenter, volume, threshold=self.threshold),
            "activation": activation_map(self.encoder, volume, limit=self.classifier.max_slices),
        }
        return {name: values.cpu().numpy().astype(np.float32) for name, values in found.items()}
