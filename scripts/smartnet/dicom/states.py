"""What belongs to each shard of a data set, as digests: a shard's jobs run again when its own has changed.

Names of files are part of it, the place of the folder is not: a data set that moves is the same data set.
"""

import hashlib
import json
from collections import defaultdict
from pathlib import Path

from smartnet.dicom.folders import digest, folder_state
from smartnet.dicom.identity import case_name, shard_of
from smartnet.dicom.labels import read_labels
from smartnet.errors import DataError
from smartnet.files import read_json, read_table, write_json

BELONGING = ["path", "size", "modified", "series_uid", "study_uid"]  # columns of the index that are needed


def shard_states(
    index: Path,
    *,
    whole: str | None,
    labels: Path,
    masks: Path | None,
    key: bytes,
    shards: int,
) -> list[str]:
    """Digest what belongs to each shard: files, label rows and masks of the studies that it has a part of.

    Args:
        index: the index of the data set. The answer is kept beside it, so that it costs nothing as long as
            nothing changes.
        whole: digest of the data set's files that the index stands for; None takes the last answer as it is.
        labels: table of labels.
        masks: folder of reference masks.
        key: secret of the pseudonyms.
        shards: number of shards.

    Returns:
        one digest per shard.
    """
    answer = index.with_name(f"{index.stem}_shards.json")
    kept = read_json(answer) if answer.is_file() else {}
    if whole is None and kept:
        return kept["shards"]
    beside = [] if masks is None else [folder_state(masks)]
    of = digest([whole, hashlib.sha256(key).hexdigest(), shards, _content(labels), *beside])
    if kept.get("of") != of:
        kept = {"of": of, "shards": _states(index, labels=labels, masks=masks, key=key, shards=shards)}
        write_json(kept, answer)
    return kept["shards"]


def _states(index: Path, *, labels: Path, masks: Path | None, key: bytes, shards: int) -> list[str]:
    files = read_table(index, usecols=BELONGING, dtype=dict.fromkeys(BELONGING, object)).fillna("")
    files = files[files["series_uid"] != ""].drop_duplicates("path")[BELONGING]
    studies: dict[str, list[str]] = defaultdict(list)
    mine: dict[int, set[str]] = defaultdict(set)
    study_of: dict[str, str] = {}
    shard: dict[str, int] = {}
    for path, size, modified, series, named in files.itertuples(index=False):
        study = named or series
        studies[study].append(f"{path}\t{size}\t{modified}\t{series}")
        study_of[study] = study
        if series not in shard:
            study_of[series], shard[series] = study, shard_of(case_name(key, series), shards)
        mine[shard[series]].add(study)
    rules = ""
    try:
        table = read_labels(labels)
    except DataError:  # the job will say so
        rules = digest([_content(labels)])
    else:
        for row in table.itertuples(index=False):
            if row.uid in study_of:
                mask = _mask_state(masks, row.mask) if row.mask else ""
                studies[study_of[row.uid]].append(f"{tuple(row)}\t{mask}")
    done = {study: digest(sorted(lines)) for study, lines in studies.items()}
    return [digest([rules, *(done[study] for study in sorted(mine[number]))]) for number in range(shards)]


def _content(labels: Path) -> bytes | None:
    return labels.read_bytes() if labels.is_file() else None


def _mask_state(masks: Path | None, name: str) -> str:
    if masks is None or not (masks / name).exists():
        return "missing"
    if (masks / name).is_dir():
        return folder_state(masks / name)
    state = (masks / name).stat()
    return json.dumps([state.st_size, state.st_mtime_ns])
