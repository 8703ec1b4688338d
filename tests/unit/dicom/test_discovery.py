"""Finding files and reading their headers."""

import errno
import os
from dataclasses import replace
from types import SimpleNamespace

import pydicom
import pytest
from factories import CTSeries, run_volumes, write_series
from fuzzing.raw_mutations import bomb

from smartnet.dicom.discovery import LONGEST_TEXT
from smartnet.dicom.folders import _kind
from smartnet.dicom.index import index_folder
from smartnet.dicom.private import read_private
from smartnet.errors import DataError
from smartnet.files import read_table


def index(folder, tmp_path, threads=1):
    index_folder(folder, tmp_path / "index.tsv", threads=threads)
    return read_table(tmp_path / "index.tsv", dtype=str).fillna("")


def test_reads_every_header_below_the_folder(tmp_path):
    write_series(tmp_path / "data" / "any" / "where", CTSeries())
    table = index(tmp_path / "data", tmp_path)
    assert len(table) == 8
    assert set(table["rows"]) == {"48"}
    assert set(table["image_type"]) == {"ORIGINAL\\PRIMARY\\AXIAL"}
    assert table["position"].str.count(r"\\").eq(2).all()
    assert (table["error"] == "").all()


def test_takes_the_dicom_folder_where_there_is_one(tmp_path):
    write_series(tmp_path / "data" / "dicom", CTSeries())
    (tmp_path / "data" / "labels.tsv").write_text("study_uid\themorrhage\n")
    assert len(index(tmp_path / "data", tmp_path)) == 8


def test_a_file_that_is_no_dicom_gets_a_row_with_an_error(tmp_path):
    write_series(tmp_path / "data", CTSeries())
    (tmp_path / "data" / "readme.txt").write_text("hello")
    (tmp_path / "data" / "cut.dcm").write_bytes((tmp_path / "data" / "f0001.dcm").read_bytes()[:200])
    table = index(tmp_path / "data", tmp_path).set_index("path")
    assert table["error"]["readme.txt"] == "no DICOM file"
    assert table["error"]["cut.dcm"] != ""
    assert (table["error"] == "").sum() == 8


def test_a_large_file_of_another_kind_is_not_read_through(tmp_path, monkeypatch):
    write_series(tmp_path / "data", CTSeries())
    for name, start in (("movie", b"\0\0\0\x20ftyp"), ("empty", b""), ("image.nii", b"\x5c\1\0\0")):
        (tmp_path / "data" / name).write_bytes(start + bytes(1000))
    asked = []
    real = pydicom.dcmread
    monkeypatch.setattr(pydicom, "dcmread", lambda *a, **k: asked.append(k.get("force")) or real(*a, **k))
    table = index(tmp_path / "data", tmp_path)
    assert (table["error"] == "no DICOM file").sum() == 3 and True not in asked


def test_the_number_of_processes_does_not_change_the_table(tmp_path):
    write_series(tmp_path / "data", CTSeries(shape=(130, 8, 8)))
    index(tmp_path / "data", tmp_path, threads=1)
    alone = (tmp_path / "index.tsv").read_bytes()
    index(tmp_path / "data", tmp_path, threads=2)
    assert (tmp_path / "index.tsv").read_bytes() == alone


@pytest.mark.parametrize("make", [False, True])
def test_a_missing_or_empty_folder_is_named(tmp_path, make):
    folder = tmp_path / "nowhere"
    if make:
        (folder / "sub").mkdir(parents=True)
    with pytest.raises(DataError, match=r"nowhere.*(is: put|does not exist: correct)") as error:
        index(folder, tmp_path)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "index.tsv").exists()


def test_a_folder_without_ct_says_what_it_found(tmp_path):
    mr = replace(CTSeries(), tags={"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"})
    write_series(tmp_path / "data", mr)
    (tmp_path / "data" / "notes.txt").write_text("hello")
    with pytest.raises(
        DataError, match=r"no CT image among the 9 files .*found: modality MR, no DICOM file.: point"
    ):
        index(tmp_path / "data", tmp_path)


def test_an_invalid_identifier_is_read_without_a_word_about_it(tmp_path, recwarn, caplog):
    """What a warning quotes would end in the job's log."""
    write_series(tmp_path / "data", CTSeries())
    file = next(path for path in (tmp_path / "data").rglob("*") if path.is_file())
    raw = file.read_bytes()
    uid = pydicom.dcmread(file).SeriesInstanceUID
    broken = "1.2.0" + uid[5:]
    broken = broken[:5] + "0" + broken[6:]
    file.write_bytes(raw.replace(uid.encode(), broken.encode()))
    recwarn.clear()
    table = index(tmp_path / "data", tmp_path)
    assert broken in set(table["series_uid"])
    assert not [warning for warning in recwarn if broken in str(warning.message)]
    assert broken not in caplog.text


def test_links_that_lead_in_circles_are_followed_once(tmp_path):
    write_series(tmp_path / "data" / "a", CTSeries())
    for name in ("one", "two", "a/three"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "data")
    (tmp_path / "data" / "self").symlink_to("self")
    (tmp_path / "data" / "nowhere").symlink_to("gone")
    assert len(index(tmp_path / "data", tmp_path)) == 8


def test_only_regular_files_are_read(tmp_path):
    """A pipe or a device would be read for ever."""
    write_series(tmp_path / "data", CTSeries())
    os.mkfifo(tmp_path / "data" / "pipe")
    (tmp_path / "data" / "zero").symlink_to("/dev/zero")
    assert len(index(tmp_path / "data", tmp_path)) == 8


def test_an_overlong_value_is_cut(tmp_path):
    write_series(tmp_path / "data", replace(CTSeries(), tags={"ConvolutionKernel": "x" * 60_000}))
    assert set(index(tmp_path / "data", tmp_path)["kernel"]) == {"x" * LONGEST_TEXT}


@pytest.mark.parametrize(
    ("number", "known"), [(errno.EIO, True), (errno.EACCES, True), (errno.EINVAL, False)]
)
def test_a_file_out_of_reach_is_an_error_a_damaged_one_a_row(tmp_path, monkeypatch, number, known):
    """A row would say for ever that a file is of no use which can be read tomorrow."""
    write_series(tmp_path / "data", CTSeries())
    real = pydicom.dcmread

    def fails(path, **options):
        if path.name == "f0003.dcm":
            raise OSError(number, os.strerror(number))
        return real(path, **options)

    monkeypatch.setattr(pydicom, "dcmread", fails)
    if known:
        with pytest.raises(OSError, match=os.strerror(number)):
            index(tmp_path / "data", tmp_path)
    else:
        errors = index(tmp_path / "data", tmp_path).set_index("path")["error"]
        assert errors["f0003.dcm"] == "header cannot be read (OSError)"


def test_a_file_that_cannot_be_looked_at_is_no_missing_file():
    def fails():
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        _kind(SimpleNamespace(name="a.dcm", is_dir=fails))


def test_values_of_new_files_are_noted_before_their_rows(tmp_path, monkeypatch):
    """Else a run that ends in between would never look for them in what is shared."""
    write_series(tmp_path / "data", CTSeries())

    def full(table, path):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("smartnet.dicom.index.write_table", full)
    with pytest.raises(OSError, match="No space"):
        index_folder(tmp_path / "data", tmp_path / "index.tsv", threads=1, private=tmp_path / "private.tsv")
    assert "SECRET^PATIENT" in {value for _, value in read_private(tmp_path / "private.tsv")}


@pytest.mark.parametrize("name", [b"M\xfcller.dcm", b"Icon\r", b'tab\tand "quote"\n.dcm', b" NA "])
def test_any_file_name_is_carried(tmp_path, name):
    folder = tmp_path / "data"
    write_series(folder, CTSeries())
    file = (folder / "f0003.dcm").rename(folder / os.fsdecode(name))
    private = tmp_path / "private.tsv"
    index_folder(folder, tmp_path / "index.tsv", threads=1, private=private)
    table = read_table(tmp_path / "index.tsv", dtype=str)
    assert len(table) == 8
    assert file.name in set(table["path"])
    assert ("FileName", os.fsdecode(name).replace("\r", " ")) in set(read_private(private))
    run_volumes(folder, tmp_path, labelled=False)
    assert list(read_table(tmp_path / "volumes" / "cases.tsv")["verdict"]) == ["accepted"]


def test_a_deflated_file_that_would_fill_the_memory_is_not_read(tmp_path):
    write_series(tmp_path / "data", CTSeries())
    bomb(tmp_path / "data" / "bomb", tmp_path / "data" / "f0000.dcm", megabytes=100)
    table = index(tmp_path / "data", tmp_path).set_index("path")
    error = table["error"]["bomb"]
    assert error == "deflated more than 100 times: not read"
    assert (table["error"] == "").sum() == 8
