"""Figures and tables, drawn from tidy tables and stored maps alone; nothing here trains or predicts."""

from smartnet.figures.datasets import draw_datasets, table_datasets
from smartnet.figures.learning import draw_learning
from smartnet.figures.montage import draw_montage
from smartnet.figures.panels import draw_activation, draw_gradcam
from smartnet.figures.roc import draw_roc
from smartnet.figures.segmentation import draw_segmentation
from smartnet.figures.tables import table_classification, table_published, table_segmentation
from smartnet.figures.tsne import draw_tsne

__all__ = [
    "draw_activation",
    "draw_datasets",
    "draw_gradcam",
    "draw_learning",
    "draw_montage",
    "draw_roc",
    "draw_segmentation",
    "draw_tsne",
    "table_classification",
    "table_datasets",
    "table_published",
    "table_segmentation",
]
