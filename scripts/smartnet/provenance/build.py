"""The last but one step of a study: the table of provenance, and the same as an RO-Crate."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from smartnet.files import write_json
from smartnet.job.digests import THREADS
from smartnet.provenance.collect import collect
from smartnet.provenance.crate import describe


def write_provenance(
    citation: Mapping[str, Any],
    expected: Iterable[str],
    *,
    table: Path,
    crate: Path,
    threads: int = THREADS,
) -> None:
    """Write ``provenance.json`` and ``ro-crate-metadata.json`` of the study in the working folder.

    Equal studies have equal tables, but for ``seconds`` and ``device`` of the runs, and the digests of the
    ``run.json`` of trainings, which hold such facts too.

    Args:
        citation: content of ``CITATION.cff``.
        expected: results that some rule makes.
        table: ``results/provenance.json``.
        crate: ``results/ro-crate-metadata.json``.
        threads: that hash side by side.
    """
    content = collect(expected, threads=threads)
    content["workflow"] = {key: citation[key] for key in ("title", "version", "license")}
    write_json(content, table)
    write_json(describe(content, citation, table=Path(table)), crate)


def keep_text(snakefile: Path, rules: Sequence[Path], folder: Path) -> None:
    """Copy the text of a workflow beside its results: ``Snakefile`` and ``rules/*.smk`` below ``folder``."""
    targets = {Path(snakefile): Path(folder, "Snakefile")}
    targets |= {Path(file): Path(folder, "rules", Path(file).name) for file in rules}
    for file, target in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
