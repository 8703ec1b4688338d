"""The label table: what is accepted, and the message for everything else."""

import pytest

from smartnet.dicom.labels import read_labels
from smartnet.errors import DataError


def labels(tmp_path, text):
    path = tmp_path / "labels.tsv"
    path.write_text(text, encoding="utf-8")
    return read_labels(path)


def test_reads_truth_kinds_and_masks_and_ignores_other_columns(tmp_path):
    table = labels(
        tmp_path, "age\tseries_uid\themorrhage\tIVH\tmask\n60\t1.2\t1\t1\ta.nii.gz\n61\t1.3\t0\t\t\n"
    )
    assert list(table["uid"]) == ["1.2", "1.3"]
    assert set(table["uid_column"]) == {"series_uid"}
    assert list(table["hemorrhage"]) == [1, 0]
    assert table["IVH"][0] == 1
    assert table["IVH"].isna()[1]
    assert table["EDH"].isna().all()
    assert list(table["mask"]) == ["a.nii.gz", ""]


def test_hemorrhage_follows_the_kinds_where_it_is_left_out(tmp_path):
    header = "study_uid\tEDH\tIPH\tIVH\tSAH\tSDH\n"
    table = labels(tmp_path, header + "1\t0\t1\t0\t0\t0\n2\t0\t0\t0\t0\t0\n3\t\t0\t0\t0\t0\n")
    assert list(table["hemorrhage"][:2]) == [1, 0]
    assert table["hemorrhage"].isna()[2]


def test_a_byte_order_mark_and_spaces_do_no_harm(tmp_path):
    table = labels(tmp_path, "\ufeffstudy_uid \t hemorrhage\n 1.2 \t 1 \n")
    assert table["uid"][0] == "1.2"
    assert table["hemorrhage"][0] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study_uid\themorhage\n1\t1\n", "unknown column 'hemorhage', did you mean 'hemorrhage'"),
        ("StudyUID\tstudy_uids\themorrhage\n1\t1\t1\n", "did you mean 'study_uid'"),
        ("study_uid\themorrhage\tiph\n1\t1\t1\n", "unknown column 'iph', did you mean 'IPH'"),
        ("study_uid\themorrhage\tMasks\n1\t1\ta\n", "did you mean 'mask'"),
        ("accession\themorrhage\n1\t1\n", "neither a series_uid nor a study_uid column .columns: accession"),
        ("study_uid\tage\n1\t1\n", "no hemorrhage column"),
        ("study_uid\themorrhage\n1\tyes\n", "line 2, column hemorrhage: 'yes' is neither 0 nor 1"),
        ("study_uid\themorrhage\n1\t1\n1\t0\n", "line 3: a study_uid that an earlier line has"),
        ("study_uid\themorrhage\n\t1\n", "line 2: empty study_uid"),
        ("study_uid\themorrhage\tSDH\n1\t0\t1\n", "line 2: hemorrhage is 0 but a kind of it is 1"),
        ("", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as error:
        labels(tmp_path, text)
    assert "\n" not in str(error.value)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none.tsv does not exist: correct"):
        read_labels(tmp_path / "none.tsv")
