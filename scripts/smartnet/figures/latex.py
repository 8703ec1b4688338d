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
INTERVAL = re.compile(r"(?<=& )(\S+) (\[[^]]+\])( \*{1,2})?(?= &| \\\\)")
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
    """Write a table of texts as CSV and as a LaTeX ``tabular`` that needs only ``booktabs``.

    Args:
        table: cells as they shall be read; every special character of LaTeX is escaped.
        output_csv: UTF-8 CSV.
        output_tex: the tabular, to be taken in with ``\\input``.
        groups: leading columns that group the rows, outer first; LaTeX names a group in its first row, and a
            rule (outermost) or a space stands before it.
        best: true for cells that LaTeX sets in bold; rows and columns of ``table``.
        note: printed below the table; in the CSV the last row, alone in the first column.
        stacked: LaTeX sets intervals below their values, for tables of many columns.
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
    lines = latex.splitlines()
    first = lines.index(r"\midrule") + 1
    for row, rule in reversed(rules.items()):
        lines.insert(first + row, rule)
    if stacked:
        lines = [INTERVAL.sub(r"\\shortstack[l]{\1\3\\\\{\\scriptsize \2}}", line) for line in lines]
    if note:
        place = lines.index(r"\bottomrule") + 1
        width = rf"\multicolumn{{{len(text.columns)}}}{{p{{\linewidth}}}}"
        lines.insert(place, rf"{width}{{\footnotesize {NOTE}{note}}} \\")
    write_bytes("".join(f"{line}\n" for line in lines).encode(), output_tex)


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
