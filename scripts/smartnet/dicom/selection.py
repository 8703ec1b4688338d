"""Which series stands for a study: a score that anybody can follow, kept for every candidate."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from smartnet.dicom.grouping import Series

EXCLUSIONS = ("bone-kernel", "contrast")
FULL_COVERAGE_MM = 120.0  # skull base to vertex; more is no better
_SHARP_FROM = 59  # number in the name of a Siemens kernel: H31s is soft, Hr59f and H60s are sharp
_SHARP_NAMES = {"BONE", "BONEPLUS", "BONE+", "EDGE", "LUNG", "ULTRA", "YB", "YC", "YD", "YE", "D", "E", "L"}
_SOFT_NAMES = {"STANDARD", "SOFT", "STND", "STD", "DETAIL", "BRAIN", "UA", "UB", "UC", "A", "B", "C"}
_TOSHIBA_SHARP = range(30, 100)  # FC30 and up are bone and lung, FC2x brain, FC1x body


@dataclass(frozen=True)
class Candidate:
    """What a usable series is worth.

    Attributes:
        kernel_class: ``soft``, ``bone`` or ``unknown``.
        contrast: whether a contrast agent was given, by tag or by the series' description.
        coverage_mm: from the first to the last slice along the normal, one gap more.
        score: see :func:`candidate`.
        excluded: the entry of ``EXCLUSIONS`` that rules it out, or empty.
    """

    kernel_class: str
    contrast: bool
    coverage_mm: float
    score: float
    excluded: str


def kernel_class(kernel: str, description: str = "") -> str:
    """Tell soft from bone (sharp) reconstruction kernels of the large vendors.

    Args:
        kernel: ConvolutionKernel; its first value counts.
        description: SeriesDescription, which counts where the kernel says nothing.

    Returns:
        ``soft``, ``bone`` or ``unknown``.
    """
    name = kernel.split("\\", maxsplit=1)[0].strip().upper()
    if name in _SHARP_NAMES or "BONE" in name:
        return "bone"
    if name in _SOFT_NAMES:
        return "soft"
    if toshiba := re.fullmatch(r"FC(\d\d).*", name):
        return "bone" if int(toshiba[1]) in _TOSHIBA_SHARP else "soft"
    if siemens := re.fullmatch(r"[A-Z]{1,2}(\d\d)[A-Z]?(?:[ _-].*)?", name):
        return "bone" if int(siemens[1]) >= _SHARP_FROM else "soft"
    return "bone" if re.search(r"\bbone\b", description, re.IGNORECASE) else "unknown"


def has_contrast(agent: str, description: str) -> bool:
    """Tell whether a contrast agent was given: ContrastBolusAgent, or the series' description says so."""
    if agent.strip().upper() not in {"", "NONE", "NO", "N", "0", "WITHOUT"}:
        return True
    text = description.upper()
    if re.search(r"\b(WITHOUT|W/O|WO|NON|PRE|PLAIN|NATIVE|NCCT|C-)(\b|\s|$)", text):
        return False
    return bool(re.search(r"\b(POST|CONTRAST|CTA|ANGIO|PERFUSION)\b|\bC\+", text))


def candidate(series: Series, *, thickness_mm: float, exclude: Collection[str]) -> Candidate:
    """Judge a usable series as the one to stand for its study.

    Args:
        series: with a stack.
        thickness_mm: slice thickness that is liked best.
        exclude: members of ``EXCLUSIONS`` that are never taken.

    Returns:
        its properties and score, 0..4: the sum of four parts of 0..1 each. Kernel: soft 1, unknown 0.5, bone
        0. Plane: the cosine between normal and body axis, 0 if nearer to another. Coverage: its share of 120
        mm, at most 1. Thickness: the smaller of gap and liked thickness over the larger.
    """
    first, stack = series.files.iloc[0], series.stack
    kernel = kernel_class(first["kernel"], first["description"])
    contrast = has_contrast(first["contrast"], first["description"])
    coverage_mm = float(np.ptp(stack.projections_mm) + stack.slice_spacing_mm)
    gap_mm = stack.slice_spacing_mm
    score = {"soft": 1.0, "unknown": 0.5, "bone": 0.0}[kernel]
    score += float(stack.normal[2]) if stack.plane == "axial" else 0.0
    score += min(coverage_mm / FULL_COVERAGE_MM, 1.0)
    score += min(gap_mm, thickness_mm) / max(gap_mm, thickness_mm)
    found = {"bone-kernel": kernel == "bone", "contrast": contrast}
    excluded = next((name for name in EXCLUSIONS if name in exclude and found[name]), "")
    return Candidate(kernel, contrast, coverage_mm, score, excluded)


def choose(candidates: Mapping[str, Candidate]) -> dict[str, str]:
    """Choose one of the usable series of a study.

    Args:
        candidates: by the name of the series; equal scores go to the larger coverage, then to the name that
            sorts first.

    Returns:
        the reason for every series that is not chosen.
    """
    reasons = {
        name: f"{one.excluded.replace('-', ' ')}: ruled out by ingest.exclude"
        for name, one in candidates.items()
        if one.excluded
    }
    left = {name: one for name, one in candidates.items() if not one.excluded}
    if left:
        best = min(left, key=lambda name: (-round(left[name].score, 6), -left[name].coverage_mm, name))
        top = left[best].score
        reasons |= {
            name: f"another series of the study suits better (score {top:.2f}, here {one.score:.2f})"
            for name, one in left.items()
            if name != best
        }
    return reasons
