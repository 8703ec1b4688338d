"""t-SNE of the features: a picture; distances between clusters in it carry no meaning."""

from pathlib import Path

import numpy as np

from smartnet.errors import DataError
from smartnet.files import read_table, write_table

FEWEST = 5


def embed_tsne(folder: Path, *, perplexity: float, seed: int, threads: int) -> None:
    """Embed ``features.npy`` in two dimensions and write ``tsne.tsv`` beside it.

    PCA start and, up to 2,000 slices, exact neighbours: the coordinates follow from the features and the
    seed alone, whatever the number of threads.

    Args:
        folder: as ``extract_features`` wrote it.
        perplexity: effective number of neighbours; lowered to a third of the slices where there are few.
        seed: of the PCA start.
        threads: CPU threads granted.

    Raises:
        DataError: fewer than five slices, or features that are not finite.
    """
    from openTSNE import TSNE

    features = np.load(Path(folder) / "features.npy").astype(np.float64)
    table = read_table(Path(folder) / "features.tsv", dtype={"case": str})
    if len(features) < FEWEST:
        raise DataError(
            f"{folder}: t-SNE needs {FEWEST} slices, got {len(features)}; add cases to the test sets"
        )
    if not np.isfinite(features).all():
        raise DataError(f"{folder}: features are not finite; train the upstream network again")
    small = len(features) <= 2000
    places = TSNE(
        perplexity=min(perplexity, (len(features) - 1) / 3),
        initialization="pca",
        neighbors="exact" if small else "annoy",
        negative_gradient_method="bh" if small else "fft",
        random_state=seed,
        n_jobs=1 if small else threads,  # threads that wait for each other are slower on few points
    ).fit(features)
    table = table[["case", "dataset", "z", "hemorrhage"]].copy()
    table["x"], table["y"] = np.asarray(places).T
    write_table(table, Path(folder) / "tsne.tsv")
