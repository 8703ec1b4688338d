"""Table of localisation, drawn from ``metrics.csv`` alone: do the maps of the starts lie on the lesions?"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smartnet.errors import DataError
from smartnet.figures.latex import estimates, with_seeds, write_both
from smartnet.figures.names import display_dataset, display_name, sort_datasets, sort_models
from smartnet.metrics.tidy import EXPLANATION, read_metrics

MAPS = {
    "gradcam": "Grad-CAM",
    "random": "Grad-CAM, random weights",
    "segcam": "Grad-CAM of the segmenter",
    "activation": "Activation",
    "threshold": "HU threshold",
    "ideal": "Best at Grad-CAM's resolution",
}
MEASURES = {"pointing": "Pointing", "energy": "Energy", "AUPRC": "AUPRC"}
SHARE = "lesion-share"


def table_localisation(metrics: Path, starts: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write per test set, measure and start what every map reaches.

    Args:
        metrics: ``metrics.csv``.
        starts: those that are shown.
        output_csv: value and 95 % interval of one seed, mean and standard deviation (n - 1) over several.
        output_tex: the same for LaTeX.

    Raises:
        DataError: the table holds no explanation of these starts.
    """
    table = read_metrics(metrics)
    table = table[(table["task"] == EXPLANATION) & (table["subgroup"] == "all") & table["model"].isin(starts)]
    if table.empty:
        raise DataError(f"{metrics}: no row of task explanation; measure the localisation first")
    head = with_seeds("Start", table)
    rows = []
    for dataset in sort_datasets(table["dataset"]):
        for measure, title in MEASURES.items():
            for start in sort_models(table["model"]):
                own = table[(table["dataset"] == dataset) & (table["model"] == start)]
                row = {"Test set": display_dataset(dataset), "Measure": title, head: display_name(start)}
                row["Scans"] = str(own["n_positive"].max())
                row |= {
                    name: estimates(own[own["metric"] == f"{measure}:{key}"]) for key, name in MAPS.items()
                }
                row["Lesion's share"] = (
                    "" if measure == "pointing" else estimates(own[own["metric"] == SHARE])
                )
                rows.append(row)
    write_both(pd.DataFrame(rows), output_csv, output_tex, groups=["Test set", "Measure"], stacked=True)
