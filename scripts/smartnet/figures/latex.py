"""Tables for readers: CSV for the eye and the spreadsheet, LaTeX (booktabs) for the paper."""

from pathlib import Path

import pandas as pd

from smartnet.files import write_bytes, write_table

MISSING = "n/a"
EN_DASH = "\N{EN DASH}"


def write_both(table: pd.DataFrame, output_csv: Path | str, output_tex: Path | str) -> None:
    """Write a table of texts as CSV and as a LaTeX ``tabular`` that needs only ``booktabs``.

    Args:
        table: cells as they shall be read; every special character of LaTeX is escaped.
        output_csv: UTF-8 CSV.
        output_tex: the tabular, to be taken in with ``\\input``.
    """
    text = table.astype(str)
    write_table(text, output_csv)
    styler = text.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis="columns")
    columns = "l" * len(table.columns)
    latex = styler.to_latex(hrules=True, column_format=columns).replace(EN_DASH, "--")
    write_bytes(latex.encode(), output_tex)


def number(value: float, *, digits: int = 3) -> str:
    """Round a value; an undefined one is ``n/a``."""
    return MISSING if pd.isna(value) else f"{value:.{digits}f}"


def with_interval(value: float, low: float, high: float, *, digits: int = 3) -> str:
    """Write ``value [low, high]``; the brackets are left out where the interval is undefined."""
    if pd.isna(value) or pd.isna(low) or pd.isna(high):
        return number(value, digits=digits)
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
