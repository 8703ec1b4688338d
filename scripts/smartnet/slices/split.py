"""The patient-level split into train, valid and test, with a leakage check across all data sets."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from smartnet.errors import ConfigError, DataError
from smartnet.files import read_table, write_table

ROLES = ("development", "test")


def make_split(
    cases: Sequence[Path], output: Path, *, roles: Mapping[str, str], valid_fraction: float, seed: int
) -> None:
    """Split by patient: development data sets into train and valid, the others are test.

    Patients of one class (with hemorrhage, without, unlabelled) are ordered by SHA-256 of seed and patient
    name and cut, so both splits hold every class that has two patients or more, and adding a patient moves
    at most the one at the cut.

    Args:
        cases: the ``cases.tsv`` of all slice shards of all data sets, in any order.
        output: table to write, one row per case, sorted by data set and case.
        roles: for each data set ``development`` or ``test``.
        valid_fraction: fraction of the development patients for validation, in [0, 1).
        seed: another one gives another split.

    Raises:
        ConfigError: an unknown role, a data set without a role, a fraction out of range.
        DataError: a patient, or the very same images, in two splits; a case in two data sets; no development
            case at all.
    """
    if not 0 <= valid_fraction < 1:
        raise ConfigError(f"valid_fraction is {valid_fraction}: choose at least 0 and less than 1")
    for dataset, role in roles.items():
        if role not in ROLES:
            raise ConfigError(f"role of data set {dataset} is {role!r}: choose one of {', '.join(ROLES)}")
    table = _read_cases(cases)
    unknown = sorted(set(table["dataset"]) - set(roles))
    if unknown:
        raise ConfigError(f"data set {unknown[0]} has no role: give it one of {', '.join(ROLES)}")
    development = table[table["dataset"].map(dict(roles)) == "development"]
    if development.empty and "development" in roles.values():
        raise DataError(
            "no accepted case in any development data set, so nothing to train on: read the reasons in the "
            "catalogs"
        )
    names = assign_patients(patient_classes(development), valid_fraction=valid_fraction, seed=seed)
    table["split"] = "test"
    table.loc[development.index, "split"] = development["patient"].map(names)
    check_leakage(table)
    write_table(table[["case", "patient", "dataset", "split"]], output)


def patient_classes(cases: pd.DataFrame) -> dict[str, str]:
    """Tell each patient's class: hemorrhage if any scan shows one, unlabelled if no scan is labelled."""
    worst = cases.groupby("patient")["hemorrhage"].max()
    return {
        str(patient): "unlabelled" if pd.isna(value) else ("hemorrhage" if value > 0 else "normal")
        for patient, value in worst.items()
    }


def assign_patients(classes: Mapping[str, str], *, valid_fraction: float, seed: int) -> dict[str, str]:
    """Assign each patient to ``train`` or ``valid``.

    Args:
        classes: class of each patient.
        valid_fraction: fraction for ``valid``, within each class rounded to whole patients; at least one
            patient of a class goes either way when it has two and the fraction is above 0.
        seed: seed of the hash.

    Returns:
        the split of each patient; independent of the order of ``classes``.
    """
    splits: dict[str, str] = {}
    for group in sorted(set(classes.values())):
        patients = sorted(
            (patient for patient, name in classes.items() if name == group),
            key=lambda patient: hashlib.sha256(f"{seed}:{patient}".encode()).hexdigest(),
        )
        n_valid = round(len(patients) * valid_fraction)
        if valid_fraction > 0 and len(patients) > 1:
            n_valid = min(max(n_valid, 1), len(patients) - 1)
        splits |= {patient: "valid" if k < n_valid else "train" for k, patient in enumerate(patients)}
    return splits


def check_leakage(table: pd.DataFrame) -> None:
    """Demand that no patient and no image stands in two splits, and no case in two data sets.

    Args:
        table: columns ``case patient dataset split content``.

    Raises:
        DataError: names the pseudonymous patient or cases, and the data sets.
    """
    for patient in _in_two_splits(table, "patient")[:1]:
        where = _where(table[table["patient"] == patient])
        raise DataError(
            f"patient {patient} is in two splits: {where}: remove the patient's scans from one of these data "
            "sets"
        )
    twice = table[table["case"].duplicated(keep=False)]
    if len(twice):
        case = twice["case"].min()
        raise DataError(
            f"case {case} stands twice: {_where(twice[twice['case'] == case])}: it would count twice where "
            "test sets are taken together; leave its series out of one of these data sets"
        )
    for content in _in_two_splits(table[table["content"] != ""], "content")[:1]:
        group = table[table["content"] == content]
        raise DataError(
            f"cases {' and '.join(sorted(group['case']))} hold the same images but are in two splits: "
            f"{_where(group)}: one patient under two names? Remove one of them"
        )


def _in_two_splits(table: pd.DataFrame, column: str) -> list[str]:
    """Values of a column that rows of more than one split have, sorted."""
    splits = table.groupby(column, sort=True)["split"].nunique()
    return splits.index[splits > 1].tolist()


def _where(group: pd.DataFrame) -> str:
    pairs = sorted(set(zip(group["split"], group["dataset"], strict=True)))
    return " and ".join(f"{split} (data set {dataset})" for split, dataset in pairs)


def _read_cases(paths: Sequence[Path]) -> pd.DataFrame:
    text = dict.fromkeys(["case", "patient", "dataset", "content"], str)
    tables = [read_table(path, dtype=text | {"hemorrhage": float}) for path in paths]
    tables = [table for table in tables if len(table)]
    if not tables:
        raise DataError("no accepted case in any data set: read the reasons in the catalogs")
    table = pd.concat(tables, ignore_index=True)
    table["content"] = table["content"].fillna("") if "content" in table.columns else ""
    return table.sort_values(["dataset", "case"], kind="stable", ignore_index=True)
