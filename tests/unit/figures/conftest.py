import hashlib

import cv2
import numpy as np
import pandas as pd
import pytest

from smartnet.files import write_array, write_json, write_nifti, write_table

KINDS = ("EDH", "IPH", "IVH", "SAH", "SDH")
REFERENCES = {"classification": "smartnet_bilstm", "segmentation": "smartnet_conv3d"}
DEPTH, SIDE = 9, 64


@pytest.fixture(autouse=True, scope="session")
def single_thread():
    cv2.setNumThreads(1)


@pytest.fixture
def drawn(tmp_path):
    """Draw twice: the bytes must be equal, the PDF hold TrueType fonts only, the PNG show something."""

    def _drawn(draw, *arguments, twice=True, **options):
        sums = []
        for run in ("a", "b")[: 1 + twice]:
            pdf, png = tmp_path / f"{run}.pdf", tmp_path / f"{run}.png"
            draw(*arguments, output_pdf=pdf, output_png=png, **options)
            sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in (pdf, png)])
        assert sums[0] == sums[-1]
        content = (tmp_path / "a.pdf").read_bytes()
        assert b"/Type3" not in content
        assert b"CreationDate" not in content
        image = cv2.imread(str(tmp_path / "a.png"))
        dark = (image < 128).any(axis=2)
        assert dark.mean() > 0.005
        assert not dark[:2].all(axis=1).any()
        assert 900 < image.shape[1] <= 2130  # at 300 dpi: up to two columns of a page
        return image

    return _drawn


def head():
    """A ball of brain in a shell of bone with one lesion; HU (D, H, W) and labels."""
    z, y, x = np.meshgrid(
        np.linspace(-1, 1, DEPTH), np.linspace(-1.2, 1.2, SIDE), np.linspace(-1.2, 1.2, SIDE), indexing="ij"
    )
    radius = np.sqrt(z**2 + y**2 + x**2)
    volume = np.where(radius < 0.85, 35, np.where(radius < 1, 900, -1000)).astype(np.int16)
    lesion = (np.sqrt((2 * z) ** 2 + (y - 0.3) ** 2 + (x + 0.3) ** 2) < 0.25).astype(np.uint8)
    volume[lesion > 0] = 65
    return volume, lesion


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """Volumes, slices, predicted masks, maps and chosen cases of two test sets, in the documented format."""
    root = tmp_path_factory.mktemp("images")
    split, chosen, volumes, slices = [], [], [], []
    affine = np.diag([0.5, 0.5, 5.0, 1.0])
    for dataset in ("internal", "public"):
        rows = []
        for number, kind in enumerate(("IPH", "SDH", None)):
            case = f"c{dataset}{number}"
            volume, lesion = head()
            lesion = lesion * (kind is not None) * (1 + KINDS.index(kind or "EDH"))
            write_nifti(volume, affine, root / "volumes" / dataset / f"{case}.nii.gz")
            write_nifti(lesion.astype(np.uint8), affine, root / "volumes" / dataset / f"{case}_mask.nii.gz")
            shifted = np.roll(lesion > 0, 2, axis=1).astype(np.uint8)
            write_nifti(shifted, affine, root / "masks" / dataset / f"{case}.nii.gz")
            kinds = {name: int(name == kind) for name in KINDS}
            row = {
                "case": case,
                "patient": f"p{case}",
                "dataset": dataset,
                "verdict": "accepted",
                "slices": DEPTH,
            }
            row |= {
                "slice_thickness_mm": 5.0,
                "tilt_deg": 0.0,
                "manufacturer": "R&D 100%",
                "hemorrhage": kind and 1,
            }
            row["hemorrhage"] = int(kind is not None)
            rows.append(
                row | kinds | {"mask": "reference" if kind else "empty", "lesion_ml": lesion.sum() / 100}
            )
            split.append({"case": case, "patient": f"p{case}", "dataset": dataset, "split": "test"})
            if kind:
                severity = "severe" if kind == "IPH" else "mild"
                chosen.append((case, dataset, DEPTH // 2, 12.5, severity))
        rejected = dict.fromkeys(rows[0]) | {
            "case": f"c{dataset}9",
            "dataset": dataset,
            "verdict": "rejected",
        }
        write_table(pd.DataFrame([*rows, rejected]), root / "volumes" / dataset / "cases.tsv")
        _write_slices(root / "slices" / dataset, rows)
        volumes.append(root / "volumes" / dataset)
        slices.append(root / "slices" / dataset)
    write_table(pd.DataFrame(split), root / "split.tsv")
    table = pd.DataFrame(chosen, columns=["case", "dataset", "z", "lesion_ml", "severity"])
    write_table(table, root / "cases.tsv")
    return root, volumes, slices, table


def _write_slices(folder, cases):
    volume, lesion = head()
    window = np.clip(volume / 80 * 255, 0, 255).astype(np.uint8)
    rows = [
        {
            "row": DEPTH * number + z,
            "case": case["case"],
            "patient": case["patient"],
            "dataset": case["dataset"],
            "z": z,
            "hemorrhage": int(lesion[z].any()) * case["hemorrhage"],
            "lesion_px": int(lesion[z].sum()) * case["hemorrhage"],
        }
        for number, case in enumerate(cases)
        for z in range(DEPTH)
    ]
    write_table(pd.DataFrame(rows), folder / "slices.tsv")
    table = pd.DataFrame([case | {"first": DEPTH * n, "count": DEPTH} for n, case in enumerate(cases)])
    write_table(table.drop(columns="verdict"), folder / "cases.tsv")
    write_array(np.concatenate([window] * len(cases)), folder / "images.npy")
    masks = [lesion * case["hemorrhage"] for case in cases]
    write_array(np.concatenate(masks).astype(np.uint8), folder / "masks.npy")


@pytest.fixture(scope="session")
def evaluated(tmp_path_factory):
    """Predictions of three classifiers and two segmenters on two test sets, one of one class.

    Beside ``metrics.csv`` lies ``comparisons.csv``, against SMART-Net.
    """
    from smartnet.metrics.comparisons import compare
    from smartnet.metrics.evaluate import evaluate

    root = tmp_path_factory.mktemp("evaluated")
    generator = np.random.default_rng(0)
    items, cases = [], []
    for dataset, bleeding in (("internal", 15), ("site_a&b", 0)):
        truth = np.array([1] * bleeding + [0] * 20)
        names = [f"c{dataset[0]}{number}" for number in range(len(truth))]
        cases += [scan(name, dataset, truth[number], number) for number, name in enumerate(names)]
        keys = {"case": names, "patient": names, "dataset": dataset, "truth": truth}
        for model, strength in (
            ("threshold-50hu_classification", 0.5),
            ("new_method", 1.0),
            ("smartnet_bilstm", 3.0),
        ):
            logit = generator.normal(size=len(truth)) + strength * truth
            table = pd.DataFrame(keys | {"logit": logit, "probability": 1 / (1 + np.exp(-logit))})
            items.append(_item(root, model, "classification", dataset, table))
        for model in ("scratch_conv3d", "smartnet_conv3d"):
            ml = truth * generator.lognormal(2, 1, len(truth))
            numbers = {"truth_ml": ml, "predicted_ml": ml + 1, "overlap_ml": ml / 2}
            numbers |= {"predicted_half_ml": ml, "overlap_half_ml": ml / 3}
            table = pd.DataFrame(keys | numbers)
            items.append(
                _item(root, model, "segmentation", dataset, table) | _measured(root, model, dataset, table)
            )
    write_table(pd.DataFrame(cases), root / "cases.tsv")
    settings = {"replicates": 50, "prevalence": [0.15, 0.06], "lesion_bins_ml": [5, 20]}
    options = {"settings": settings, "seed": 1}
    evaluate(items, [root / "cases.tsv"], output=root / "metrics.csv", **options)
    compare(items, REFERENCES, output=root / "comparisons.csv", **options)
    return items, root / "metrics.csv"


def scan(case, dataset, bleeds, number):
    """A row of ``cases.tsv``: kinds, volumes, thickness and tilt in turn."""
    kinds = {kind: int(bleeds and number % 5 == place) for place, kind in enumerate(KINDS)}
    row = {
        "case": case,
        "patient": case,
        "dataset": dataset,
        "verdict": "accepted",
        "hemorrhage": int(bleeds),
    }
    row |= kinds | {"mask": "reference" if bleeds else "empty", "lesion_ml": number + 1.0 if bleeds else 0.0}
    row |= {"tilt_deg": 12.0 * (number % 2), "slice_thickness_mm": 2.0 if number % 3 else 5.0}
    return row | {"manufacturer": "R&D 100%"}


def _measured(root, model, dataset, table):
    """Measures of the masks and one lesion for each scan with hemorrhage, every second found."""
    bleeding = table["truth"] == 1
    known = {"surface_dice": 0.5, "hd95_mm": 12.0, "missed_ml": table["truth_ml"] / 2}
    columns = {name: np.where(bleeding, value, np.nan) for name, value in known.items()}
    measures = table[["case"]].assign(**columns, components=1, false_components=1)
    lesions = pd.DataFrame({"case": table["case"], "lesion": 1, "volume_ml": table["truth_ml"]})[bleeding]
    lesions = lesions.assign(overlap_ml=0.0, found=np.arange(len(lesions)) % 2)
    paths = {name: root / model / f"{dataset}_{name}.csv" for name in ("measures", "lesions")}
    write_table(measures, paths["measures"])
    write_table(lesions, paths["lesions"])
    return paths


def _item(root, model, task, dataset, table):
    path, threshold = root / model / f"{dataset}.csv", root / model / "threshold.json"
    write_table(table, path)
    write_json({"threshold": 0.6, "temperature": 1.5}, threshold)
    return {
        "model": model,
        "task": task,
        "seed": 1,
        "dataset": dataset,
        "table": path,
        "threshold": threshold,
    }


@pytest.fixture(scope="session")
def measured_features(tmp_path_factory):
    """The table of metrics of the features of two starts, two seeds and two test sets."""
    from smartnet.metrics.features import feature_items
    from smartnet.metrics.tidy import tidy

    root = tmp_path_factory.mktemp("features")
    items = []
    for number, (model, seed) in enumerate((m, s) for m in ("scratch", "smartnet") for s in (1, 2)):
        generator = np.random.default_rng(number)
        truth = np.arange(80) % 2
        columns = {
            "case": "c",
            "patient": [f"p{n // 4}" for n in range(80)],
            "dataset": ["internal"] * 40 + ["public"] * 40,
            "hemorrhage": truth,
            "same_class": generator.random(80),
            "same_dataset": generator.random(80),
            "probe": generator.normal(size=80) + truth,
            "probe_transfer": generator.normal(size=80) + truth,
            "dataset_found": generator.integers(0, 2, 80),
        }
        path = root / f"{model}-{seed}.tsv"
        write_table(pd.DataFrame(columns), path)
        items.append({"model": model, "seed": seed, "table": path})
    write_table(tidy(feature_items(items, settings={"replicates": 20}, seed=1)), root / "metrics.csv")
    return root / "metrics.csv"
