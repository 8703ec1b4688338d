"""Verification: one line per file that is not as recorded, in a copy that lies anywhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_study import CITATION, do, run_study, run_table
from support import ROOT

from smartnet.provenance.__main__ import main
from smartnet.provenance.build import write_provenance


def write(expected=()):
    write_provenance(
        *(CITATION, expected),
        table=Path("results/provenance.json"),
        crate=Path("results/ro-crate-metadata.json"),
    )


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The results of a study, elsewhere, under another name."""
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    run_study()
    write()
    return Path(shutil.copytree("results", tmp_path / "usb-stick"))


def lines_of(folder, capsys):
    status = main(["verify", str(folder)])
    output = capsys.readouterr()
    assert status == int(bool(output.err))
    return output.err.splitlines() or [output.out.strip()]


def test_a_copy_is_as_recorded(copy, capsys):
    assert lines_of(copy, capsys) == ["6 files as recorded"]


def test_what_comes_after_the_table_is_no_addition(copy, capsys):
    for name in ("report.html", "phi_scan.tsv"):
        (copy / name).write_text("later")
    assert lines_of(copy, capsys) == ["6 files as recorded"]


def test_one_changed_byte_is_found(copy, capsys):
    (copy / "volumes/internal/0/c1.nii.gz").write_text("voxelz")
    (line,) = lines_of(copy, capsys)
    assert line.startswith("changed: volumes/internal/0/c1.nii.gz: not as recorded; copy it again, or delete")


def test_a_missing_and_an_additional_file_are_found(copy, capsys):
    (copy / "figures/roc.pdf").rename(copy / "figures/copy.pdf")
    assert lines_of(copy, capsys) == [
        "additional: figures/copy.pdf: no run of this study made it; remove it, or run the study again",
        "missing: figures/roc.pdf: copy the folder again, or run the study again",
    ]


def test_links_that_no_run_made_are_additional(copy, capsys):
    (copy / "elsewhere").symlink_to(copy.parent, target_is_directory=True)
    (copy / "figures/gone.pdf").symlink_to("nowhere.pdf")
    lines = lines_of(copy, capsys)
    assert [line.split(": no run")[0] for line in lines] == [
        "additional: elsewhere",
        "additional: figures/gone.pdf",
    ]


def test_a_folder_that_lies_elsewhere_is_missing_but_not_additional(copy, capsys):
    """Links are not followed, for a copy would not hold what is behind them."""
    (copy / "figures").rename(copy.parent / "figures")
    (copy / "figures").symlink_to(copy.parent / "figures", target_is_directory=True)
    (line,) = lines_of(copy, capsys)
    assert line.startswith("missing: figures/roc.pdf")


def test_a_file_in_whose_place_a_broken_link_lies_is_missing(copy, capsys):
    (copy / "figures/roc.pdf").unlink()
    (copy / "figures/roc.pdf").symlink_to("nowhere.pdf")
    (line,) = lines_of(copy, capsys)
    assert line.startswith("missing: figures/roc.pdf")


def test_files_that_no_record_explains_are_findings(copy, capsys):
    Path("results/notes.txt").write_text("somebody's")
    Path("results/late.csv").write_text("a rule makes it")
    write(["results/late.csv"])
    assert lines_of("results", capsys) == [
        "unrecorded: results/late.csv: its rule left no record; delete it and run the study again",
        "unknown: results/notes.txt: no rule makes it; delete it and results/provenance.json and run the "
        "study again",
    ]


def test_a_result_of_an_input_that_was_made_anew_is_stale(copy, capsys):
    run_table("newer numbers")
    write()
    (line,) = lines_of("results", capsys)
    assert line == (
        "stale: results/figures/roc.pdf: made from another results/metrics.csv than is there now; "
        "run the study again"
    )


def test_a_catalog_is_not_stale_when_other_shards_change_the_index(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    index, catalog = "resources/index/own.tsv", "results/catalog/own/0.tsv"
    do("index", {}, {"index": index}, ["a file of either shard"])
    do("catalog", {"index": index}, {"catalog": catalog}, ["a series"], files="state of shard 0")
    Path(index).write_text("one more file of shard 1")
    write()
    assert lines_of("results", capsys) == ["1 files as recorded"]


def test_a_stale_file_inside_a_folder_is_found_too(copy, capsys):
    assert lines_of("results", capsys) == ["6 files as recorded"]
    Path("results/volumes/internal/0/c1.json").write_text("edited")
    write()
    lines = lines_of("results", capsys)
    assert [line.split(":")[0] for line in lines] == ["altered", "stale"]
    assert "results/volumes/internal/0: changed since its rule made it; delete it" in lines[0]
    assert "results/metrics.csv: made from another results/volumes/internal/0 than" in lines[1]


def test_no_table_or_another_file_is_one_line(copy, capsys, tmp_path):
    (line,) = lines_of(tmp_path, capsys)
    assert line.startswith(f"DataError: {tmp_path}/provenance.json is missing: give the folder of a study's")
    for text in ("{broken", "[]", '{"format": 99}'):
        (copy / "provenance.json").write_text(text)
        (line,) = lines_of(copy, capsys)
        assert "is no table of provenance that this version reads: run the study again" in line


def test_nothing_but_python_is_needed(copy):
    """In an interpreter that sees no installed package."""
    command = [sys.executable, "-I", "-S", "-c"]
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n"
        "from smartnet.provenance.__main__ import main; sys.exit(main(['verify', '.']))"
    )
    result = subprocess.run(
        [*command, code], cwd=copy, capture_output=True, text=True, check=False, env=os.environ
    )
    assert result.stdout == "6 files as recorded\n", result.stderr
