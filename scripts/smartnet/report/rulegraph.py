"""The graph of the rules: a card per stage, drawn from top to bottom, with its rules inside.

Lines join stages only, without those that follow from others: all lines between rules would be a hairball.
The page shows the lines of one rule when it is chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smartnet.report.study import Rule

WIDTH, MARGIN = 960, 46  # of the drawing; free for lines that pass stages by
LETTER_PX, COUNT_PX = 6.65, 6.1  # of a rule's name and of its number of jobs
PILL_PX, PILL_GAP, PADDING, HEAD_PX = 24, 8, 12, 30
CARD_GAP, ROW_GAP = 28, 40
LANE_PX, CORNER_PX = 9, 10


@dataclass(frozen=True)
class Pill:
    """A rule: its name, number of jobs, place and size."""

    name: str
    jobs: int
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Card:
    """A stage: its name, what it does, place, size and rules."""

    name: str
    title: str
    x: float
    y: float
    width: float
    height: float
    pills: Sequence[Pill]

    @property
    def middle(self) -> float:
        """Horizontal middle."""
        return self.x + self.width / 2


@dataclass(frozen=True)
class Graph:
    """The drawing: its size, cards, and lines as SVG paths."""

    width: int
    height: float
    cards: Sequence[Card]
    lines: Sequence[str]


def draw_graph(rules: Sequence[Rule], titles: Mapping[str, str]) -> Graph:
    """Lay the rules out.

    Args:
        rules: in the order of the workflow.
        titles: what each stage does.

    Returns:
        stages in rows, each below all that it reads from; a stage that reads from a later one of the workflow
        does not move.
    """
    stages = list(dict.fromkeys(rule.stage for rule in rules))
    lines = stage_lines(rules)
    rows: dict[int, list[str]] = {}
    level: dict[str, int] = {}
    for stage in stages:
        level[stage] = 1 + max((level[source] for source, target in lines if target == stage), default=-1)
        rows.setdefault(level[stage], []).append(stage)
    passing = {source for source, target in lines if level[target] > level[source] + 1}
    cards: dict[str, Card] = {}
    y = 4.0
    for number in sorted(rows):
        row = sorted(rows[number], key=lambda stage: (stage in passing, stages.index(stage)))
        placed = _row([(stage, [rule for rule in rules if rule.stage == stage]) for stage in row], titles, y)
        cards |= {card.name: card for card in placed}
        y = max(card.y + card.height for card in placed) + ROW_GAP
    paths = [
        _down(cards[source], cards[target]) for source, target in lines if level[target] == level[source] + 1
    ]
    beside = [(s, t) for s, t in lines if level[t] > level[s] + 1]
    paths += [_around(cards[s], cards[t], lane) for lane, (s, t) in enumerate(beside)]
    return Graph(WIDTH, y - ROW_GAP + 4, list(cards.values()), paths)


def stage_lines(rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """Join each stage with the stages that read from it, but where a way through others says so already."""
    stage_of = {rule.name: rule.stage for rule in rules}
    order = list(dict.fromkeys(stage_of.values()))
    after: dict[str, set[str]] = {stage: set() for stage in order}
    for rule in rules:
        for source in (stage_of[name] for name in rule.reads if name in stage_of):
            if order.index(source) < order.index(rule.stage):
                after[source].add(rule.stage)
    reached: dict[str, set[str]] = {}
    for stage in reversed(order):
        reached[stage] = after[stage].union(*(reached[target] for target in after[stage]))
    return [
        (stage, target)
        for stage in order
        for target in sorted(after[stage], key=order.index)
        if not any(target in reached[other] for other in after[stage])
    ]


def _row(stages: Sequence[tuple[str, Sequence[Rule]]], titles: Mapping[str, str], y: float) -> list[Card]:
    """Place cards side by side; they share the width by what they hold, and their height."""
    room = WIDTH - 2 * MARGIN - CARD_GAP * (len(stages) - 1)
    wanted = [max(_natural(rules), 190.0) for _, rules in stages]
    fair = room / len(stages)
    spare = room - sum(min(width, fair) for width in wanted)
    longer = [max(width - fair, 0) for width in wanted]
    widths = [
        min(width, fair) + (min(more, spare * more / sum(longer)) if sum(longer) else 0)
        for width, more in zip(wanted, longer, strict=True)
    ]
    x = (WIDTH - sum(widths) - CARD_GAP * (len(stages) - 1)) / 2
    cards = []
    for (stage, rules), width in zip(stages, widths, strict=True):
        pills = _pills(rules, x, y, width)
        height = pills[-1].y + PILL_PX + PADDING - y
        cards.append(Card(stage, titles.get(stage, ""), round(x, 1), y, round(width, 1), height, pills))
        x += width + CARD_GAP
    tallest = max(card.height for card in cards)
    return [Card(c.name, c.title, c.x, c.y, c.width, tallest, c.pills) for c in cards]


def _length(rule: Rule) -> float:
    count = len(f" x{len(rule.seconds)}") if len(rule.seconds) > 1 else 0
    return round(LETTER_PX * len(rule.name) + COUNT_PX * count + 18, 1)


def _natural(rules: Sequence[Rule]) -> float:
    return sum(map(_length, rules)) + PILL_GAP * (len(rules) - 1) + 2 * PADDING + 1


def _pills(rules: Sequence[Rule], left: float, top: float, width: float) -> list[Pill]:
    x, y, pills = left + PADDING, top + HEAD_PX, []
    for rule in rules:
        length = _length(rule)
        if pills and x + length > left + width - PADDING:
            x, y = left + PADDING, y + PILL_PX + PILL_GAP
        pills.append(Pill(rule.name, len(rule.seconds), round(x, 1), y, length))
        x += length + PILL_GAP
    return pills


def _down(source: Card, target: Card) -> str:
    """A curve from the lower side of a card to the upper side of one in the next row."""
    start, end = source.y + source.height, target.y - 5
    bend = (end - start) / 2
    return (
        f"M{source.middle:.1f},{start:.1f} C{source.middle:.1f},{start + bend:.1f} "
        f"{target.middle:.1f},{end - bend:.1f} {target.middle:.1f},{end:.1f}"
    )


def _around(source: Card, target: Card, lane: int) -> str:
    """A line along the right margin, past the rows in between."""
    x = WIDTH - MARGIN + 8 + LANE_PX * lane
    start, end = source.y + source.height / 2, target.y + target.height / 2
    return (
        f"M{source.x + source.width:.1f},{start:.1f} H{x - CORNER_PX:.1f} Q{x:.1f},{start:.1f} {x:.1f},"
        f"{start + CORNER_PX:.1f} V{end - CORNER_PX:.1f} Q{x:.1f},{end:.1f} {x - CORNER_PX:.1f},{end:.1f} "
        f"H{target.x + target.width + 5:.1f}"
    )
