"""Training in a process of its own, for tests that kill it or take its memory."""

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[3] / "scripts"
PROGRAM = """
import importlib, json, logging, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
stage, options = sys.argv[2], json.loads(sys.argv[3])
paths = ("split", "state", "output", "upstream", "words")
options |= {name: Path(options[name]) for name in paths if options.get(name)}
options["slices"] = [Path(p) for p in options["slices"]]
module = importlib.import_module(f"smartnet.training.{stage}")
if len(sys.argv) > 4:
    import resource, torch, lightning.pytorch, lightning.pytorch.strategies
    from torch.distributed.elastic.multiprocessing import errors  # what a fit imports on its way
    import smartnet.training.runs
    smartnet.training.runs.keep_freed_memory = lambda: None
    torch.zeros(1)
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[4]),) * 2)
getattr(module, f"train_{stage}")(**options)
"""


def start(stage, options, *, memory=None):
    """Train in a child that says one line per epoch; ``memory``: bytes that it may take beyond its start."""
    arguments = [str(SCRIPTS), stage, json.dumps(options, default=str)]
    arguments += [] if memory is None else [str(memory)]
    return subprocess.Popen(
        [sys.executable, "-u", "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # freed tensors go back to the system, which a limit on address space would count otherwise
        env={**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "65536"},
    )
