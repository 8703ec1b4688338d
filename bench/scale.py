"""What a data set of RSNA's size costs to plan, catalogue and split; a model of what others will cost.

    .venv/bin/python bench/scale.py                     measure, on empty files, made-up rows and phantoms
    .venv/bin/python bench/scale.py --exams 1000000     the cost model of docs/scale.md; nothing is measured

Files are empty and lie as RSNA's do, all in one folder, or in one folder per exam. Rows of the index are made
up, not read. Headers, volumes, slices and contact sheets are measured on phantom scans of a scanner's
size. Every measurement is a process of its own; this one imports nothing large, since a child's peak memory
counts from it.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

EXAMS, SLICES = 25_312, 874_035  # RSNA 2019: training and both test stages
SHARDS = 128
KEY = b"measured"


@dataclass(frozen=True)
class Cost:
    """Of one process: wall and processor seconds, MB at its peak."""

    wall: float
    cpu: float
    peak_mb: float


def measure(command: list[str], cwd: Path) -> tuple[Cost, str]:
    """Run a command to its end; what it cost, and what it printed. It ends this one if it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    started = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        output.seek(0)
        text = output.read().decode(errors="replace")
    if status:
        sys.exit(text[-4000:])
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), text


def call(function: Callable, *arguments: object) -> tuple[Cost, str]:
    """Run a function of this file in a process of its own; what that cost, and what it printed."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import scale; "
    code += f"scale.{function.__name__}(*{[str(argument) for argument in arguments]!r})"
    return measure([sys.executable, "-c", code], Path.cwd())


# What is made up


def slices_of_exams(exams: int, slices: int) -> list[int]:
    """Slices per exam: about the mean, spread as widely as RSNA's."""
    import numpy as np

    drawn = np.random.default_rng(1).integers(20, 61, exams).astype(float)
    counts = np.floor(drawn * slices / drawn.sum()).astype(int)
    counts[: slices - counts.sum()] += 1
    return counts.tolist()


def file_name(number: int) -> str:
    return f"ID_{number * 2654435761 % 2**36:09x}.dcm"


def make_files(folder: str, exams: str, slices: str, layout: str) -> None:
    """Empty files as RSNA names them, and a table of labels."""
    dicom, number = Path(folder, "dicom"), 0
    dicom.mkdir(parents=True)
    for exam, count in enumerate(slices_of_exams(int(exams), int(slices))):
        place = dicom / f"exam-{exam:07d}" if layout == "folders" else dicom
        place.mkdir(exist_ok=True)
        for _ in range(count):
            os.close(os.open(place / file_name(number), os.O_CREAT | os.O_WRONLY))
            number += 1
    rows = "".join(f"{series_uid(exam)}\t{exam % 5 // 3}\n" for exam in range(int(exams)))
    Path(folder, "labels.tsv").write_text(f"series_uid\themorrhage\n{rows}")


def series_uid(exam: int) -> str:
    return f"2.25.{10**37 + exam}"


def index_rows(counts: list[int]) -> Iterator[dict[str, str]]:
    """Rows of the index, one per slice, exam after exam."""
    from smartnet.dicom.discovery import INDEX_COLUMNS

    common = dict.fromkeys(INDEX_COLUMNS, "") | {
        **{"sop_class": "1.2.840.10008.5.1.4.1.1.2", "modality": "CT", "rows": "512", "columns": "512"},
        **{"image_type": "ORIGINAL\\PRIMARY\\AXIAL", "orientation": "1\\0\\0\\0\\1\\0", "kvp": "120"},
        **{"pixel_spacing": "0.48828125\\0.48828125", "slice_thickness": "5", "kernel": "STANDARD"},
        **{"manufacturer": "MAKER", "model": "SCANNER", "transfer_syntax": "1.2.840.10008.1.2.1"},
    }
    number = 0
    for exam, count in enumerate(counts):
        for z in range(count):
            yield common | {
                "path": f"dicom/{file_name(number)}",
                "series_uid": series_uid(exam),
                "study_uid": f"2.25.{2 * 10**37 + exam}",
                "instance_uid": f"2.25.{3 * 10**37 + number}",
                "patient_id": f"ID_{exam:08x}",
                "instance_number": str(z + 1),
                "position": f"-125.000000\\-125.000000\\{5.0 * z:.6f}",
            }
            number += 1


def make_index(path: str, data: str, exams: str, slices: str) -> None:
    """Write the index of all rows, by path as the rule does, and what it stands for."""
    import pandas as pd

    from smartnet.dicom.discovery import list_files
    from smartnet.dicom.folders import digest
    from smartnet.files import write_json, write_table
    from smartnet.fingerprint import fingerprint

    files, beside = (list(part) for part in list_files(Path(data)))
    there = {name: (size, modified) for name, size, modified in files}
    rows = pd.DataFrame(index_rows(slices_of_exams(int(exams), int(slices))))
    rows["size"], rows["modified"] = zip(*(there[name] for name in rows["path"]), strict=True)
    index = Path(path)
    write_table(rows.sort_values("path"), index)
    write_json(
        {"code": fingerprint("smartnet.dicom.index"), "folder": digest([*files, *beside])},
        index.with_suffix(".json"),
    )
    index.with_name(f"{index.stem}_private.tsv").write_text("kind\tvalue\n")
    key = index.parents[1] / "identity/key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_bytes(KEY)


def make_phantoms(folder: str, cases: str) -> None:
    """Scans of a real scanner's matrix, as DICOM."""
    from smartnet.phantom.dataset import generate_dataset

    options = {"site": "alpha", "cases": int(cases), "prevalence": 0.5, "matrix": 512, "workers": 1}
    generate_dataset(Path(folder), dataset="development", seed=1, **options)


# What is measured


def plan(work: Path, data: Path, shards: int) -> tuple[Cost, int]:
    """A dry run of the published set-up with the data set for development: its cost and number of jobs."""
    overlay = work / "overlay.yaml"
    overlay.write_text(yaml.safe_dump({"datasets": {"development": {"path": str(data), "shards": shards}}}))
    options = ["-n", "--quiet", "rules", "--cores", "2", "--snakefile", str(ROOT / "Snakefile")]
    configs = ["--configfile", str(ROOT / "config/paper.yaml"), str(overlay)]
    cost, text = measure([sys.executable, "-m", "snakemake", *options, *configs], work)
    return cost, next(int(line.split()[1]) for line in text.splitlines() if line.startswith("total"))


def catalog(index: str, labels: str, shards: str, masks: str = "") -> None:
    """The catalog of the first shard."""
    from smartnet.dicom.catalog import catalog_shard

    catalog_shard(
        Path(index),
        folder=Path(labels).parent,
        labels=Path(labels),
        masks=Path(masks) if masks else None,
        dataset="development",
        shard=0,
        shards=int(shards),
        key=KEY,
        catalog=Path(index).with_name("catalog.tsv"),
        identity=Path(index).with_name("identity.tsv"),
    )


def split(folder: str, exams: str) -> None:
    """The split of so many exams, one per patient."""
    from smartnet.slices.split import make_split

    path = Path(folder, "cases.tsv")
    with path.open("w") as file:
        file.write("case\tpatient\tdataset\themorrhage\tcontent\n")
        for exam in range(int(exams)):
            file.write(f"c{exam:012x}\tp{exam:012x}\tdevelopment\t{exam % 5 // 3}\t{exam:016x}\n")
    roles = {"development": "development"}
    make_split([path], Path(folder, "split.tsv"), roles=roles, valid_fraction=0.15, seed=1)


def headers(data: str, files: str) -> None:
    """The index of so many files: hard links to phantom files, one process."""
    from smartnet.dicom.index import index_folder

    known = sorted(Path(data, "dicom").rglob("*.dcm"))
    linked = Path(data).with_name("linked")
    shutil.rmtree(linked, ignore_errors=True)
    linked.mkdir()
    for number in range(int(files)):
        os.link(known[number % len(known)], linked / f"{number:07d}.dcm")
    started = time.process_time()
    index_folder(linked, Path(data).with_name("linked.tsv"), threads=1)
    print((time.process_time() - started) / int(files))


def exams(data: str) -> None:
    """Processor seconds and bytes per slice of each stage on the way from files to slices, one process."""
    import numpy as np

    from smartnet.dicom.index import index_folder
    from smartnet.quality.sheets import write_sheets
    from smartnet.slices.build import build_shard as build_slices
    from smartnet.volume.build import build_shard as build_volumes

    work = Path(data).parent
    preprocess = {"level": 40, "width": 80, "size": [256, 256], "clahe_clip": 2.0, "clahe_tiles": 8}
    preprocess |= {"crop_margin": None, "min_speck_px": 3}
    volume_options = {"uneven_spacing": "resample", "on_rejected": "continue", "threads": 1}
    index, volumes, slices = work / "index.tsv", work / "volumes", work / "slices"
    index_folder(Path(data), index, threads=1)
    catalog(str(index), f"{data}/labels.tsv", "1", f"{data}/masks")
    stages = {
        "volumes": lambda: build_volumes(
            work / "catalog.tsv",
            work / "identity.tsv",
            volumes,
            folder=Path(data),
            masks=Path(data, "masks"),
            pictures=work,
            **volume_options,
        ),
        "slices": lambda: build_slices(volumes, slices, **preprocess),
        "sheets": lambda: write_sheets(volumes, work / "sheets"),
    }
    spent = {}
    for name, stage in stages.items():
        started = time.process_time()
        stage()
        spent[name] = time.process_time() - started
    count = len(np.load(slices / "images.npy", mmap_mode="r"))
    for name, seconds in spent.items():
        size = sum(file.stat().st_size for file in (work / name).rglob("*"))
        print(f"| {name} | {1000 * seconds / count:.1f} | {size / count / 1000:.0f} |")


def measure_all(work: Path, exams_: int, slices: int) -> None:
    """Print tables of everything."""
    print(f"{exams_:,} exams, {slices:,} slices, {SHARDS} shards\n")
    print("| what | wall s | processor s | peak MB |\n|---|---|---|---|", flush=True)

    def row(what: str, cost: Cost) -> None:
        print(f"| {what} | {cost.wall:.1f} | {cost.cpu:.1f} | {cost.peak_mb:.0f} |", flush=True)

    index = work / "resources/index/development.tsv"
    for layout, where in (("flat", "all files in one folder"), ("folders", "a folder per exam")):
        call(make_files, work / layout, exams_, slices, layout)
        cost, jobs = plan(work, work / layout, SHARDS)
        row(f"dry run, {jobs} jobs, {where}, before the first index", cost)
    call(make_index, index, work / "flat", exams_, slices)
    row("dry run after it", plan(work, work / "flat", SHARDS)[0])
    row("every later dry run", plan(work, work / "flat", SHARDS)[0])
    row("catalog of one shard", call(catalog, index, work / "flat/labels.tsv", SHARDS)[0])
    row("split", call(split, work, exams_)[0])
    call(make_phantoms, work / "phantom", 4)
    for files in (5_000, 20_000):
        cost, per_file = call(headers, work / "phantom", files)
        row(f"index of {files:,} phantom files, {1000 * float(per_file):.2f} ms each", cost)
    cost, text = call(exams, work / "phantom")
    row("four phantoms of 512 x 512 to slices and contact sheets", cost)
    print(f"\n| stage | ms per slice | kB per slice |\n|---|---|---|\n{text}")


# The model


@dataclass(frozen=True)
class Model:
    """Of one core, and of one GPU, on slices of 512 x 512: docs/scale.md says where the numbers come from."""

    header_ms: float = 0.95  # per slice
    volumes_ms: float = 23.0
    slices_ms: float = 7.1
    sheets_ms: float = 5.1
    catalog_exam_ms: float = 16.0
    catalog_row_us: float = 2.0  # per row of the index and shard of the data set
    volumes_kb: float = 199.0  # per slice
    slices_kb: float = 131.0
    index_kb: float = 3.6  # memory of the job per slice
    step_ms: float = 128.0  # of ResNet-50 on 20 slices of 256 x 256, 32 bits, on an H200
    batch: int = 20
    slices: float = SLICES / EXAMS  # per exam
    per_shard: int = 200  # exams
    per_dataset: int = EXAMS  # exams, at most
    jobs: tuple[int, int] = (350, 4)  # however many exams, and per shard
    plan_s: tuple[float, float] = (5.5, 0.0035)  # a dry run, and more per job of a shard

    def rows(self, exams: int, starts: int, epochs: tuple[int, int]) -> list[tuple[str, str]]:
        """What so many exams cost with so many starts and epochs, upstream and downstream, as table rows."""
        slices, shards, datasets = (
            exams * self.slices,
            -(-exams // self.per_shard),
            -(-exams // self.per_dataset),
        )
        read = shards * slices / datasets * self.catalog_row_us / 1e6
        core_s = {
            "index": slices * self.header_ms / 1000,
            "catalog": exams * self.catalog_exam_ms / 1000 + read,
            "volumes": slices * self.volumes_ms / 1000,
            "slices": slices * self.slices_ms / 1000,
            "contact sheets": slices * self.sheets_ms / 1000,
        }
        per_slice_s = self.step_ms / self.batch / 1000
        upstream = exams * epochs[0] * per_slice_s / 3600
        downstream = 2 * slices * epochs[1] * per_slice_s / 3600
        prediction = 2 * slices * per_slice_s / 3 / 3600
        of_shards = self.jobs[1] * shards
        return [
            ("slices", f"{slices:,.0f}"),
            ("data sets, shards", f"{datasets:,}, {shards:,}"),
            ("jobs", f"{self.jobs[0] + of_shards:,}"),
            (
                "dry run, s, beside looking at the files",
                f"{self.plan_s[0] + self.plan_s[1] * of_shards:,.0f}",
            ),
            *[(f"{name}, core hours", f"{seconds / 3600:,.1f}") for name, seconds in core_s.items()],
            ("all of these, core hours", f"{sum(core_s.values()) / 3600:,.1f}"),
            ("index, memory of the largest job, GB", f"{slices / datasets * self.index_kb / 1e6:,.1f}"),
            ("upstream, GPU hours per start", f"{upstream:,.0f}"),
            ("downstream (classifier and segmenter), GPU hours per start", f"{downstream:,.0f}"),
            ("prediction for every exam (both), GPU hours per start", f"{prediction:,.1f}"),
            (f"all of {starts} starts, GPU hours", f"{starts * (upstream + downstream + prediction):,.0f}"),
            ("volumes on disk, GB", f"{slices * self.volumes_kb / 1e6:,.0f}"),
            ("slices on disk, GB", f"{slices * self.slices_kb / 1e6:,.0f}"),
        ]


def main() -> None:
    """Measure, or print the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--exams", type=int, help="print the cost model for so many exams")
    parser.add_argument("--starts", type=int, default=1, help="how many starts are trained (default: 1)")
    parser.add_argument("--epochs", type=int, nargs=2, default=(1000, 500), help="upstream, downstream")
    parser.add_argument(
        "--work", type=Path, help="folder for two million empty files (default: a temporary one)"
    )
    options = parser.parse_args()
    if options.exams:
        rows = Model().rows(options.exams, options.starts, tuple(options.epochs))
        print(f"| {options.exams:,} exams | |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows))
        return
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        measure_all(Path(work), EXAMS, SLICES)


if __name__ == "__main__":
    main()
