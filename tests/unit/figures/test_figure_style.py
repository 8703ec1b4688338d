import re
from pathlib import Path

import pytest
from support import ROOT

import smartnet.figures
from smartnet.experiments import PRETEXTS
from smartnet.figures import style
from smartnet.figures.names import KINDS, OPERATORS


def test_every_start_operator_and_kind_has_its_colour():
    colours = style.defaults()["colours"]
    assert set(PRETEXTS) < set(colours["starts"])
    assert set(OPERATORS) == set(colours["operators"])
    assert set(KINDS) == set(colours["kinds"])
    for palette in colours.values():
        assert all(re.fullmatch("#[0-9A-F]{6}", value) for value in palette.values())
        assert len(set(palette.values())) == len(palette)


def test_settings_hold_inside_their_block_only():
    usual = style.colour("starts", "smartnet")
    changed = style.defaults() | {"font_pt": 9, "colours": {"starts": {"smartnet": "#123456"}}}
    with style.using(changed):
        assert style.colour("starts", "smartnet") == "#123456"
        assert style.colours(["smartnet_bilstm"]) == {"smartnet_bilstm": "#123456"}
        with style.styled():
            import matplotlib as mpl

            assert mpl.rcParams["font.size"] == 9
    assert style.colour("starts", "smartnet") == usual


def test_a_group_that_the_rule_does_not_hand_over_is_named():
    with (
        style.using(style.defaults() | {"colours": {}}),
        pytest.raises(
            KeyError, match=r"no colour 'truth' in group 'outlines'.*name the group in the figure's rule"
        ),
    ):
        style.colour("outlines", "truth")


def test_figures_take_every_colour_from_the_style():
    """No module holds a colour of its own, or changing it would need code."""
    for file in Path(smartnet.figures.__file__).parent.glob("*.py"):
        assert not re.findall(r"[\"']#[0-9A-Fa-f]{6}[\"']", file.read_text()), file.name


def test_every_figure_is_handed_the_groups_that_it_uses():
    rules = "".join((ROOT / f"rules/{name}.smk").read_text() for name in ("figures", "panels"))
    for name, groups in re.findall(r'style=style_of\(\s*"(\w+)",\s*([^)]*?)\s*\)', rules):
        module = re.search(
            r"from smartnet\.figures\.(\w+) import", (ROOT / f"scripts/figure_{name}.py").read_text()
        )[1]
        text = (ROOT / f"scripts/smartnet/figures/{module}.py").read_text()
        used = set(re.findall(r'style\.colour\(\s*"(\w+)"', text)) | (
            {"starts"} if "style.colours(" in text else set()
        )
        assert used <= set(re.findall(r'"(\w+)"', groups)), name
