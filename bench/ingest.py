"""Our ingestion beside dcm2niix and dicom2nifti: seconds per scan and peak memory, on one core and on two.

Phantom scans are made (or taken from ``--data``) before anything is timed. Every run is a process of its own,
bound to its cores; start-up and imports count. A tool without processes of its own runs twice on two cores,
on half of the series each. The table shows the fastest of the repetitions.
"""

import argparse
import cProfile
import os
import pstats
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

CASES, MATRIX, SITE = 24, 256, "alpha"
TOOLS = ("smartnet", "dcm2niix", "dicom2nifti")
DICOM2NIFTI = """
import pathlib, sys
import dicom2nifti, dicom2nifti.settings as settings
settings.disable_validate_orthogonal()  # a tilted gantry is an error otherwise
for series in pathlib.Path(sys.argv[1]).iterdir():
    target = pathlib.Path(sys.argv[2], f"{series.name}.nii.gz")
    try:
        dicom2nifti.dicom_series_to_nifti(series, target, reorient_nifti=True)
    except Exception:  # a scout is no volume, said in several ways
        pass
"""


@dataclass(frozen=True)
class Run:
    """One measured run: wall and processor seconds, MB at the peak of all its processes, files made."""

    wall: float
    cpu: float
    peak_mb: float
    volumes: int


def ingest(data: Path, output: Path, threads: int) -> None:
    """Take a data set folder to volumes, as the rules index, catalog and volumes do."""
    from smartnet.dicom.catalog import catalog_shard
    from smartnet.dicom.index import index_folder
    from smartnet.volume.build import build_shard

    index, catalog, identity = (output / f"{name}.tsv" for name in ("index", "catalog", "identity"))
    index_folder(data, index, threads=threads)
    catalog_shard(
        index,
        folder=data,
        labels=None,
        masks=None,
        dataset="bench",
        shard=0,
        shards=1,
        key=b"bench",
        catalog=catalog,
        identity=identity,
    )
    build_shard(
        catalog,
        identity,
        output / "volumes",
        folder=data,
        masks=None,
        pictures=output / "logs",
        on_rejected="continue",
        threads=threads,
    )


def halves(data: Path, target: Path) -> None:
    """Link the files into a folder per series, in ``all`` and every second series in ``0`` and ``1``."""
    import pydicom

    known: dict[str, int] = {}
    for path in sorted(path for path in data.rglob("*") if path.is_file()):
        uid = pydicom.dcmread(path, specific_tags=["SeriesInstanceUID"], stop_before_pixels=True)
        number = known.setdefault(uid.SeriesInstanceUID, len(known))
        for part in ("all", str(number % 2)):
            folder = target / part / f"{number:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{len(list(folder.iterdir())):05d}.dcm").symlink_to(path)


def commands(tool: str, cores: int, work: Path, *, data: Path, python: str) -> list[list[str]]:
    """The processes of a run that writes to ``{work}/{tool}-{cores}``."""
    split, output = work / "halves", work / f"{tool}-{cores}"
    if tool == "smartnet":
        return [[sys.executable, __file__, "--ingest", str(cores), "--data", str(data), str(output)]]
    parts = [(split / part, output) for part in (("all",) if cores == 1 else ("0", "1"))]
    if tool == "dcm2niix":
        program = str(Path(sys.executable).with_name("dcm2niix"))
        options = ["-z", "i", "-4", "-b", "y", "-ba", "y", "-f", "%j"]
        return [[program, *options, "-o", str(target), str(source)] for source, target in parts]
    return [[python, "-c", DICOM2NIFTI, str(source), str(target)] for source, target in parts]


def measure(processes: list[list[str]], cores: int, output: Path) -> Run:
    """Run processes side by side on so many cores."""
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])  # children inherit it
    before, start = os.times(), time.perf_counter()
    running = [subprocess.Popen(command, env=environment, **silent) for command in processes]
    os.sched_setaffinity(0, allowed)
    peak, stop = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=([one.pid for one in running], peak, stop))
    watcher.start()
    status = [one.wait() for one in running]
    wall, after = time.perf_counter() - start, os.times()
    stop.set()
    watcher.join()
    if any(status):
        raise SystemExit(f"{processes[0][0]} ended with {status}: run it by hand to see why")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    volumes = [path for path in output.rglob("*.nii.gz") if "mask" not in path.name]
    return Run(wall, cpu, peak[0], len(volumes))


def _watch(pids: list[int], peak: list[float], stop: threading.Event) -> None:
    """Keep the largest sum of the proportional set sizes of processes and their children, in MB."""
    import psutil

    while not stop.wait(0.05):
        total = 0
        for pid in pids:
            try:
                family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
                total += sum(_pss_kb(one.pid) for one in family)
            except (psutil.Error, OSError):
                continue
        peak[0] = max(peak[0], total / 1024)


def _pss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def table(found: dict[tuple[str, int], list[Run]]) -> str:
    lines = [
        "| tool | cores | volumes | s per scan | processor s per scan | peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for (tool, cores), runs in found.items():
        wall, cpu = (min(getattr(run, name) for run in runs) / CASES for name in ("wall", "cpu"))
        peak = max(run.peak_mb for run in runs)
        lines.append(f"| {tool} | {cores} | {runs[0].volumes} | {wall:.3f} | {cpu:.3f} | {peak:.0f} |")
    return "\n".join(lines)


def profile(data: Path, output: Path) -> None:
    """Print where the time of our ingestion goes, on one core."""
    import nibabel  # noqa: F401, imports are no hot spot

    import smartnet.volume.build  # noqa: F401

    profiler = cProfile.Profile()
    profiler.runcall(ingest, data, output, 1)
    statistics = pstats.Stats(profiler)
    for key in ("cumulative", "tottime"):
        statistics.sort_stats(key).print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, nargs="?", help="folder for what is made; a temporary one")
    parser.add_argument("--data", type=Path, help="data set folder with dicom/; phantoms if left out")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--tools", nargs="+", default=TOOLS, choices=TOOLS)
    parser.add_argument("--python", default=sys.executable, help="that has dicom2nifti")
    parser.add_argument("--profile", action="store_true", help="only show where our time goes")
    parser.add_argument("--ingest", type=int, metavar="THREADS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ingest:
        ingest(options.data, options.output, options.ingest)
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = options.output or Path(scratch)
        data = options.data or work / "data"
        if not (data / "dicom").is_dir():
            from smartnet.phantom.dataset import generate_dataset

            settings = {"dataset": "bench", "site": SITE, "cases": CASES, "prevalence": 0.5, "seed": 1}
            generate_dataset(data, **settings, matrix=MATRIX, workers=2)
        if options.profile:
            profile(data, work / "profile")
            return
        shutil.rmtree(work / "halves", ignore_errors=True)
        halves(data / "dicom", work / "halves")
        found: dict[tuple[str, int], list[Run]] = {}
        for _ in range(options.repeat):  # in turn, so that a disturbance hits all
            for cores in (1, 2):
                for tool in options.tools:
                    todo = commands(tool, cores, work, data=data, python=options.python)
                    run = measure(todo, cores, work / f"{tool}-{cores}")
                    found.setdefault((tool, cores), []).append(run)
        print(table(found))


if __name__ == "__main__":
    main()
