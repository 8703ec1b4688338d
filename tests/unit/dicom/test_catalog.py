"""From headers to verdicts: every reason, labels, series choice, shards, pseudonyms."""

from dataclasses import replace
from zlib import crc32

import numpy as np
import pydicom
import pytest
from factories import (
    KEY,
    UID_ROOT,
    CTSeries,
    head,
    numbered,
    run_catalog,
    run_volumes,
    write_labels,
    write_series,
)

from smartnet.dicom.catalog import catalog_shard
from smartnet.errors import ConfigError, DataError
from smartnet.files import read_table


def catalog(tmp_path, *, labelled=False):
    path, _ = run_catalog(tmp_path / "data", tmp_path / "out", labelled=labelled)
    return read_table(path)


def catalog_part(tmp_path, *, shard=0, shards=1, key=KEY):
    """One shard of the data set that is indexed already."""
    catalog_shard(
        tmp_path / "out" / "index.tsv",
        folder=tmp_path / "data",
        labels=None,
        masks=None,
        dataset="site",
        shard=shard,
        shards=shards,
        key=key,
        catalog=tmp_path / "shard.tsv",
        identity=tmp_path / "identity.tsv",
    )
    return read_table(tmp_path / "shard.tsv")


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
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2.1"}, "0 functional groups for 1 frames"),
        ({"NumberOfFrames": "8"}, "8 frames in an object that is no enhanced CT"),
        ({"PixelSpacing": [100, 100]}, r"impossible image of 4800.0 x 4800.0 mm"),
        ({"ConvolutionKernel": "H70h"}, "bone kernel: ruled out by ingest.exclude"),
        ({"ContrastBolusAgent": "Iomeprol"}, "contrast: ruled out by ingest.exclude"),
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


def read_series_again(tmp_path):
    """The catalog of the same files under other names."""
    for number, file in enumerate(sorted((tmp_path / "data").rglob("f*.dcm"), reverse=True)):
        file.rename(tmp_path / "data" / f"renamed-{number}")
    return catalog(tmp_path)


def test_slices_of_another_size_or_orientation_are_a_stack_of_their_own(tmp_path):
    one = CTSeries()
    write_series(tmp_path / "data" / "a", one)
    far = (3.0, -7.0, 51.0)
    other = replace(one, shape=(8, 40, 48), centre_mm=far, tags={"SOPInstanceUID": "1.2.3"})
    write_series(tmp_path / "data" / "b", other)
    turned = numbered(one, 3)
    write_series(tmp_path / "data" / "c", turned)
    write_series(tmp_path / "data" / "d", replace(turned, tilt_deg=10, centre_mm=far))
    table = catalog(tmp_path)
    assert len(table) == 4 and table["case"].is_unique
    assert sorted(table["verdict"]) == ["accepted", "accepted", "rejected", "rejected"]
    assert sorted(table["rows"]) == [40, 48, 48, 48]
    assert np.abs(table["tilt_deg"]).max() == pytest.approx(10, abs=1e-3)
    assert table["reason"].dropna().str.startswith("another series of the study suits better").all()
    assert list(read_series_again(tmp_path)["case"]) == list(table["case"])


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


def test_the_series_that_suits_best_stands_for_its_study_and_all_scores_are_kept(tmp_path, caplog):
    caplog.set_level("INFO")
    candidates = {
        "2": CTSeries(shape=(6, 16, 16)),  # half the head
        "3": CTSeries(shape=(24, 16, 16)),
        "4": CTSeries(shape=(24, 16, 16), tags={"ConvolutionKernel": "H60s"}),
        "5": CTSeries(shape=(48, 16, 16), spacing_mm=(2.5, 4, 4)),
        "6": CTSeries(shape=(24, 16, 16), tags={"SeriesDescription": "Head POST contrast"}),
        "7": CTSeries(shape=(24, 16, 16), row_direction=(1, 0, 0), column_direction=(0, 0, -1)),
    }
    for name, series in candidates.items():
        write_series(tmp_path / "data" / name, replace(series, series=f"{UID_ROOT}.1.{name}"))
    path, identity = run_catalog(tmp_path / "data", tmp_path / "out", labelled=False)
    table = read_table(path)
    last = read_table(identity, dtype=str).groupby("case")["series_uid"].first().str[-1]
    table = table.set_index(table["case"].map(last))
    assert list(table.index[table["verdict"] == "accepted"]) == ["3"]
    assert dict(table["score"].round(2)) == {"2": 3.25, "3": 4.0, "4": 3.0, "5": 3.5, "6": 4.0, "7": 3.0}
    assert table.loc["5", "reason"] == "another series of the study suits better (score 4.00, here 3.50)"
    assert table.loc["4", "kernel_class"] == "bone" and table.loc["6", "contrast"] == 1
    assert set(table["plane"]) == {"axial", "coronal"}
    assert sum("score" in record.message for record in caplog.records) == 6


def test_slices_at_one_position_are_copies_or_acquisitions(tmp_path):
    once = CTSeries()
    write_series(tmp_path / "data" / "a", once)
    write_series(tmp_path / "data" / "b", replace(once, shape=(8, 48, 48), tags={"SOPInstanceUID": "1.2.3"}))
    row = catalog(tmp_path).iloc[0]
    assert (row["verdict"], row["slices"], row["flags"]) == ("accepted", 8, "8 copies of slices left out")
    other = once.sample(head) + 3 * (once.sample(head) > 0)
    write_series(tmp_path / "data" / "b", replace(once, tags={"SOPInstanceUID": "1.2.3"}), other)
    row = catalog(tmp_path).iloc[0]
    assert row["reason"] == "duplicate positions: 8 slices lie where another one lies"
    again = replace(once, tags={"SOPInstanceUID": "1.2.3", "AcquisitionNumber": "2"})
    write_series(tmp_path / "data" / "b", again, other)
    table = catalog(tmp_path)
    assert sorted(table["verdict"]) == ["accepted", "rejected"] and list(table["slices"]) == [8, 8]


@pytest.mark.parametrize(
    ("policy", "verdict"), [("resample", "accepted"), ("keep", "accepted"), ("reject", "rejected")]
)
def test_uneven_gaps_follow_the_policy(tmp_path, policy, verdict):
    offsets = (0, 0, 0, 0, 5, 10, 15, 20)
    write_series(tmp_path / "data", CTSeries(z_offsets_mm=offsets))
    path, _ = run_catalog(tmp_path / "data", tmp_path / "out", labelled=False, uneven_spacing=policy)
    row = read_table(path).iloc[0]
    assert row["verdict"] == verdict
    text = row["reason"] if policy == "reject" else row["flags"]
    assert text.startswith("uneven spacing: gaps of 5.000 to 10.000 mm, median 10.000 mm")


def test_overlapping_slices_are_flagged(tmp_path):
    write_series(tmp_path / "data", CTSeries(spacing_mm=(2.5, 4, 4)))
    assert catalog(tmp_path)["flags"][0] == "overlapping slices: 5.00 mm every 2.50 mm"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ({"uneven_spacing": "mend"}, "'mend': choose one of resample"),
        ({"exclude": ["bone"]}, "'bone': choose from"),
    ],
)
def test_unknown_words_are_refused(tmp_path, word, message):
    write_series(tmp_path / "data", CTSeries())
    with pytest.raises(ConfigError, match=message):
        run_catalog(tmp_path / "data", tmp_path / "out", labelled=False, **word)


def test_shards_part_the_cases_by_crc32_and_lose_none(tmp_path):
    for number in range(9):
        small = numbered(CTSeries(shape=(4, 8, 8)), number)
        write_series(tmp_path / "data" / str(number), small)
        odd_name = f'{number}\n"b"\t'  # several lines in the index
        write_series(tmp_path / "data" / odd_name, replace(small, series=f"{small.study}.2"))
    whole = catalog(tmp_path)
    found = []
    for shard in range(3):
        part = catalog_part(tmp_path, shard=shard, shards=3)
        assert all(crc32(case.encode()) % 3 == shard for case in part["case"])
        found += list(part["case"])
    assert sorted(found) == list(whole["case"])
    assert len(whole) == 18
    assert len(set(whole["patient"])) == 9
    assert (whole["verdict"] == "accepted").sum() == 9


def test_a_shard_reads_whole_rows_of_its_own_cases_only(tmp_path, monkeypatch):
    """Else the work would grow with shards times files."""
    for number in range(12):
        write_series(tmp_path / "data" / str(number), numbered(CTSeries(shape=(4, 8, 8)), number))
    catalog(tmp_path)
    read = []

    def counting(path, **options):
        table = read_table(path, **options)
        read.append(0 if "usecols" in options else len(table))
        return table

    monkeypatch.setattr("smartnet.dicom.catalog.read_table", counting)
    for shard in range(4):
        catalog_part(tmp_path, shard=shard, shards=4)
    assert sum(read) == 12 * 4
    assert max(read) < 12 * 4


def test_no_identifier_reaches_the_catalog_and_names_depend_on_the_key(tmp_path):
    write_series(tmp_path / "data", CTSeries())
    path, identity = run_catalog(tmp_path / "data", tmp_path / "out", labelled=False)
    text = path.read_text()
    assert "SECRET" not in text
    assert UID_ROOT not in text
    links = read_table(identity, dtype=str)
    assert set(links["patient_id"]) == {"SECRET^PATIENT"}
    assert links["z"].tolist() == [str(z) for z in range(8)]
    again = catalog_part(tmp_path, key=b"another")
    assert not set(again["case"]) & set(read_table(path)["case"])


def test_patients_without_an_id_are_different_patients(tmp_path):
    for number in (1, 2):
        nameless = numbered(CTSeries(), number, patient="", tags={"PatientID": None})
        write_series(tmp_path / "data" / str(number), nameless)
    assert catalog(tmp_path)["patient"].nunique() == 2


def test_tilt_tag_is_never_believed(tmp_path):
    write_series(tmp_path / "data", CTSeries(tags={"GantryDetectorTilt": "12.5"}))
    assert np.allclose(catalog(tmp_path)["tilt_deg"], 0, atol=1e-6)


def test_a_size_that_is_no_number_is_a_rejected_row(tmp_path):
    """As a damaged header gives it; the rest of the data set goes on."""
    write_series(tmp_path / "data" / "good", numbered(CTSeries(), 2))
    write_series(tmp_path / "data" / "bad", CTSeries())
    for path in (tmp_path / "data" / "bad").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.Rows = [48, 17]
        dataset.save_as(path)
    table = read_table(run_volumes(tmp_path / "data", tmp_path, labelled=False) / "cases.tsv")
    assert sorted(table["verdict"]) == ["accepted", "rejected"]
    assert table["rows"].isna().sum() == 1
