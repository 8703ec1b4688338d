import json

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from support import has_colour

from smartnet.figures import style
from smartnet.figures.calibration import draw_calibration, reliability
from smartnet.figures.tables import table_operating
from smartnet.files import read_table, write_json, write_table


def test_reliability_table_agrees_with_scikit_learn():
    generator = np.random.default_rng(0)
    probability = generator.random(100)
    truth = (generator.random(100) < probability).astype(int)
    table = reliability(truth, probability)
    observed, predicted = calibration_curve(truth, probability, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(table["observed"], observed)
    np.testing.assert_allclose(table["predicted"], predicted)
    assert (table["count"] == 10).all()
    assert (table["low"] <= table["observed"]).all() and (table["observed"] <= table["high"]).all()


def test_calibration_draws_every_classifier_and_survives_one_class(drawn, evaluated):
    items, metrics = evaluated
    image = drawn(draw_calibration, items, metrics).astype(int)
    for colour in [style.colour("classes", "negative"), style.colours(["smartnet"])["smartnet"]]:
        assert has_colour(image, colour, least=101)


def test_calibration_changes_with_the_temperature(evaluated, tmp_path):
    items, metrics = evaluated
    written = []
    for temperature in (1.5, 4.0):
        path = tmp_path / f"{temperature}.json"
        write_json(json.loads(items[0]["threshold"].read_text()) | {"temperature": temperature}, path)
        changed = [item | {"threshold": path} for item in items]
        draw_calibration(changed, metrics, output_pdf=tmp_path / "x.pdf", output_png=tmp_path / "x.png")
        written.append((tmp_path / "x.png").read_bytes())
    assert written[0] != written[1]


def test_many_starts_share_a_legend_of_one_line_each(drawn, evaluated, tmp_path):
    items, metrics = evaluated
    ours = [item for item in items if item["model"] == "smartnet_bilstm" and item["dataset"] == "internal"]
    table = read_table(metrics)
    rows = table[(table["model"] == "smartnet_bilstm") & (table["dataset"] == "internal")]
    starts = ["scratch", "cls", "seg", "rec", "cls-seg", "cls-rec", "seg-rec", "smartnet"]
    many = [item | {"model": f"{start}_bilstm"} for item in ours for start in starts]
    write_table(pd.concat(rows.assign(model=f"{start}_bilstm") for start in starts), tmp_path / "m.csv")
    image = drawn(draw_calibration, many, tmp_path / "m.csv")
    assert image.shape[1] == pytest.approx((style.DOUBLE_MM / 2 + 15) / 25.4 * 300, abs=2)


def test_operating_table(evaluated, tmp_path):
    _, metrics = evaluated
    options = {"output_csv": tmp_path / "t.csv", "output_tex": tmp_path / "t.tex"}
    table_operating(metrics, ["smartnet_bilstm", "threshold-50hu_classification"], [0.15, 0.06], **options)
    table = read_table(tmp_path / "t.csv", dtype=str)
    assert list(table.columns[4:]) == [
        *("Threshold", "SEN", "SPE", "PPV", "NPV", "Alarms per 100", "PPV at 6 %", "PPV at 15 %"),
        *("Brier", "Brier scaled", "ECE", "ECE scaled"),
    ]
    source = read_table(metrics).set_index(["model", "dataset", "metric"])
    row = table[(table["Test set"] == "Internal") & (table["Model"] == "SMART-Net")].iloc[0]
    wanted = source.loc[("smartnet_bilstm", "internal", "PPV@prevalence=0.06")]
    assert row["PPV at 6 %"] == f"{wanted['value']:.3f} [{wanted['low']:.3f}, {wanted['high']:.3f}]"
    assert row["ECE scaled"] == f"{source.loc[('smartnet_bilstm', 'internal', 'ECE@T'), 'value']:.3f}"
    alone = table[table["Test set"] == "site_a&b"].iloc[0]
    assert alone["PPV at 6 %"] == "n/a" and alone["SPE"] != "n/a"
    assert r"PPV at 6 \%" in (tmp_path / "t.tex").read_text()
