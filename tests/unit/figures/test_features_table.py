from smartnet.figures.features import table_features
from smartnet.files import read_table


def write(metrics, folder, starts):
    table_features(metrics, starts, output_csv=folder / "t.csv", output_tex=folder / "t.tex")
    return read_table(folder / "t.csv"), (folder / "t.tex").read_text()


def test_features_of_several_seeds_have_means(measured_features, tmp_path):
    table, latex = write(measured_features, tmp_path, ["smartnet", "scratch"])
    assert list(table["Test set"]) == ["All", "All", "Internal", "Internal", "Public", "Public"]
    assert list(table["Start (2 seeds)"][:2]) == ["Scratch", "SMART-Net"]
    assert table["Probe AUC"].str.contains("\N{PLUS-MINUS SIGN}").all()
    assert set(table["Slices"]) == {80, 40}
    assert latex.count(r"\midrule") == 3


def test_only_the_starts_asked_for_are_shown(measured_features, tmp_path):
    table, _ = write(measured_features, tmp_path, ["scratch"])
    assert set(table["Start (2 seeds)"]) == {"Scratch"}
