"""3D operators: what turns the slice features of a scan into one answer. One file per family.

A family registers a subclass of ``VolumeClassifier`` or ``VolumeSegmenter`` under its name; its layers
are direct members of the network, as in released checkpoints.
"""

from smartnet.networks.operators.convlstm import ConvLSTMSegmenter
from smartnet.networks.operators.convolution import Conv1dClassifier, Conv3dSegmenter, SliceSegmenter
from smartnet.networks.operators.nonlocal_block import NonLocalSegmenter
from smartnet.networks.operators.pooling import AttentionClassifier, MaxClassifier, MeanClassifier
from smartnet.networks.operators.recurrent import BiLSTMClassifier, GRUClassifier, LSTMClassifier
from smartnet.networks.operators.transformer import TransformerClassifier, ViT3dSegmenter
from smartnet.networks.volumes import VolumeNetwork

OPERATORS: dict[str, dict[str, type[VolumeNetwork]]] = {
    "classifier": {
        "bilstm": BiLSTMClassifier,
        "lstm": LSTMClassifier,
        "gru": GRUClassifier,
        "transformer": TransformerClassifier,
        "conv1d": Conv1dClassifier,
        "attention": AttentionClassifier,
        "mean": MeanClassifier,
        "max": MaxClassifier,
    },
    "segmenter": {
        "conv3d": Conv3dSegmenter,
        "none": SliceSegmenter,
        "convlstm": ConvLSTMSegmenter,
        "non-local": NonLocalSegmenter,
        "vit3d": ViT3dSegmenter,
    },
}
