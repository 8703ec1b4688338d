"""One person's head: the numbers and random fields from which its anatomy is drawn."""

from dataclasses import dataclass

import numpy as np

from smartnet.phantom.fields import Field, crease_field, smooth_field


@dataclass(frozen=True)
class Head:
    """What differs from person to person; lengths in mm.

    Attributes:
        age: years.
        sex: ``F`` or ``M``.
        atrophy: 0 (young, tight sulci) to 1 (old, wide sulci and ventricles).
        scale: size against the standard head, (x, y, z).
        egg: how much wider the back of the skull is than the front.
        skull_mm: mean thickness of the vault.
        scalp_mm: mean thickness of the scalp.
        ventricle: scale of the ventricles' width.
        grey_hu: cortex.
        white_hu: white matter.
        sinus_hu: blood in the great veins.
        choroid_hu: calcified choroid plexus (0: not calcified).
        pineal_hu: calcified pineal gland (0: not calcified).
        pallidum_hu: calcified globus pallidus (0: not calcified).
        falx_hu: falx.
        ossified: a bony plaque in the falx.
        air: how far sinuses and mastoids are aerated, about 1.
        warp: three fields that bend the whole head.
        sulci: distance to the sulci.
        sulci_depth: modulation of how deep the sulci run.
        folia: texture of the cerebellum.
        patches: slow variation of skull and spaces.
        cells: fine bony texture (air cells, septa).
    """

    age: int
    sex: str
    atrophy: float
    scale: tuple[float, float, float]
    egg: float
    skull_mm: float
    scalp_mm: float
    ventricle: float
    grey_hu: float
    white_hu: float
    sinus_hu: float
    choroid_hu: float
    pineal_hu: float
    pallidum_hu: float
    falx_hu: float
    ossified: bool
    air: float
    warp: tuple[Field, Field, Field]
    sulci: Field
    sulci_depth: Field
    folia: Field
    patches: Field
    cells: Field


def draw_head(rng: np.random.Generator) -> Head:
    """Draw a head; equal generators give equal heads."""
    age = int(rng.uniform(19, 93))
    atrophy = float(np.clip((age - 35) / 52 + rng.normal(0, 0.15), 0, 1))
    size = rng.normal(1, 0.03)
    return Head(
        age=age,
        sex=str(rng.choice(["F", "M"])),
        atrophy=atrophy,
        scale=tuple(float(np.clip(size * rng.normal(1, 0.025), 0.92, 1.07)) for _ in range(3)),
        egg=float(rng.uniform(0.03, 0.11)),
        skull_mm=float(rng.uniform(4.6, 7.6)),
        scalp_mm=float(rng.uniform(4.0, 7.5)),
        ventricle=float((0.75 + 0.55 * atrophy) * np.exp(rng.normal(0, 0.10))),
        grey_hu=float(rng.normal(37.2, 1.1)),
        white_hu=float(rng.normal(28.8, 0.7)),
        sinus_hu=float(rng.uniform(52, 70)),
        choroid_hu=float(rng.uniform(90, 320)) if rng.random() < 0.35 + 0.5 * atrophy else 0.0,
        pineal_hu=float(rng.uniform(90, 280)) if rng.random() < 0.6 else 0.0,
        pallidum_hu=float(rng.uniform(60, 110)) if rng.random() < 0.12 else 0.0,
        falx_hu=float(rng.uniform(48, 66)),
        ossified=bool(rng.random() < 0.12),
        air=float(np.clip(rng.normal(1, 0.15), 0.5, 1.3)),
        warp=tuple(smooth_field(rng, 34.0) for _ in range(3)),
        sulci=crease_field(rng, 27.0),
        sulci_depth=smooth_field(rng, 14.0),
        folia=smooth_field(rng, 2.6, side=40),
        patches=smooth_field(rng, 18.0),
        cells=smooth_field(rng, 2.2, side=40),
    )
