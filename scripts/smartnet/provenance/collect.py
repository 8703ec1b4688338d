"""One table of all artifacts and one of all runs, from the records that jobs left behind.

The layout is described by ``resources/schemas/provenance.schema.json``.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from smartnet.job.digests import THREADS, Digest, digest_of, digests, files_below, hash_files
from smartnet.job.record import NOTES, RUNS, wildcards_text
from smartnet.provenance.check import CLOSING, UNKNOWN, UNRECORDED, inconsistencies

logger = logging.getLogger(__name__)

FORMAT = 1
RESULTS = "results"


def collect(expected: Iterable[str] = (), *, runs: Path = RUNS, threads: int = THREADS) -> dict[str, Any]:
    """Put together where everything below ``results/`` came from; run in the study's folder.

    Args:
        expected: results that some rule makes; without a record they are ``unrecorded``, not ``unknown``.
        runs: folder of the records.
        threads: that hash side by side.

    Returns:
        ``format``; ``runs`` by name, as in their records; ``artifacts`` by path, a folder that a rule made as
        one with its ``files``; ``outside``, what jobs made elsewhere (private tables, phantoms), as digests
        alone; ``missing``, recorded but no longer there.
    """
    records = read_records(runs)
    claims = _claims(records, threads)
    artifacts: dict[str, Any] = {}
    outside: dict[str, Any] = {}
    for path, (run, found) in claims.items():
        if path.startswith(f"{RESULTS}/"):
            artifacts[path] = _entry(found, run)
        else:
            outside[path] = {"run": run, "sha256": digest_of(found)}
    covered = {*_every_file(artifacts), *(f"{RESULTS}/{name}" for name in CLOSING)}
    named = {*expected, *(path for record in records.values() for path in record["inputs"])}
    others = sorted({f"{RESULTS}/{name}" for name, _ in files_below(Path(RESULTS))} - covered)
    for path, digest in zip(
        others, hash_files([Path(path) for path in others], threads=threads), strict=True
    ):
        note = UNRECORDED if _is_named(path, named) else UNKNOWN
        artifacts[path] = _entry({"": digest}, None) | {"note": note}
    missing = {
        path: run for run, record in records.items() for path in record["outputs"] if path not in claims
    }
    content = {
        "artifacts": artifacts,
        "format": FORMAT,
        "missing": missing,
        "outside": outside,
        "runs": records,
    }
    _tell(content)
    return content


def read_records(runs: Path) -> dict[str, dict[str, Any]]:
    """Read all records, by the run's name: ``split``, ``upstream:pretext=smartnet,seed=1``.

    Runs of what closes a study (the scan for identifiers, this table) are left out: they come after it.
    """
    records = {}
    for file in sorted(Path(runs).glob("*/*.json")):
        if file.parent.name == NOTES.name:
            continue
        record = json.loads(file.read_text())
        if any(Path(path).name in CLOSING for path in record["outputs"]):
            continue
        del record["format"]
        wildcards = wildcards_text(record["wildcards"])
        records[f"{record['rule']}:{wildcards}" if wildcards else record["rule"]] = record
    return records


def _claims(records: Mapping[str, Mapping], threads: int) -> dict[str, tuple[str, dict[str, Digest]]]:
    """Say which run each output is of, and what it holds now; of several the one whose bytes these are."""
    claims: dict[str, tuple[str, dict[str, Digest]]] = {}
    for run, record in records.items():
        for path, sha in record["outputs"].items():
            found = claims[path][1] if path in claims else _found(path, threads)
            if found is not None and (path not in claims or digest_of(found) == sha):
                claims[path] = (run, found)
    return claims


def _found(path: str, threads: int) -> dict[str, Digest] | None:
    try:
        return digests(path, notes=NOTES, threads=threads)
    except FileNotFoundError:
        return None


def _entry(found: Mapping[str, Digest], run: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"run": run, "sha256": digest_of(found)}
    files = {name: {"sha256": digest.sha256, "size": _size(digest)} for name, digest in found.items()}
    return entry | ({"size": files[""]["size"]} if files.keys() == {""} else {"files": files})


def _size(digest: Digest) -> str:
    """Bytes as one word: a bare number of seven digits could be anybody's patient number (see the scan)."""
    return f"{digest.size}B"


def _every_file(artifacts: Mapping[str, Mapping]) -> Iterable[str]:
    for path, entry in artifacts.items():
        if "files" in entry:
            yield from (f"{path}/{name}" for name in entry["files"])
        else:
            yield path


def _is_named(path: str, named: set[str]) -> bool:
    return path in named or any(parent.as_posix() in named for parent in Path(path).parents)


def _tell(content: Mapping[str, Any]) -> None:
    """Log what a reader should know, by number and path."""
    notes: Sequence[str | None] = [entry.get("note") for entry in content["artifacts"].values()]
    logger.info("%d artifacts of %d runs", len(notes), len(content["runs"]))
    for note in (UNKNOWN, UNRECORDED):
        if note in notes:
            logger.warning("%d files of results/ are %s", notes.count(note), note)
    for line in inconsistencies(content):
        logger.warning("%s", line)
