"""3D operators: what turns the slice features of a scan into one answer. One file per family.

A family registers a subclass of ``VolumeClassifier`` or ``VolumeSegmenter`` under its name; its layers
are direct
members of the network, as in released checkpoints.
"""

from smartnet.networks.operators.convolution import Conv3dSegmenter
from smartnet.networks.operators.recurrent import BiLSTMClassifier
from smartnet.networks.volumes import VolumeNetwork

OPERATORS: dict[str, dict[str, type[VolumeNetwork]]] = {
    "classifier": {"bilstm": BiLSTMClassifier},
    "segmenter": {"conv3d": Conv3dSegmenter},
}
