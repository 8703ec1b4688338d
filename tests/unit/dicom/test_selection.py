"""Kernels and contrast of real scanners, and a score that follows its stated sum."""

import pytest

from smartnet.dicom.selection import Candidate, choose, has_contrast, kernel_class


@pytest.mark.parametrize(
    ("kernel", "wanted"),
    [
        *[
            (name, "soft")
            for name in ("H31s", "H40s", "J40s\\3", "Hr38f\\3", "Hr38s", "Br40", "B30f", "H10f")
        ],
        *[(name, "bone") for name in ("H60s", "H70h", "J70h\\2", "Hr59f", "Br64d", "B80s", "T60f")],
        *[(name, "soft") for name in ("STANDARD", "SOFT", "UB", "UA", "B", "FC26", "FC21", "FC12")],
        *[(name, "bone") for name in ("BONE", "BONEPLUS", "EDGE", "LUNG", "YB", "YC", "D", "FC30", "FC81")],
        *[(name, "unknown") for name in ("", "IMR1,Brain Routine", "vendor 7", "MPR")],
    ],
)
def test_kernels_of_the_large_vendors(kernel, wanted):
    assert kernel_class(kernel) == wanted


def test_a_description_speaks_where_the_kernel_is_silent():
    assert kernel_class("", "Head BONE 1.25") == "bone"
    assert kernel_class("H31s", "bone window of a soft kernel") == "soft"


@pytest.mark.parametrize(
    ("agent", "description", "wanted"),
    [
        ("", "", False),
        ("Iomeprol", "", True),
        ("NONE", "CT Plain", False),
        *[
            ("", text, True)
            for text in ("CT POST CONTRAST-2", "Head C+", "CTA Circle of Willis", "WITH CONTRAST")
        ],
        *[
            ("", text, False)
            for text in ("CT PRE CONTRAST THIN", "without contrast", "NON CONTRAST", "Kopf nativ")
        ],
        *[("", text, False) for text in ("posterior fossa", "CT 5mm")],
    ],
)
def test_contrast_by_agent_or_description(agent, description, wanted):
    assert has_contrast(agent, description) is wanted


def _candidate(score, coverage_mm=120.0, excluded=""):
    return Candidate("soft", False, coverage_mm, score, excluded)


def test_the_best_score_wins_then_coverage_then_the_name():
    assert set(choose({"a": _candidate(3.0), "b": _candidate(3.5)})) == {"a"}
    assert set(choose({"a": _candidate(3.0), "b": _candidate(3.0, 160.0)})) == {"a"}
    assert set(choose({"b": _candidate(3.0), "a": _candidate(3.0)})) == {"b"}


def test_what_is_excluded_is_never_taken_even_alone():
    reasons = choose({"a": _candidate(4.0, excluded="bone-kernel"), "b": _candidate(1.0)})
    assert reasons == {"a": "bone kernel: ruled out by ingest.exclude"}
    assert choose({"a": _candidate(4.0, excluded="contrast")}) == {
        "a": "contrast: ruled out by ingest.exclude"
    }
