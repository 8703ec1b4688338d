"""A study that has a job of every rule, and another value for every setting of the schema."""

import copy
from collections.abc import Mapping
from typing import Any

from smartnet.config_reference import leaves, setting

OVERLAY = {
    "datasets": {
        "development": {"shards": 2},
        "internal": {"role": "test", "phantom": {"site": "alpha", "cases": 4, "prevalence": 0.5}},
        "external-1": {
            "role": "test",
            "shards": 1,
            "path": "own",
            "labels": "own/labels.tsv",
            "masks": "own/masks",
        },
        "external-2": None,
        "public": None,
    },
    "pretexts": ["scratch", "imagenet", "models-genesis", "transvw", "checkpoint", "smartnet"],
    "pretrained": {"imagenet": "own.pth", "checkpoint": "own.pth"},
    "operators": {
        "classification": ["bilstm", "gru", "transformer", "mean"],
        "segmentation": ["conv3d", "none", "convlstm", "non-local"],
    },
}
"""Over the defaults: data of one's own beside phantoms, every way to a start, operators of every module."""

NAMES = {
    "datasets.<name>.path": "external-1",
    "datasets.<name>.labels": "external-1",
    "datasets.<name>.masks": "external-1",
    "datasets.<name>": "internal",
}
"""The data set that stands for ``<name>``."""

BLACK = "#000000"
COLOURS = {
    "starts": ("roc", "smartnet"),
    "operators": ("learning", "gru"),
    "classes": ("tsne", "positive"),
    "outlines": ("browser", "truth"),
    "kinds": ("datasets", "EDH"),
}
"""A figure with colours of each group, and a name of that group."""

OTHER: dict[str, Any] = {
    "seeds": [1, 2],
    "datasets.<name>.role": "development",
    "datasets.<name>.shards": 2,
    "datasets.<name>.path": "other",
    "datasets.<name>.labels": "other/labels.tsv",
    "datasets.<name>.masks": "other/masks",
    "ingest.exclude": ["contrast"],
    "privacy.ignore": ["word"],
    "preprocess.size": [64, 64],
    "pretexts": ["scratch", "imagenet", "models-genesis", "transvw", "checkpoint", "cls", "smartnet"],
    "pretrained.imagenet": "other.pth",
    "pretrained.checkpoint": "other.pth",
    "words.folder": "words",
    "operators.classification": ["bilstm", "gru", "transformer", "mean", "max"],
    "operators.segmentation": ["conv3d", "none", "convlstm", "non-local", "vit3d"],
    "operators.pretexts": ["smartnet", "scratch"],
    "baseline.threshold_hu": 60,
    "evaluation.reference": "scratch",
    "evaluation.operating_point": {"sensitivity": 0.9},
    "evaluation.operating_point.sensitivity": {"sensitivity": 0.95},
    **{f"style.colours.{group}.<name>": {name: BLACK} for group, (_, name) in COLOURS.items()},
    **{
        f"style.figures.<name>.{group}.<name>": {figure: {group: {name: BLACK}}}
        for group, (figure, name) in COLOURS.items()
    },
}
ALONE = {
    "seeds",
    "pretexts",
    "words.folder",
    "baseline.threshold_hu",
    "evaluation.reference",
    "evaluation.operating_point.sensitivity",
    *(path for path in OTHER if path.startswith(("datasets", "pretrained", "operators", "style"))),
}
"""Settings that add or remove jobs, or files that they read: each is changed alone."""


def variants(schema: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """Give another, valid value for every setting of the schema, by path."""
    return {
        path: OTHER[path] if path in OTHER else another(node, setting(base, place(path)))
        for path, node in leaves(schema)
    }


def place(path: str) -> str:
    """The path under which a setting is changed: a data set for ``<name>``, a whole group of colours."""
    if path.startswith("style."):
        return path.partition(".<name>")[0]
    if path.startswith("evaluation.operating_point"):
        return "evaluation.operating_point"
    name = next((name for start, name in NAMES.items() if path.startswith(start)), "")
    return path.replace("<name>", name)


def changed(base: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with other values of some settings, by path."""
    config = copy.deepcopy(dict(base))
    for path, value in values.items():
        *parents, last = place(path).split(".")
        inner = config
        for key in parents:
            inner = inner.setdefault(key, {})
        inner[last] = value
    return config


def another(node: Mapping[str, Any], value: Any) -> Any:
    """Another value that a setting's own schema allows."""
    from jsonschema import Draft202012Validator

    check = Draft202012Validator(node)
    return next(other for other in _candidates(node, value) if other != value and check.is_valid(other))


def _candidates(node: Mapping[str, Any], value: Any) -> list[Any]:
    kinds = node.get("type", "")
    if "enum" in node:
        return list(node["enum"])
    if isinstance(value, bool) or kinds == "boolean":
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value + 16, value * 1.1, value * 0.9]
    if isinstance(value, list):
        return [[*value[:-1], other] for other in _candidates(node["items"], value[-1])]
    if "integer" in kinds or "number" in kinds:
        return [2, 5, 100]
    return ["serif"]
