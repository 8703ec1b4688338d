"""What a model answers on validation scans."""

import numpy as np
import pandas as pd
import pytest

from smartnet.errors import DataError
from smartnet.validation import DSC_COLUMNS, GRID, dsc_curve, read_validation, write_validation

CASES = pd.DataFrame(
    {"case": ["c1", "c2"], "patient": ["p1", "p2"], "dataset": "dev", "hemorrhage": [1.0, np.nan], "more": 7}
)


def test_dsc_curve_by_hand():
    # DSC: 0.05..0.1 -> 2/3, 0.15..0.3 -> 4/5, 0.35..0.6 -> 1, 0.65..0.9 -> 2/3, 0.95 -> 0
    want = np.select([GRID <= 0.1, GRID <= 0.3, GRID <= 0.6, GRID <= 0.9], [2 / 3, 0.8, 1, 2 / 3], 0)
    curve = dsc_curve(np.array([[0.9, 0.62], [0.3, 0.1]]), np.array([[1, 2], [0, 0]]))
    np.testing.assert_allclose(curve, want)
    assert np.isnan(dsc_curve(np.array([0.9, 0.9]), np.zeros(2))).all()


def test_every_digit_is_kept(tmp_path):
    answers = [{"logit": 0.1 + 0.2, "probability": 1 / 3}, {"logit": -1e-17, "probability": 1 - 2**-53}]
    write_validation(CASES, answers, "classification", tmp_path / "v.csv")
    task, table = read_validation(tmp_path / "v.csv")
    assert task == "classification"
    assert table[["logit", "probability"]].to_dict("records") == answers
    assert list(table["truth"].isna()) == [False, True]


def test_a_segmenter_has_a_column_per_voxel_probability(tmp_path):
    curves = [np.linspace(1, 0, len(GRID)) / 3, np.full(len(GRID), np.nan)]
    answers = [dict(zip(DSC_COLUMNS, curve, strict=True)) for curve in curves]
    write_validation(CASES, answers, "segmentation", tmp_path / "v.csv")
    task, table = read_validation(tmp_path / "v.csv")
    assert task == "segmentation"
    np.testing.assert_array_equal(table[DSC_COLUMNS].to_numpy(), np.stack(curves))
    assert (DSC_COLUMNS[0], DSC_COLUMNS[-1]) == ("dsc_0.05", "dsc_0.95")
    assert (tmp_path / "v.csv").read_text().splitlines()[2] == "c2,p2,dev," + "," * len(GRID)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,patient,dataset,truth,score\n", "columns case patient dataset truth score, which is no table"),
        (
            "case,patient,dataset,truth,logit,probability\n",
            "no scan, which is no table of a validation; train",
        ),
    ],
)
def test_another_table_is_refused(tmp_path, text, message):
    (tmp_path / "v.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_validation(tmp_path / "v.csv")
