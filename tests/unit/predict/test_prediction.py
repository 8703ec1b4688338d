import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from smartnet.errors import ConfigError, DataError, ModelError
from smartnet.files import read_nifti, read_table, write_array, write_json, write_nifti, write_table
from smartnet.networks import build, load_model, min_max, save_model
from smartnet.predict.baseline import (
    bright_inside_skull,
    inside_skull,
    predict_threshold,
    validate_threshold,
)
from smartnet.predict.classification import predict_classification
from smartnet.predict.scans import write_answers
from smartnet.predict.segmentation import place, predict_segmentation
from smartnet.slices.build import CASE_COLUMNS
from smartnet.slices.preprocess import Crop, cut, overlap
from smartnet.validation import DSC_COLUMNS, read_validation

SHAPE, SPACING = (6, 64, 64), (5.0, 2.0, 2.0)
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
AFFINE[:3, 3] = (-60, -70, 10)
VOXEL_ML = 0.02


def _head(lesion_hu):
    """Air, a ring of bone, brain, a bright table outside, and a lesion of 8 x 8 pixels in two slices."""
    y, x = np.mgrid[:64, :64]
    radius = np.hypot(y - 31.5, x - 31.5)
    plane = np.where(radius < 24, 35, -1000)
    plane = np.where((radius >= 24) & (radius < 27), 900, plane)
    plane[62:] = 60
    volume = np.repeat(plane[None], SHAPE[0], 0).astype(np.int16)
    mask = np.zeros(SHAPE, np.uint8)
    if lesion_hu:
        mask[2:4, 20:28, 20:28] = 1
        volume[mask > 0] = lesion_hu
    return volume, mask


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root: Path = tmp_path_factory.mktemp("study")
    lesions = [70, 0, 60, 0, 70, 0, 70, 0]
    split, cases, slice_cases, slices, images = [], [], [], [], []
    for i, hu in enumerate(lesions):
        volume, mask = _head(hu)
        names = {"case": f"c{i}", "patient": f"p{i}", "dataset": "dev" if i < 4 else "internal"}
        kind = "none" if i == 6 else "reference" if hu else "empty"
        write_nifti(volume, AFFINE, root / f"volumes/c{i}.nii.gz")
        write_json({"spacing_mm": SPACING, "shape": SHAPE}, root / f"volumes/c{i}.json")
        if kind != "none":
            write_nifti(mask, AFFINE, root / f"volumes/c{i}_mask.nii.gz")
        cases.append({**names, "verdict": "accepted", "reason": "", "hemorrhage": int(hu > 0), "mask": kind})
        split.append({**names, "split": "valid" if i < 4 else "test"})
        slice_cases.append({**names, "first": i * 5, "count": 5, "hemorrhage": int(hu > 0), "mask": kind})
        # the first slice of the volume was dropped as empty
        slices += [
            {"row": i * 5 + k, **names, "z": k + 1, "hemorrhage": "", "lesion_px": 0} for k in range(5)
        ]
        images.append(np.clip(volume[1:, ::2, ::2] * 255.0 / 80, 0, 255).astype(np.uint8))
    cases.append({"case": "c9", "patient": "p9", "dataset": "dev", "verdict": "rejected", "reason": "no"})
    write_table(pd.DataFrame(cases).astype({"hemorrhage": "Int64"}), root / "volumes/cases.tsv")
    write_table(pd.DataFrame(split), root / "split.tsv")
    write_table(pd.DataFrame(slice_cases).reindex(columns=CASE_COLUMNS), root / "slices/cases.tsv")
    write_table(pd.DataFrame(slices), root / "slices/slices.tsv")
    write_array(np.concatenate(images), root / "slices/images.npy")
    write_array(np.zeros((40, 32, 32), np.uint8), root / "slices/masks.npy")
    models = {}
    for network, operator in (("classifier", "bilstm"), ("segmenter", "conv3d")):
        torch.manual_seed(3)
        models[network] = root / network
        architecture = {"network": network, "operator": operator, "depth": 18, "width": 0.0625}
        save_model(build(architecture), models[network])
        write_json({"threshold": 0.45}, models[network] / "threshold.json")
    return SimpleNamespace(
        root=root, volumes=[root / "volumes"], slices=[root / "slices"], split=root / "split.tsv", **models
    )


COMMON = {"dataset": "internal", "gpu": 0, "threads": 1}


def test_classification_is_the_network_on_every_scan(study, tmp_path):
    predict_classification(study.classifier, study.slices, study.split, output=tmp_path / "a.csv", **COMMON)
    table = read_table(tmp_path / "a.csv")
    assert list(table.columns) == ["case", "patient", "dataset", "truth", "logit", "probability"]
    assert list(table.case) == ["c4", "c5", "c6", "c7"] and list(table.truth) == [1, 0, 1, 0]
    assert np.allclose(1 / (1 + np.exp(-table.logit)), table.probability, atol=2e-6)
    images = np.load(study.slices[0] / "images.npy")[25:30]
    with torch.inference_mode():
        volume = min_max(torch.from_numpy(images)[:, None]).transpose(0, 1)[None]
        logit = load_model(study.classifier)(volume, torch.tensor([5]))
    assert table.logit[1] == pytest.approx(logit.item(), abs=2e-6)
    predict_classification(study.classifier, study.slices, study.split, output=tmp_path / "b.csv", **COMMON)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_confident_answers_stay_on_their_side_of_the_operating_point(tmp_path):
    """0.99999985 is called positive at a threshold of 0.9999999 if it is rounded to six decimals."""
    names = {"case": "c", "patient": "p", "dataset": "internal", "truth": 0}
    numbers = [0.99999985, 2.5e-8, 0.0, 0.5]
    write_answers(
        [{**names, "logit": 1 / 3, "probability": number} for number in numbers], tmp_path / "a.csv"
    )
    table = read_table(tmp_path / "a.csv")
    assert table["probability"].tolist() == pytest.approx(numbers, rel=1e-14, abs=0)
    assert list(table["probability"] >= 0.9999999) == [False] * 4
    assert table["logit"][0] == pytest.approx(1 / 3, rel=1e-14)


def test_segmentation_measures_the_masks_it_writes(study, tmp_path):
    folder = tmp_path / "masks"
    options = {"output": tmp_path / "a.csv", "masks": folder, **COMMON}
    predict_segmentation(study.segmenter, study.slices, study.volumes, study.split, **options)
    table = read_table(tmp_path / "a.csv").set_index("case")
    assert table.truth_ml["c4"] == pytest.approx(128 * VOXEL_ML) and table.truth_ml["c5"] == 0
    assert np.isnan(table.truth_ml["c6"]) and table.overlap_ml["c6"] == 0
    for case in table.index:
        mask, affine = read_nifti(folder / f"{case}.nii.gz")
        assert mask.shape == SHAPE and mask.dtype == np.uint8 and np.allclose(affine, AFFINE)
        assert not mask[0].any()
        assert table.predicted_ml[case] == pytest.approx(mask.sum() * VOXEL_ML, abs=1e-6)
    truth, _ = read_nifti(study.volumes[0] / "c4_mask.nii.gz")
    mask, _ = read_nifti(folder / "c4.nii.gz")
    assert table.overlap_ml["c4"] == pytest.approx((mask & truth).sum() * VOXEL_ML, abs=1e-6)
    assert (table.predicted_half_ml <= table.predicted_ml).all()


def test_wrong_model_missing_volume_and_other_grid(study, tmp_path):
    options = {"output": tmp_path / "a.csv", **COMMON}
    with pytest.raises(ModelError, match="holds a segmenter, but a classifier is needed"):
        predict_classification(study.segmenter, study.slices, study.split, **options)
    options["masks"] = tmp_path / "masks"
    with pytest.raises(DataError, match="case c4 has slices but no volume"):
        predict_segmentation(study.segmenter, study.slices, [tmp_path], study.split, **options)
    for name in ("c4.nii.gz", "c4.json"):
        (tmp_path / name).write_bytes((study.volumes[0] / name).read_bytes())
    write_nifti(np.zeros((5, 64, 64), np.uint8), AFFINE, tmp_path / "c4_mask.nii.gz")
    with pytest.raises(DataError, match=r"case c4: mask \(5, 64, 64\) is not on the grid of its scan"):
        predict_segmentation(study.segmenter, study.slices, [tmp_path], study.split, **options)


def test_place_puts_a_slice_where_it_belongs():
    logits = torch.full((2, 1, 16, 16), -9.0)
    logits[0, 0, 4:8, 8:12] = 9.0
    at_half, low = place(logits, np.array([3, 4]), (6, 32, 32), thresholds=(0.5, 0.2))
    want = np.zeros((6, 32, 32), bool)
    want[3, 8:16, 16:24] = True
    assert np.array_equal(at_half, want) and (low >= at_half).all() and low.sum() > at_half.sum()


@pytest.mark.parametrize("crop", [Crop(4, 10, 16, 16), Crop(-3, 20, 16, 16), Crop(2, 18, 24, 12)])
def test_place_puts_a_cut_back(crop):
    mask = np.zeros((3, 32, 32), np.float32)
    mask[1, 6:12, 22:28] = 1
    logits = torch.from_numpy(cut(mask, crop)[1:2, None] * 18 - 9)
    (placed,) = place(logits, np.array([1]), mask.shape, thresholds=(0.5,), crop=crop)
    image, _ = overlap(crop, mask.shape[1:])
    want = np.zeros_like(mask)
    want[:, *image] = mask[:, *image]
    assert np.array_equal(placed, want > 0) and placed.any()


def test_inside_of_the_skull():
    volume, _ = _head(70)
    inside = inside_skull(volume)
    y, x = np.mgrid[:64, :64]
    radius = np.hypot(y - 31.5, x - 31.5)
    assert inside[:, radius < 21].all() and not inside[:, radius > 23.5].any()
    volume[:, 31:33, 40:] = 35  # a gap in the bone of two pixels is bridged
    assert inside_skull(volume)[:, radius < 20].all()
    assert not inside_skull(np.full(SHAPE, 40, np.int16)).any()


def test_baseline_by_hand(study, tmp_path):
    volume, mask = _head(70)
    assert np.array_equal(bright_inside_skull(volume, threshold_hu=50), mask > 0)
    volume[mask > 0] = 100
    assert not bright_inside_skull(volume, threshold_hu=50).any()
    options = {"dataset": "internal", "threshold_hu": 50, "masks": tmp_path / "masks"}
    predict_threshold(study.volumes, study.split, task="segmentation", output=tmp_path / "s.csv", **options)
    table = read_table(tmp_path / "s.csv").set_index("case")
    assert table.overlap_ml["c4"] == table.predicted_half_ml["c4"] == pytest.approx(2.56)
    assert table.predicted_ml["c5"] == 0 and np.isnan(table.truth_ml["c6"])
    assert np.array_equal(read_nifti(tmp_path / "masks/c4.nii.gz")[0], mask)
    predict_threshold(study.volumes, study.split, task="classification", output=tmp_path / "c.csv", **options)
    table = read_table(tmp_path / "c.csv").set_index("case")
    assert table.probability["c4"] == pytest.approx(2.56 / 12.56, abs=1e-6) and table.probability["c5"] == 0
    assert table.logit["c4"] == pytest.approx(np.log(0.2561), abs=1e-6)


def test_baseline_on_validation_scans(study, tmp_path):
    fit = {
        "volumes": study.volumes,
        "split": study.split,
        "threshold_hu": 50,
        "output": tmp_path / "v.csv",
    }
    validate_threshold(task="classification", **fit)
    task, table = read_validation(tmp_path / "v.csv")
    assert task == "classification"
    assert list(table["case"]) == ["c0", "c1", "c2", "c3"] and list(table["truth"]) == [1, 0, 1, 0]
    assert table["probability"].tolist() == pytest.approx([2.56 / 12.56, 0, 2.56 / 12.56, 0])
    validate_threshold(task="segmentation", **fit)
    task, table = read_validation(tmp_path / "v.csv")
    assert task == "segmentation"
    assert (table.loc[[0, 2], DSC_COLUMNS] == 1).all(axis=None)  # the mask is the reference, at any threshold
    assert table.loc[[1, 3], DSC_COLUMNS].isna().all(axis=None)
    with pytest.raises(ConfigError, match="task 'x'"):
        validate_threshold(task="x", **fit)
    with pytest.raises(DataError, match="no accepted test case of other"):
        predict_threshold(
            study.volumes,
            study.split,
            dataset="other",
            threshold_hu=50,
            task="segmentation",
            output=tmp_path / "x.csv",
            masks=tmp_path / "m",
        )


def test_baseline_needs_no_torch():
    code = "import sys; import smartnet.predict.baseline; sys.exit('torch' in sys.modules)"
    scripts = Path(__file__).parents[3] / "scripts"
    assert subprocess.run([sys.executable, "-c", code], cwd=scripts, check=False).returncode == 0
