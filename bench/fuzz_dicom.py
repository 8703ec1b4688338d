"""Damaged DICOM through the whole ingestion, by the hundred.

Each series is damaged in one of some sixty ways (bits, tags, lengths, nesting, sizes, files), laid beside a
healthy one and taken from index to volume in a process with limits on time and memory. It must be rejected
with a reason or accepted with the geometry and HU it had. Exit status 1 if anything else happened.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests"), str(ROOT / "tests" / "unit")]

from fuzzing.run import FAILURES, run_all, tally  # noqa: E402, the paths above come first


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600, help="damaged data sets")
    parser.add_argument("--seed", type=int, default=1, help="of the drawing; the same seed damages the same")
    parser.add_argument("--jobs", type=int, default=2, help="side by side")
    parser.add_argument("--keep", type=Path, help="folder that keeps the data sets of failures")
    options = parser.parse_args()
    start, verdicts = time.perf_counter(), []
    for verdict in run_all(options.count, options.seed, jobs=options.jobs, real=True, keep=options.keep):
        verdicts.append(verdict)
        if verdict.kind in FAILURES:
            print(
                f"{verdict.kind}: {verdict.mutation}, {verdict.seed}, {verdict.number}: {verdict.detail}",
                flush=True,
            )
    seconds = time.perf_counter() - start
    print(f"\n{len(verdicts)} damaged data sets in {seconds:.0f} s, seed {options.seed}\n\n{tally(verdicts)}")
    return int(any(verdict.kind in FAILURES for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
