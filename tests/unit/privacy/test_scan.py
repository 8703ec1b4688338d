"""The scan of a study's folders: every kind of artifact is read, a planted value is found and never shown."""

import base64
import gzip
import json
import runpy
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from factories import CTSeries, write_labels, write_series
from safetensors.numpy import save_file
from support import ROOT

from smartnet.dicom.index import index_folder
from smartnet.errors import PrivacyError
from smartnet.figures import style
from smartnet.files import read_table, write_array, write_bytes, write_json, write_nifti, write_table
from smartnet.privacy.__main__ import main
from smartnet.privacy.scan import SHOWN_HITS, scan_study

PATIENT = "ZQ-7714-XK"
SERIES = CTSeries(
    patient=PATIENT,
    shape=(3, 16, 16),
    tags={"StudyDate": "20190107", "InstitutionName": "Elsewhere Infirmary", "StationName": "CTWARD7"},
)


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """The private table of a data set whose folders are named after the patient."""
    folder = tmp_path_factory.mktemp("private")
    write_series(folder / "data" / "dicom" / "zubrowka_7", SERIES)
    write_labels(folder / "data", [{"study_uid": SERIES.study, "hemorrhage": 0}])
    index_folder(folder / "data", folder / "site.tsv", threads=1, private=folder / "site_private.tsv")
    return folder / "site_private.tsv"


def draw(folder, title="ROC", metadata=None):
    """Draw a figure as the study does; as PDF and PNG with what a careless figure would add."""
    figure = style.new_figure(40, 40)
    figure.add_subplot().set_title(title)
    style.save(figure, folder / "roc.pdf", folder / "roc.png")
    if metadata:
        figure.savefig(folder / "roc.pdf", metadata={"Title": metadata})
        figure.savefig(folder / "roc.png", metadata={"Comment": metadata})


@pytest.fixture
def study(tmp_path):
    """A folder with one clean artifact of each kind."""
    results, logs = tmp_path / "results", tmp_path / "logs"
    volume = np.zeros((2, 3, 4), np.int16)
    write_nifti(volume, np.eye(4), results / "volumes/c0123456789ab.nii.gz")
    write_array(volume, results / "slices/images.npy")
    cases = pd.DataFrame({"case": ["c0123456789ab"], "lesion_ml": [20190107.5], "first": [77140]})
    write_table(cases, results / "slices/slices.tsv")
    write_table(cases, results / "metrics.csv")
    write_json({"seed": 20190, "device": "cpu"}, results / "run.json")
    save_file({"weight": np.ones(3, np.float32)}, results / "model.safetensors")
    write_bytes(b"\\begin{tabular}{ll} DSC & 0.20190107 \\end{tabular}\n", results / "table.tex")
    write_bytes(b"INFO 3 files below site\n", logs / "index/site.log")
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
    write_bytes(f"<p title='x'>y</p><img src='data:image/png;base64,{png}'>".encode(), results / "page.html")
    write_bytes(b"\0\1\2", results / "state.bin")
    write_bytes(cv2.imencode(".jpg", np.zeros((8, 8), np.uint8))[1].tobytes(), results / "sheet.jpg")
    draw(results)
    return tmp_path


def scan(study, private, **options):
    scan_study(
        [private],
        [study / "results", study / "logs"],
        spellings=study / "private" / "spellings.tsv",
        output=study / "results" / "phi_scan.tsv",
        **options,
    )


def test_a_clean_study_passes_and_is_counted(study, private):
    scan(study, private)
    table = read_table(study / "results/phi_scan.tsv").fillna("")
    read = table[table["what"] == "files read"].set_index("kind")["count"].to_dict()
    kinds = ["html", "jpeg", "nifti", "npy", "other", "pdf", "png", "safetensors"]
    assert read == {**dict.fromkeys(kinds, 1), "text": 5}
    looked_for = table[table["what"] == "values looked for"].set_index("kind")["count"].to_dict()
    assert (looked_for["PatientID"], looked_for["SOPInstanceUID"], looked_for["FolderName"]) == (1, 3, 1)
    assert table.iloc[-1][["what", "count"]].tolist() == ["hits", 0]


def plant_nifti(folder):
    import nibabel

    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header["descrip"] = PATIENT.encode()
    nibabel.save(image, folder / "volume.nii.gz")


def plant_extension(folder):
    import nibabel

    image = nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.eye(4))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", f"of {PATIENT}".encode()))
    nibabel.save(image, folder / "volume.nii.gz")


def plant_gzip_name(folder):
    raw = gzip.decompress((folder / "volumes/c0123456789ab.nii.gz").read_bytes())
    with (folder / "volume.nii.gz").open("wb") as file, gzip.GzipFile(f"{PATIENT}.nii", "wb", 4, file) as out:
        out.write(raw)


def plant_uri(folder, data, kind):
    uri = f"data:{kind};charset=utf8;filename=x;base64,{base64.b64encode(data).decode()}"
    shipped = f"<title>Snakemake Report</title>\n<script>{PATIENT}</script>\n"
    (folder / "page.html").write_text(f'{shipped}<script id="results">"{uri}"</script>')


def plant_jpeg(folder):
    data, comment = (folder / "sheet.jpg").read_bytes(), f"of {PATIENT}".encode()
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    write_bytes(data[:2] + segment + data[2:], folder / "sheet.jpg")


def plant_png(folder):
    draw(folder, metadata=PATIENT)
    (folder / "roc.pdf").unlink()


def plant_png_uri(folder):
    plant_png(folder)
    plant_uri(folder, (folder / "roc.png").read_bytes(), "image/png")
    draw(folder)


def plant_dicom(folder):
    write_series(folder / "d", SERIES)
    (folder / "d/f0000.dcm").rename(folder / "scan")


PLANTED = {  # how, in which file, where in it
    "tsv": (lambda f: write_table(pd.DataFrame({"a": [1], "b": [PATIENT]}), f / "t.tsv"), "t.tsv", "line 2"),
    "csv": (lambda f: write_table(pd.DataFrame({PATIENT.lower(): [1]}), f / "t.csv"), "t.csv", "line 1"),
    "json key": (lambda f: write_json({"a": {PATIENT: 1}}, f / "t.json"), "t.json", "line 3"),
    "nifti": (plant_nifti, "volume.nii.gz", "header field descrip"),
    "nifti extension": (plant_extension, "volume.nii.gz", "header extension"),
    "gzip": (plant_gzip_name, "volume.nii.gz", "file name inside gzip"),
    "jpeg": (plant_jpeg, "sheet.jpg", "segment"),
    "png": (plant_png, "roc.png", "text chunk 2"),
    "pdf metadata": (lambda f: draw(f, metadata=PATIENT), "roc.pdf", "metadata"),
    "pdf text": (lambda f: draw(f, title=f"Case {PATIENT}"), "roc.pdf", "text"),
    "file name": (lambda f: write_bytes(b"x", f / f"{PATIENT}.txt"), "***", "name, entry 1 of its folder"),
    "folder name": (lambda f: write_bytes(b"x", f / PATIENT / "x.txt"), "***", "name, entry 1 of its folder"),
    "log": (
        lambda f: write_bytes(f"INFO\nINFO {PATIENT}".encode(), f / "logs/a.log"),
        "a.log",
        "line 2",
    ),
    "npy": (
        lambda f: write_array(np.zeros(1, [(PATIENT, "i4")]), f / "x.npy"),
        "x.npy",
        "header",
    ),
    "safetensors": (
        lambda f: save_file({"a": np.ones(1)}, f / "m.safetensors", metadata={"case": PATIENT}),
        "m.safetensors",
        "header",
    ),
    "html": (
        lambda f: write_bytes(f"<p>\n<a title='{PATIENT.replace('-', '&#45;')}'>".encode(), f / "a.html"),
        "a.html",
        "line 2",
    ),
    "latex": (lambda f: write_bytes(PATIENT.encode(), f / "t.tex"), "t.tex", "line 1"),
    "compressed text": (lambda f: write_bytes(gzip.compress(PATIENT.encode()), f / "t.gz"), "t.gz", "line 1"),
    "report's table": (
        lambda f: plant_uri(f, PATIENT.encode(), "text/csv"),
        "page.html",
        "data URI 1, line 1",
    ),
    "report's figure": (plant_png_uri, "page.html", "data URI 1, text chunk 2"),
    "dicom": (plant_dicom, "scan", "DICOM header"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_patient_is_found_and_named_but_not_shown(study, private, kind):
    plant, name, place = PLANTED[kind]
    plant(study / "results")
    with pytest.raises(PrivacyError) as error:
        scan(study, private)
    lines = str(error.value).splitlines()
    line = next(line for line in lines if f"/{name}: PatientID in " in line)
    assert line.endswith(f" in {place}")
    assert PATIENT.lower() not in str(error.value).lower()
    assert not (study / "results/phi_scan.tsv").exists()


def test_identifying_folders_are_blanked_in_the_message(study, private):
    folder = study / "results" / "ZUBROWKA 7" / "Elsewhere^Infirmary"
    write_bytes(SERIES.study.encode(), folder / "a.txt")
    with pytest.raises(PrivacyError) as error:
        scan(study, private)
    assert "results/***/***/a.txt: StudyInstanceUID in line 1" in str(error.value)
    assert "infirmary" not in str(error.value).lower()


def test_many_hits_are_counted_but_not_all_listed(study, private):
    write_bytes((f"{PATIENT}\n" * 25).encode(), study / "results/many.tsv")
    with pytest.raises(PrivacyError) as error:
        scan(study, private)
    lines = str(error.value).splitlines()
    assert "(25 found)" in lines[0]
    assert len(lines) == SHOWN_HITS + 3
    assert lines[-2].strip() == "and 15 more"
    assert "delete these files, mend what wrote them and run again" in lines[-1]


def test_a_broken_file_does_not_stop_the_scan(study, private):
    for name in ("a.nii.gz", "b.nii", "a.png", "a.npy", "a.pdf", "a.safetensors", "a.json"):
        write_bytes(b"", study / "results" / name)
    write_bytes(b"\x89PNG\r\n\x1a\n\0\0", study / "results/cut.png")
    write_bytes(b"\x1f\x8b\x08\0", study / "results/cut.nii.gz")
    scan(study, private)
    table = read_table(study / "results/phi_scan.tsv")
    assert table.set_index("kind").loc["broken", "count"] == 3


def test_text_in_latin_1_is_read(study, private, tmp_path):
    """A log of a library may be in the machine's own encoding."""
    more = pd.DataFrame([("PatientName", "MÜLLER^JÖRG")], columns=["kind", "value"])
    write_table(more, tmp_path / "more.tsv")
    write_bytes("Müller\n".encode("latin-1"), study / "logs/old.log")
    with pytest.raises(PrivacyError, match=r"logs/old.log: PatientName in line 1"):
        scan(study, tmp_path / "more.tsv")


def test_two_scans_write_the_same_bytes(study, private):
    scan(study, private)
    first = (study / "results/phi_scan.tsv").read_bytes()
    (study / "results/phi_scan.tsv").unlink()
    scan(study, private)
    assert (study / "results/phi_scan.tsv").read_bytes() == first


def test_a_report_is_scanned_for_what_the_study_was(study, private, monkeypatch, capsys):
    monkeypatch.chdir(study)
    assert main(["results/page.html"]) == 1
    assert "run the study (rule phi_scan)" in capsys.readouterr().err
    assert main(["results/pages.html"]) == 1
    assert "nothing to scan at results/pages.html: give files or folders" in capsys.readouterr().err
    scan(study, private)
    (study / "private").rename(study / "resources")
    (study / "resources/index").mkdir()
    (study / "resources/spellings.tsv").rename(study / "resources/index/phi_scan.tsv")
    assert main(["results/page.html"]) == 0
    plant_uri(study / "results", PATIENT.encode(), "text/csv")
    assert main(["results/page.html"]) == 1
    message = capsys.readouterr().err
    assert "results/page.html: PatientID in data URI 1, line 1" in message
    assert PATIENT not in message


class Files(SimpleNamespace):
    """Files by name, as Snakemake has them."""

    def __iter__(self):
        for value in vars(self).values():
            yield from value if isinstance(value, list) else [value]


def test_the_adapter_ends_the_job_and_logs_the_place(study, private, capsys):
    job = SimpleNamespace(
        input=Files(private=[private]),
        output=Files(counts=study / "results/phi_scan.tsv", spellings=study / "private.tsv"),
        params=SimpleNamespace(folders=[study / "results", study / "logs"], configured=["site"], ignore=[]),
        log=[study / "phi_scan.log"],
    )
    adapter = str(ROOT / "scripts/phi_scan.py")
    runpy.run_path(adapter, {"snakemake": job})
    assert job.output.counts.is_file()
    (study / "results/a.json").write_text(json.dumps({"source": SERIES.series}))
    with pytest.raises(SystemExit):
        runpy.run_path(adapter, {"snakemake": job})
    for text in (capsys.readouterr().err, job.log[0].read_text()):
        assert "results/a.json: SeriesInstanceUID in line 1" in text
        assert SERIES.series not in text
