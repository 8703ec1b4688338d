"""Writes docs/reference/rerun.md: ``cd scripts && python -m snakemake_reruns``."""

import tempfile
from pathlib import Path

from snakemake_reruns.page import TABLE, describe, measure

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        TABLE.write_text(describe(measure(Path(folder))))
