"""The private table: what the headers and paths of a data set say of people, places and days."""

from dataclasses import replace

import pydicom
import pytest
from factories import CTSeries, write_labels, write_series

from smartnet.dicom.index import index_folder
from smartnet.files import read_table


def collect(folder, tmp_path, threads=1):
    """Index a data set; give its private values by kind."""
    index_folder(folder, tmp_path / "index.tsv", threads=threads, private=tmp_path / "private.tsv")
    table = read_table(tmp_path / "private.tsv", dtype=str)
    return {kind: set(values) for kind, values in table.groupby("kind")["value"]}


def test_every_distinct_value_stands_once_with_its_kind(tmp_path):
    tags = {
        "OtherPatientIDs": ["OLD-1", "OLD-2"],
        "PatientBirthDate": "19500131",
        "AccessionNumber": " ACC 1 ",
        "InstitutionAddress": "1 Long Road\r\nElsewhere",
        "ReferringPhysicianName": "HOUSE^G",
        "StationName": None,
        "StudyDescription": "",
    }
    write_series(tmp_path / "data/dicom/ward 7/day", replace(CTSeries(), tags=tags))
    write_labels(tmp_path / "data", [{"study_uid": "1.2", "hemorrhage": 0}])
    (tmp_path / "data/masks/old").mkdir(parents=True)
    (tmp_path / "data/masks/old/ward 7.nii.gz").touch()
    values = collect(tmp_path / "data", tmp_path)
    assert values["PatientID"] == {"SECRET^PATIENT"}
    assert values["PatientName"] == {"SECRET^NAME"}
    assert values["OtherPatientIDs"] == {"OLD-1", "OLD-2"}
    assert values["AccessionNumber"] == {"ACC 1"}
    assert values["InstitutionAddress"] == {"1 Long Road", "Elsewhere"}
    assert len(values["SOPInstanceUID"]) == 8
    assert values["FolderName"] == {"dicom", "ward 7", "day", "masks", "old"}
    assert values["FileName"] == {
        "labels.tsv",
        "ward 7.nii.gz",
        *(f"f{number:04d}.dcm" for number in range(8)),
    }
    assert {"TESTVENDOR", "H30", "CT"} <= values["technical"]
    assert not {"StationName", "StudyDescription"} & set(values)


def test_other_ids_are_found_in_their_sequence(tmp_path):
    item = pydicom.Dataset()
    item.PatientID = "OTHER-77"
    write_series(tmp_path / "data", replace(CTSeries(), tags={"OtherPatientIDsSequence": [item]}))
    assert collect(tmp_path / "data", tmp_path)["OtherPatientIDs"] == {"OTHER-77"}


@pytest.mark.parametrize("character_set", ["ISO_IR 100", "ISO_IR 192"])
def test_names_are_decoded_by_their_character_set(tmp_path, character_set):
    tags = {"SpecificCharacterSet": character_set, "PatientName": "MÜLLER^JÖRG"}
    write_series(tmp_path / "data", replace(CTSeries(), tags=tags))
    assert collect(tmp_path / "data", tmp_path)["PatientName"] == {"MÜLLER^JÖRG"}


def test_a_file_that_is_of_no_use_still_gives_its_values(tmp_path):
    write_series(tmp_path / "data", CTSeries())
    write_series(
        tmp_path / "data/b", replace(CTSeries(), tags={"SeriesInstanceUID": None, "PatientID": "B-1"})
    )
    assert collect(tmp_path / "data", tmp_path)["PatientID"] == {"SECRET^PATIENT", "B-1"}


def test_the_number_of_processes_does_not_change_the_table(tmp_path):
    write_series(tmp_path / "data", CTSeries(shape=(130, 8, 8)))
    collect(tmp_path / "data", tmp_path, threads=1)
    alone = (tmp_path / "private.tsv").read_bytes()
    collect(tmp_path / "data", tmp_path, threads=2)
    assert (tmp_path / "private.tsv").read_bytes() == alone


def test_a_damaged_private_value_costs_no_image(tmp_path):
    """An unknown character set is no reason to refuse pixels."""
    write_series(tmp_path / "data", replace(CTSeries(), tags={"PatientName": "MUELLER^JO"}))
    for file in (tmp_path / "data").iterdir():
        raw = file.read_bytes().replace(b"MUELLER", b"M\xffELLER")
        file.write_bytes(raw.replace(b"TESTVENDOR", b"TEST\xff\xfeNDOR"))
    assert collect(tmp_path / "data", tmp_path)["PatientName"]
    assert (read_table(tmp_path / "index.tsv")["error"].isna()).all()
