"""The graph of the rules: what is joined, and that nothing overlaps."""

from itertools import pairwise

import pytest

from smartnet.report.rulegraph import PILL_PX, WIDTH, draw_graph, stage_lines
from smartnet.report.study import Rule


def rule(name, stage, *reads, jobs=1):
    return Rule(name, stage, f"Do {name}.", [1.0] * jobs, None, list(reads))


RULES = [
    rule("index", "ingest", jobs=5),
    rule("volumes", "ingest", "index", jobs=60),
    rule("quality", "quality", "volumes"),
    rule("slices", "preprocess", "volumes"),
    rule("upstream", "upstream", "slices"),
    rule("downstream", "downstream", "slices", "upstream"),
    *(rule(f"figure_of_something_{n}", "figures", "downstream", "volumes") for n in range(24)),
    rule("table", "tables", "downstream"),
    rule(
        "phi_scan", "privacy", "index", "table", "quality", *(f"figure_of_something_{n}" for n in range(24))
    ),
]


def test_lines_that_follow_from_others_are_left_out():
    assert stage_lines(RULES) == [
        ("ingest", "quality"),
        ("ingest", "preprocess"),
        ("quality", "privacy"),
        ("preprocess", "upstream"),
        ("upstream", "downstream"),
        ("downstream", "figures"),
        ("downstream", "tables"),
        ("figures", "privacy"),
        ("tables", "privacy"),
    ]


def test_every_stage_stands_below_what_it_reads_and_nothing_overlaps():
    graph = draw_graph(RULES, {"ingest": "Stage 1"})
    cards = {card.name: card for card in graph.cards}
    assert cards["ingest"].title == "Stage 1"
    for source, target in stage_lines(RULES):
        assert cards[source].y + cards[source].height < cards[target].y
    assert len(graph.lines) == len(stage_lines(RULES))
    for card in graph.cards:
        assert card.x >= 0 and card.x + card.width <= WIDTH
        assert card.y + card.height <= graph.height
        for number, pill in enumerate(card.pills):
            assert card.x < pill.x and pill.x + pill.width < card.x + card.width
            assert card.y < pill.y and pill.y + PILL_PX < card.y + card.height
            for other in card.pills[:number]:
                assert pill.y >= other.y + PILL_PX or pill.x >= other.x + other.width
    rows = {}
    for card in graph.cards:
        rows.setdefault(card.y, []).append(card)
    for row in rows.values():
        row.sort(key=lambda card: card.x)
        assert all(a.x + a.width < b.x for a, b in pairwise(row))
    assert {pill.name for card in graph.cards for pill in card.pills} == {r.name for r in RULES}


def test_a_stage_that_reads_from_a_later_one_does_not_turn_the_graph_in_circles():
    rules = [rule("a", "first", "b"), rule("b", "second", "a")]
    assert stage_lines(rules) == [("first", "second")]
    assert [card.name for card in draw_graph(rules, {}).cards] == ["first", "second"]


@pytest.mark.parametrize("count", [1, 40])
def test_one_stage_alone_fits(count):
    graph = draw_graph([rule(f"rule_number_{n}", "only") for n in range(count)], {})
    assert graph.lines == []
    assert graph.cards[0].x + graph.cards[0].width <= WIDTH
