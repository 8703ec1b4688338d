import numpy as np
import pandas as pd
from support import has_colour

from smartnet.figures import style
from smartnet.figures.failures import draw_failures, missed_and_alarms, poor_and_false, shown_slice
from smartnet.files import write_json, write_table


def predictions():
    cases = [f"cinternal{n}" for n in range(3)] + [f"cpublic{n}" for n in range(3)]
    keys = {"case": cases, "patient": cases, "dataset": ["internal"] * 3 + ["public"] * 3}
    truth = {"truth": [1, 1, 0, 1, 1, 0]}
    logit = np.array([-2.0, 1.0, 0.5, -3.0, 2.0, -1.0])
    classified = pd.DataFrame(keys | truth | {"logit": logit, "probability": 1 / (1 + np.exp(-logit))})
    volumes = {
        "truth_ml": [10, 4, 0, 2, np.nan, 0],
        "predicted_ml": [10, 4, 3, 6, 1, 0],
        "overlap_ml": [5, 4, 0, 1, 0, 0],
    }
    return classified, pd.DataFrame(keys | truth | volumes)


def test_failures_are_ranked_worst_first():
    classified, segmented = predictions()
    missed, alarms = missed_and_alarms(classified, 0.5)
    poor, false = poor_and_false(segmented)
    assert list(missed.cases["case"]) == ["cpublic0", "cinternal0"]
    assert missed.name == "Missed\n2 of 4 scans"
    assert list(missed.cases["text"]) == ["p = 0.05", "p = 0.12"]
    assert list(alarms.cases["case"]) == ["cinternal2"]
    assert list(poor.cases["case"]) == ["cpublic0", "cinternal0", "cinternal1"]
    assert list(poor.cases["text"]) == ["DSC 0.25", "DSC 0.50", "DSC 1.00"]
    assert list(false.cases["case"]) == ["cinternal2"]
    assert false.name == "False volume\n1 of 2 scans"


def test_equal_failures_are_in_the_order_of_their_names():
    classified, _ = predictions()
    shuffled = missed_and_alarms(classified.iloc[::-1].assign(logit=0.0, probability=0.1), 0.5)[0]
    assert list(shuffled.cases["case"]) == sorted(shuffled.cases["case"])


def test_the_slice_shows_the_reference_before_the_prediction():
    empty, truth, called = np.zeros((3, 5, 4, 4), bool)
    called[1] = True
    assert shown_slice(empty, empty) == 2
    assert shown_slice(empty, called) == 1
    truth[3, 0, 0] = True
    assert shown_slice(truth, called) == 3


def test_failures_figure(drawn, images, tmp_path):
    root, volumes, _, _ = images
    tables = dict(zip(("classification", "segmentation"), predictions(), strict=True))
    runs = []
    for dataset in ("internal", "public"):
        for task, table in tables.items():
            path = (root / "masks" if task == "segmentation" else tmp_path) / f"{dataset}.csv"
            write_table(table[table["dataset"] == dataset], path)
            write_json({"threshold": 0.01}, tmp_path / "threshold.json")
            runs.append({"task": task, "table": path, "threshold": tmp_path / "threshold.json"})
    image = drawn(draw_failures, runs, volumes)
    for kind in ("truth", "ours"):
        assert has_colour(image, style.colour("outlines", kind), least=21)
