"""What does not fit: files and the table, the table and itself. Nothing but Python is needed."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from smartnet.job.digests import THREADS, digests

TABLE, CRATE = "provenance.json", "ro-crate-metadata.json"
INDEX = "resources/index/"
UNKNOWN, UNRECORDED = "unknown", "unrecorded"  # notes of artifacts without a run
CLOSING = (TABLE, CRATE, "phi_scan.tsv", "report.html")  # made after the table, or it itself


def differences(provenance: Mapping[str, Any], folder: Path, *, threads: int = THREADS) -> Iterator[str]:
    """Compare a results folder with its table, file by file.

    Args:
        provenance: see :func:`smartnet.provenance.collect.collect`.
        folder: the results, wherever they were copied to.
        threads: that hash side by side.

    Yields:
        one line per file that is missing, changed or additional: what, which, what to do.
    """
    recorded = dict(recorded_files(provenance))
    there = {name: digest.sha256 for name, digest in digests(folder, threads=threads).items()}
    linked = {name for name in _other_links(folder) if not any(f.startswith(f"{name}/") for f in recorded)}
    additional = (there.keys() | linked) - recorded.keys() - set(CLOSING)
    for name in sorted(recorded.keys() | additional):
        if name in additional:
            yield f"additional: {name}: no run of this study made it; remove it, or run the study again"
        elif name not in there:
            yield f"missing: {name}: copy the folder again, or run the study again"
        elif there[name] != recorded[name]:
            yield f"changed: {name}: not as recorded; copy it again, or delete it and run the study again"


def unexplained(provenance: Mapping[str, Any]) -> Iterator[str]:
    """Give one line per file that was there when the table was written, but of which no run is known."""
    again = "and run the study again"
    for path, entry in provenance["artifacts"].items():
        if entry.get("note") == UNKNOWN:
            # nothing else makes Snakemake write the table anew
            yield f"unknown: {path}: no rule makes it; delete it and results/{TABLE} {again}"
        elif entry.get("note") == UNRECORDED:
            yield f"unrecorded: {path}: its rule left no record; delete it {again}"


def recorded_files(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give path below the results folder and sha256 of every file of the table."""
    for path, entry in provenance["artifacts"].items():
        name = PurePosixPath(path).relative_to("results").as_posix()
        if "files" in entry:
            yield from ((f"{name}/{below}", file["sha256"]) for below, file in entry["files"].items())
        else:
            yield name, entry["sha256"]


def inconsistencies(provenance: Mapping[str, Any]) -> Iterator[str]:
    """Compare what runs wrote and read with what is there.

    Yields:
        one line per artifact that was changed after its run, and per run whose input is another one now.
    """
    runs, artifacts = provenance["runs"], provenance["artifacts"]
    holding = set()
    for path, entry in artifacts.items():
        if entry["run"] is not None:
            holding.add(entry["run"])
            if runs[entry["run"]]["outputs"][path] != entry["sha256"]:
                yield f"altered: {path}: changed since its rule made it; delete it and run the study again"
    for name in sorted(holding):
        for path, sha in runs[name]["inputs"].items():
            # An index changes with every shard of its data set, and a catalog does not run again for the rows
            # of others: the state of its own shard is among its settings (`files`).
            if path.startswith(INDEX):
                continue
            now = _sha_of(path, provenance)
            if None not in (sha, now) and sha != now:
                made = ", ".join(sorted(out for out in runs[name]["outputs"] if out in artifacts))
                yield f"stale: {made}: made from another {path} than is there now; run the study again"


def _other_links(folder: Path) -> Iterator[str]:
    """Give the links below a folder that lead to no file: to folders, or to nothing."""
    for base, folders, names in os.walk(folder):
        for path in (Path(base, name) for name in (*folders, *names)):
            if path.is_symlink() and not path.is_file():
                yield path.relative_to(folder).as_posix()


def _sha_of(path: str, provenance: Mapping[str, Any]) -> str | None:
    """Give the digest of an input as it is now, None if the table does not know it."""
    for table in ("artifacts", "outside"):
        if path in provenance[table]:
            return provenance[table][path]["sha256"]
    for parent in map(str, PurePosixPath(path).parents):
        files = provenance["artifacts"].get(parent, {}).get("files", {})
        if file := files.get(PurePosixPath(path).relative_to(parent).as_posix()):
            return file["sha256"]
    return None
