import numpy as np
import pandas as pd
import pytest
from support import has_colour

from smartnet.figures import style
from smartnet.figures.comparison import draw_comparison, table_comparisons
from smartnet.figures.subgroups import display_subgroup, draw_subgroups, sort_subgroups, table_subgroups
from smartnet.files import read_table, write_table

REFERENCES = {"classification": "smartnet_bilstm", "segmentation": "smartnet_conv3d"}
BASELINES = {"classification": "threshold-50hu_classification"}


@pytest.fixture
def results(evaluated):
    return evaluated[1], evaluated[1].parent / "comparisons.csv"


@pytest.fixture
def seeds(results, tmp_path):
    """The same results for two seeds, the second a tenth lower; undefined ones stay so."""
    paths = []
    for path, column in zip(results, ("value", "difference"), strict=True):
        table = read_table(path)
        second = table.assign(seed=2, **{column: table[column] - 0.1})
        paths.append(tmp_path / path.name)
        write_table(pd.concat([table, second]), paths[-1])
    return paths


def test_comparison_has_every_model_and_survives_one_class(drawn, results, seeds):
    for metrics, comparisons in (results, seeds):
        image = drawn(draw_comparison, metrics, comparisons, REFERENCES)
        for model in ("scratch", "smartnet", "threshold-50hu"):
            assert has_colour(image, style.colours([model])[model])


def test_stars_and_intervals_are_drawn_from_the_tables(results, tmp_path):
    def png(metrics, comparisons):
        path = tmp_path / "x.png"
        draw_comparison(metrics, comparisons, REFERENCES, output_pdf=tmp_path / "x.pdf", output_png=path)
        return path.read_bytes()

    metrics, comparisons = results
    first = png(metrics, comparisons)
    write_table(read_table(comparisons).assign(p_holm=1.0), tmp_path / "none.csv")
    assert png(metrics, tmp_path / "none.csv") != first
    write_table(read_table(metrics).assign(low=np.nan), tmp_path / "open.csv")
    assert png(tmp_path / "open.csv", comparisons) != first


def test_subgroups_are_drawn_with_and_without_seeds(drawn, results, seeds):
    rows = []
    for metrics in (results[0], seeds[0]):
        image = drawn(draw_subgroups, metrics, REFERENCES, BASELINES)
        for model in ("smartnet", "threshold-50hu"):
            assert has_colour(image, style.colours([model])[model])
        rows.append(image.shape[0])
    assert rows[0] == rows[1]


def written(make, *arguments, folder):
    make(*arguments, output_csv=folder / "t.csv", output_tex=folder / "t.tex")
    return read_table(folder / "t.csv", dtype=str), (folder / "t.tex").read_text()


def test_table_of_the_tests(results, tmp_path):
    table, latex = written(table_comparisons, results[1], folder=tmp_path)
    source = read_table(results[1])
    row = source[(source["model"] == "new_method") & (source["metric"] == "AUC")].iloc[0]
    shown = table[(table["Model"] == "new_method") & (table["Metric"] == "AUC")].iloc[0]
    assert shown["Difference"] == f"{row['difference']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
    assert (shown["Test"], shown["Reference"], shown["Scans"]) == ("DeLong", "SMART-Net", "35")
    assert list(table.columns[-2:]) == ["p", "Holm's p"]
    assert len(table) == len(source)
    one_class = table[(table["Test set"] == "site_a&b") & (table["Metric"] == "AUC")]
    assert set(one_class["Difference"]) == set(one_class["p"]) == {"n/a"}
    assert "$<$ 0.001" in latex


def test_table_of_the_tests_over_seeds(seeds, tmp_path):
    table, _ = written(table_comparisons, seeds[1], folder=tmp_path)
    assert table.columns[-1] == "Holm's p (largest of 2 seeds)"
    assert table["Difference"].str.contains("\N{PLUS-MINUS SIGN} 0.07").sum() >= 8


def test_table_of_subgroups(results, tmp_path):
    table, _ = written(table_subgroups, results[0], REFERENCES, folder=tmp_path)
    internal = table[table["Test set"] == "Internal"].set_index("Subgroup")
    names = ["All scans", "EDH", "IPH", "IVH", "SAH", "SDH", "Volume: mild", "Volume: moderate"]
    names += ["Volume: severe", "Slices up to 2.5 mm", "Slices 2.5 to 5 mm", "Tilted: no", "Tilted: yes"]
    assert list(internal.index) == names  # one vendor makes all scans, which "All scans" says
    source = read_table(results[0])
    row = source[(source["subgroup"] == "tilt=yes") & (source["metric"] == "SPE")]
    row = row[(row["dataset"] == "internal") & (row["model"] == "smartnet_bilstm")].iloc[0]
    assert internal.loc["Tilted: yes", "SPE"] == f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
    assert internal.loc["EDH", ["SPE", "FPV (mL)"]].isna().all()
    assert tuple(internal.loc["EDH", ["With", "Without"]]) == ("3", "20")
    assert set(table[table["Test set"] == "site_a&b"]["AUC"]) == {"n/a"}


def test_subgroups_count_scans_not_lesions(results, tmp_path):
    table, _ = written(table_subgroups, results[0], REFERENCES, folder=tmp_path)
    source = read_table(results[0])
    lesions = source["metric"].str.startswith("lesion SEN")
    assert lesions.any()
    source.loc[lesions, "n_positive"] = 99
    write_table(source, tmp_path / "metrics.csv")
    again, _ = written(table_subgroups, tmp_path / "metrics.csv", REFERENCES, folder=tmp_path)
    assert again.equals(table)


def test_subgroups_are_named_and_ordered():
    names = ["vendor=B", "tilt=yes", "volume=severe", "kind=SDH", "all", "tilt=no", "volume=mild", "vendor=A"]
    ordered = sort_subgroups(pd.Series([*names, "thickness=above 5 mm", "kind=EDH"]))
    assert [display_subgroup(name) for name in ordered] == [
        *["All scans", "EDH", "SDH", "Volume: mild", "Volume: severe", "Slices above 5 mm"],
        *["Tilted: no", "Tilted: yes", "A", "B"],
    ]
