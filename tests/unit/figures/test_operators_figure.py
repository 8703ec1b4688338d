import numpy as np
import pandas as pd
import pytest
from support import has_colour

from smartnet.errors import DataError
from smartnet.figures import style
from smartnet.figures.operators import draw_operators
from smartnet.files import write_table
from smartnet.metrics.tidy import COLUMNS


def metrics(path, *, starts=("smartnet",), seeds=(1, 2, 3), datasets=("internal", "public")):
    generator = np.random.default_rng(0)
    operators = {
        "classification": ["bilstm", "gru", "transformer", "mean", "max"],
        "segmentation": ["conv3d", "none", "vit3d"],
    }
    rows = []
    for task, names in operators.items():
        for model in (f"{start}_{name}" for start in starts for name in names):
            for seed in seeds:
                for dataset in datasets:
                    value = generator.uniform(0.6, 0.9)
                    metric = {"classification": "AUC", "segmentation": "DSC"}[task]
                    row = [
                        model,
                        task,
                        seed,
                        dataset,
                        "all",
                        metric,
                        value,
                        value - 0.05,
                        value + 0.05,
                        9,
                        9,
                        "",
                    ]
                    rows.append(row)
    write_table(pd.DataFrame(rows, columns=COLUMNS), path)
    return sorted({row[0] for row in rows})


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)])
def test_operators(drawn, tmp_path, seeds):
    models = metrics(tmp_path / "m.csv", seeds=seeds)
    image = drawn(draw_operators, tmp_path / "m.csv", models)
    assert has_colour(image, style.colour("starts", "smartnet"), least=501)


def test_more_test_sets_and_starts_make_more_panels_and_colours(drawn, tmp_path):
    models = metrics(tmp_path / "m.csv")
    low = drawn(draw_operators, tmp_path / "m.csv", models, twice=False)
    models = metrics(
        tmp_path / "m.csv", starts=("cls", "smartnet"), datasets=("internal", "public", "external-1")
    )
    high = drawn(draw_operators, tmp_path / "m.csv", models, twice=False)
    assert high.shape[0] > 1.3 * low.shape[0]
    for start in ("cls", "smartnet"):
        assert has_colour(high, style.colour("starts", start), least=201)


def test_models_that_were_not_measured_are_named(tmp_path):
    metrics(tmp_path / "m.csv")
    with pytest.raises(DataError, match="no AUC or DSC of cls_bilstm; make the table again"):
        draw_operators(
            tmp_path / "m.csv", ["cls_bilstm"], output_pdf=tmp_path / "x.pdf", output_png=tmp_path / "x.png"
        )
