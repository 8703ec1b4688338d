"""On PYTHONPATH of a workflow: every job notes at its end which modules of the library it has loaded."""

import atexit
import json
import os
import sys
from pathlib import Path


def note():
    job = getattr(sys.modules["__main__"], "snakemake", None)
    if not hasattr(job, "params"):
        return
    loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "smartnet")
    row = {"rule": job.rule, "code": job.params.get("code"), "wildcards": dict(job.wildcards.items())}
    with Path(os.environ["LOADED_MODULES"]).open("a") as file:
        file.write(json.dumps({**row, "loaded": loaded}) + "\n")


if "LOADED_MODULES" in os.environ:
    atexit.register(note)
