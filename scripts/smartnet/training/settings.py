"""What a training run can be told, with defaults; a misspelt or impossible value is an error, never
ignored."""

import difflib
from collections.abc import Mapping
from typing import Any

from smartnet.errors import ConfigError

COMMON: dict[str, Any] = {
    "epochs": 1000,
    "patience": None,
    "batch_size": 20,
    "accumulate": 1,
    "devices": 1,
    "precision": "32",
    "optimizer": "adam",
    "learning_rate": 5e-4,
    "weight_decay": 5e-4,
    "betas": (0.9, 0.999),
    "warmup": 0.01,
    "constant": 0.1,
    "final_learning_rate": 0.0,
    "loss_weights": {},
    "validate_every": 1,
    "max_slices": 64,
}
UPSTREAM: dict[str, Any] = {
    **COMMON,
    "sampling": "volume",
    "slices_per_volume": 1,
    "consistency_pooling": "max-avg",
}
DOWNSTREAM: dict[str, Any] = {
    **COMMON,
    "batch_size": 2,
    "unfreeze": {"start": 0.1, "step": 0.01},
    "transfer_decoder": False,
    "crop_slices": None,
}
AUGMENTATION: dict[str, Any] = {
    "probability": 0.5,
    "shift": 0.06,
    "scale": 0.1,
    "rotation_deg": 15.0,
    "brightness": 0.1,
    "contrast": 0.1,
    "noise_variance": (0.001, 0.005),
    "blur_px": 3,
    "flip": "all",
}
CHOICES = {
    "optimizer": ("adam", "adamw"),
    "precision": ("32", "bf16", "fp16"),
    "sampling": ("volume", "all", "balanced"),
    "consistency_pooling": ("max-avg", "gem"),
    "flip": ("all", "left-right", "none"),
}
WHOLE = (
    "epochs",
    "patience",
    "batch_size",
    "accumulate",
    "devices",
    "validate_every",
    "max_slices",
    "slices_per_volume",
)
OPTIONAL = ("patience",)
FRACTIONS = ("warmup", "constant")
LOSS_WEIGHTS = {
    **{"cls": 1.0, "seg": 1.0, "rec": 1.0, "consistency": 0.5},
    **{"restoration": 1.0, "words": 0.01},  # release of TransVW
}


def merged(given: Mapping[str, Any], defaults: Mapping[str, Any], *, what: str) -> dict[str, Any]:
    """``given`` over ``defaults``.

    Raises:
        ConfigError: for a key that ``defaults`` does not know, naming the nearest right one.
    """
    for key in given:
        if key not in defaults:
            near = difflib.get_close_matches(key, defaults, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(defaults))}"
            raise ConfigError(f"unknown {what} key {key!r}: {hint}")
    return {**defaults, **given}


def _choose(settings: Mapping[str, Any], what: str) -> None:
    for key, choices in CHOICES.items():
        if key in settings and settings[key] not in choices:
            raise ConfigError(f"{what}: {key} is {settings[key]!r}: choose one of {', '.join(choices)}")


def complete(given: Mapping[str, Any], defaults: Mapping[str, Any], *, what: str) -> dict[str, Any]:
    """Training settings with every key present and every value checked.

    Raises:
        ConfigError: naming the key, the value and what is possible.
    """
    settings = merged(given, defaults, what=what)
    settings["loss_weights"] = merged(settings["loss_weights"], LOSS_WEIGHTS, what=f"{what} loss_weights")
    for key in WHOLE:
        value = settings.get(key, 1)
        if value is None and key in OPTIONAL:
            continue
        if not isinstance(value, int) or value < 1:
            raise ConfigError(f"{what}: {key} is {value!r}, but must be a whole number from 1 on")
    parts = settings["accumulate"] * settings["devices"]
    if parts > settings["batch_size"]:
        raise ConfigError(
            f"{what}: a batch_size of {settings['batch_size']} cannot be shared by accumulate x devices = "
            f"{settings['accumulate']} x {settings['devices']}: lower these or raise it"
        )
    _choose(settings, what)
    for key in FRACTIONS:
        if not 0 <= settings[key] <= 1:
            raise ConfigError(
                f"{what}: {key} is {settings[key]!r}, but must be a fraction of the epochs, 0 to 1"
            )
    if not settings["learning_rate"] > 0:
        raise ConfigError(f"{what}: learning_rate is {settings['learning_rate']!r}, but must be above 0")
    if "unfreeze" in settings:
        settings["unfreeze"] = merged(settings["unfreeze"], DOWNSTREAM["unfreeze"], what=f"{what} unfreeze")
    return settings


def complete_augmentation(given: Mapping[str, Any]) -> dict[str, Any]:
    """Augmentation settings with every key present; an empty mapping stands for the paper's.

    Raises:
        ConfigError: for an unknown key, an unknown kind of flip or an even blur kernel.
    """
    settings = merged(given, AUGMENTATION, what="augmentation")
    _choose(settings, "augmentation")
    if settings["blur_px"] % 2 == 0:
        raise ConfigError(
            f"augmentation: blur_px is {settings['blur_px']}, but a kernel's side must be odd (1 = no blur)"
        )
    return settings
