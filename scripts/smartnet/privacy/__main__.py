"""Scan what was made after the study, its report: ``python -m smartnet.privacy results/report.html``."""

import sys
from pathlib import Path

from smartnet.errors import PrivacyError
from smartnet.privacy.scan import describe, read_spellings, scan

SPELLINGS = Path("resources/index/phi_scan.tsv")


def main(arguments: list[str]) -> int:
    """Scan files and folders for what rule phi_scan looked for, from the study's folder.

    Args:
        arguments: files and folders.

    Returns:
        exit status: 0 clean, 1 something was found, a file is missing, or the study was not scanned before.
    """
    paths = [Path(path) for path in arguments]
    missing = [path for path in paths if not path.exists()]
    try:
        if missing or not paths:
            raise PrivacyError(
                f"nothing to scan at {missing[0] if missing else 'no path'}: give files or folders"
            )
        _, hits = scan(paths, read_spellings(SPELLINGS))
        if hits:
            raise PrivacyError(describe(hits))
    except PrivacyError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
