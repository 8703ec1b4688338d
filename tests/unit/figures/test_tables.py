import csv

import numpy as np
import pandas as pd
import pytest

from smartnet.figures.datasets import table_datasets
from smartnet.figures.latex import NOTE, with_interval, write_both
from smartnet.figures.significance import p_value, stars
from smartnet.figures.tables import (
    table_agreement,
    table_classification,
    table_lesions,
    table_published,
    table_segmentation,
)
from smartnet.files import read_table, write_table
from smartnet.metrics.convention import EMPTY_CONVENTION


def without_note(path):
    """The rows of a table, without what is printed below them."""
    table = read_table(path, dtype=str)
    return table[~table.iloc[:, 0].fillna("").str.startswith(NOTE)]


def written(make, *arguments, **options):
    def _read(folder):
        make(*arguments, output_csv=folder / "t.csv", output_tex=folder / "t.tex", **options)
        return without_note(folder / "t.csv"), (folder / "t.tex").read_text()

    return _read


def comparisons_of(metrics):
    return metrics.parent / "comparisons.csv"


def test_latex_is_escaped_and_has_booktabs(tmp_path):
    table = pd.DataFrame({"A & B": ["50 % of $x_1$", r"back\slash"], "#": ["{~^}", "1\N{EN DASH}2"]})
    write_both(table, tmp_path / "t.csv", tmp_path / "t.tex")
    text = (tmp_path / "t.tex").read_text()
    assert r"A \& B & \# \\" in text
    assert r"50 \% of \$x\_1\$" in text
    assert r"\{\textasciitilde \textasciicircum \}" in text
    assert r"back\textbackslash slash" in text
    assert "1--2" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    with (tmp_path / "t.csv").open() as file:
        assert list(csv.reader(file))[1][0] == "50 % of $x_1$"


def test_an_undefined_interval_leaves_the_value():
    assert with_interval(0.5, 0.4, 0.6) == "0.500 [0.400, 0.600]"
    assert with_interval(1.0, float("nan"), float("nan")) == "1.000"
    assert with_interval(float("nan"), 0.1, 0.2) == "n/a"


def test_classification_table_has_the_baseline_and_the_counts(evaluated, tmp_path):
    _, metrics = evaluated
    models = ["threshold-50hu_classification", "new_method", "smartnet_bilstm"]
    table, latex = written(table_classification, metrics, comparisons_of(metrics), models)(tmp_path)
    internal = table[table["Test set"] == "Internal"].set_index("Model")
    assert list(internal.index) == ["50-HU threshold", "new_method", "SMART-Net"]
    assert set(internal["With"]) == {"15"}
    assert set(internal["Without"]) == {"20"}
    source = read_table(metrics)
    row = source[(source["model"] == "smartnet_bilstm") & (source["metric"] == "SPE@0.5")].iloc[0]
    wanted = f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
    assert internal.loc["SMART-Net", "SPE at 0.5"] == wanted
    assert set(table[table["Test set"] == "site_a&b"]["AUC"]) == {"n/a"}
    assert r"site\_a\&b" in latex
    assert r"new\_method" in latex


def test_stars_stand_where_the_adjusted_p_is_small(evaluated, tmp_path):
    _, metrics = evaluated
    tests = read_table(comparisons_of(metrics)).assign(p_holm=0.9)
    chosen = (tests["dataset"] == "internal") & (tests["metric"] == "AUC")
    models = ["new_method", "smartnet_bilstm", "threshold-50hu_classification"]
    for p, star in ((0.0499, " *"), (0.0099, " **"), (0.05, ""), (np.nan, "")):
        tests.loc[chosen & (tests["model"] == "new_method"), "p_holm"] = p
        write_table(tests, tmp_path / "tests.csv")
        made = written(table_classification, metrics, tmp_path / "tests.csv", models)(tmp_path)[0]
        cells = made[made["Test set"] == "Internal"].set_index("Model")
        assert cells.loc["new_method", "AUC"].endswith(f"]{star}")
        assert (
            not cells.drop(index="new_method")
            .apply(lambda row: row.str.contains("*", regex=False))
            .any(axis=None)
        )


def test_several_seeds_earn_a_star_together(evaluated):
    tests = read_table(comparisons_of(evaluated[1]))
    found = tests[(tests["model"] == "new_method") & (tests["dataset"] == "internal")]
    for p, star in (([0.001, 0.04], "*"), ([0.001, 0.06], ""), ([0.001, np.nan], "")):
        both = pd.concat([found.assign(seed=seed, p_holm=value) for seed, value in enumerate(p)])
        assert stars(both, "new_method", "internal", "AUC") == star
    assert stars(tests, "smartnet_bilstm", "internal", "AUC") == ""


def test_p_is_never_written_as_zero():
    texts = [p_value(pd.Series(p)) for p in ([0.0], [0.0004, 0.0123], [0.2, np.nan], [1.0])]
    assert texts == ["< 0.001", "0.012", "n/a", "1.000"]


def test_segmentation_table(evaluated, tmp_path):
    _, metrics = evaluated
    table, _ = written(table_segmentation, metrics, comparisons_of(metrics), ["smartnet_conv3d"])(tmp_path)
    assert set(table["Model"]) == {"SMART-Net"}
    assert list(table.columns[:6]) == ["Test set", "Model", "With", "Without", "DSC", "Surface Dice"]
    row = table[(table["Test set"] == "Internal") & (table["Model"] == "SMART-Net")].iloc[0]
    assert row["FPV (mL)"].startswith("1.00")
    assert row["HD95 (mm)"] == "12.0"  # all scans alike: no interval


@pytest.mark.parametrize("make", [table_segmentation, table_agreement, table_lesions])
def test_every_table_of_segmentation_prints_what_becomes_of_empty_scans(evaluated, tmp_path, make):
    _, metrics = evaluated
    tests = [comparisons_of(metrics)] if make is table_segmentation else []
    _, latex = written(make, metrics, *tests, ["smartnet_conv3d"])(tmp_path)
    with (tmp_path / "t.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[-1] == [NOTE + EMPTY_CONVENTION, *[""] * (len(rows[0]) - 1)]
    assert EMPTY_CONVENTION in latex[latex.index(r"\bottomrule") :]
    assert latex.isascii()


def test_agreement_table_has_intervals_below_the_values_in_latex(evaluated, tmp_path):
    _, metrics = evaluated
    numbers = read_table(metrics)  # all differences are 1 mL there: without a limit
    known = (numbers["metric"] == "bias") & numbers["value"].notna()
    numbers.loc[known, ["low", "high"]] = 0.5, 1.5
    write_table(numbers, tmp_path / "metrics.csv")
    table, latex = written(table_agreement, tmp_path / "metrics.csv", ["smartnet_conv3d"])(tmp_path)
    assert list(table.columns[2:]) == ["With", "Bias (mL)", "Lower limit (mL)", "Upper limit (mL)", "ICC"]
    assert table.loc[0, "Bias (mL)"] == "1.0 [0.5, 1.5]"
    assert table.loc[1, "Bias (mL)"] == "n/a"
    cell = r"1.0\\[-0.4ex]{\scriptsize [0.5, 1.5]}"
    assert rf"& \begin{{tabular}}[t]{{@{{}}l@{{}}}}{cell}\end{{tabular}} &" in latex


def test_wide_and_long_tables_fit_a_landscape_page(tmp_path):
    def latex(columns, rows, **options):
        table = pd.DataFrame(
            {f"Head of {n}": ["0.500 \N{PLUS-MINUS SIGN} 0.100"] * rows for n in range(columns)}
        )
        write_both(table, tmp_path / "t.csv", tmp_path / "t.tex", **options)
        return (tmp_path / "t.tex").read_text()

    few = latex(4, 3)
    assert few.startswith(
        "\\begingroup\\setlength{\\tabcolsep}{6pt}%\n\\begin{tabular}{llll}\n\\toprule\nHead of 0 &"
    )
    assert few.endswith("\\bottomrule\n\\end{tabular}\n\\endgroup\n")
    assert r"\begingroup\footnotesize" in latex(11, 3)
    assert r"\begingroup\scriptsize" in latex(14, 3)
    stacked = latex(14, 3, stacked=True)
    assert r"0.500\\[-0.4ex]{\scriptsize $\pm$ 0.100}" in stacked
    long = latex(4, 45, note="none")
    assert r"\begin{longtable}{llll}" in long
    assert long.count("Head of 0") == 1
    assert (
        long.index(r"\endhead") < long.index("Note: none") < long.index(r"\endlastfoot") < long.index("0.500")
    )


def test_stars_and_bold_letters_stay_with_the_value(tmp_path):
    table = pd.DataFrame({"M": ["a", "b"], "AUC": ["0.9 [0.8, 1.0] **", "0.7 \N{PLUS-MINUS SIGN} 0.1"]})
    best = pd.DataFrame({"M": [False, False], "AUC": [False, True]})
    write_both(table, tmp_path / "t.csv", tmp_path / "t.tex", best=best, stacked=True)
    latex = (tmp_path / "t.tex").read_text()
    assert r"0.9 **\\[-0.4ex]{\scriptsize [0.8, 1.0]}" in latex
    assert r"\textbf{0.7}\\[-0.4ex]{\scriptsize $\pm$ 0.1}" in latex


def test_lesions_table_counts_the_lesions_of_a_test_set_first(evaluated, tmp_path):
    _, metrics = evaluated
    table, latex = written(table_lesions, metrics, ["smartnet_conv3d"])(tmp_path)
    at_least = "\N{GREATER-THAN OR EQUAL TO} 20 mL"
    assert list(table.columns) == [
        *("Test set", "Model", "Lesion SEN", "< 5 mL", "5\N{EN DASH}20 mL", at_least)
    ]
    internal = table[table["Test set"] == "Internal"]
    assert list(internal["Model"]) == ["Lesions", "SMART-Net"]
    counts = internal.iloc[0, 2:].astype(int)
    assert counts.iloc[0] == counts.iloc[1:].sum() == 15
    assert internal["Lesion SEN"].iloc[1].startswith("0.467 [")
    assert "$<$ 5 mL" in latex
    assert r"$\ge$ 20 mL" in latex


def test_several_seeds_give_mean_and_standard_deviation(evaluated, tmp_path):
    _, metrics = evaluated
    table = read_table(metrics)
    first = table[(table["model"] == "smartnet_conv3d") & (table["metric"] == "DSC")]
    first = first[first["subgroup"] == "all"]
    second = first.assign(seed=2, value=first["value"] + 0.1)
    write_table(pd.concat([first, second]), tmp_path / "metrics.csv")
    made = written(table_segmentation, tmp_path / "metrics.csv", comparisons_of(metrics), ["smartnet_conv3d"])
    row = made(tmp_path)[0].iloc[0]
    value = first[first["dataset"] == "internal"]["value"].iloc[0]
    assert row["Model (2 seeds)"] == "SMART-Net"
    assert row["DSC"] == f"{value + 0.05:.3f} \N{PLUS-MINUS SIGN} {0.1 / 2**0.5:.3f}"


def test_datasets_table_counts_rejected_and_escapes_vendors(images, tmp_path):
    root, volumes, _, _ = images
    table, latex = written(table_datasets, [f / "cases.tsv" for f in volumes], root / "split.tsv")(tmp_path)
    row = table.set_index("Data set").loc["Internal"]
    assert (row["Scans"], row["Rejected"], row["Hemorrhage"]) == ("3", "1", "2 (67 %)")
    assert (row["Use"], row["IPH"], row["EDH"]) == ("test 3", "1", "0")
    assert r"R\&D 100\%" in latex


def test_published_numbers_stand_beside_ours_and_say_what_ours_are(evaluated, tmp_path, pytestconfig):
    _, metrics = evaluated
    published = pytestconfig.rootpath / "resources" / "published.csv"
    table, _ = written(table_published, metrics, comparisons_of(metrics), published, phantoms=True)(tmp_path)
    assert len(table) == len(read_table(published)) == 12
    ours = table[(table["Model"] == "SMART-Net") & (table["Metric"] == "AUC")].iloc[0]
    assert ours["Paper"] == "0.988"
    assert ours["This study"].startswith("0.")
    assert table[table["Model"] == "Singh"].iloc[0].to_dict()["Paper"] == "0.864 **"
    assert set(table[table["Model"] == "Singh"]["This study"]) == {"n/a"}
    assert table["Data of this study"].str.startswith("phantoms, not patients").all()
    real, _ = written(table_published, metrics, comparisons_of(metrics), published, phantoms=False)(tmp_path)
    assert not real["Data of this study"].str.contains("phantom").any()


def test_only_the_papers_operators_stand_beside_its_numbers(evaluated, tmp_path, pytestconfig):
    _, metrics = evaluated
    table = read_table(metrics)
    other = table[table["model"] == "smartnet_bilstm"].assign(model="smartnet_gru", value=0.0)
    published = pytestconfig.rootpath / "resources" / "published.csv"
    both = []
    for name, rows in (("a", table), ("b", pd.concat([table, other]))):
        write_table(rows, tmp_path / f"{name}.csv")
        made = written(
            table_published, tmp_path / f"{name}.csv", comparisons_of(metrics), published, phantoms=True
        )
        both.append(made(tmp_path)[0])
    assert both[0].equals(both[1])
