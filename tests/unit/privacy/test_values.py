"""What is looked for, what is left out, and in which spellings an artifact may hold it."""

import pandas as pd
import pytest

from smartnet.files import write_table
from smartnet.privacy.matcher import Matcher
from smartnet.privacy.values import choose_values


def matcher(tmp_path, *values, **options):
    path = tmp_path / "site_private.tsv"
    write_table(pd.DataFrame(values, columns=["kind", "value"]), path)
    return Matcher(choose_values([path], **options).kinds.items())


UID = "1.2.826.0.1.3680043.8.498.77.12"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("PatientID", "MRN-0042-A", '{"mrn-0042-a": 1}'),
        ("PatientID", "77001234", "a,77001234,b"),
        ("PatientID", "77001234", "77001234.000000\t1"),
        ("PatientID", "123456", "123456"),  # stands in the workflow's own comments
        ("AccessionNumber", "00000001", "00000001"),
        ("PatientID", "0077001234", "patient 77001234 left"),
        ("PatientID", "AB_12_CD", r"\texttt{AB\_12\_CD}"),
        ("PatientID", "A/B 1234", "file=a%2FB%201234&x"),
        ("PatientName", "DOE^JANET^Q", "Doe^Janet^Q"),
        ("PatientName", "DOE^JANET", "scan of janet, day 2"),
        ("PatientName", "DOE^JANET", "Janet Doe"),
        ("PatientName", "DOE^JO", "Doe, Jo"),
        ("PatientName", "DOE^JO", "title='doe%5Ejo'"),
        ("PatientName", "DOE^JO", "/data/doe_jo/file"),
        ("PatientName", "MÜLLER^JÖRG", "m&uuml;ller"),
        ("PatientName", "MÜLLER^JÖRG", r'"M\u00fcller"'),
        ("PatientName", "MÜLLER^JÖRG", "Mu\u0308ller"),
        ("PatientName", "Yamada^Tarou=山田^太郎=やまだ^たろう", "case 山田 of"),
        ("OperatorsName", "O'NEILL^SIOBHAN", "<b>O&#39;Neill Siobhan</b>"),
        ("SOPInstanceUID", UID, f"x\t{UID}\ty"),
        ("SOPInstanceUID", UID, f"mask{UID}.nii.gz"),
        ("StudyDate", "20190107", "20190107"),
        ("StudyDate", "20190107", "on 2019-01-07T14:30"),
        ("StudyDate", "20190107", "am 07.01.2019."),
        ("AcquisitionTime", "143012.123456", "143012.123456"),
        ("InstitutionName", "St. Elsewhere Infirmary", "st. elsewhere   infirmary"),
        ("FolderName", "WARD7_ROOM12", "/x/ward7 room12/"),
        ("FileName", "IM-0a1b2c3d.dcm", "see im-0a1b2c3d"),
    ],
)
def test_a_value_is_found_in_any_spelling(tmp_path, kind, value, text):
    assert matcher(tmp_path, (kind, value)).kinds(text) == {kind}


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("PatientID", "123456", "probability 0.123456"),  # a decimal fraction
        ("PatientID", "123456", "1234567"),
        ("PatientID", "77001234", "c77001234abcd"),  # inside a pseudonym
        ("PatientName", "BERG^JANETT", "Bergamo, Janette"),
        ("SOPInstanceUID", UID, f"{UID}3"),
        ("StudyDate", "20190107", "2019-01-08, 120190107"),
        ("StudyTime", "143012", "143012"),
        ("PatientID", "12-345-678", "12\t345\t678"),  # three cells of a table
        ("PatientName", "DOE^JO", "doe\njo"),
    ],
)
def test_false_friends_are_no_hits(tmp_path, kind, value, text):
    assert list(matcher(tmp_path, (kind, value)).places(text)) == []


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("PatientID", "12345", "too short or too common"),
        ("StationName", "000012", "too short or too common"),
        ("PatientID", "A12", "too short or too common"),
        ("StudyID", "1-2", "too short or too common"),
        ("SeriesDescription", "5.0", "too short or too common"),
        ("StudyTime", "143012", "too short or too common"),
        ("StudyTime", "143012.000000", "too short or too common"),
        ("StudyDate", "00000000", "too short or too common"),
        ("PatientName", "SLICES", "vocabulary of the workflow"),
        ("SeriesDescription", "HEAD 5.0 Qr40", "vocabulary of the workflow"),
        ("FolderName", "slices_001", "vocabulary of the workflow"),
        ("InstitutionName", "Mayo", "vocabulary of the workflow"),
        ("PatientID", "TESTPERSON", "privacy.ignore"),
    ],
)
def test_what_means_too_little_is_left_out_and_counted(tmp_path, kind, value, reason):
    path = tmp_path / "private.tsv"
    write_table(pd.DataFrame([(kind, value), ("technical", "Qr40")], columns=["kind", "value"]), path)
    values = choose_values([path], configured=["mayo", "/data/mayo"], ignore=["TestPerson"])
    assert values.left_out == {(kind, reason): 1}
    assert not values.kinds


def test_a_patient_is_looked_for_even_where_the_configuration_says_the_name(tmp_path):
    found = matcher(tmp_path, ("PatientName", "MAYO^ELTON"), configured=["mayo"])
    assert found.kinds("mayo") == {"PatientName"}


def test_two_common_words_together_are_still_a_name(tmp_path):
    found = matcher(tmp_path, ("PatientName", "SLICE^MASK"))
    assert found.kinds("the mask of a slice") == set()
    assert found.kinds("Mask Slice") == {"PatientName"}


def test_values_of_all_data_sets_are_counted_once(tmp_path):
    for name in ("a", "b"):
        table = pd.DataFrame([("PatientID", "P-10001"), ("StationName", name * 5)], columns=["kind", "value"])
        write_table(table, tmp_path / f"{name}.tsv")
    values = choose_values([tmp_path / "a.tsv", tmp_path / "b.tsv"])
    assert values.looked_for == {"PatientID": 1, "StationName": 2}
