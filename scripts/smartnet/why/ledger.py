"""The modules behind every fingerprint that a study was made with, so that a changed one can be named."""

from pathlib import Path

from smartnet.fingerprint import BEHIND

LEDGER = Path(".snakemake/fingerprints.json")
"""Relative to the working folder, beside what Snakemake keeps of its jobs; not an artifact."""


def known_fingerprints(path: Path = LEDGER) -> dict[str, dict[str, str]]:
    """Hashes of the modules behind fingerprints, by module: of earlier runs, and those of this process."""
    from smartnet.files import read_json

    try:
        return {**read_json(path), **BEHIND}
    except (OSError, ValueError):  # it only serves messages
        return dict(BEHIND)


def note_fingerprints(path: Path = LEDGER) -> None:
    """Add the fingerprints of this process."""
    from smartnet.files import write_json

    write_json(known_fingerprints(path), path)
