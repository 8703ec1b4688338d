"""What the features of every start hold, as a table: the numbers behind the t-SNE."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from smartnet.figures.latex import estimates, with_seeds, write_both
from smartnet.figures.names import display_dataset, display_name, sort_datasets, sort_models
from smartnet.metrics.tidy import EVERY, FEATURES, read_metrics

HEADS = {
    "kNN purity": "Neighbours of its class",
    "probe AUC": "Probe AUC",
    "transfer AUC": "Probe AUC, other sets",
    "kNN data set": "Neighbours of its set",
    "data set found": "Set found by probe",
}


def table_features(metrics: Path, starts: Sequence[str], *, output_csv: Path, output_tex: Path) -> None:
    """Write how well features tell hemorrhage from normal slices, and data set from data set.

    Args:
        metrics: ``metrics.csv``.
        starts: those that are shown.
        output_csv: per test set, and over all, one row per start: value with 95 % interval of one seed, mean
            and standard deviation (n - 1) over several.
        output_tex: the same for LaTeX.
    """
    table = read_metrics(metrics)
    table = table[(table["task"] == FEATURES) & table["model"].isin(starts)]
    datasets = [EVERY, *sort_datasets(set(table["dataset"]) - {EVERY})]
    rows = []
    for dataset in datasets:
        for start in sort_models(table["model"]):
            part = table[(table["dataset"] == dataset) & (table["model"] == start)]
            name = "All" if dataset == EVERY else display_dataset(dataset)
            slices = part[["n_positive", "n_negative"]].max().sum()
            cells = {HEADS[name]: estimates(part[part["metric"] == name]) for name in HEADS}
            rows.append(
                {"Test set": name, with_seeds("Start", table): display_name(start), "Slices": str(slices)}
                | cells
            )
    write_both(pd.DataFrame(rows), output_csv, output_tex, groups=["Test set"], stacked=True)
