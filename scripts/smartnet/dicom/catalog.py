"""One row per series with a verdict, and the private table that joins pseudonyms to identifiers."""

import logging
from pathlib import Path

import pandas as pd

from smartnet.dicom.grouping import Series, choose_series, read_series
from smartnet.dicom.identity import case_name, instance_name, patient_name, shard_of
from smartnet.dicom.labels import KINDS, read_labels
from smartnet.errors import DataError
from smartnet.files import read_table, write_table

logger = logging.getLogger(__name__)

CATALOG_COLUMNS = [
    *["case", "patient", "dataset", "verdict", "reason", "modality", "slices", "rows", "columns"],
    *[
        "pixel_spacing_mm",
        "slice_spacing_mm",
        "slice_thickness_mm",
        "tilt_deg",
        "manufacturer",
        "kvp",
        "kernel",
    ],
    *["hemorrhage", *KINDS, "mask"],
]
IDENTITY_COLUMNS = [
    *["case", "patient", "series_uid", "study_uid", "patient_id", "mask", "z", "instance", "instance_uid"],
    *["rows", "columns", "position", "orientation", "pixel_spacing", "path"],
]
_EMPTY_LABEL = dict.fromkeys(["hemorrhage", *KINDS], float("nan")) | {"mask": ""}


def catalog_shard(
    index: Path,
    *,
    labels: Path | None,
    masks: Path | None,
    dataset: str,
    shard: int,
    shards: int,
    key: bytes,
    catalog: Path,
    identity: Path,
) -> None:
    """Group the index into series, judge each, and write the catalog rows of one shard.

    Args:
        index: the private index table of the data set.
        labels: label table (see :func:`read_labels`); None for data without labels, which can be predicted
            on but not trained on or evaluated.
        masks: folder of the reference masks that ``labels`` names, None if there are none.
        dataset: name of the data set.
        shard: which shard to write, 0 <= shard < shards; a case is in shard ``crc32(case) % shards``.
        shards: number of shards.
        key: secret of the pseudonyms; the same for all data sets of a study, or leakage goes unseen.
        catalog: table to write, one row per series, sorted by case.
        identity: private table to write, one row per file of each series of the shard.

    Raises:
        DataError: the label table is wrong, no row of it matches any series, a mask file is missing.
    """
    table = read_table(index, dtype=str).fillna("")
    table = table[(table["series_uid"] != "") & (table["error"] == "")]
    truth = _load_truth(labels, masks, table)
    names = {uid: case_name(key, uid) for uid in table["series_uid"].unique()}
    mine = {uid for uid, case in names.items() if shard_of(case, shards) == shard}
    rows, links = [], []
    # A study's series compete with each other, so that whole studies are judged, and written in part.
    study = table["study_uid"].where(table["study_uid"] != "", table["series_uid"])
    wanted = study.isin(set(study[table["series_uid"].isin(mine)]))
    for _, files in table[wanted].groupby(study[wanted], sort=True):
        for uid, series in _judge_study(files, truth).items():
            if uid in mine:
                label = _label_of(series, truth) or _EMPTY_LABEL
                named = _pseudonyms(series, uid, names[uid], key)
                rows.append(_catalog_row(series, named, label, dataset))
                links.append(_identity_rows(series, named, label, key))
    write_table(pd.DataFrame(rows, columns=CATALOG_COLUMNS).sort_values("case", kind="stable"), catalog)
    links = pd.concat(links) if links else pd.DataFrame(columns=IDENTITY_COLUMNS)
    write_table(links.sort_values(["case", "z", "instance_uid", "path"], kind="stable"), identity)
    accepted = sum(row["verdict"] == "accepted" for row in rows)
    logger.info("%s shard %d: %d series, %d accepted", dataset, shard, len(rows), accepted)


def _load_truth(labels: Path | None, masks: Path | None, index: pd.DataFrame) -> pd.DataFrame | None:
    """Read the labels as a table with the UID as its index; check them against index and masks."""
    if labels is None:
        return None
    truth = read_labels(labels).set_index("uid")
    column = truth["uid_column"].iloc[0] if len(truth) else "series_uid"
    unmatched = int((~truth.index.isin(index[column].unique())).sum())
    if unmatched == len(truth):
        raise DataError(
            f"none of the {len(truth)} rows of {labels} matches a {column} of the data set's files: check "
            "that labels and images belong together and that the UIDs are complete"
        )
    if unmatched:
        logger.warning("%d of %d rows of %s match no series", unmatched, len(truth), labels)
    for line, name in enumerate(truth["mask"], start=2):
        if name and (masks is None or not (Path(masks) / name).exists()):
            raise DataError(
                f"the mask file that line {line} of {labels} names is not in "
                f"{masks or 'any masks folder (none is given)'}: put it there or empty the field"
            )
    return truth


def _label_of(series: Series, truth: pd.DataFrame | None) -> dict | None:
    """Give the label row of a series, None if it has none."""
    if truth is None or truth.empty:
        return None
    uid = series.files[truth["uid_column"].iloc[0]].iloc[0]
    return truth.loc[uid].to_dict() if uid in truth.index else None


def _judge_study(files: pd.DataFrame, truth: pd.DataFrame | None) -> dict[str, Series]:
    """Judge all series of one study: each by itself, then its label, then against each other."""
    study = {uid: read_series(group) for uid, group in files.groupby("series_uid", sort=True)}
    for uid, series in study.items():
        if series.reason or truth is None:
            continue
        label = _label_of(series, truth)
        if label is None:
            study[uid] = Series(series.files, series.stack, "no row in labels.tsv")
        elif pd.isna(label["hemorrhage"]) and not label["mask"]:
            study[uid] = Series(series.files, series.stack, "neither a hemorrhage label nor a mask")
    usable = {uid: series for uid, series in study.items() if not series.reason}
    if len(usable) > 1:
        for uid, reason in choose_series(usable).items():
            study[uid] = Series(study[uid].files, study[uid].stack, reason)
    return study


def _pseudonyms(series: Series, uid: str, case: str, key: bytes) -> dict[str, str]:
    first = series.files.iloc[0]
    return {"case": case, "patient": patient_name(key, first["patient_id"], first["study_uid"], uid)}


def _catalog_row(series: Series, named: dict[str, str], label: dict, dataset: str) -> dict:
    """Make one row of the catalog. Only the technical tags named here can reach it (an allow-list)."""
    first, stack = series.files.iloc[0], series.stack
    return named | {
        "dataset": dataset,
        "verdict": "rejected" if series.reason else "accepted",
        "reason": series.reason,
        "modality": first["modality"],
        "slices": len(series.files),
        "rows": first["rows"],
        "columns": first["columns"],
        "pixel_spacing_mm": stack.pixel_spacing_mm[0] if stack else float("nan"),
        "slice_spacing_mm": stack.slice_spacing_mm if stack else float("nan"),
        "slice_thickness_mm": _number(first["slice_thickness"]),
        "tilt_deg": stack.tilt_deg if stack else float("nan"),
        "manufacturer": first["manufacturer"],
        "kvp": _number(first["kvp"]),
        "kernel": first["kernel"],
        **{name: _integer(label[name]) for name in ("hemorrhage", *KINDS)},
        "mask": _mask_state(label),
    }


def _mask_state(label: dict) -> str:
    """Tell what is known of the mask: ``reference`` file, ``empty`` (labelled 0) or ``none``."""
    if label["mask"]:
        return "reference"
    return "empty" if label["hemorrhage"] == 0 else "none"


def _identity_rows(series: Series, named: dict[str, str], label: dict, key: bytes) -> pd.DataFrame:
    files = series.files.assign(**named, mask=label["mask"])
    files["z"] = pd.array(range(len(files)) if series.stack else [None] * len(files), dtype="Int64")
    files["instance"] = [instance_name(key, uid) for uid in files["instance_uid"]]
    return files[IDENTITY_COLUMNS]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _integer(value: float) -> int | None:
    return None if pd.isna(value) else int(value)
