"""The experiment table: which starts exist, and which models follow from a configuration.

A model is a start (``pretext``) with a 3D operator, or a previous method that has neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PRETEXTS: dict[str, dict[str, Any]] = {
    "scratch": {"heads": [], "consistency": False},
    "imagenet": {"heads": [], "consistency": False},
    "models-genesis": {"heads": ["rec"], "consistency": False, "distorted": True},
    "transvw": {"heads": ["rec", "words"], "consistency": False, "distorted": True},
    "cls": {"heads": ["cls"], "consistency": False},
    "seg": {"heads": ["seg"], "consistency": False},
    "rec": {"heads": ["rec"], "consistency": False},
    "cls-seg": {"heads": ["cls", "seg"], "consistency": False},
    "cls-seg-consistency": {"heads": ["cls", "seg"], "consistency": True},
    "cls-rec": {"heads": ["cls", "rec"], "consistency": False},
    "seg-rec": {"heads": ["seg", "rec"], "consistency": False},
    "cls-seg-rec": {"heads": ["cls", "seg", "rec"], "consistency": False},
    "smartnet": {"heads": ["cls", "seg", "rec"], "consistency": True},
    "checkpoint": {"heads": [], "consistency": False},
}
"""Starts of the paper's ablation: heads trained upstream, with or without the consistency loss; ``distorted``
slices are to be restored (self-supervised starts)."""

FROM_FILE = ("imagenet", "checkpoint")
"""Starts that are read from a file of weights (``pretrained`` in the configuration), not trained."""

TASKS = ("classification", "segmentation")


@dataclass(frozen=True)
class Model:
    """One row of the experiment table."""

    name: str
    task: str
    pretext: str | None = None
    operator: str | None = None


def models(config: Mapping[str, Any]) -> dict[str, Model]:
    """List the models of a study by name, then the baselines.

    The first 3D operator of a task is trained from every start, the others only from
    ``operators.pretexts``.
    """
    table = {}
    for task in TASKS:
        for rank, operator in enumerate(config["operators"][task]):
            for pretext in config["pretexts"] if rank == 0 else config["operators"]["pretexts"]:
                name = f"{pretext}_{operator}"
                table[name] = Model(name, task, pretext, operator)
    for task in TASKS:
        name = f"threshold-{config['baseline']['threshold_hu']:g}hu_{task}"
        table[name] = Model(name, task)
    return table


def reference_start(config: Mapping[str, Any]) -> str:
    """Name the start that all others are tested against; the last one where the study lacks it."""
    wanted = config["evaluation"]["reference"]
    return wanted if wanted in config["pretexts"] else config["pretexts"][-1]


def references(config: Mapping[str, Any]) -> dict[str, str]:
    """Name the model of each task that all others are tested against, of a checked configuration."""
    return {task: f"{config['evaluation']['reference']}_{config['operators'][task][0]}" for task in TASKS}
