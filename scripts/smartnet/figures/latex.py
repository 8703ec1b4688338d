"""Tables for readers: CSV for the eye and the spreadsheet, LaTeX (booktabs) for the paper."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.files import write_bytes, write_table

MISSING = "n/a"
EN_DASH = "\N{EN DASH}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
TICK = "\N{CHECK MARK}"
NOTE = "Note: "
SPREAD = re.compile(
    r"(?<=& )(\\textbf{)?([^ &{}]+) "
    r"(\[[^]]+\]|\([^()&]+ to [^()&]+\)|\$\\pm\$ [^ &{}]+)"
    r"(})?( [^&]+?)?(?= &| \\\\)"
)
"""Interval, range or standard deviation behind a value in LaTeX, with what may stand around both."""
SIZES = {"": (5.1, 6), r"\footnotesize": (4.25, 4), r"\scriptsize": (3.8, 3)}
"""Letters that a wide table may take: their mean width and the space beside a column, points."""
PAGE_PT, PAGE_LINES = 740, 44  # what a landscape page of A4 holds, in small letters
LATEX = {
    "<": "$<$",
    EN_DASH: "--",
    TICK: r"$\surd$",
    PLUS_MINUS: r"$\pm$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\ge$",
}


def write_both(
    table: pd.DataFrame,
    output_csv: Path | str,
    output_tex: Path | str,
    *,
    groups: Sequence[str] = (),
    best: pd.DataFrame | None = None,
    note: str = "",
    stacked: bool = False,
) -> None:
    """Write a table of texts as CSV and for LaTeX, in letters with which it fits a landscape page.

    LaTeX gets a ``tabular`` that needs only ``booktabs``; what is longer than a page, a ``longtable``, which
    needs the package of this name as well.

    Args:
        table: cells as they shall be read; every special character of LaTeX is escaped.
        output_csv: UTF-8 CSV.
        output_tex: the tabular, to be taken in with ``\\input``.
        groups: leading columns that group the rows, outer first; LaTeX names a group in its first row, and a
            rule (outermost) or a space stands before it.
        best: true for cells that LaTeX sets in bold; rows and columns of ``table``.
        note: printed below the table; in the CSV the last row, alone in the first column.
        stacked: LaTeX sets intervals, ranges and standard deviations below their values, for tables of
            many columns.
    """
    text = table.astype(str)
    below = pd.DataFrame([[NOTE + note, *[""] * (len(text.columns) - 1)]], columns=text.columns)
    write_table(pd.concat([text, below]) if note else text, output_csv)
    shown, rules = _grouped(text, list(groups))
    styler = (
        shown.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis="columns")
    )
    if best is not None:
        styler = styler.apply(lambda _: best.replace({True: "textbf:--rwrap", False: ""}), axis=None)
    latex = styler.to_latex(hrules=True, column_format="l" * len(table.columns))
    for sign, command in LATEX.items():
        latex = latex.replace(sign, command)
    begin, top, head, middle, *body, bottom, end = latex.splitlines()
    if stacked:
        body = [
            SPREAD.sub(lambda match: _stack(match[1], match[2], match[3], match[5]), line) for line in body
        ]
    widths = _widths(text, stacked=stacked)
    if sum(widths) > PAGE_PT / SIZES[""][0] - 2 * len(widths):
        head = " & ".join(map(_broken, head.removesuffix(r" \\").split(" & "), widths)) + r" \\"
    for row, rule in reversed(rules.items()):
        body.insert(row, rule)
    below = _below(note, len(widths)) if note else []
    if len(text) * (1 + stacked) > PAGE_LINES:
        begin, end = (line.replace("{tabular}", "{longtable}") for line in (begin, end))
        frame = [begin, top, head, middle, r"\endhead", bottom, r"\endfoot", bottom, *below, r"\endlastfoot"]
        lines = [*frame, *body, end]
    else:
        lines = [begin, top, head, middle, *body, bottom, *below, end]
    lines = [*_letters(widths), *lines, r"\endgroup"]
    write_bytes("".join(f"{line}\n" for line in lines).encode(), output_tex)


def _stack(bold: str | None, value: str, spread: str, behind: str | None) -> str:
    """Set interval or standard deviation below the value."""
    value = f"{bold}{value}}}" if bold else value
    below = rf"\\[-0.4ex]{{\scriptsize {spread}}}"
    return rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{value}{behind or ''}{below}\end{{tabular}}"


def _widths(text: pd.DataFrame, *, stacked: bool) -> list[float]:
    """Letters across each column, of a long head as many as its longer half has."""
    widths = []
    for name, cells in text.items():
        parts = [
            part
            for cell in cells
            for part in (re.split(r" (?=\[|\u00b1|\(\S+ to )", cell) if stacked else [cell])
        ]
        broken = max(map(len, _halves(name)))
        widths.append(max([broken, *map(len, parts)]))
    return widths


def _halves(head: str) -> list[str]:
    """Part a head at the space nearest to its middle."""
    places = [place for place, letter in enumerate(head) if letter == " "]
    if not places:
        return [head]
    at = min(places, key=lambda place: abs(place - len(head) / 2))
    return [head[:at], head[at + 1 :]]


def _broken(head: str, width: float) -> str:
    """Write a head that is wider than its column in two lines."""
    if len(head) <= width or " " not in head:
        return head
    both = r" \\ ".join(_halves(head))
    return rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{both}\end{{tabular}}"


def _below(note: str, columns: int) -> list[str]:
    width = rf"\multicolumn{{{columns}}}{{p{{\dimexpr\linewidth-2\tabcolsep\relax}}}}"
    return [rf"{width}{{\footnotesize {NOTE}{note}}} \\"]


def _letters(widths: Sequence[float]) -> list[str]:
    """Begin a group with the largest letters in which columns so wide fit a landscape page."""
    fits = [
        s for s, (letter, space) in SIZES.items() if letter * sum(widths) + 2 * space * len(widths) <= PAGE_PT
    ]
    size = fits[0] if fits else list(SIZES)[-1]
    space = SIZES[size][1]
    return [rf"\begingroup{size}\setlength{{\tabcolsep}}{{{space}pt}}%"]


def _grouped(text: pd.DataFrame, groups: list[str]) -> tuple[pd.DataFrame, dict[int, str]]:
    """Name each group in its first row only; give the rule before each row that starts one."""
    if not groups or text.empty:
        return text, {}
    starts = text[groups].ne(text[groups].shift()).to_numpy()
    starts = np.logical_or.accumulate(starts, axis=1)  # a new outer group starts new inner ones
    rules = {row: r"\midrule" if new[0] else r"\addlinespace" for row, new in enumerate(starts) if new.any()}
    del rules[0]  # the head of the table has a rule
    return text.assign(**text[groups].where(starts, "")), rules


def number(value: float, *, digits: int = 3) -> str:
    """Round a value; an undefined one is ``n/a``."""
    return MISSING if pd.isna(value) else f"{value:.{digits}f}"


def with_interval(value: float, low: float, high: float, *, digits: int = 3) -> str:
    """Write ``value [low, high]``; the brackets are left out where the interval is undefined."""
    if pd.isna(value) or pd.isna(low) or pd.isna(high):
        return number(value, digits=digits)
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def with_seeds(head: str, rows: pd.DataFrame) -> str:
    """Head the column that names the rows; it says how many seeds are behind every value."""
    seeds = rows["seed"].nunique()
    return f"{head} ({seeds} seeds)" if seeds > 1 else head


def over_seeds(values: pd.Series, *, digits: int = 3) -> str:
    """Write one seed's value, mean and standard deviation (n - 1) of several, nothing if not measured."""
    if values.empty:
        return ""
    known = values.dropna()
    if known.empty:
        return MISSING
    text = number(known.mean(), digits=digits)
    if len(known) > 1:
        text += f" {PLUS_MINUS} {number(known.std(), digits=digits)}"
    return text if len(known) == len(values) else f"{text} ({len(known)} of {len(values)} seeds)"


def estimates(rows: pd.DataFrame, *, value: str = "value", digits: int = 3) -> str:
    """Write the value of one seed with its interval, or ``over_seeds``.

    Args:
        rows: one per seed: the value, ``low``, ``high``.
        value: name of the column with the value.
        digits: decimals.
    """
    if len(rows) != 1:
        return over_seeds(rows[value], digits=digits) or MISSING
    row = rows.iloc[0]
    return with_interval(row[value], row["low"], row["high"], digits=digits)
