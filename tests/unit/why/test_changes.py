import pytest

from smartnet.why.changes import changed_settings, listed

SETTINGS = {
    "epochs": 2,
    "learning_rate": 0.001,
    "betas": [0.9, 0.999],
    "unfreeze": {"start": 1.0, "step": 0.0},
}
NETWORK = {"depth": 18, "width": 0.125}
OLD = [repr(value) for value in ("classification", SETTINGS, NETWORK, "aaaaaaaaaaaa", 3)]


def now(**changes):
    values = {"task": "classification", "settings": SETTINGS, "network": NETWORK, "limit": 3}
    return {**values, "code": "aaaaaaaaaaaa", **changes}


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({}, []),
        (
            {"settings": {**SETTINGS, "learning_rate": 0.002}},
            ["setting settings.learning_rate changed from 0.001 to 0.002"],
        ),
        (
            {"settings": {**SETTINGS, "unfreeze": {"start": 0.5, "step": 0.0}}},
            ["setting settings.unfreeze.start changed from 1.0 to 0.5"],
        ),
        (
            {"settings": {**SETTINGS, "patience": None}, "network": {**NETWORK, "depth": 50}},
            [
                "setting settings.patience changed from nothing to null",
                "setting network.depth changed from 18 to 50",
            ],
        ),
        ({"limit": 4}, ["setting limit changed from 3 to 4"]),
        ({"limit": None}, ["setting limit changed from 3 to null"]),
        ({"task": "segmentation"}, ["setting task changed from classification to segmentation"]),
        ({"more": 7}, ["setting more is now 7"]),
        ({"code": "bbbbbbbbbbbb"}, ["its library code changed"]),
    ],
)
def test_names_the_setting_and_both_values(changes, texts):
    assert changed_settings(OLD, now(**changes), {}) == texts


def test_a_setting_that_is_no_longer_read_is_shown_shortened():
    (text,) = changed_settings([*OLD, repr("x" * 100)], now(), {})
    assert text == f"setting '{'x' * 56}... is no longer read"


def test_names_the_modules_behind_a_fingerprint_where_they_are_known():
    behind = {
        "aaaaaaaaaaaa": {"smartnet.a": "1", "smartnet.b": "1", "smartnet.c": "1"},
        "bbbbbbbbbbbb": {"smartnet.a": "1", "smartnet.b": "2", "smartnet.d": "1"},
        "cccccccccccc": {"smartnet.a": "1", "smartnet.b": "1", "smartnet.c": "1"},
    }
    (text,) = changed_settings(OLD, now(code="bbbbbbbbbbbb"), behind)
    assert text == "its library code changed (smartnet.b, smartnet.c and smartnet.d)"
    assert changed_settings(OLD, now(code="cccccccccccc"), behind) == ["other library code is chosen"]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("", "nothing"),
        ("a", "a"),
        ("ab", "a and b"),
        ("abc", "a, b and c"),
        ("abcde", "a, b, c and 2 more"),
    ],
)
def test_long_lists_are_cut(names, text):
    assert listed(list(names)) == text
