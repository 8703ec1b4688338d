"""How models, starts and data sets are called in figures and tables; the one place for it."""

import re
from collections.abc import Iterable

STARTS = {
    "scratch": "Scratch",
    "imagenet": "ImageNet",
    "models-genesis": "Models Genesis",
    "transvw": "TransVW",
    "cls": "CLS",
    "seg": "SEG",
    "rec": "REC",
    "cls-seg": "CLS+SEG",
    "cls-seg-consistency": "CLS+SEG w/ consistency",
    "cls-rec": "CLS+REC",
    "seg-rec": "SEG+REC",
    "cls-seg-rec": "CLS+SEG+REC",
    "smartnet": "SMART-Net",
    "checkpoint": "Checkpoint",
}
"""Starts in the order of the paper's figures; the order of columns and legends follows it."""

METHODS = {
    "patel-full": "Patel [Full]",
    "patel-simple": "Patel [Simple]",
    "patel-3d": "Patel 3D CNN",
    "singh": "Singh",
    "nnunet-2d": "nnU-Net 2D",
    "nnunet-3d": "nnU-Net 3D",
}
OPERATORS = {
    "bilstm": "BiLSTM",
    "lstm": "LSTM",
    "gru": "GRU",
    "transformer": "Transformer",
    "conv1d": "Conv1D",
    "attention": "Attention",
    "mean": "Mean",
    "max": "Max",
    "conv3d": "Conv3D",
    "none": "2D only",
    "convlstm": "ConvLSTM",
    "non-local": "Non-local",
    "vit3d": "ViT 3D",
}
DEFAULT_OPERATORS = ("bilstm", "conv3d")
DATASETS = {
    "development": "Development",
    "internal": "Internal",
    "external-1": "External 1",
    "external-2": "External 2",
    "public": "Public",
}
KINDS = ("EDH", "IPH", "IVH", "SAH", "SDH")
OURS = "smartnet"
_THRESHOLD = re.compile(r"threshold-([0-9.]+)hu")


def start_of(model: str) -> str:
    """Give the start (pretext) of a model name ``{pretext}_{operator}``, or the name itself."""
    return re.split("[_/]", model, maxsplit=1)[0]


def display_name(model: str) -> str:
    """Name a model or a start as the paper does; an unknown name is shown as it is.

    The operator is named only where it is not the paper's own.
    """
    head, _, operator = model.partition("_")
    threshold = _THRESHOLD.fullmatch(head)
    if threshold:
        return f"{threshold.group(1)}-HU threshold"
    known = STARTS | METHODS
    if head not in known:
        return model
    if not operator or operator in DEFAULT_OPERATORS:
        return known[head]
    return f"{known[head]} ({OPERATORS.get(operator, operator)})"


def display_dataset(dataset: str) -> str:
    """Name a data set; an unknown name is shown as it is."""
    return DATASETS.get(dataset, dataset)


def bin_label(name: str) -> str:
    """Write a bin of volumes as readers do, with its signs: ``1-5mL`` is from 1 to 5 mL."""
    text = name.replace(">=", "\N{GREATER-THAN OR EQUAL TO} ").replace("<", "< ")
    return text.replace("-", "\N{EN DASH}").replace("mL", " mL")


def _rank(name: str, order: list[str]) -> tuple[int, str]:
    return (order.index(name), "") if name in order else (len(order), name)


def sort_models(models: Iterable[str]) -> list[str]:
    """Order models: thresholds, previous methods, starts as in the paper, SMART-Net last; then operators."""
    starts, methods, operators = list(STARTS), list(METHODS), list(OPERATORS)

    def key(model: str) -> tuple:
        head = start_of(model)
        group = 0 if _THRESHOLD.fullmatch(head) else 3 if head == OURS else 2 if head in starts else 1
        operator = _rank(model.partition("_")[2], operators)
        return group, _rank(head, starts if group == 2 else methods), operator

    return sorted(set(models), key=key)


def sort_datasets(datasets: Iterable[str]) -> list[str]:
    """Order data sets: development, internal, external, public, then the unknown by name."""
    return sorted(set(datasets), key=lambda name: _rank(name, list(DATASETS)))
