"""What the features of an encoder hold: numbers that do not depend on the picture of a t-SNE."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from smartnet.files import read_table
from smartnet.metrics.predictions import bootstrap_seed
from smartnet.metrics.tidy import EVERY, FEATURES, metric_row
from smartnet.statistics.bootstrap import bootstrap_mean, cluster_bootstrap
from smartnet.statistics.interval import undefined

MEANS = {"kNN purity": "same_class", "kNN data set": "same_dataset", "data set found": "dataset_found"}
RANKS = {"probe AUC": "probe", "transfer AUC": "probe_transfer"}


def feature_items(
    items: Sequence[Mapping[str, Any]], *, settings: Mapping[str, Any], seed: int
) -> list[dict]:
    """Measure the features of every start on every test set and on all together.

    Args:
        items: one mapping per table of sampled slices: ``model`` (the start), ``seed`` and ``table`` (path of
            ``separability.tsv``).
        settings: ``evaluation`` of the configuration.
        seed: of the bootstrap; every start sees the same resampled patients of a data set.

    Returns:
        whole rows of the tidy table; ``dataset`` is ``all`` for all test sets together.
    """
    rows = []
    for item in items:
        table = read_table(item["table"], dtype={"case": str, "patient": str, "dataset": str})
        parts = {EVERY: table} | dict(list(table.groupby("dataset")))
        for dataset, part in parts.items():
            keys = {"model": item["model"], "task": FEATURES, "seed": item["seed"], "dataset": dataset}
            measured = feature_rows(part, table, settings=settings, seed=bootstrap_seed(seed, dataset))
            rows += [keys | {"subgroup": EVERY} | row for row in measured]
    return rows


def feature_rows(
    table: pd.DataFrame, everything: pd.DataFrame, *, settings: Mapping[str, Any], seed: int
) -> list[dict]:
    """Summarise the sampled slices of one data set, or of all.

    Args:
        table: rows of ``separability.tsv``.
        everything: the whole table, among which neighbours and answers were looked for.
        settings: ``evaluation`` of the configuration.
        seed: of the patient-clustered bootstrap.

    Returns:
        Rows of ``kNN purity`` (share of a slice's neighbours with its class), ``kNN data set`` (with its data
        set), ``probe AUC`` (hemorrhage, cross-validated linear probe), ``transfer AUC`` (probe of the other
        data sets) and ``data set found`` (accuracy of a probe for the data set), the shares with what a slice
        drawn from everything would give in the note; counts are slices.
    """
    truth = table["hemorrhage"].to_numpy()
    counts = {"n_positive": int((truth == 1).sum()), "n_negative": int((truth == 0).sum())}
    draw = {"replicates": settings["replicates"], "seed": seed}
    rows = []
    for name, column in (MEANS | RANKS).items():
        known = table[table[column].notna()]
        if known.empty or (name in RANKS and known["hemorrhage"].nunique() < 2):
            estimate = undefined("too few patients, classes or data sets")
        elif name in MEANS:
            estimate = bootstrap_mean(known[column], known["patient"], **draw)
        else:
            statistic = partial(weighted_auc, *(known[key].to_numpy() for key in ("hemorrhage", column)))
            estimate = cluster_bootstrap(statistic, known["patient"], **draw)
        label = "hemorrhage" if name == "kNN purity" else "dataset"
        chance = table[label].map(everything[label].value_counts(normalize=True)).mean()
        note = f"chance {chance:.3f}" if name in MEANS else ""
        rows.append(metric_row(name, estimate, **counts, note=note))
    return rows


def weighted_auc(truth: np.ndarray, score: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of weighted samples; ties count one half.

    Args:
        truth: (n,) 0/1.
        score: (n,) higher means hemorrhage.
        weights: (k, n).

    Returns:
        (k,) in [0, 1], NaN where a sample lacks a class.
    """
    _, rank = np.unique(score, return_inverse=True)
    order = np.argsort(rank, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(rank[order])), len(order) - 1)
    sums = [np.cumsum((weights * (truth == value))[:, order], axis=1)[:, ends] for value in (0, 1)]
    below, here = sums[0] - np.diff(sums[0], axis=1, prepend=0), np.diff(sums[0], axis=1, prepend=0)
    hits = (np.diff(sums[1], axis=1, prepend=0) * (below + here / 2)).sum(axis=1)
    pairs = sums[0][:, -1] * sums[1][:, -1]
    return np.where(pairs > 0, hits / np.maximum(pairs, 1), np.nan)
