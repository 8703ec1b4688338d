"""3D operators: what turns the slice features of a scan into one answer. One file per family.

An operator is a subclass of ``VolumeClassifier`` or ``VolumeSegmenter`` with a line in ``chosen.yaml``; its
layers are direct members of the network, as in released checkpoints.
"""

from collections.abc import Mapping

from smartnet.chosen import Chosen
from smartnet.networks.volumes import VolumeNetwork

OPERATORS: dict[str, Mapping[str, type[VolumeNetwork]]] = {
    "classifier": Chosen("classifier"),
    "segmenter": Chosen("segmenter"),
}
