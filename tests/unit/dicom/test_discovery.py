"""Finding files and reading their headers."""

from dataclasses import replace

import pydicom
import pytest
from factories import CTSeries, write_series

from smartnet.dicom.index import index_folder
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
    assert table["error"][(tmp_path / "data" / "readme.txt").as_posix()] == "no DICOM file"
    assert table["error"][(tmp_path / "data" / "cut.dcm").as_posix()] != ""
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
    with pytest.raises(DataError, match=r"nowhere.*(empty: put|does not exist: correct)") as error:
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
