"""One damaged data set through the ingestion, in a process of its own with limits on time and memory."""

import logging
import os
import re
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from factories import run_volumes

from fuzzing.judge import FEWER, OTHER, RIGHT, compare, read_found
from fuzzing.mutations import MUTATIONS, Case, Mutation
from fuzzing.seeds import Planes, Seed, read_planes, real_seeds, synthetic_seeds, write_control
from smartnet.files import read_table

REJECTED, AS_FILES = "rejected", "accepted as the files say"
WRONG, CRASH, HANG, MEMORY, LEAK = "accepted WRONG", "crash", "hang", "memory blow-up", "identifier in a log"
BROKEN = "mutation that does not work"
FAILURES = (WRONG, CRASH, HANG, MEMORY, LEAK, BROKEN)
SECONDS = 60
MEMORY_MB = 600  # that it may hold above what it holds at its start
ADDRESSES_MB = 6000  # that it may ask for above that: a buffer is asked for before it is filled
TABLE_BYTES = 1_000_000
_SECRET = "SECRET"


@dataclass(frozen=True)
class Verdict:
    """What became of one damaged data set; ``number`` seeds its damage."""

    kind: str
    detail: str
    mutation: str
    seed: str
    number: int


def plan(count: int, number: int, healthy: list[Seed]) -> list[tuple[int, Seed, Mutation]]:
    """Draw series for mutations: every mutation equally often, any series that it fits."""
    rng = np.random.default_rng(number)
    chosen: list[tuple[Seed, Mutation]] = []
    while len(chosen) < count:
        for index in rng.permutation(len(MUTATIONS)):
            fitting = [seed for seed in healthy if MUTATIONS[index].fits(seed)]
            chosen.append((fitting[int(rng.integers(len(fitting)))], MUTATIONS[index]))
    return [(number * 1_000_000 + place, *pair) for place, pair in enumerate(chosen[:count])]


def run_all(
    count: int, number: int, *, jobs: int = 1, real: bool = False, keep: Path | None = None
) -> Iterator[Verdict]:
    """Run ``count`` mutations drawn by the seed ``number``, some side by side; failing ones can be kept."""
    todo = plan(count, number, synthetic_seeds() + (real_seeds() if real else []))
    if jobs == 1:
        yield from (run_one(*one, keep=keep) for one in todo)
        return
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda one: run_one(*one, keep=keep), todo)


def run_one(number: int, seed: Seed, mutation: Mutation, *, keep: Path | None = None) -> Verdict:
    """Damage a series, take it and its healthy neighbour through the ingestion, and judge what comes out."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(there, folder, number, seed, mutation))
    process.start()
    there.close()
    kind, detail = HANG, f"more than {SECONDS} seconds"
    if here.poll(SECONDS):
        try:
            kind, detail = here.recv()
        except EOFError:
            kind, detail = CRASH, "the process died"
    if process.is_alive() and kind == HANG:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    if kind == CRASH and process.exitcode == -signal.SIGKILL:
        kind = MEMORY
    if kind in FAILURES and keep:
        shutil.copytree(folder, keep / str(number), symlinks=True, ignore_dangling_symlinks=True)
    shutil.rmtree(folder, ignore_errors=True)
    return Verdict(kind, detail, mutation.name, seed.name, number)


def _child(pipe, folder: Path, number: int, seed: Seed, mutation: Mutation) -> None:
    said = _listen()
    start_mb = _limit_memory()
    try:
        outcome = _examine(folder, number, seed, mutation)
    except MemoryError:
        outcome = MEMORY, _where(traceback.format_exc())
    except RecursionError:
        outcome = CRASH, "RecursionError"
    except BaseException as error:
        outcome = CRASH, f"{type(error).__name__}: {error} {_where(traceback.format_exc())}"
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if "MemoryError" in outcome[1] and outcome[0] == REJECTED:
        outcome = MEMORY, outcome[1]
    elif peak_mb - start_mb > MEMORY_MB and outcome[0] not in FAILURES:
        outcome = MEMORY, f"{peak_mb - start_mb:.0f} MB more than at the start"
    elif outcome[0] not in FAILURES and _SECRET in "\n".join(said):
        outcome = LEAK, next(line for line in said if _SECRET in line)
    pipe.send(outcome)
    pipe.close()


def _listen() -> list[str]:
    """Collect what would stand in a job's log: messages and warnings."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    root = logging.getLogger()
    root.handlers = [Listener()]
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    warnings.simplefilter("always")
    return said


def _limit_memory() -> float:
    """Limit the address space to what is mapped and ``ADDRESSES_MB``; give the resident size in MB."""
    pages = [int(word) for word in Path("/proc/self/statm").read_text().split()]
    size = os.sysconf("SC_PAGE_SIZE")
    limit = pages[0] * size + (ADDRESSES_MB << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return pages[1] * size / (1 << 20)


def _examine(folder: Path, number: int, seed: Seed, mutation: Mutation) -> tuple[str, str]:
    data = folder / "data"
    truth = seed.write(data / "damaged")
    control = write_control(data / "healthy")
    case = Case(sorted((data / "damaged").iterdir()), data / "damaged", data / "healthy", seed)
    try:
        mutation.apply(case, np.random.default_rng(number))
    except Exception as error:
        return BROKEN, f"{type(error).__name__}: {error}"
    start = time.perf_counter()
    volumes = run_volumes(data, folder / "out", labelled=False)
    spent = time.perf_counter() - start
    large = [path for path in (folder / "out").glob("*.tsv") if path.stat().st_size > TABLE_BYTES]
    if large:
        return MEMORY, f"{large[0].name} takes {large[0].stat().st_size >> 10} kB"
    return _judge(volumes, truth, control, mutation, data / "damaged", spent)


def _judge(
    volumes: Path, truth: Planes, control: Planes, mutation: Mutation, files: Path, spent: float
) -> tuple[str, str]:
    table = read_table(volumes / "cases.tsv", dtype=str).fillna("")
    found = {
        case: read_found(volumes / f"{case}.nii.gz") for case in table["case"][table["verdict"] == "accepted"]
    }
    healthy = [case for case in found if compare(found[case], control)[0] == RIGHT]
    if not healthy and not mutation.control:
        return CRASH, "the healthy series beside it was not accepted as it is"
    outcomes = []
    for case in [case for case in found if case not in healthy[:1]]:
        kind, why = compare(found[case], truth)
        if kind == OTHER and mutation.control and compare(found[case], control)[0] == FEWER:
            kind = FEWER
        if kind == OTHER and mutation.witness == "files":
            kind = (
                AS_FILES
                if any(compare(found[case], now)[0] != OTHER for now in read_planes(files))
                else OTHER
            )
        outcomes.append((WRONG if kind == OTHER else kind, why))
    if not outcomes:
        reasons = sorted({_class(reason) for reason in table["reason"] if reason})
        return REJECTED, "; ".join(reasons) or "no image is left"
    worst = [WRONG, AS_FILES, FEWER, RIGHT]
    kind, why = min(outcomes, key=lambda outcome: worst.index(outcome[0]))
    return (kind if kind in (WRONG, AS_FILES) else f"accepted {kind}"), why or f"{spent:.0f} s"


def _class(reason: str) -> str:
    """A reason without its numbers."""
    return re.sub(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", "#", reason)


def _where(trace: str) -> str:
    """The last line of the library in a traceback."""
    places = re.findall(r'File ".*?smartnet/([\w/]+\.py)", line (\d+), in (\w+)', trace)
    return "at {}:{} in {}".format(*places[-1]) if places else trace[-300:]


def tally(verdicts: list[Verdict]) -> str:
    """Give the counts of the verdicts, then the reasons of rejections, as text."""
    kinds = Counter(verdict.kind for verdict in verdicts)
    lines = [f"{count:6}  {kind}" for kind, count in sorted(kinds.items(), key=lambda pair: -pair[1])]
    lines += [f"{0:6}  {kind}" for kind in FAILURES if kind not in kinds]
    reasons = Counter(verdict.detail for verdict in verdicts if verdict.kind == REJECTED)
    lines += ["", "rejected because of"]
    lines += [f"{count:6}  {reason}" for reason, count in sorted(reasons.items(), key=lambda pair: -pair[1])]
    return "\n".join(lines)
