import numpy as np
import pandas as pd
import pytest

from smartnet.files import write_array, write_json, write_nifti, write_table

SIZE = 32


def blob(z, y, x, radius, depth):
    grid = np.stack(np.meshgrid(np.arange(depth), np.arange(SIZE), np.arange(SIZE), indexing="ij"))
    distance = np.sqrt((2 * (grid[0] - z)) ** 2 + (grid[1] - y) ** 2 + (grid[2] - x) ** 2)
    return (distance < radius).astype(np.uint8)


def write_volume(folder, case, image, mask):
    """The volume behind stored slices: two dropped slices below them, a ring of bone around the head."""
    empty = np.zeros((2, SIZE, SIZE))
    volume = np.concatenate([empty - 1000, image / 255.0 * 80]).astype(np.int16)
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    volume[:, (np.hypot(y, x) > 13) & (np.hypot(y, x) < 15.5)] = 900
    affine = np.diag([2.0, 2.5, 5.0, 1.0])
    write_nifti(volume, affine, folder / f"{case}.nii.gz")
    write_nifti(np.concatenate([empty, mask]).astype(np.uint8), affine, folder / f"{case}_mask.nii.gz")


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Two test sets of six cases in two shards each, one case in training; every second case bleeds."""
    root = tmp_path_factory.mktemp("study")
    generator = np.random.default_rng(0)
    folders, split = [], []
    for dataset in ("internal", "public"):
        for shard in range(2):
            images, masks, rows, cases = [], [], [], []
            for number in range(3):
                name = f"c{dataset}{shard}{number}"
                depth = 6 + number
                bleeds = (shard + number) % 2
                mask = blob(depth // 2, 14, 18, 3 + 2 * number, depth) * bleeds
                first = sum(len(part) for part in images)
                images.append((generator.integers(60, 90, (depth, SIZE, SIZE)) + 120 * mask).astype(np.uint8))
                masks.append(mask)
                write_volume(root / "volumes" / dataset, name, images[-1], mask)
                area = mask.sum(axis=(1, 2))
                rows += [
                    (first + z, name, f"p{name}", dataset, z + 2, int(area[z] > 0), area[z])
                    for z in range(depth)
                ]
                cases.append(
                    (
                        name,
                        f"p{name}",
                        dataset,
                        first,
                        depth,
                        bleeds,
                        "reference" if bleeds else "empty",
                        area.sum() / 10,
                    )
                )
                split.append((name, f"p{name}", dataset, "train" if name == "cpublic10" else "test"))
            folder = root / dataset / str(shard)
            write_array(np.concatenate(images), folder / "images.npy")
            write_array(np.concatenate(masks), folder / "masks.npy")
            columns = ["row", "case", "patient", "dataset", "z", "hemorrhage", "lesion_px"]
            write_table(pd.DataFrame(rows, columns=columns), folder / "slices.tsv")
            columns = ["case", "patient", "dataset", "first", "count", "hemorrhage", "mask", "lesion_ml"]
            crop = dict.fromkeys(["crop_row", "crop_column", "crop_rows", "crop_columns"], "")
            write_table(pd.DataFrame(cases, columns=columns).assign(**crop), folder / "cases.tsv")
            folders.append(folder)
    columns = ["case", "patient", "dataset", "split"]
    write_table(pd.DataFrame(split, columns=columns), root / "split.tsv")
    return root, folders


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """Small networks with random weights, saved as training saves them."""
    import torch

    from smartnet.networks import build, save_model

    root = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    plain = {"depth": 18, "width": 0.0625, "attention": "all"}
    save_model(build(plain | {"network": "upstream", "heads": ["cls", "seg"]}), root / "upstream")
    save_model(build(plain | {"network": "classifier", "operator": "bilstm"}), root / "classifier")
    save_model(build(plain | {"network": "segmenter", "operator": "conv3d"}), root / "segmenter")
    write_json({"threshold": 0.4}, root / "segmenter" / "threshold.json")
    return root


@pytest.fixture(scope="session")
def start(networks):
    """The three networks of one start."""
    from smartnet.explain.start import Start

    folders = (networks / name for name in ("upstream", "classifier", "segmenter"))
    return Start.load(*folders, gpu=0, threads=1, max_slices=64)
