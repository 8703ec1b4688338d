"""``make doctor``: a line per check; exit status 1 if something that the study needs is missing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from smartnet.doctor.decoders import check_decoders
from smartnet.doctor.machine import (
    allowed_cores,
    available_memory_gb,
    check_cores,
    check_disk,
    check_memory,
    check_shared_memory,
    check_writable,
    granted_cores,
)
from smartnet.doctor.packages import check_packages, check_python
from smartnet.doctor.result import MISSING, WARNING, Result
from smartnet.doctor.tools import check_git, check_gpu, check_test_programs

ROOT = Path(__file__).resolve().parents[3]


def examine(results: Path) -> list[Result]:
    """Run every check; ``results`` is where results will be."""
    python = check_python()
    if python.status == MISSING:
        return [python]  # nothing else could be believed
    return [
        python,
        *check_packages(ROOT / "requirements.lock", ROOT / "requirements.in"),
        *check_decoders(ROOT / "resources" / "doctor"),
        check_memory(available_memory_gb(), granted_cores(allowed_cores())),
        check_cores(),
        check_shared_memory(),
        check_disk(results),
        check_writable(results),
        check_gpu(),
        check_git(),
        *check_test_programs(),
    ]


def main() -> int:
    """Print the results; give the exit status."""
    parser = argparse.ArgumentParser(prog="smartnet.doctor", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results to come")
    results = examine(parser.parse_args().results)
    missing, warnings = (sum(one.status == kind for one in results) for kind in (MISSING, WARNING))
    end = f"{missing} missing, {warnings} worth a look" if missing + warnings else "nothing is missing"
    sys.stdout.write("\n".join([*(result.line for result in results), end]) + "\n")
    return int(missing > 0)


if __name__ == "__main__":
    sys.exit(main())
