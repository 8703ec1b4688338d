"""Ablation tables, and figures with every start and operator."""

import numpy as np
import pandas as pd
import pytest

from smartnet.experiments import PRETEXTS, models
from smartnet.figures import style
from smartnet.figures.ablation import table_operators, table_pretexts
from smartnet.figures.latex import NOTE
from smartnet.figures.learning import draw_learning
from smartnet.figures.names import OPERATORS, display_name
from smartnet.figures.panels import draw_activation
from smartnet.figures.roc import draw_roc
from smartnet.figures.segmentation import draw_segmentation
from smartnet.files import read_table, write_array, write_json, write_table
from smartnet.metrics.tidy import COLUMNS

TICK = "\N{CHECK MARK}"
CLASSIFIERS, SEGMENTERS = list(OPERATORS)[:8], list(OPERATORS)[8:]
EVERY = models(
    {
        "pretexts": list(PRETEXTS),
        "operators": {
            "classification": CLASSIFIERS,
            "segmentation": SEGMENTERS,
            "pretexts": ["scratch", "smartnet"],
        },
        "baseline": {"threshold_hu": 50},
    }
)
LEARNED = [name for name in EVERY if EVERY[name].pretext]
COMPARED = [name for name in EVERY if EVERY[name].operator in (None, "bilstm", "conv3d")]
METRICS = {"classification": ("AUC", "F1", "SEN", "SPE", "F1@0.5"), "segmentation": ("DSC", "FPV", "DSC@0.5")}


def metrics(path, values, *, datasets=("internal",)):
    """A table of metrics: ``values[model, metric]`` over the seeds; 0.5 where nothing is given."""
    rows = [
        (name, model.task, seed, dataset, "all", metric, value, np.nan, np.nan, 5, 7, "")
        for dataset in datasets
        for name, model in EVERY.items()
        for metric in METRICS[model.task]
        for seed, value in enumerate(values.get((name, metric), values.get("else", [0.5])), start=1)
    ]
    write_table(pd.DataFrame(rows, columns=COLUMNS), path)
    return path


def without_note(path):
    """The rows of a table, without what is printed below them."""
    table = read_table(path, dtype=str)
    return table[~table.iloc[:, 0].fillna("").str.startswith(NOTE)]


def written(make, source, names, folder):
    make(source, names, output_csv=folder / "t.csv", output_tex=folder / "t.tex")
    return without_note(folder / "t.csv"), (folder / "t.tex").read_text()


def starts(names=COMPARED):
    return [name for name in names if EVERY[name].pretext]


def test_every_start_is_a_row_in_its_group_with_the_heads_it_has(tmp_path):
    source = metrics(tmp_path / "m.csv", {}, datasets=("public", "internal"))
    table, latex = written(table_pretexts, source, starts(), tmp_path)
    assert list(table["Test set"].unique()) == ["Internal", "Public"]
    half = table[table["Test set"] == "Internal"].set_index("Start")
    assert sorted(half.index) == sorted(map(display_name, PRETEXTS))
    assert list(half["Pretraining"].unique()) == [
        *("None", "File", "Self-supervised", "One head", "Two heads", "Three heads")
    ]
    heads = half[["CLS", "SEG", "REC", "Consistency"]].fillna("")
    for name in ("Scratch", "ImageNet", "Checkpoint", "Models Genesis", "TransVW"):
        assert list(heads.loc[name]) == ["", "", "", ""]
    assert list(heads.loc["CLS+REC"]) == [TICK, "", TICK, ""]
    assert list(heads.loc["CLS+SEG w/ consistency"]) == [TICK, TICK, "", TICK]
    assert list(heads.loc["SMART-Net"]) == [TICK] * 4
    assert list(half.columns[-6:]) == ["AUC", "F1", "SEN", "SPE", "DSC", "FPV (mL)"]
    assert latex.count(r"$\surd$") == 2 * (heads == TICK).sum().sum()
    assert latex.isascii()
    # A group is named once; a rule stands between test sets, a space between other groups.
    assert latex.count("Internal") == latex.count("Public") == 1
    assert latex.count("Two heads") == 2
    assert latex.count(r"\midrule") == 2
    assert latex.count(r"\addlinespace") == 2 * 5


def test_one_seed_is_a_value_several_are_mean_and_deviation(tmp_path):
    given = {("smartnet_bilstm", "AUC"): [0.8, 0.9, 1.0], ("cls_bilstm", "AUC"): [0.7, np.nan, 0.8]}
    given |= {("seg_bilstm", "AUC"): [np.nan] * 3, ("rec_bilstm", "AUC"): [0.4, np.nan, np.nan]}
    source = metrics(tmp_path / "m.csv", given | {"else": [0.5] * 3})
    table, latex = written(table_pretexts, source, starts(), tmp_path)
    auc = table.set_index("Start (3 seeds)")["AUC"]
    assert auc["SMART-Net"] == "0.900 ± 0.100"
    assert auc["CLS"] == "0.750 ± 0.071 (2 of 3 seeds)"
    assert auc["REC"] == "0.400 (1 of 3 seeds)"
    assert auc["SEG"] == "n/a"
    assert r"\textbf{0.900 $\pm$ 0.100}" in latex
    one = metrics(tmp_path / "m.csv", {("smartnet_bilstm", "AUC"): [0.8]})
    table, _ = written(table_pretexts, one, starts(), tmp_path)
    assert table.set_index("Start").loc["SMART-Net", "AUC"] == "0.800"


def test_the_best_is_bold_by_the_mean_and_ties_all(tmp_path):
    given = {("cls_bilstm", "AUC"): [0.9004], ("rec_bilstm", "AUC"): [0.9001], ("seg_bilstm", "AUC"): [0.899]}
    given |= {("cls_conv3d", "FPV"): [0.25], ("seg_conv3d", "FPV"): [9.0]}
    given |= {("rec_bilstm", "F1"): [np.nan]}
    _, latex = written(table_pretexts, metrics(tmp_path / "m.csv", given), starts(), tmp_path)
    lines = {line.split(" & ")[2]: line for line in latex.splitlines() if line.count("&") == 12}
    assert r"\textbf{0.900}" in lines["CLS"] and r"\textbf{0.900}" in lines["REC"]
    assert r"\textbf{0.25}" in lines["CLS"], "less false-positive volume is better"
    assert r"\textbf" not in lines["SEG"]
    assert r"\textbf" not in lines["SMART-Net"].split("&")[9], "where all are equal, none is best"


def test_operators_are_compared_per_task_and_start(tmp_path):
    given = {("smartnet_gru", "AUC"): [0.9, 0.9], ("scratch_max", "AUC"): [0.6, 0.6]}
    given |= {("smartnet_none", "FPV"): [0.1, 0.2], "else": [0.5, 0.5]}
    names = [name for name in LEARNED if EVERY[name].pretext in ("scratch", "smartnet")]
    table, latex = written(table_operators, metrics(tmp_path / "m.csv", given), names, tmp_path)
    keys = ["Task", "Start"]
    assert [(*key, len(part)) for key, part in table.groupby(keys, sort=False)] == [
        ("Classification", "Scratch", 8),
        ("Classification", "SMART-Net", 8),
        ("Segmentation", "Scratch", 5),
        ("Segmentation", "SMART-Net", 5),
    ]
    head = "Operator (2 seeds)"
    assert list(table[head][:8]) == [OPERATORS[name] for name in CLASSIFIERS]
    assert table[["DSC", "FPV (mL)"]][table["Task"] == "Classification"].isna().all(axis=None)
    assert table[["AUC", "F1", "SEN", "SPE"]][table["Task"] == "Segmentation"].isna().all(axis=None)
    bold = [line.split("&")[3].strip() for line in latex.splitlines() if r"\textbf" in line]
    assert bold == ["Max", "GRU", "2D only"]


@pytest.mark.parametrize("names", [["smartnet_bilstm"], ["smartnet_conv3d"], []])
def test_a_study_of_one_task_or_none_has_its_tables(tmp_path, names):
    source = metrics(tmp_path / "m.csv", {})
    for make in (table_pretexts, table_operators):
        table, latex = written(make, source, names, tmp_path)
        assert len(table) == len(names)
        assert ("AUC" in table) == (names == ["smartnet_bilstm"])
        assert r"\bottomrule" in latex and r"\textbf" not in latex


@pytest.fixture
def histories(tmp_path):
    paths = {}
    for name in [*PRETEXTS, *LEARNED]:
        task = EVERY[name].task[:3].replace("cla", "cls") if name in EVERY else None
        terms = [task] if task else PRETEXTS[name]["heads"]
        columns = {f"train_{term}": np.linspace(1, 0.5, 5) for term in terms}
        columns["train_loss"] = 1.0 if terms else np.nan
        write_table(pd.DataFrame({"epoch": range(5), "lr": 0.1} | columns), tmp_path / f"{name}.csv")
        paths[name] = tmp_path / f"{name}.csv"
    return paths


def clear_edges(image):
    """Nothing dark touches the edge: no text is clipped."""
    for edge in (image[:3], image[-3:], image[:, :3].swapaxes(0, 1), image[:, -3:].swapaxes(0, 1)):
        assert (edge > 100).any(axis=2).all()


def test_learning_curves_of_a_whole_ablation_fit_a_page(drawn, histories):
    of_one_start = {
        name: path for name, path in histories.items() if name in COMPARED or not name.startswith("scratch_")
    }
    image = drawn(draw_learning, of_one_start, COMPARED, twice=False)
    clear_edges(image)
    assert image.shape[0] < 247 / 25.4 * style.setting("dpi")


def test_operators_have_panels_of_their_own_below(drawn, histories):
    few = {name: histories[name] for name in ("smartnet", "smartnet_bilstm", "smartnet_conv3d")}
    plain = drawn(draw_learning, few, COMPARED, twice=False)
    more = few | {"smartnet_gru": histories["smartnet_gru"]}
    assert drawn(draw_learning, more, COMPARED, twice=False).shape[0] > plain.shape[0] + 400
    beside = drawn(draw_learning, more, [*COMPARED, "smartnet_gru"], twice=False)
    assert beside.shape[0] < plain.shape[0] + 700


def test_operators_have_colours_of_their_own():
    colours = style.setting("colours")["operators"]
    assert set(colours) == set(OPERATORS)
    assert len(set(colours.values())) == len(OPERATORS)


def test_roc_of_every_start_fits(drawn, tmp_path):
    generator = np.random.default_rng(0)
    source = metrics(tmp_path / "m.csv", {})
    truth = np.arange(40) % 2
    items = []
    for name in COMPARED:
        if EVERY[name].task == "classification":
            path = tmp_path / f"{name}.csv"
            write_table(pd.DataFrame({"truth": truth, "logit": truth + generator.normal(size=40)}), path)
            write_json({"threshold": 0.5}, tmp_path / "threshold.json")
            items.append(
                {"model": name, "task": "classification", "seed": 1, "dataset": "internal", "table": path}
            )
    clear_edges(drawn(draw_roc, items, source, twice=False))


@pytest.mark.parametrize("last", ["smartnet", "cls-seg-consistency", "checkpoint"])
def test_slanted_names_end_inside_the_page_whatever_the_last_is(drawn, images, tmp_path, last):
    root, volumes, slices, cases = images
    write_table(cases.iloc[:1], tmp_path / "cases.tsv")
    write_table(cases.iloc[:1].drop(columns="severity"), tmp_path / "maps/maps.tsv")
    write_array(np.full((1, 64, 64), 0.5, np.float32), tmp_path / "maps/activation.npy")
    order = [
        *[start for start in PRETEXTS if start not in ("smartnet", "checkpoint")],
        "checkpoint",
        "smartnet",
    ]
    names = order[: order.index(last) + 1]
    arguments = (tmp_path / "cases.tsv", slices)
    maps = dict.fromkeys(names, tmp_path / "maps")
    clear_edges(drawn(draw_activation, maps, *arguments, split=root / "split.tsv", twice=False))
    masks = {f"{name}_conv3d": [root / "masks/internal"] for name in names}
    masks["threshold-50hu_segmentation"] = [root / "nowhere"]
    clear_edges(drawn(draw_segmentation, masks, tmp_path / "cases.tsv", volumes, twice=False))
