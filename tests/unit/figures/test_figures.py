import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import has_colour

import smartnet
from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.agreement import draw_agreement
from smartnet.figures.datasets import draw_datasets
from smartnet.figures.images import crop_box
from smartnet.figures.learning import draw_learning
from smartnet.figures.lesions import draw_lesions
from smartnet.figures.montage import draw_montage, montage_cases, montage_slices
from smartnet.figures.names import STARTS, bin_label, display_name, sort_datasets, sort_models
from smartnet.figures.panels import draw_activation, draw_gradcam
from smartnet.figures.roc import draw_roc
from smartnet.figures.segmentation import dice, draw_segmentation
from smartnet.figures.tsne import draw_tsne
from smartnet.files import read_nifti, write_array, write_nifti, write_table
from smartnet.metrics.tidy import read_metrics


def test_roc_draws_every_classifier_and_survives_one_class(drawn, evaluated):
    items, metrics = evaluated
    image = drawn(draw_roc, items, metrics)
    for colour in style.colours(["smartnet", "threshold-50hu"]).values():
        assert has_colour(image, colour)


def test_roc_changes_with_the_metrics_table(evaluated, tmp_path):
    items, metrics = evaluated
    text = metrics.read_text().replace(
        "smartnet_bilstm,classification,1,internal,all,AUC,0.",
        "smartnet_bilstm,classification,1,internal,all,AUC,0.1",
    )
    (tmp_path / "metrics.csv").write_text(text)
    written = []
    for source in (metrics, tmp_path / "metrics.csv"):
        draw_roc(items, source, output_pdf=tmp_path / "x.pdf", output_png=tmp_path / "x.png")
        written.append((tmp_path / "x.png").read_bytes())
    assert written[0] != written[1]


def test_tsne(drawn, measured_features, tmp_path):
    generator = np.random.default_rng(0)
    for start in ("scratch", "smartnet"):
        columns = {
            "case": "c",
            "dataset": ["internal", "public"] * 20,
            "z": 1,
            "hemorrhage": np.arange(40) % 2,
        }
        table = pd.DataFrame(columns | dict(zip("xy", generator.normal(size=(2, 40)), strict=True)))
        write_table(table, tmp_path / f"{start}.tsv")
    tables = {start: tmp_path / f"{start}.tsv" for start in ("smartnet", "scratch")}
    image = drawn(draw_tsne, tables, measured_features, seed=1)
    assert image.shape[1] > 1000
    other = drawn(draw_tsne, tables, measured_features, seed=2, twice=False)
    assert (image != other).any()  # the numbers below the panels are those of the seed


def test_learning_keeps_stages_apart(drawn, tmp_path):
    epoch = np.arange(8)
    columns = {"epoch": epoch, "train_loss": 1 / (1 + epoch), "valid_loss": [np.nan, 0.8] * 4, "lr": 0.1}
    for name in ("smartnet", "smartnet_bilstm"):
        write_table(pd.DataFrame(columns), tmp_path / f"{name}.csv")
    one = drawn(draw_learning, {"smartnet": tmp_path / "smartnet.csv"}, ["smartnet_bilstm"])
    both = {name: tmp_path / f"{name}.csv" for name in ("smartnet", "smartnet_bilstm")}
    assert drawn(draw_learning, both, ["smartnet_bilstm"]).shape[1] > one.shape[1]


def test_a_total_of_one_term_has_no_panel(drawn, tmp_path):
    epoch = np.arange(3)
    columns = {"epoch": epoch, "train_cls": 1 / (1 + epoch), "lr": 0.1}
    shapes = []
    for total in ({}, {"train_loss": columns["train_cls"]}):
        write_table(pd.DataFrame(columns | total), tmp_path / "h.csv")
        shapes.append(
            drawn(draw_learning, {"smartnet_bilstm": tmp_path / "h.csv"}, ["smartnet_bilstm"]).shape
        )
    assert shapes[0] == shapes[1]


def test_starts_that_were_not_trained_have_no_panel(drawn, tmp_path):
    write_table(pd.DataFrame(columns=["epoch", "train_loss", "valid_loss", "lr"]), tmp_path / "empty.csv")
    write_table(pd.DataFrame({"epoch": [0, 1], "train_cls": [1.0, 0.5], "lr": 0.1}), tmp_path / "h.csv")
    trained = {"imagenet_bilstm": tmp_path / "h.csv"}
    alone = drawn(draw_learning, trained, list(trained))
    both = {"imagenet": tmp_path / "empty.csv"} | trained
    assert drawn(draw_learning, both, list(trained)).shape == alone.shape


def test_learning_without_curves_is_refused(tmp_path):
    write_table(pd.DataFrame({"epoch": [1], "lr": [0.1]}), tmp_path / "h.csv")
    with pytest.raises(DataError, match="no train_ or valid_ column in smartnet"):
        draw_learning(
            {"smartnet": tmp_path / "h.csv"}, [], output_pdf=tmp_path / "x.pdf", output_png=tmp_path / "x.png"
        )


@pytest.fixture
def maps(images, tmp_path):
    _, _, _, cases = images
    for start in ("scratch", "smartnet"):
        array = np.random.default_rng(1).random((len(cases), 64, 64)).astype(np.float32)
        for name in ("activation", "gradcam"):
            write_array(array, tmp_path / start / f"{name}.npy")
        write_table(cases.drop(columns="severity"), tmp_path / start / "maps.tsv")
    return {start: tmp_path / start for start in ("scratch", "smartnet")}


@pytest.mark.parametrize(("draw", "twice"), [(draw_activation, True), (draw_gradcam, False)])
def test_panels_outline_the_truth_and_frame_smartnet(drawn, images, maps, draw, twice):
    root, _, slices, _ = images
    image = drawn(draw, maps, root / "cases.tsv", slices, split=root / "split.tsv", twice=twice)
    assert has_colour(image, style.colour("outlines", "truth"))
    assert has_colour(image, style.colour("outlines", "ours"))


def test_many_starts_fit_a_page(drawn, images, maps, tmp_path):
    root, _, slices, cases = images
    write_table(cases.iloc[:1], tmp_path / "cases.tsv")
    write_table(cases.iloc[:1].drop(columns="severity"), maps["smartnet"] / "maps.tsv")
    starts = ["imagenet", "cls", "seg", "rec", "cls-seg", "cls-seg-consistency", "smartnet"]
    folders = dict.fromkeys(starts, maps["smartnet"])
    image = drawn(
        draw_activation, folders, tmp_path / "cases.tsv", slices, split=root / "split.tsv", twice=False
    )
    # The slanted names end inside the page: nothing dark touches its edges.
    assert (image[:4] > 200).all()
    assert (image[:, -4:] > 60).any(axis=2).all()


def test_maps_of_other_cases_are_refused(images, maps, tmp_path):
    root, _, slices, cases = images
    write_table(cases.iloc[::-1].drop(columns="severity"), maps["scratch"] / "maps.tsv")
    with pytest.raises(DataError, match="maps are of other cases"):
        draw_activation(
            maps,
            root / "cases.tsv",
            slices,
            split=root / "split.tsv",
            output_pdf=tmp_path / "x.pdf",
            output_png=tmp_path / "x.png",
        )


def test_segmentation_outlines_truth_and_predictions(drawn, images):
    root, volumes, _, _ = images
    folders = [root / "masks" / name for name in ("internal", "public")]
    masks = {"scratch_conv3d": folders, "smartnet_conv3d": folders, "cls-seg_conv3d": [root / "nowhere"]}
    image = drawn(draw_segmentation, masks, root / "cases.tsv", volumes)
    for name in ("truth", "ours", "prediction"):
        assert has_colour(image, style.colour("outlines", name))


def test_a_mask_of_another_shape_is_refused(images, tmp_path):
    root, volumes, _, cases = images
    write_nifti(np.zeros((3, 4, 5), np.uint8), np.eye(4), tmp_path / f"{cases['case'][0]}.nii.gz")
    with pytest.raises(DataError, match=r"mask of shape \(3, 4, 5\)"):
        draw_segmentation(
            {"m": [tmp_path]},
            root / "cases.tsv",
            volumes,
            output_pdf=tmp_path / "x.pdf",
            output_png=tmp_path / "x.png",
        )


def test_dice():
    truth = np.array([1, 1, 0, 0], bool)
    assert dice(truth, np.array([0, 1, 1, 0], bool)) == 0.5
    assert np.isnan(dice(~truth & truth, ~truth & truth))


def test_montage(drawn, images):
    _, volumes, _, _ = images
    assert has_colour(drawn(draw_montage, volumes, columns=5), style.colour("outlines", "ours"))


def test_montage_shows_each_kind_once_and_a_scan_without(images):
    _, volumes, _, _ = images
    chosen = montage_cases(volumes)
    assert list(chosen["shown"]) == ["IPH", "SDH", ""]
    assert chosen["dataset"].nunique() == 2


def test_montage_holds_the_largest_lesion_slice(images):
    _, volumes, _, _ = images
    volume, _ = read_nifti(volumes[0] / "cinternal0.nii.gz")
    mask = np.zeros(volume.shape, np.uint8)
    mask[5, 30:34, 30:34] = 1
    chosen = montage_slices(volume, mask, 4)
    assert 5 in chosen
    assert chosen == sorted(chosen)


def test_crop_is_a_square_around_the_skull_without_the_table():
    volume = np.full((4, 100, 120), -1000, np.int16)
    volume[:, 20:60, 30:60] = 800
    volume[:, 90:95, :] = 100
    rows, columns = crop_box(volume)
    assert rows.stop - rows.start == columns.stop - columns.start
    assert rows.start <= 20
    assert 60 <= rows.stop < 90


def test_datasets(drawn, images):
    _, volumes, _, _ = images
    drawn(draw_datasets, [folder / "cases.tsv" for folder in volumes])


def segmenters(evaluated):
    return [item for item in evaluated[0] if item["task"] == "segmentation"]


def test_agreement_draws_every_segmenter_and_survives_a_set_without_hemorrhage(drawn, evaluated):
    items = segmenters(evaluated)
    image = drawn(draw_agreement, items)
    for colour in style.colours(["smartnet", "scratch"]).values():
        assert has_colour(image, colour)
    drawn(draw_agreement, [item for item in items if item["dataset"] != "internal"], twice=False)


def test_agreement_of_many_starts_fits_a_page(drawn, evaluated):
    first = segmenters(evaluated)[0]
    image = drawn(draw_agreement, [first | {"model": f"{start}_conv3d"} for start in STARTS], twice=False)
    assert (image[:, -4:] > 200).all()


def test_lesions_draws_every_segmenter(drawn, evaluated):
    models = ["scratch_conv3d", "smartnet_conv3d"]
    image = drawn(draw_lesions, evaluated[1], models)
    for colour in style.colours(models).values():
        assert has_colour(image, colour)


def test_several_seeds_of_lesions_are_their_range(drawn, evaluated, tmp_path):
    table = read_metrics(evaluated[1])
    second = table.assign(seed=2, value=table["value"].clip(upper=0.6) - 0.1)
    write_table(pd.concat([table, second]), tmp_path / "metrics.csv")
    drawn(draw_lesions, tmp_path / "metrics.csv", ["scratch_conv3d", "smartnet_conv3d"], twice=False)


def test_lesions_need_to_be_measured(evaluated, tmp_path):
    table = read_metrics(evaluated[1])
    write_table(table[~table["metric"].str.startswith("lesion")], tmp_path / "metrics.csv")
    with pytest.raises(DataError, match=r"no 'lesion SEN@\.\.\.' in it; measure the masks"):
        draw_lesions(
            tmp_path / "metrics.csv",
            ["smartnet_conv3d"],
            output_pdf=tmp_path / "x.pdf",
            output_png=tmp_path / "x.png",
        )


def test_names():
    assert display_name("smartnet_bilstm") == "SMART-Net"
    assert display_name("cls-seg-rec_conv3d") == "CLS+SEG+REC"
    assert display_name("smartnet_gru") == "SMART-Net (GRU)"
    assert display_name("threshold-50hu_segmentation") == "50-HU threshold"
    assert display_name("new_method") == "new_method"
    assert bin_label(">=5mL") == "\N{GREATER-THAN OR EQUAL TO} 5 mL"
    assert sort_models(["cls_max", "cls_bilstm", "cls_gru"]) == ["cls_bilstm", "cls_gru", "cls_max"]
    models = ["smartnet_bilstm", "cls_bilstm", "scratch_bilstm", "threshold-50hu_classification", "other"]
    assert sort_models(models) == [models[3], models[4], models[2], models[1], models[0]]
    assert sort_datasets(["zeta", "public", "internal"]) == ["internal", "public", "zeta"]


def test_colours_of_a_start_are_the_same_in_every_figure():
    assert (
        style.colours(["smartnet"])["smartnet"]
        == style.colours(["cls_bilstm", "smartnet_bilstm"])["smartnet_bilstm"]
    )
    every = list(STARTS)
    assert len(set(style.colours(every).values())) == len(every)


def test_figures_import_neither_torch_nor_training():
    names = sorted(path.stem for path in (Path(smartnet.__file__).parent / "figures").glob("[a-z]*.py"))
    code = "; ".join(f"import smartnet.figures.{name}" for name in names)
    code += (
        "; import sys; print([m for m in ('torch', 'lightning', 'smartnet.training') if m in sys.modules])"
    )
    folder = Path(smartnet.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.strip() == "[]"
