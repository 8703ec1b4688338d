"""The labels a hospital gives: one row per scan, joined to series by series or study UID."""

import difflib
from pathlib import Path

import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table

KINDS = ("EDH", "IPH", "IVH", "SAH", "SDH")
_KEYS = ("series_uid", "study_uid")
_KNOWN = (*_KEYS, "hemorrhage", *KINDS, "mask")
_TRUTH = {"0": 0.0, "1": 1.0, "0.0": 0.0, "1.0": 1.0}


def read_labels(path: Path) -> pd.DataFrame:
    """Read and check a label table.

    Args:
        path: ``labels.tsv`` (or ``.csv``) with ``series_uid`` or ``study_uid``, ``hemorrhage`` (0/1; may be
            left out where there is a ``mask`` column or the kinds), optionally ``EDH IPH IVH SAH SDH`` (0/1)
            and ``mask`` (a file name, empty for none). Other columns are ignored.

    Returns:
        columns ``uid_column`` (which UID joins), ``uid``, ``hemorrhage``, the five kinds (0.0, 1.0 or
        missing) and ``mask`` (text, maybe empty), in the order of the file.

    Raises:
        DataError: the file is missing or no table, a column is missing or misspelt, a value is neither 0
            nor 1, a UID is empty or stands twice. Messages name row numbers, never identifiers.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"label table {path} does not exist: correct the data set's path or write the table")
    try:
        table = read_table(path, dtype=str, encoding="utf-8-sig", encoding_errors="strict").fillna("")
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"label table {path} cannot be read ({error}): save it as UTF-8 text") from error
    table.columns = [str(name).strip() for name in table.columns]
    table = table.map(str.strip)
    _check_columns(list(table.columns), path)
    uid_column = next(name for name in _KEYS if name in table.columns)
    _check_uids(table[uid_column], path)
    labels = pd.DataFrame({"uid_column": uid_column, "uid": table[uid_column]})
    for name in ("hemorrhage", *KINDS):
        labels[name] = _truth(table[name], path) if name in table.columns else float("nan")
    labels["mask"] = table["mask"] if "mask" in table.columns else ""
    return _complete(labels, path)


def _check_columns(columns: list[str], path: Path) -> None:
    """Demand the columns that are needed and refuse near misses of those that would be ignored."""
    for name in columns:
        if name in _KNOWN:
            continue
        lowered = {known.lower(): known for known in _KNOWN if known not in columns}
        near = difflib.get_close_matches(name.lower(), lowered, n=1, cutoff=0.85)
        if near:
            raise DataError(
                f"label table {path}: unknown column {name!r}, did you mean {lowered[near[0]]!r}? Rename it "
                "(or drop it if it is something else)"
            )
    if not set(_KEYS) & set(columns):
        raise DataError(
            f"label table {path} has neither a series_uid nor a study_uid column (columns: "
            f"{', '.join(columns)}): add one, tab-separated in a .tsv file"
        )
    if not {"hemorrhage", "mask", *KINDS} & set(columns):
        raise DataError(
            f"label table {path} has no hemorrhage column (columns: {', '.join(columns)}): add it with 0 or "
            "1 per scan, or a mask column"
        )


def _check_uids(uids: "pd.Series[str]", path: Path) -> None:
    empty = [str(index + 2) for index in uids.index[uids == ""]]
    if empty:
        raise DataError(f"label table {path}, line {', '.join(empty[:5])}: empty {uids.name}: fill it in")
    twice = [str(index + 2) for index in uids.index[uids.duplicated()]]
    if twice:
        raise DataError(
            f"label table {path}, line {', '.join(twice[:5])}: a {uids.name} that an earlier line has: "
            "keep one row per scan"
        )


def _truth(column: "pd.Series[str]", path: Path) -> "pd.Series[float]":
    wrong = column.index[(column != "") & ~column.isin(list(_TRUTH))]
    if len(wrong):
        raise DataError(
            f"label table {path}, line {wrong[0] + 2}, column {column.name}: {column[wrong[0]]!r} is neither "
            "0 nor 1: correct it, or leave it empty if unknown"
        )
    return column.map(_TRUTH).astype(float)


def _complete(labels: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Take ``hemorrhage`` from the kinds where it is missing; refuse a kind that contradicts it."""
    kinds = labels[list(KINDS)]
    any_kind = (kinds == 1).any(axis=1)
    contradiction = labels.index[any_kind & (labels["hemorrhage"] == 0)]
    if len(contradiction):
        raise DataError(
            f"label table {path}, line {contradiction[0] + 2}: hemorrhage is 0 but a kind of it is 1: "
            "correct one of them"
        )
    missing = labels["hemorrhage"].isna()
    labels.loc[missing & any_kind, "hemorrhage"] = 1.0
    labels.loc[missing & (kinds == 0).all(axis=1), "hemorrhage"] = 0.0
    return labels
