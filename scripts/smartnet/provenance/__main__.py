"""Check a folder of results against its table: ``python -m smartnet.provenance verify results``."""

import argparse
import json
import os
import sys
from pathlib import Path

from smartnet.errors import DataError
from smartnet.provenance.check import TABLE, differences, inconsistencies, recorded_files, unexplained


def main(arguments: list[str]) -> int:
    """Check a folder; it needs neither the study's other folders nor Snakemake.

    Args:
        arguments: ``verify`` and the folder (``results`` if there is none).

    Returns:
        exit status: 0 all is as recorded, 1 something is not, or there is no table.
    """
    parser = argparse.ArgumentParser(prog="python -m smartnet.provenance", description=__doc__)
    parser.add_argument("command", choices=["verify"])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("results"))
    folder = parser.parse_args(arguments).folder
    try:
        provenance = read_provenance(folder / TABLE)
    except DataError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    lines = [
        *differences(provenance, folder, threads=os.cpu_count() or 1),
        *unexplained(provenance),
        *inconsistencies(provenance),
    ]
    for line in lines:
        sys.stderr.write(f"{line}\n")
    if not lines:
        sys.stdout.write(f"{sum(1 for _ in recorded_files(provenance))} files as recorded\n")
    return int(bool(lines))


def read_provenance(path: Path) -> dict:
    """Read the table of a study.

    Raises:
        DataError: there is none, or it is none.
    """
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise DataError(
            f"{path} is missing: give the folder of a study's results, or run the study"
        ) from None
    except ValueError:
        content = {}
    if not isinstance(content, dict) or content.get("format") != 1:
        raise DataError(f"{path} is no table of provenance that this version reads: run the study again")
    return content


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
