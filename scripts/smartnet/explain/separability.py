"""How well features tell hemorrhage from normal, and data set from data set, without a picture."""

from pathlib import Path

import numpy as np
import pandas as pd

from smartnet.errors import DataError
from smartnet.files import read_table, write_table

FOLDS = 5
BLOCK = 1024  # slices whose distances to all are held at once: 200 MB for 25,000


def measure_separability(folder: Path, *, neighbours: int, seed: int) -> None:
    """Measure every sampled slice among the others and write ``separability.tsv`` beside the features.

    Neighbours and probes never see other slices of the slice's own patient. What cannot be measured (one
    class, one data set, too few patients) is left empty.

    Args:
        folder: as ``extract_features`` wrote it.
        neighbours: nearest slices of other patients, by Euclidean distance of the features.
        seed: of the folds.

    Raises:
        DataError: features that are not finite.
    """
    features = np.load(Path(folder) / "features.npy").astype(np.float64)
    table = read_table(Path(folder) / "features.tsv", dtype={"case": str, "patient": str, "dataset": str})
    if not np.isfinite(features).all():
        raise DataError(f"{folder}: features are not finite; train the upstream network again")
    truth, dataset = table["hemorrhage"].to_numpy(), table["dataset"].to_numpy()
    patient = table["patient"].to_numpy()
    near = nearest(features, patient, neighbours)
    table["same_class"] = share_alike(truth, near)
    table["same_dataset"] = share_alike(dataset, near)
    table["probe"] = probe(features, truth, patient, seed=seed)
    table["probe_transfer"] = transfer(features, truth, dataset, patient)
    guess = probe(features, dataset, patient, seed=seed)
    table["dataset_found"] = np.where(pd.isna(guess), np.nan, guess == dataset)
    write_table(table, Path(folder) / "separability.tsv")


def nearest(features: np.ndarray, patient: np.ndarray, count: int) -> np.ndarray:
    """Find the nearest slices of other patients.

    Args:
        features: (n, C).
        patient: (n,).
        count: how many; fewer where there are no more.

    Returns:
        (n, count) indices, -1 where there is none.
    """
    from sklearn.metrics import pairwise_distances

    near = []
    for start in range(0, len(features), BLOCK):
        rows = slice(start, start + BLOCK)
        distance = pairwise_distances(features[rows], features)
        distance[patient[rows, None] == patient[None]] = np.inf
        order = np.argsort(distance, axis=1, kind="stable")[:, :count]
        near.append(np.where(np.isinf(np.take_along_axis(distance, order, axis=1)), -1, order))
    return np.concatenate(near)


def share_alike(label: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Share of each slice's neighbours with its label (n,), NaN without neighbours or with one label only."""
    if len(np.unique(label)) < 2:
        return np.full(len(label), np.nan)
    alike = np.where(near >= 0, label[near] == label[:, None], np.nan)
    counted = (near >= 0).sum(axis=1)
    return np.where(counted > 0, np.nansum(alike, axis=1) / np.maximum(counted, 1), np.nan)


def probe(features: np.ndarray, label: np.ndarray, patient: np.ndarray, *, seed: int) -> np.ndarray:
    """Predict a label by logistic regression on the features, cross-validated over patients.

    Args:
        features: (n, C), standardised on the slices that a fold is fitted on.
        label: (n,) 0/1 or names.
        patient: (n,); all slices of a patient are in one fold.
        seed: of the folds.

    Returns:
        (n,) log-odds of a 0/1 label; of names the most probable one; NaN where there are not two patients of
        every label to divide.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    patients = [len(np.unique(patient[label == value])) for value in np.unique(label)]
    binary = np.issubdtype(label.dtype, np.number)
    answers = np.full(len(label), np.nan, dtype=float if binary else object)
    if len(patients) < 2 or min(patients) < 2:
        return answers
    folds = StratifiedGroupKFold(min(FOLDS, *patients), shuffle=True, random_state=seed)
    for fitted, asked in folds.split(features, label, patient):
        if len(np.unique(label[fitted])) == len(patients):
            answers[asked] = _answer(features[fitted], label[fitted], features[asked], binary=binary)
    return answers


def transfer(features: np.ndarray, truth: np.ndarray, dataset: np.ndarray, patient: np.ndarray) -> np.ndarray:
    """Predict hemorrhage in each data set by a probe of the other ones: log-odds (n,), NaN without others."""
    answers = np.full(len(truth), np.nan)
    for name in np.unique(dataset):
        asked = dataset == name
        others = ~asked & ~np.isin(patient, patient[asked])
        if len(np.unique(truth[others])) == 2:
            answers[asked] = _answer(features[others], truth[others], features[asked], binary=True)
    return answers


def _answer(features: np.ndarray, label: np.ndarray, asked: np.ndarray, *, binary: bool) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features, label)
    return model.decision_function(asked) if binary else model.predict(asked)
