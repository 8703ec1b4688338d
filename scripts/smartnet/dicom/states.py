"""What belongs to each shard of a data set, as digests: a shard's jobs run again when its own has changed.

Names of files are part of it, the place of the folder is not: a data set that moves is the same data set.
"""

import hashlib
import json
import logging
from collections import defaultdict
from pathlib import Path

import pandas as pd

from smartnet.dicom.discovery import read_header, series_key
from smartnet.dicom.folders import digest, entries, folder_state
from smartnet.dicom.identity import case_name, shard_of
from smartnet.dicom.labels import read_labels
from smartnet.errors import DataError
from smartnet.files import read_json, read_table, write_json

logger = logging.getLogger(__name__)

BELONGING = ["path", "size", "modified", "series_uid", "study_uid"]  # columns of the index that are needed


def shard_states(
    folder: Path,
    index: Path,
    *,
    whole: str | None,
    labels: Path,
    masks: Path | None,
    key: bytes,
    shards: int,
) -> list[str] | None:
    """Digest what belongs to each shard: files, label rows and masks of the studies that it has a part of.

    Args:
        folder: of the data set.
        index: the index of the data set, maybe of an earlier day: headers of files that it lacks are read.
            The answer is kept beside it, so that it costs nothing as long as nothing changes.
        whole: :func:`folder_state` of the data set; None takes the last answer without a look at the folder.
        labels: table of labels.
        masks: folder of reference masks.
        key: secret of the pseudonyms.
        shards: number of shards.

    Returns:
        one digest per shard; None if the data set was never indexed.
    """
    answer = index.with_name(f"{index.stem}_shards.json")
    kept = read_json(answer) if answer.is_file() else {}
    if whole is None or not index.is_file():
        return kept.get("shards") if index.is_file() else None
    beside = [] if masks is None else [folder_state(masks)]
    of = digest([whole, hashlib.sha256(key).hexdigest(), shards, labels.read_bytes(), *beside])
    if kept.get("of") != of:
        kept = {
            "of": of,
            "shards": _states(folder, index, labels=labels, masks=masks, key=key, shards=shards),
        }
        write_json(kept, answer)
    return kept["shards"]


def _states(
    folder: Path, index: Path, *, labels: Path, masks: Path | None, key: bytes, shards: int
) -> list[str]:
    files = belonging(folder, index)
    studies: dict[str, list[str]] = defaultdict(list)
    mine: dict[int, set[str]] = defaultdict(set)
    study_of: dict[str, str] = {}
    for path, size, modified, series, study in files.itertuples(index=False):
        studies[study].append(f"{path}\t{size}\t{modified}\t{series}")
        if series not in study_of:
            study_of[series] = study_of[study] = study
            mine[shard_of(case_name(key, series), shards)].add(study)
    rules = ""
    try:
        table = read_labels(labels)
    except DataError:  # the job will say so
        rules = digest([labels.read_bytes()])
    else:
        for row in table.itertuples(index=False):
            if row.uid in study_of:
                mask = _mask_state(masks, row.mask) if row.mask else ""
                studies[study_of[row.uid]].append(f"{tuple(row)}\t{mask}")
    done = {study: digest(sorted(lines)) for study, lines in studies.items()}
    return [digest([rules, *(done[study] for study in sorted(mine[shard]))]) for shard in range(shards)]


def _mask_state(masks: Path | None, name: str) -> str:
    if masks is None or not (masks / name).exists():
        return "missing"
    if (masks / name).is_dir():
        return folder_state(masks / name)
    state = (masks / name).stat()
    return json.dumps([state.st_size, state.st_mtime_ns])


def belonging(folder: Path, index: Path) -> pd.DataFrame:
    """List the files that belong to a series, with the columns of ``BELONGING``.

    Args:
        folder: of the data set.
        index: an index of it, maybe of an earlier day; headers of files that it lacks are read.

    Returns:
        one row per file; a series without a study stands for its study.
    """
    prefix = "dicom/" if (folder / "dicom").is_dir() else ""
    here = (entry for entry in entries(folder) if entry[0].startswith(prefix))
    found = pd.DataFrame(here, columns=BELONGING[:3])
    kinds = {"path": object, "size": "int64", "modified": "int64"}
    kinds |= dict.fromkeys(BELONGING[3:], "category")
    old = read_table(index, usecols=BELONGING, dtype=kinds).drop_duplicates("path")
    both = found.merge(old, how="left", on=BELONGING[:3], indicator="known")
    both[BELONGING[3:]] = both[BELONGING[3:]].astype(object).fillna("")
    new = both.index[both["known"] == "left_only"]
    if len(new):
        logger.info("reading %d headers that are not indexed yet", len(new))
    for row in new:
        path = both.at[row, "path"]
        header = read_header(folder / path)[0]
        both.loc[row, BELONGING[3:]] = [series_key(header, path), header["study_uid"]]
    both = both[both["series_uid"] != ""]
    return both.assign(study_uid=both["study_uid"].where(both["study_uid"] != "", both["series_uid"]))[
        BELONGING
    ]
