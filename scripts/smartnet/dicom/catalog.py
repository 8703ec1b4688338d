"""One row per series with a verdict, and the private table that joins pseudonyms to identifiers."""

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.dicom.grouping import Series, read_series
from smartnet.dicom.identity import case_name, instance_name, patient_name, shard_of
from smartnet.dicom.labels import KINDS, read_labels
from smartnet.dicom.selection import EXCLUSIONS, Candidate, candidate, choose
from smartnet.errors import ConfigError, DataError
from smartnet.files import read_table, write_table

logger = logging.getLogger(__name__)

CATALOG_COLUMNS = [
    *["case", "patient", "dataset", "verdict", "reason", "flags", "modality", "slices", "rows", "columns"],
    *["pixel_spacing_mm", "slice_spacing_mm", "slice_thickness_mm", "tilt_deg", "plane", "coverage_mm"],
    *["manufacturer", "kvp", "kernel", "kernel_class", "contrast", "score"],
    *["hemorrhage", *KINDS, "mask"],
]
UNEVEN_CHOICES = ("resample", "keep", "reject")
FINEST_FACTOR = 8  # a gap this many times smaller than the median is no protocol's
IDENTITY_COLUMNS = [
    *["case", "patient", "series_uid", "study_uid", "patient_id", "mask", "z", "instance", "instance_uid"],
    *["rows", "columns", "position", "orientation", "pixel_spacing", "slice_thickness", "path", "frame"],
]
_EMPTY_LABEL = dict.fromkeys(["hemorrhage", *KINDS], float("nan")) | {"mask": ""}


def catalog_shard(
    index: Path,
    *,
    folder: Path,
    labels: Path | None,
    masks: Path | None,
    dataset: str,
    shard: int,
    shards: int,
    key: bytes,
    catalog: Path,
    identity: Path,
    slice_thickness_mm: float = 5.0,
    exclude: Collection[str] = EXCLUSIONS,
    uneven_spacing: str = "resample",
) -> None:
    """Group the index into series, judge each, and write the catalog rows of one shard.

    Args:
        index: the private index table of the data set.
        folder: the data set's folder, where the paths of the index begin.
        labels: label table (see :func:`read_labels`); None for data without labels, which can be predicted
            on but not trained on or evaluated.
        masks: folder of the reference masks that ``labels`` names, None if there are none.
        dataset: name of the data set.
        shard: which shard to write, 0 <= shard < shards; a series is in shard ``crc32(case) % shards``, with
            all its parts.
        shards: number of shards.
        key: secret of the pseudonyms; the same for all data sets of a study, or leakage goes unseen.
        catalog: table to write, one row per series (or part of one that is a stack of its own), sorted by
            case.
        identity: private table to write, one row per slice of each series of the shard.
        slice_thickness_mm: liked best where a study has several usable series.
        exclude: what is never taken: any of ``bone-kernel``, ``contrast``.
        uneven_spacing: ``resample``, ``keep`` or ``reject`` stacks with gaps that differ.

    Raises:
        ConfigError: ``uneven_spacing`` or ``exclude`` hold another word.
        DataError: the label table is wrong, no row of it matches any series, a mask file is missing.
    """
    _check_words(uneven_spacing, exclude)
    uids = read_table(index, usecols=["series_uid", "study_uid"], dtype=str)
    truth = _load_truth(labels, masks, uids)
    mine = {
        uid for uid in uids["series_uid"].dropna().unique() if shard_of(case_name(key, uid), shards) == shard
    }
    rule = partial(candidate, thickness_mm=slice_thickness_mm, exclude=exclude)
    rows, links = [], []
    table = _studies_of(mine, uids, index)
    table["path"] = f"{Path(folder).as_posix()}/" + table["path"]
    study = table["study_uid"].where(table["study_uid"] != "", table["series_uid"])
    for _, files in table.groupby(study, sort=True):
        for uid, series, worth in _judge_study(files, truth, rule, uneven_spacing):
            if uid in mine:
                label = _label_of(series, truth) or _EMPTY_LABEL
                named = _pseudonyms(series, uid, key)
                rows.append(_catalog_row(series, worth, named, label, dataset))
                links.append(_identity_rows(series, named, label, key))
    write_table(pd.DataFrame(rows, columns=CATALOG_COLUMNS).sort_values("case", kind="stable"), catalog)
    links = pd.concat(links) if links else pd.DataFrame(columns=IDENTITY_COLUMNS)
    links["path"] = links["path"].str.removeprefix(f"{Path(folder).as_posix()}/")
    write_table(links.sort_values(["case", "z", "instance_uid", "path"], kind="stable"), identity)
    accepted = sum(row["verdict"] == "accepted" for row in rows)
    logger.info("%s shard %d: %d series, %d accepted", dataset, shard, len(rows), accepted)


def _studies_of(series: Collection[str], uids: pd.DataFrame, index: Path) -> pd.DataFrame:
    """Read of the index, which may have millions of rows, those of the studies that these series belong to.

    A study's series compete with each other, so that whole studies are judged, and written in part.
    """
    mine = uids["series_uid"].isin(series)
    same_study = uids["study_uid"].isin(uids["study_uid"][mine].dropna().unique())
    left_out = ~(mine | (same_study & uids["series_uid"].notna())).to_numpy()
    table = read_table(index, dtype=str, skiprows=lambda line: line > 0 and left_out[line - 1])
    return table.fillna("")


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


def _judge_study(
    files: pd.DataFrame,
    truth: pd.DataFrame | None,
    rule: Callable[[Series], Candidate],
    uneven_spacing: str,
) -> list[tuple[str, Series, Candidate | None]]:
    """Judge all series of one study: each by itself, then its label, then against each other."""
    study = {
        f"{uid}|{series.part}": (uid, _with_label(_with_spacing(series, uneven_spacing), truth))
        for uid, group in files.groupby("series_uid", sort=True)
        for series in read_series(group)
    }
    worth = {name: rule(series) for name, (_, series) in study.items() if series.stack}
    reasons = choose({name: worth[name] for name, (_, series) in study.items() if not series.reason})
    if len(worth) > 1:
        for name, one in worth.items():
            logger.info(
                "a study of %d series: kernel %s, contrast %s, %.0f mm, score %.3f: %s",
                *(len(study), one.kernel_class, one.contrast, one.coverage_mm, one.score),
                study[name][1].reason or reasons.get(name, "taken"),
            )
    return [
        (uid, replace(series, reason=series.reason or reasons.get(name, "")), worth.get(name))
        for name, (uid, series) in study.items()
    ]


def _with_spacing(series: Series, uneven_spacing: str) -> Series:
    """Apply the policy for gaps that differ: a reason to reject, or a flag."""
    if series.reason or series.stack is None or series.stack.is_even:
        return series
    gaps, median = np.diff(series.stack.projections_mm), series.stack.slice_spacing_mm
    text = f"uneven spacing: gaps of {gaps.min():.3f} to {gaps.max():.3f} mm, median {median:.3f} mm"
    if uneven_spacing == "reject" or gaps.min() < median / FINEST_FACTOR:
        return replace(series, reason=text)
    done = {"resample": "resampled to the finest", "keep": "taken as even"}[uneven_spacing]
    return replace(series, flags=(*series.flags, f"{text}: {done}"))


def _with_label(series: Series, truth: pd.DataFrame | None) -> Series:
    """Reject a series that a table of labels says nothing about."""
    if series.reason or truth is None:
        return series
    label = _label_of(series, truth)
    if label is None:
        return replace(series, reason="no row in labels.tsv")
    if pd.isna(label["hemorrhage"]) and not label["mask"]:
        return replace(series, reason="neither a hemorrhage label nor a mask")
    return series


def _check_words(uneven_spacing: str, exclude: Collection[str]) -> None:
    if uneven_spacing not in UNEVEN_CHOICES:
        raise ConfigError(f"uneven_spacing is {uneven_spacing!r}: choose one of {', '.join(UNEVEN_CHOICES)}")
    for word in exclude:
        if word not in EXCLUSIONS:
            raise ConfigError(f"exclude holds {word!r}: choose from {', '.join(EXCLUSIONS)}")


def _pseudonyms(series: Series, uid: str, key: bytes) -> dict[str, str]:
    first = series.files.iloc[0]
    return {
        "case": case_name(key, f"{uid}|{series.part}" if series.part else uid),
        "patient": patient_name(key, first["patient_id"], first["study_uid"], uid),
    }


def _catalog_row(
    series: Series, worth: Candidate | None, named: dict[str, str], label: dict, dataset: str
) -> dict:
    """Make one row of the catalog. Only the technical tags named here can reach it (an allow-list)."""
    first, stack = series.files.iloc[0], series.stack
    return named | {
        "dataset": dataset,
        "verdict": "rejected" if series.reason else "accepted",
        "reason": series.reason,
        "flags": "; ".join(series.flags),
        "modality": first["modality"],
        "slices": len(series.files),
        "rows": first["rows"] if first["rows"].isdigit() else "",
        "columns": first["columns"] if first["columns"].isdigit() else "",
        "pixel_spacing_mm": stack.pixel_spacing_mm[0] if stack else float("nan"),
        "slice_spacing_mm": stack.slice_spacing_mm if stack else float("nan"),
        "slice_thickness_mm": _number(first["slice_thickness"]),
        "tilt_deg": stack.tilt_deg if stack else float("nan"),
        "plane": stack.plane if stack else "",
        "coverage_mm": worth.coverage_mm if worth else float("nan"),
        "manufacturer": first["manufacturer"],
        "kvp": _number(first["kvp"]),
        "kernel": first["kernel"],
        "kernel_class": worth.kernel_class if worth else "",
        "contrast": int(worth.contrast) if worth else None,
        "score": worth.score if worth else float("nan"),
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
    place = files["series_uid"] + files["position"]  # names a slice that was stripped of its UID
    uids = files["instance_uid"].where(files["instance_uid"] != "", place)
    files["instance"] = [instance_name(key, uid) for uid in uids]
    return files[IDENTITY_COLUMNS]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _integer(value: float) -> int | None:
    return None if pd.isna(value) else int(value)
