"""A whole phantom data set: patients, scans, truth masks and labels, equal bytes for equal arguments."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from smartnet import files
from smartnet.errors import ConfigError, DataError
from smartnet.parallel import map_processes
from smartnet.phantom.dicom_files import Exam, unique_id, write_scout, write_series
from smartnet.phantom.geometry import draw_geometry
from smartnet.phantom.head import Head, draw_head
from smartnet.phantom.lesions import KINDS, draw_bleeds
from smartnet.phantom.scanner import scan
from smartnet.phantom.sites import Site, find_site

FOLLOW_UP_SHARE = 0.08
"""Share of scans that are a second scan of the patient before."""
SMALLEST_MATRIX = 64
SETTINGS = "phantom.json"


@dataclass(frozen=True)
class Plan:
    """One scan to be made.

    Attributes:
        dataset: name of the data set.
        site: name of the site.
        seed: of the data set.
        index: of the scan in the data set.
        patient: number of the patient; follow-up scans share it.
        visit: 0, or 1 for the follow-up.
        hemorrhage: whether the case bleeds.
        matrix: rows and columns.
    """

    dataset: str
    site: str
    seed: int
    index: int
    patient: int
    visit: int
    hemorrhage: bool
    matrix: int


def _generator(*parts: object) -> np.random.Generator:
    """Give a generator seeded by what it is for, the same on every machine and in every process."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return np.random.default_rng(np.frombuffer(digest, dtype=np.uint32).tolist())


def plan_dataset(
    *, dataset: str, site: str, cases: int, prevalence: float, seed: int, matrix: int
) -> list[Plan]:
    """Decide who is scanned and who bleeds.

    Exactly ``round(cases * prevalence)`` scans bleed; about 8 % are the second scan of a patient.

    Raises:
        ConfigError: a number is out of range.
    """
    if cases < 1:
        raise ConfigError(f"Phantom data set {dataset!r}: cases is {cases}; give at least 1.")
    if not 0 <= prevalence <= 1:
        raise ConfigError(
            f"Phantom data set {dataset!r}: prevalence is {prevalence}; give a share from 0 to 1."
        )
    if matrix < SMALLEST_MATRIX:
        raise ConfigError(
            f"Phantom data set {dataset!r}: matrix is {matrix}; give at least {SMALLEST_MATRIX}."
        )
    find_site(site)
    rng = _generator("plan", seed, dataset)
    bleeding = np.zeros(cases, dtype=bool)
    bleeding[rng.permutation(cases)[: round(cases * prevalence)]] = True
    plans: list[Plan] = []
    patient = -1
    for index in range(cases):
        again = index > 0 and plans[-1].visit == 0 and rng.random() < FOLLOW_UP_SHARE
        patient += not again
        plans.append(Plan(dataset, site, seed, index, patient, int(again), bool(bleeding[index]), matrix))
    return plans


def _exam(plan: Plan, site: Site, head: Head) -> Exam:
    """Invent the administrative side of a scan."""
    who = _generator("who", plan.seed, plan.dataset, plan.patient)
    key = hashlib.sha256(f"{plan.seed}/{plan.dataset}/{plan.patient}".encode()).hexdigest()
    day = pd.Timestamp("2019-01-07") + pd.Timedelta(days=int(who.integers(0, 1400)))
    born = day - pd.Timedelta(days=int(head.age * 365.25) + int(who.integers(0, 300)))
    when = _generator("when", plan.seed, plan.dataset, plan.index)
    day += pd.Timedelta(days=plan.visit * int(when.integers(1, 10)))
    clock = when.integers((0, 0, 0), (24, 60, 60))
    place = ("case", plan.seed, plan.dataset, plan.index)
    return Exam(
        patient_id=f"{plan.site[:2].upper()}{plan.patient:04d}{key[:6].upper()}",
        patient_name=f"PHANTOM^{key[6:12].upper()}",
        sex=head.sex,
        age=head.age,
        birth_date=f"{born:%Y%m%d}",
        date=f"{day:%Y%m%d}",
        time="".join(f"{part:02d}" for part in clock),
        accession=f"{int(when.integers(10**8, 10**9))}",
        study_uid=unique_id("study", *place),
        series_uid=unique_id("series", *place),
        frame_uid=unique_id("frame", *place),
        kvp=int(when.choice(site.kvp)),
        tube_ma=int(when.choice(site.tube_ma)),
    )


def make_case(plan: Plan, folder: Path) -> dict[str, object]:
    """Make one scan and write its files; give its row of ``labels.tsv``."""
    import cv2

    cv2.setNumThreads(1)
    site = find_site(plan.site)
    head = draw_head(_generator("head", plan.seed, plan.dataset, plan.patient))
    rng = _generator("scan", plan.seed, plan.dataset, plan.index)
    bleeds = draw_bleeds(rng) if plan.hemorrhage else []
    geometry = draw_geometry(rng, site, head, plan.matrix)
    exam = _exam(plan, site, head)
    made = scan(rng, site, head=head, bleeds=bleeds, geometry=geometry, tube_ma=exam.tube_ma)
    write_series(folder / "dicom", site, exam, geometry, made.hu)
    if rng.random() < site.localizer_share:
        write_scout(folder / "dicom", site, exam, geometry, made.hu)
    row: dict[str, object] = {
        "patient_id": exam.patient_id,
        "study_uid": exam.study_uid,
        "series_uid": exam.series_uid,
        "hemorrhage": int(plan.hemorrhage),
    }
    row |= {kind: int((made.labels == value).any()) for value, kind in enumerate(KINDS, start=1)}
    row["volume_ml"] = float((made.labels > 0).sum() * geometry.voxel_ml)
    row["mask"] = f"{exam.series_uid}.nii.gz" if plan.hemorrhage else ""
    if plan.hemorrhage:
        files.write_nifti(made.labels, geometry.affine, folder / "masks" / str(row["mask"]))
    return row


def _make_room(folder: Path) -> None:
    """Remove an older phantom data set from a folder; never touch data that this package did not write.

    Raises:
        DataError: the folder holds data of another origin.
    """
    parts = [folder / name for name in ("dicom", "masks", "labels.tsv")]
    if not (folder / SETTINGS).exists():
        found = [
            part.name for part in parts if part.exists() and not (part.is_dir() and not any(part.iterdir()))
        ]
        if found:
            raise DataError(f"{folder} already holds {found[0]} that is no phantom: choose another folder.")
    for part in parts:
        if part.is_dir():
            shutil.rmtree(part)
        else:
            part.unlink(missing_ok=True)


def generate_dataset(
    folder: Path,
    *,
    dataset: str,
    site: str,
    cases: int,
    prevalence: float,
    seed: int,
    matrix: int = 192,
    workers: int = 1,
) -> None:
    """Make a phantom data set: ``dicom/``, ``masks/`` and ``labels.tsv`` as hospitals would send them.

    ``phantom.json`` beside them tells the settings; a data set of that kind in the folder is replaced.

    Args:
        folder: where to write; made when missing.
        dataset: its name; heads, hemorrhages and identifiers follow from it and the seed.
        site: a name in ``SITES``.
        cases: number of scans.
        prevalence: share of scans with hemorrhage.
        seed: any whole number.
        matrix: rows and columns of a slice.
        workers: processes; the files do not depend on it.

    Raises:
        ConfigError: an unknown site or a number out of range.
        DataError: the folder holds data that are no phantom.
    """
    folder = Path(folder)
    plans = plan_dataset(
        dataset=dataset, site=site, cases=cases, prevalence=prevalence, seed=seed, matrix=matrix
    )
    _make_room(folder)
    settings = {"dataset": dataset, "site": site, "cases": cases, "prevalence": prevalence, "seed": seed}
    files.write_json(settings | {"matrix": matrix}, folder / SETTINGS)
    rows = list(map_processes(make_case, plans, [folder] * len(plans), threads=workers))
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    files.write_table(pd.DataFrame(rows), folder / "labels.tsv")
