"""From headers to verdicts: every reason, labels, series choice, shards, pseudonyms."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
from factories import KEY, UID_ROOT, CTSeries, numbered, run_catalog, write_labels, write_series

from smartnet.dicom.catalog import catalog_shard
from smartnet.errors import DataError
from smartnet.files import read_table


def catalog(tmp_path, *, labelled=False):
    path, _ = run_catalog(tmp_path / "data", tmp_path / "out", labelled=labelled)
    return read_table(path)


def test_an_accepted_series_has_its_geometry_and_tags(tmp_path):
    write_series(tmp_path / "data", CTSeries(tilt_deg=-18.5), order=[3, 1, 0, 2, 7, 6, 5, 4])
    row = catalog(tmp_path).iloc[0]
    assert row["verdict"] == "accepted"
    assert (row["slices"], row["rows"], row["columns"]) == (8, 48, 48)
    assert row["tilt_deg"] == pytest.approx(-18.5, abs=1e-4)
    assert row["slice_spacing_mm"] == pytest.approx(5, abs=1e-4)
    assert (row["kvp"], row["kernel"], row["manufacturer"]) == (120, "H30", "TESTVENDOR")
    assert row["mask"] == "none"


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED"]}, "derived images"),
        ({"ImageType": ["DERIVED", "PRIMARY", "MIP"]}, "derived images"),
        ({"Modality": "MR", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, r"no CT image \(modality MR\)"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1"}, "enhanced multi-frame CT"),
        ({"NumberOfFrames": "8"}, "enhanced multi-frame CT"),
        ({"ImagePositionPatient": None}, "position, orientation or pixel spacing missing"),
    ],
)
def test_what_is_no_axial_ct_stack_is_rejected_with_a_reason(tmp_path, tags, reason):
    write_series(tmp_path / "data" / "good", CTSeries())
    write_series(tmp_path / "data" / "bad", numbered(CTSeries(), 2, tags=tags))
    table = catalog(tmp_path)
    assert sorted(table["verdict"]) == ["accepted", "rejected"]
    assert table[table["verdict"] == "rejected"]["reason"].str.match(reason).all()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda files: [file.unlink() for file in files[3:]], "not a stack: 3 slices"),
        (lambda files: files[3].unlink(), "missing slice"),
    ],
)
def test_lost_files_are_seen(tmp_path, change, reason):
    write_series(tmp_path / "data", CTSeries())
    change(sorted((tmp_path / "data").iterdir()))
    row = catalog(tmp_path).iloc[0]
    assert row["verdict"] == "rejected"
    assert row["reason"].startswith(reason)


def test_slices_of_mixed_size_and_orientation_are_rejected(tmp_path):
    one = CTSeries()
    write_series(tmp_path / "data" / "a", one)
    far = (3.0, -7.0, 51.0)
    other = replace(one, shape=(8, 40, 48), centre_mm=far, tags={"SOPInstanceUID": "1.2.3"})
    write_series(tmp_path / "data" / "b", other)
    turned = numbered(one, 3)
    write_series(tmp_path / "data" / "c", turned)
    write_series(tmp_path / "data" / "d", replace(turned, tilt_deg=10, centre_mm=far))
    reasons = sorted(catalog(tmp_path)["reason"])
    assert reasons == ["slices of mixed orientation", "slices of mixed size: 40x48, 48x48"]


def test_a_localizer_inside_the_series_does_not_spoil_it(tmp_path):
    write_series(tmp_path / "data" / "a", CTSeries())
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"], "SOPInstanceUID": "1.2.3"}
    write_series(tmp_path / "data" / "b", CTSeries(shape=(1, 20, 30), tags=scout))
    row = catalog(tmp_path).iloc[0]
    assert (row["verdict"], row["slices"]) == ("accepted", 8)


def test_a_file_without_sop_class_but_with_modality_ct_is_a_ct_image(tmp_path):
    write_series(tmp_path / "data", CTSeries(tags={"SOPClassUID": None}))
    assert list(catalog(tmp_path)["verdict"]) == ["accepted"]


def test_labels_are_joined_and_their_absence_is_a_reason(tmp_path):
    for number in (1, 2, 3, 4):
        write_series(tmp_path / "data" / "dicom" / str(number), numbered(CTSeries(), number))
    rows = [
        {"study_uid": f"{UID_ROOT}.1", "hemorrhage": 1, "SDH": 1},
        {"study_uid": f"{UID_ROOT}.2", "hemorrhage": 0},
        {"study_uid": f"{UID_ROOT}.4"},
    ]
    write_labels(tmp_path / "data", rows)
    table = catalog(tmp_path, labelled=True)
    _, identity = run_catalog(tmp_path / "data", tmp_path / "out")
    studies = read_table(identity, dtype=str).groupby("case")["study_uid"].first()
    table = table.set_index(table["case"].map(studies).str[-1])
    assert (table.loc["1", "hemorrhage"], table.loc["1", "SDH"], table.loc["1", "mask"]) == (1, 1, "none")
    assert (table.loc["2", "hemorrhage"], table.loc["2", "mask"]) == (0, "empty")
    assert table.loc["3", "reason"] == "no row in labels.tsv"
    assert table.loc["4", "reason"] == "neither a hemorrhage label nor a mask"


def test_labels_of_other_data_are_refused_as_a_whole(tmp_path):
    write_series(tmp_path / "data" / "dicom", CTSeries())
    write_labels(tmp_path / "data", [{"study_uid": "9.9", "hemorrhage": 1}])
    with pytest.raises(DataError, match=r"none of the 1 rows of .*labels.tsv matches a study_uid"):
        catalog(tmp_path, labelled=True)


def test_a_named_mask_that_is_not_there_is_an_error(tmp_path):
    write_series(tmp_path / "data" / "dicom", CTSeries())
    write_labels(tmp_path / "data", [{"study_uid": f"{UID_ROOT}.1", "mask": "lost.nii.gz"}])
    with pytest.raises(DataError, match=r"mask file that line 2 of .* names is not in .*masks: put it there"):
        catalog(tmp_path, labelled=True)


def test_the_series_with_most_slices_stands_for_its_study(tmp_path):
    short = CTSeries(shape=(6, 16, 16))
    write_series(tmp_path / "data" / "a", short)
    write_series(tmp_path / "data" / "b", CTSeries(shape=(9, 16, 16), series=f"{UID_ROOT}.1.2"))
    write_series(tmp_path / "data" / "c", replace(short, series=f"{UID_ROOT}.1.3"))
    table = catalog(tmp_path).sort_values("slices")
    assert list(table["verdict"]) == ["rejected", "rejected", "accepted"]
    assert set(table["reason"][:2]) == {"another series of the study has more slices (9 against 6)"}


def test_shards_part_the_cases_by_crc32_and_lose_none(tmp_path):
    for number in range(9):
        small = numbered(CTSeries(shape=(4, 8, 8)), number)
        write_series(tmp_path / "data" / str(number), small)
        write_series(tmp_path / "data" / f"{number}b", replace(small, series=f"{small.study}.2"))
    whole = catalog(tmp_path)
    found = []
    for shard in range(3):
        catalog_shard(
            tmp_path / "out" / "index.tsv",
            labels=None,
            masks=None,
            dataset="site",
            shard=shard,
            shards=3,
            key=KEY,
            catalog=tmp_path / "shard.tsv",
            identity=tmp_path / "identity.tsv",
        )
        part = read_table(tmp_path / "shard.tsv")
        assert all(crc32(case.encode()) % 3 == shard for case in part["case"])
        found += list(part["case"])
    assert sorted(found) == list(whole["case"])
    assert len(whole) == 18
    assert len(set(whole["patient"])) == 9
    assert (whole["verdict"] == "accepted").sum() == 9


def test_no_identifier_reaches_the_catalog_and_names_depend_on_the_key(tmp_path):
    write_series(tmp_path / "data", CTSeries())
    path, identity = run_catalog(tmp_path / "data", tmp_path / "out", labelled=False)
    text = path.read_text()
    assert "SECRET" not in text
    assert UID_ROOT not in text
    links = read_table(identity, dtype=str)
    assert set(links["patient_id"]) == {"SECRET^PATIENT"}
    assert links["z"].tolist() == [str(z) for z in range(8)]
    again = tmp_path / "again.tsv"
    catalog_shard(
        tmp_path / "out" / "index.tsv",
        labels=None,
        masks=None,
        dataset="site",
        shard=0,
        shards=1,
        key=b"another",
        catalog=again,
        identity=tmp_path / "identity2.tsv",
    )
    assert not set(read_table(again)["case"]) & set(read_table(path)["case"])


def test_patients_without_an_id_are_different_patients(tmp_path):
    for number in (1, 2):
        nameless = numbered(CTSeries(), number, patient="", tags={"PatientID": None})
        write_series(tmp_path / "data" / str(number), nameless)
    assert catalog(tmp_path)["patient"].nunique() == 2


def test_tilt_tag_is_never_believed(tmp_path):
    write_series(tmp_path / "data", CTSeries(tags={"GantryDetectorTilt": "12.5"}))
    assert np.allclose(catalog(tmp_path)["tilt_deg"], 0, atol=1e-6)
