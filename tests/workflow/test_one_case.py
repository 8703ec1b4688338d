"""One case more, less or changed reruns its shard; a data set that moves reruns nothing."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support import copy_checkout, run_snakemake

from smartnet.dicom.identity import case_name, shard_of
from smartnet.files import read_table, write_table

SHARDS = 4
STAGES = ("catalog", "volumes", "slices", "contact_sheets")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Phantoms as a data set of one's own, taken to slices and sheets; one scan waits outside."""
    folder = copy_checkout(tmp_path_factory.mktemp("hospital") / "study")
    result = run_snakemake(
        folder, "--configfile", "config/smoke.yaml", "--cores", "2", "--", "resources/phantom/internal"
    )
    assert result.returncode == 0, result.stdout[-3000:]
    data = folder.parent / "hospital"
    (folder / "resources/phantom/internal").rename(data)
    (data / ".snakemake_timestamp").unlink()
    waiting = folder.parent / "waiting"
    waiting.mkdir()
    labels = read_table(data / "labels.tsv", dtype=str)
    index(data, folder.parent)
    for path, series in read_table(folder.parent / "index.tsv", dtype=str)[["path", "series_uid"]].to_numpy():
        if series == labels["series_uid"].iloc[-1]:
            (data / path).rename(waiting / Path(path).name)
    write_table(labels.iloc[:-1], data / "labels.tsv")
    labels.iloc[-1:].to_csv(folder.parent / "row.tsv", sep="\t", index=False)
    point_at(folder, data)
    result = run(folder)
    assert result.returncode == 0, result.stdout[-3000:]
    return folder


def index(data, target):
    from smartnet.dicom.index import index_folder

    index_folder(data, target / "index.tsv", threads=1)


@pytest.fixture
def folder(made, tmp_path):
    """A copy of that study and of its data, which a test may change."""
    copy = shutil.copytree(made.parent, tmp_path / "copy")
    point_at(copy / "study", copy / "hospital")
    return copy / "study"


def point_at(folder, data):
    overlay = {"datasets": {"internal": {"path": str(data), "shards": SHARDS}}}
    (folder / "hospital.yaml").write_text(yaml.safe_dump(overlay))


def run(folder, *options, overlays=()):
    targets = [
        f"results/{stage}/internal/{shard}" for stage in ("slices", "quality") for shard in range(SHARDS)
    ]
    overlay = ("--configfile", "config/smoke.yaml", "hospital.yaml", *map(str, overlays))
    return run_snakemake(folder, *overlay, "--cores", "2", *options, "--", *targets)


def planned(folder, *overlays):
    """Jobs of a dry run: rule and shard."""
    result = run(folder, "--dry-run", overlays=overlays)
    assert result.returncode == 0, result.stdout[-3000:]
    blocks = re.findall(r"^(?:local)?rule (\w+):\n((?: .*\n)*)", result.stdout, re.MULTILINE)
    shards = [(rule, re.search(r"shard=(\d+)", text)) for rule, text in blocks]
    return {(rule, int(shard[1]) if shard else None) for rule, shard in shards}


def only(*shards):
    """What is done per shard, in these."""
    return {(stage, shard) for stage in STAGES for shard in shards}


def shard_of_series(folder, series):
    return shard_of(case_name((folder / "resources/identity/key").read_bytes(), series), SHARDS)


def add(folder):
    """Put the scan that waits to the others; which shard is its own."""
    data = folder.parent / "hospital"
    row = read_table(folder.parent / "row.tsv", dtype=str)
    write_table(pd.concat([read_table(data / "labels.tsv", dtype=str), row]), data / "labels.tsv")
    for file in (folder.parent / "waiting").iterdir():
        shutil.copy2(file, data / "dicom" / file.name)
    return shard_of_series(folder, row["series_uid"].iloc[0])


def test_an_added_case_reruns_its_shard(folder):
    assert planned(folder) == set()
    times = {path: path.stat().st_mtime_ns for path in folder.glob("results/*/internal/*")}
    shard = add(folder)
    assert planned(folder) == only(shard)
    every = {("slices", other) for other in range(SHARDS)}
    changed = folder.parent / "changed.yaml"
    changed.write_text("preprocess: {level: 41}\n")
    assert planned(folder, changed) == only(shard) | every, "other changes count as ever"
    result = run(folder)
    assert result.returncode == 0, result.stdout[-3000:]
    changed = {path for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert {re.sub(r"\.tsv$", "", path.name) for path in changed} == {str(shard)}
    assert "Nothing to be done" in run(folder).stdout


def test_a_removed_case_a_changed_label_and_a_changed_mask_rerun_their_shards(folder):
    data = folder.parent / "hospital"
    labels = read_table(data / "labels.tsv", dtype=str)
    healthy = labels.index[labels["hemorrhage"] == "0"][0]
    bleeding = labels.index[labels["mask"].notna()][0]
    shards = [shard_of_series(folder, labels["series_uid"][row]) for row in (healthy, bleeding)]
    write_table(labels.drop(index=healthy), data / "labels.tsv")
    assert planned(folder) == only(shards[0])
    write_table(labels, data / "labels.tsv")
    assert planned(folder) == set(), "it is as it was"
    (data / "masks" / labels["mask"][bleeding]).touch()
    assert planned(folder) == only(shards[1])


def test_a_changed_mask_counts_for_volumes_though_a_run_ended_before(folder):
    """The catalog is the same to the byte, and Snakemake thinks little of its time."""
    data = folder.parent / "hospital"
    labels = read_table(data / "labels.tsv", dtype=str).dropna(subset="mask")
    shard = shard_of_series(folder, labels["series_uid"].iloc[0])
    (data / "masks" / labels["mask"].iloc[0]).touch()
    overlay = ("--configfile", "config/smoke.yaml", "hospital.yaml", "--cores", "2")
    result = run_snakemake(folder, *overlay, "--", f"results/catalog/internal/{shard}.tsv")
    assert result.returncode == 0, result.stdout[-3000:]
    assert planned(folder) == only(shard) - {("catalog", shard)}


def test_a_data_set_that_moves_reruns_nothing(folder):
    data = folder.parent / "hospital"
    point_at(folder, data.rename(folder.parent / "moved"))
    assert "Nothing to be done" in run(folder).stdout
    shard = shard_of_series(
        folder, read_table(folder.parent / "moved/labels.tsv", dtype=str)["series_uid"][0]
    )
    again = run(folder, "--forcerun", f"results/volumes/internal/{shard}")
    assert again.returncode == 0, again.stdout[-3000:]
