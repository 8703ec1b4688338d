"""What the encoder sees: pooled features and their t-SNE, activation maps and Grad-CAM."""

from smartnet.explain.cases import choose_cases
from smartnet.explain.embedding import embed_tsne
from smartnet.explain.features import extract_features
from smartnet.explain.maps import compute_maps

__all__ = ["choose_cases", "compute_maps", "embed_tsne", "extract_features"]
