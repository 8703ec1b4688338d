import numpy as np
import pandas as pd
import pytest
from test_figures import has_colour

from smartnet.errors import DataError
from smartnet.explain.randomised import STEPS as CASCADE
from smartnet.figures import overlay, style
from smartnet.figures.localisation import MAPS, table_localisation
from smartnet.figures.profile import draw_profile, strip_slices
from smartnet.figures.randomisation import STEPS, draw_randomisation, mean_curves
from smartnet.figures.volumetric import cuts_through, draw_volumetric
from smartnet.files import read_nifti, read_table, write_nifti, write_table
from smartnet.metrics import explanation
from smartnet.metrics.tidy import tidy


@pytest.fixture
def maps(images, tmp_path):
    """Maps of the chosen cases: the lesion and, weaker, the slice above it."""
    _, volumes, _, cases = images
    profiles = []
    for row in cases.itertuples():
        folder = next(folder for folder in volumes if folder.name == row.dataset)
        mask, affine = read_nifti(folder / f"{row.case}_mask.nii.gz")
        evidence = np.maximum(255 * (mask > 0), 120 * np.roll(mask > 0, 1, axis=0)).astype(np.uint8)
        for name in ("gradcam", "segcam"):
            write_nifti(evidence, affine, tmp_path / "volumes" / f"{row.case}_{name}.nii.gz")
        sums = evidence.sum(axis=(1, 2), dtype=float)
        columns = {"case": row.case, "dataset": row.dataset, "z": range(len(mask))}
        columns |= {"evidence": sums / sums.max(), "lesion_mm2": (mask > 0).sum(axis=(1, 2)) / 4}
        profiles.append(pd.DataFrame(columns))
        answers = pd.DataFrame({"case": [row.case], "probability": 0.5})
        write_table(answers, tmp_path / f"{row.case}.csv")
    write_table(pd.concat(profiles), tmp_path / "profile.csv")
    return tmp_path, [tmp_path / f"{case}.csv" for case in cases["case"]]


def test_profile_shows_evidence_beside_the_lesion(drawn, images, maps):
    root, volumes, _, _ = images
    image = drawn(draw_profile, maps[0], root / "cases.tsv", volumes, maps[1], start="smartnet")
    assert has_colour(image, style.colours(["smartnet"])["smartnet"])
    assert has_colour(image, style.colour("outlines", "truth"))


def test_a_case_without_profile_or_map_is_refused(images, maps, tmp_path):
    root, volumes, _, cases = images
    files = {"output_pdf": tmp_path / "x.pdf", "output_png": tmp_path / "x.png"}
    first = cases["case"].iloc[0]
    (tmp_path / "volumes" / f"{first}_gradcam.nii.gz").unlink()
    with pytest.raises(DataError, match=f"no gradcam map of case {first}; compute the maps again"):
        draw_profile(tmp_path, root / "cases.tsv", volumes, maps[1], start="smartnet", **files)
    profile = read_table(tmp_path / "profile.csv")
    write_table(profile[profile["case"] != first], tmp_path / "profile.csv")
    with pytest.raises(DataError, match=f"no profile of case {first}; compute the maps again"):
        draw_profile(tmp_path, root / "cases.tsv", volumes, maps[1], start="smartnet", **files)


def test_the_strip_holds_the_leading_slices():
    profile = pd.DataFrame({"z": range(3, 33), "evidence": 0.0, "lesion_mm2": 0.0})
    profile.loc[11, "evidence"], profile.loc[12, "lesion_mm2"] = 1, 5
    shown = strip_slices(profile, count=6)
    assert len(set(shown)) == 6 and shown == sorted(shown)
    assert {14, 15} <= set(shown)
    assert strip_slices(profile.iloc[:4], count=6) == [3, 4, 5, 6]


@pytest.mark.parametrize("count", [1, 4])
def test_volumetric_outlines_truth_and_prediction(drawn, images, maps, tmp_path, count):
    root, volumes, _, cases = images
    write_table(cases.iloc[:count], tmp_path / "cases.tsv")
    masks = [root / "masks" / name for name in ("internal", "public")]
    image = drawn(draw_volumetric, maps[0], tmp_path / "cases.tsv", volumes, masks, twice=count == 4)
    for name in ("truth", "prediction"):
        assert has_colour(image, style.colour("outlines", name))


def test_cuts_pass_through_the_lesion_in_true_proportions():
    lesion = np.zeros((5, 20, 30), bool)
    lesion[3, 4:7, 11] = lesion[3, 5, 10:14] = True
    axial, coronal, sagittal = cuts_through(lesion, 3)
    assert (axial.index, coronal.index, sagittal.index) == (3, 5, 11)
    assert coronal.of(lesion).shape == (5, 30) and sagittal.of(lesion).shape == (5, 20)
    assert coronal.of(lesion)[3].sum() == 4
    volume = np.where(lesion, 60, 30).astype(np.int16)
    scan = overlay.Scan(volume, lesion, np.zeros_like(lesion, dtype=np.uint8), lesion, (5.0, 1.0, 0.5))
    figure = overlay.sheet(85, 50)
    panel = overlay.place(figure, 5, 5, 40, 30)
    overlay.show(panel, coronal, scan, middle_mm=(12.5, 10, 7.5), size_mm=(30, 0, 20))
    assert panel.images[0].get_extent() == [0, 15.0, 0, 25.0]  # 30 voxels of 0.5 mm, 5 slices of 5 mm
    assert panel.get_xlim() == (-2.5, 17.5) and panel.get_ylim() == (-2.5, 27.5)
    assert panel.get_aspect() == 1


def randomisation(start, path):
    generator = np.random.default_rng(len(start))
    rows = [
        {"case": f"c{case}", "draw": 1, "step": step, "ssim": generator.random(), "spearman": 0.2}
        for case in range(3)
        for step in CASCADE
    ]
    write_table(pd.DataFrame(rows), path)


def test_curves_of_twelve_starts_fit(drawn, tmp_path):
    starts = ["scratch", "models-genesis", "transvw", "cls", "seg", "rec", "cls-seg", "cls-seg-consistency"]
    starts += ["cls-rec", "seg-rec", "cls-seg-rec", "smartnet"]
    for start in starts:
        randomisation(start, tmp_path / f"{start}.csv")
    image = drawn(draw_randomisation, {start: tmp_path / f"{start}.csv" for start in starts})
    for colour in style.colours(starts).values():
        assert has_colour(image, colour)


def test_curves_start_at_one_and_follow_the_cascade(tmp_path):
    assert list(STEPS) == ["trained", *CASCADE]
    randomisation("cls", tmp_path / "cls.csv")
    table = read_table(tmp_path / "cls.csv")
    table.loc[table["case"] == "c0", "spearman"] = np.nan  # an empty map
    curves = mean_curves(table[table["step"] != "operator"], tmp_path / "cls.csv")
    assert list(curves.index) == [step for step in STEPS if step != "operator"]
    assert curves.loc["trained"].tolist() == [1, 1]
    assert curves.loc["head", "spearman"] == pytest.approx(0.2)
    with pytest.raises(DataError, match=r"cls.csv: no case in it; compute the maps again"):
        mean_curves(table.iloc[:0], tmp_path / "cls.csv")


def metrics(path, seeds):
    rows = []
    for seed in seeds:
        for start, shift in (("scratch", 0.0), ("smartnet", 0.2)):
            for number, name in enumerate(explanation.MAPS):
                for metric in explanation.MEASURES:
                    value = 0.1 * number + shift + 0.01 * seed
                    rows.append((start, seed, f"{metric}:{name}", value, value - 0.05, value + 0.05))
            rows.append((start, seed, "lesion-share", 0.02, 0.01, 0.03))
    table = pd.DataFrame(rows, columns=["model", "seed", "metric", "value", "low", "high"])
    fixed = {"task": "explanation", "dataset": "internal", "subgroup": "all", "n_positive": 9}
    write_table(tidy(table.assign(**fixed, n_negative=0, note="").to_dict("records")), path)


def test_localisation_sets_maps_side_by_side(tmp_path):
    assert set(MAPS) == set(explanation.MAPS)
    files = {"output_csv": tmp_path / "t.csv", "output_tex": tmp_path / "t.tex"}
    metrics(tmp_path / "metrics.csv", [1])
    table_localisation(tmp_path / "metrics.csv", ["scratch", "smartnet"], **files)
    table = read_table(tmp_path / "t.csv", dtype=str).set_index(["Measure", "Start"])
    assert list(table.columns) == ["Test set", "Scans", *MAPS.values(), "Lesion's share"]
    assert table.loc[("Energy", "SMART-Net"), "Grad-CAM"] == "0.210 [0.160, 0.260]"
    assert table.loc[("AUPRC", "Scratch"), "Lesion's share"] == "0.020 [0.010, 0.030]"
    assert pd.isna(table.loc[("Pointing", "Scratch"), "Lesion's share"])
    assert r"\addlinespace" in (tmp_path / "t.tex").read_text()


def test_localisation_over_seeds_shows_mean_and_deviation(tmp_path):
    metrics(tmp_path / "metrics.csv", [1, 2, 3])
    files = {"output_csv": tmp_path / "t.csv", "output_tex": tmp_path / "t.tex"}
    table_localisation(tmp_path / "metrics.csv", ["smartnet"], **files)
    table = read_table(tmp_path / "t.csv", dtype=str)
    assert table.loc[0, "Grad-CAM"] == "0.220 \N{PLUS-MINUS SIGN} 0.010"
    assert table.loc[0, "Start (3 seeds)"] == "SMART-Net"
    with pytest.raises(DataError, match="no row of task explanation; measure the localisation first"):
        table_localisation(tmp_path / "metrics.csv", ["cls"], **files)
